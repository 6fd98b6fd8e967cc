// Generated from crates/protocol by `cargo xtask gen`. Do not edit.

export type ParticipantId = string;

export type MessageId = string;

export type ChatId = string;

export type UnixMillis = number;

export type RoomCode = string;

export type MediaState = { 
/**
 * The microphone is on.
 */
microphone: boolean, 
/**
 * The camera is on.
 */
camera: boolean, 
/**
 * A screen or window is being shared.
 */
screen: boolean, };

export type Topology = "mesh" | "server";

export type RouteReason = "size" | "unreachable" | "strained" | "setting" | "full";

export type Source = "microphone" | "camera" | "screen" | "screen_audio";

export type TrackRef = { 
/**
 * Who.
 */
participant: ParticipantId, 
/**
 * What.
 */
source: Source, };

export type Offer = { 
/**
 * Which of the client's successive peer connections with the server it belongs to, from 1.
 */
connection: number, 
/**
 * The session description, with all that is needed to answer it: candidates are not trickled.
 */
sdp: string, };

export type Tile = { 
/**
 * Whose picture.
 */
participant: ParticipantId, 
/**
 * `camera` or `screen`.
 */
source: Source, 
/**
 * How high it is, in pixels of the screen.
 */
height: number, 
/**
 * It comes before the others when not all of it can be had.
 */
pinned: boolean, };

export type SlotKind = "audio" | "video";

export type SlotUse = { 
/**
 * For sound or picture.
 */
kind: SlotKind, 
/**
 * The how manieth m-line of its kind in the offer, from 0.
 */
slot: number, 
/**
 * What it carries; null: nothing.
 */
track: TrackRef | null, };

export type HeldReason = "line" | "server";

export type DroppedCode = "refused" | "unreachable" | "broken" | "full" | "not_needed";

export type Strain = "upload" | "processor";

export type IceServer = { 
/**
 * `stun:` and `turn:` addresses (RFC 7064, RFC 7065).
 */
urls: Array<string>, 
/**
 * The user name, for TURN.
 */
username?: string, 
/**
 * The password, for TURN.
 */
credential?: string, };

export type SignalBody = { "kind": "offer", 
/**
 * The session description.
 */
sdp: string, } | { "kind": "answer", 
/**
 * The session description.
 */
sdp: string, } | { "kind": "candidate", 
/**
 * The candidate attribute's value.
 */
candidate: string, 
/**
 * The media section it belongs to.
 */
sdp_mid: string | null, 
/**
 * The index of that section.
 */
sdp_m_line_index: number | null, 
/**
 * The ICE user name fragment it belongs to.
 */
username_fragment: string | null, };

export type Resume = { 
/**
 * From the last `welcome`. Opaque to the client.
 */
token: string, 
/**
 * The `seq` of the last frame that arrived.
 */
seq: number, 
/**
 * The newest chat message that the client has.
 */
chat_after?: MessageId, 
/**
 * How media travelled: a server that was restarted goes on with it.
 */
topology?: Topology, };

export type Join = { 
/**
 * The name to be shown by. Guests must give one; with an account it may stay out.
 */
name?: string, 
/**
 * What is on at the start.
 */
media: MediaState, 
/**
 * My hand is up (said again when coming back).
 */
hand?: boolean, 
/**
 * Come back as the participant I was.
 */
resume?: Resume, 
/**
 * Connect with the server at once, if media goes through it.
 */
offer?: Offer, 
/**
 * The `connection` that was prepared (`prepare`) on this WebSocket, and is up.
 */
prepared?: number, };

export type ClientMessage = { "type": "prepare", 
/**
 * The offer.
 */
offer: Offer, } | { "type": "join" } & Join | { "type": "signal", 
/**
 * Who shall get it.
 */
to: ParticipantId, 
/**
 * Which of the pair's successive peer connections it belongs to, from 1. A greater number than the one known
 * replaces the peer connection; a smaller one is old and ignored.
 */
connection: number, 
/**
 * What it carries.
 */
body: SignalBody, } | { "type": "offer", 
/**
 * The offer. A greater `connection` than the one known replaces the peer connection, the same one changes it.
 */
offer: Offer, } | { "type": "view", 
/**
 * The tiles in sight, [`VIEW_TILES`](crate::limits::VIEW_TILES) at most.
 */
tiles: Array<Tile>, } | { "type": "settled", 
/**
 * The number of the change.
 */
change: number, } | { "type": "condition", 
/**
 * Whom I cannot reach.
 */
unreachable: Array<ParticipantId>, 
/**
 * What keeps me from sending to each of the others.
 */
strained: Strain | null, } | { "type": "media", 
/**
 * The new state, whole.
 */
media: MediaState, } | { "type": "chat", 
/**
 * The client's name for the message; send again with the same one after a reconnect.
 */
id: ChatId, 
/**
 * Plain text of 1 to [`CHAT_CHARS`](crate::limits::CHAT_CHARS) characters.
 */
text: string, } | { "type": "history", 
/**
 * The oldest message that the client has.
 */
before: MessageId, } | { "type": "hand", 
/**
 * Up or down.
 */
raised: boolean, } | { "type": "rename", 
/**
 * 1 to [`NAME_CHARS`](crate::limits::NAME_CHARS) characters.
 */
name: string, } | { "type": "ping", 
/**
 * The `seq` of the last frame that arrived: the server need not keep those up to it any longer.
 */
seq?: number, } | { "type": "leave" };

export type RoomInfo = { 
/**
 * Its code.
 */
code: RoomCode, 
/**
 * Its title.
 */
title: string, };

export type Role = "host" | "member" | "guest";

export type Participant = { 
/**
 * Who.
 */
id: ParticipantId, 
/**
 * The name shown.
 */
name: string, 
/**
 * What they are here.
 */
role: Role, 
/**
 * What they send.
 */
media: MediaState, 
/**
 * When they raised their hand, if it is up.
 */
hand_raised_at: UnixMillis | null, 
/**
 * False while their connection to the server is lost and they may still come back.
 */
connected: boolean, 
/**
 * When they came.
 */
joined_at: UnixMillis, };

export type LeftReason = "left" | "lost" | "signed_out";

export type ChatMessage = { 
/**
 * Its id; ids sort in the order of the conversation.
 */
id: MessageId, 
/**
 * Who wrote it.
 */
from: ParticipantId, 
/**
 * The name they had then.
 */
name: string, 
/**
 * Plain text.
 */
text: string, 
/**
 * When the server accepted it.
 */
sent_at: UnixMillis, };

export type ChatPage = { 
/**
 * The messages.
 */
messages: Array<ChatMessage>, 
/**
 * There are messages before the first of these.
 */
more: boolean, };

export type Limits = { 
/**
 * Characters of a chat message.
 */
chat_chars: number, 
/**
 * Characters of a name.
 */
name_chars: number, 
/**
 * People in the meeting.
 */
people: number, 
/**
 * Up to so many are connected peer to peer.
 */
mesh_people: number, 
/**
 * Say `ping` this often.
 */
ping_interval_ms: number, 
/**
 * A lost connection's participant is kept this long.
 */
resume_window_ms: number, };

export type Resumed = "fresh" | "replayed" | "snapshot";

export type Welcome = { 
/**
 * The participant that this client is.
 */
you: ParticipantId, 
/**
 * Brings you back after a lost connection, and after a restart of the server. Opaque, secret.
 */
resume_token: string, 
/**
 * The `seq` of the last frame that this state includes.
 */
seq: number, 
/**
 * How you came in.
 */
resumed: Resumed, 
/**
 * For this long after a restart of the server people may still be missing from `participants`: keep who you know.
 */
recovering_ms?: number, 
/**
 * The room.
 */
room: RoomInfo, 
/**
 * How media travels.
 */
topology: Topology, 
/**
 * How often that has changed in this meeting.
 */
change: number, 
/**
 * It is changing now. Who comes in anew needs the new way alone.
 */
changing?: boolean, 
/**
 * Why it travels so.
 */
reason: RouteReason, 
/**
 * Everyone, you included, in the order they came. Empty when `resumed` is `replayed`.
 */
participants: Array<Participant>, 
/**
 * The end of the conversation, oldest first; when coming back by `snapshot`, what followed `chat_after`.
 * Empty when `resumed` is `replayed`.
 */
chat: ChatPage, 
/**
 * STUN and TURN servers to use, in this order of preference, until `ice_servers` brings others.
 */
ice_servers: Array<IceServer>, 
/**
 * Connect through the relay alone: nobody is to learn anybody's address.
 */
relay_only?: boolean, 
/**
 * Names the process of the server, at random. Another number than in the `welcome` before: what the old one relayed is gone.
 */
run: number, 
/**
 * When the meeting began.
 */
started_at: UnixMillis, 
/**
 * The server's clock.
 */
now: UnixMillis, 
/**
 * What the server accepts.
 */
limits: Limits, };

export type DeniedCode = "room_not_found" | "invalid_name" | "room_full" | "server_full" | "resume_refused" | "draining" | "rate_limited" | "unavailable";

export type ErrorCode = "invalid_json" | "invalid_message" | "unknown_type" | "frame_too_large" | "not_text" | "rate_limited" | "not_joined" | "already_joined" | "invalid_name" | "chat_empty" | "chat_too_long" | "chat_not_saved" | "signal_too_large" | "signal_to_self" | "unknown_participant" | "history_unavailable" | "offer_too_large" | "too_many_tiles";

export type ByeCode = "restarting" | "too_slow" | "idle" | "replaced" | "misbehaving" | "signed_out" | "room_deleted" | "left";

export type ServerMessage = { "type": "welcome" } & Welcome | { "type": "denied", 
/**
 * Why, for programs.
 */
code: DeniedCode, 
/**
 * Why, in words.
 */
message: string, } | { "type": "joined", 
/**
 * Who.
 */
participant: Participant, } | { "type": "left", 
/**
 * Who.
 */
participant: ParticipantId, 
/**
 * How.
 */
reason: LeftReason, } | { "type": "updated", 
/**
 * Who, and how they are now.
 */
participant: Participant, } | { "type": "room", 
/**
 * The room as it is now.
 */
room: RoomInfo, } | { "type": "topology", 
/**
 * How.
 */
topology: Topology, 
/**
 * Counts the changes of this meeting.
 */
change: number, 
/**
 * The change is under way: keep the old way until this message comes again without it. Say `settled` once you do not need it.
 */
changing?: boolean, 
/**
 * Why.
 */
reason: RouteReason, } | { "type": "prepared", 
/**
 * How media travels in the meeting; `server`: `answer` follows.
 */
topology: Topology, } | { "type": "answer", 
/**
 * Which peer connection it belongs to.
 */
connection: number, 
/**
 * The session description.
 */
sdp: string, } | { "type": "dropped", 
/**
 * Which.
 */
connection: number, 
/**
 * Why.
 */
code: DroppedCode, } | { "type": "slots", 
/**
 * Which peer connection.
 */
connection: number, 
/**
 * The places.
 */
slots: Array<SlotUse>, } | { "type": "speaking", 
/**
 * Everyone who does.
 */
participants: Array<ParticipantId>, 
/**
 * The one to look at; stays for a while when they fall silent.
 */
speaker: ParticipantId | null, } | { "type": "wanted", 
/**
 * Of what.
 */
source: Source, 
/**
 * For each size that was offered, the smallest first.
 */
layers: Array<boolean>, } | { "type": "held", 
/**
 * Them.
 */
tracks: Array<TrackRef>, 
/**
 * Why.
 */
reason: HeldReason, } | { "type": "signal", 
/**
 * Who sent it; set by the server.
 */
from: ParticipantId, 
/**
 * Which of the pair's successive peer connections it belongs to.
 */
connection: number, 
/**
 * What it carries.
 */
body: SignalBody, } | { "type": "chat", 
/**
 * The message.
 */
message: ChatMessage, } | { "type": "chat_ack", 
/**
 * The client's name for it.
 */
id: ChatId, 
/**
 * The message as others see it.
 */
message: ChatMessage, } | { "type": "history", 
/**
 * Them.
 */
page: ChatPage, } | { "type": "error", 
/**
 * What was wrong, for programs.
 */
code: ErrorCode, 
/**
 * What was wrong, in words.
 */
message: string, 
/**
 * What it is about: a message type, or the `id` of a chat message.
 */
about?: string, } | { "type": "ice_servers", 
/**
 * What takes the place of the list in `welcome`, whole.
 */
ice_servers: Array<IceServer>, } | { "type": "pong" } | { "type": "bye", 
/**
 * Why, for programs: some of them ask the client to come back, see [`ByeCode`].
 */
code: ByeCode, 
/**
 * Why, in words.
 */
message: string, };

export type ServerFrame = { 
/**
 * Set on messages that are replayed after a lost connection; counts up by one from 1. Never set on `welcome`, whose own
 * `seq` says what it includes.
 */
seq?: number, } & ({ "type": "welcome" } & Welcome | { "type": "denied", 
/**
 * Why, for programs.
 */
code: DeniedCode, 
/**
 * Why, in words.
 */
message: string, } | { "type": "joined", 
/**
 * Who.
 */
participant: Participant, } | { "type": "left", 
/**
 * Who.
 */
participant: ParticipantId, 
/**
 * How.
 */
reason: LeftReason, } | { "type": "updated", 
/**
 * Who, and how they are now.
 */
participant: Participant, } | { "type": "room", 
/**
 * The room as it is now.
 */
room: RoomInfo, } | { "type": "topology", 
/**
 * How.
 */
topology: Topology, 
/**
 * Counts the changes of this meeting.
 */
change: number, 
/**
 * The change is under way: keep the old way until this message comes again without it. Say `settled` once you do not need it.
 */
changing?: boolean, 
/**
 * Why.
 */
reason: RouteReason, } | { "type": "prepared", 
/**
 * How media travels in the meeting; `server`: `answer` follows.
 */
topology: Topology, } | { "type": "answer", 
/**
 * Which peer connection it belongs to.
 */
connection: number, 
/**
 * The session description.
 */
sdp: string, } | { "type": "dropped", 
/**
 * Which.
 */
connection: number, 
/**
 * Why.
 */
code: DroppedCode, } | { "type": "slots", 
/**
 * Which peer connection.
 */
connection: number, 
/**
 * The places.
 */
slots: Array<SlotUse>, } | { "type": "speaking", 
/**
 * Everyone who does.
 */
participants: Array<ParticipantId>, 
/**
 * The one to look at; stays for a while when they fall silent.
 */
speaker: ParticipantId | null, } | { "type": "wanted", 
/**
 * Of what.
 */
source: Source, 
/**
 * For each size that was offered, the smallest first.
 */
layers: Array<boolean>, } | { "type": "held", 
/**
 * Them.
 */
tracks: Array<TrackRef>, 
/**
 * Why.
 */
reason: HeldReason, } | { "type": "signal", 
/**
 * Who sent it; set by the server.
 */
from: ParticipantId, 
/**
 * Which of the pair's successive peer connections it belongs to.
 */
connection: number, 
/**
 * What it carries.
 */
body: SignalBody, } | { "type": "chat", 
/**
 * The message.
 */
message: ChatMessage, } | { "type": "chat_ack", 
/**
 * The client's name for it.
 */
id: ChatId, 
/**
 * The message as others see it.
 */
message: ChatMessage, } | { "type": "history", 
/**
 * Them.
 */
page: ChatPage, } | { "type": "error", 
/**
 * What was wrong, for programs.
 */
code: ErrorCode, 
/**
 * What was wrong, in words.
 */
message: string, 
/**
 * What it is about: a message type, or the `id` of a chat message.
 */
about?: string, } | { "type": "ice_servers", 
/**
 * What takes the place of the list in `welcome`, whole.
 */
ice_servers: Array<IceServer>, } | { "type": "pong" } | { "type": "bye", 
/**
 * Why, for programs: some of them ask the client to come back, see [`ByeCode`].
 */
code: ByeCode, 
/**
 * Why, in words.
 */
message: string, });
