//! Limits on what comes from outside. The server holds to them; the client is told the ones it needs in `welcome`.

/// Bytes of one WebSocket message. The largest real one is an offer of about 8 KiB.
pub const FRAME_BYTES: usize = 64 * 1024;
/// Bytes of one session description.
pub const SDP_BYTES: usize = 32 * 1024;
/// Bytes of one ICE candidate line; real ones have about 150.
pub const CANDIDATE_BYTES: usize = 1024;
/// Bytes of a candidate's `sdpMid` or user name fragment (RFC 8839 allows 256).
pub const CANDIDATE_TAG_BYTES: usize = 256;
/// Characters (Unicode scalar values) of a participant's name.
pub const NAME_CHARS: usize = 60;
/// Characters (Unicode scalar values) of one chat message.
pub const CHAT_CHARS: usize = 4000;
/// Characters of a room's title.
pub const TITLE_CHARS: usize = 80;
/// Bytes of an offer to the server: with four m-lines to send and thirty to receive in, slim ones, it has about half of it.
pub const OFFER_BYTES: usize = 56 * 1024;
/// Offers to the server that a client may make at once: its network comes and goes, or it turns a few pages of tiles.
pub const OFFER_BURST: u32 = 12;
/// And then one in this time.
pub const OFFER_INTERVAL_MS: u32 = 2_000;
/// People in one meeting.
pub const PEOPLE: usize = 100;
/// The most that an operator may set instead.
pub const PEOPLE_MOST: usize = 500;
/// Up to so many are connected peer to peer: each sends its picture to three others, which a phone still encodes.
pub const MESH_PEOPLE: usize = 4;
/// The most that an operator may set instead, and the most that fit where media never goes through the server: beyond it no machine of a
/// participant keeps up.
pub const MESH_PEOPLE_MOST: usize = 16;
/// Tiles in one `view`.
pub const VIEW_TILES: usize = 64;
/// People in one `condition`.
pub const CONDITION_PEOPLE: usize = MESH_PEOPLE_MOST;
/// How long a participant whose connection was lost is kept: longer than a Wi-Fi to mobile switch or a server's restart.
pub const RESUME_WINDOW_MS: u32 = 20_000;
/// What one ICE restart of one pair says: a description and its candidates. With two interfaces and both families Chromium was seen to
/// say 13; behind a NAT, and with the relay's addresses in both families, they would be 22.
pub const RESTART_MESSAGES: usize = 22;
/// Messages kept for a participant who is away; past this, a fresh snapshot replaces them. A restart of all ways of a full mesh fits.
pub const REPLAY_MESSAGES: usize = 512;
/// Messages waiting to be written to one connection; past this the client is too slow and is told to resume. (As for the replay.)
pub const OUTBOX_MESSAGES: usize = 512;
/// Messages a connection may send at once: when somebody's network changes, all their ways are restarted at once, 15 in a full mesh. With
/// half as many again for what goes on meanwhile.
pub const MESSAGE_BURST: u32 = 500;
/// Messages a second that a connection may send lastingly.
pub const MESSAGES_PER_SECOND: u32 = 50;
/// Chat messages in one page of history.
pub const HISTORY_MESSAGES: usize = 100;
/// How often a client says `ping` while nothing else is said.
pub const PING_INTERVAL_MS: u32 = 10_000;
/// A connection on which nothing arrived for this long is lost.
pub const IDLE_MS: u32 = 30_000;
