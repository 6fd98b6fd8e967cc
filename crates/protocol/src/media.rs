//! What a participant sends, and through what.

use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::id::ParticipantId;

/// Which of a participant's sources are on. Said by the participant, shown to everyone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MediaState {
    /// The microphone is on.
    pub microphone: bool,
    /// The camera is on.
    pub camera: bool,
    /// A screen or window is being shared.
    #[serde(default)]
    pub screen: bool,
}

/// How media travels in a meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Topology {
    /// Everyone is connected to everyone, peer to peer.
    Mesh,
    /// Everyone is connected to the server, which forwards.
    Server,
}

/// Why media travels as it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RouteReason {
    /// By how many people there are.
    #[default]
    Size,
    /// Two of them cannot reach each other.
    Unreachable,
    /// Sending to each of the others is too much for somebody's line or machine.
    Strained,
    /// The room's host or the operator wants it so.
    Setting,
    /// The server forwards as much as it can.
    Full,
}

/// What somebody sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Their voice.
    Microphone,
    /// Their picture.
    Camera,
    /// Their screen.
    Screen,
    /// What is to be heard with it.
    ScreenAudio,
}

/// Something that somebody sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
pub struct TrackRef {
    /// Who.
    pub participant: ParticipantId,
    /// What.
    pub source: Source,
}

/// A client's offer to the server (its m-lines are described in `PROTOCOL.md`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Offer {
    /// Which of the client's successive peer connections with the server it belongs to, from 1.
    pub connection: u32,
    /// The session description, with all that is needed to answer it: candidates are not trickled.
    pub sdp: String,
}

/// A tile that a client shows, or is about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Tile {
    /// Whose picture.
    pub participant: ParticipantId,
    /// `camera` or `screen`.
    pub source: Source,
    /// How high it is, in pixels of the screen.
    pub height: u32,
    /// It comes before the others when not all of it can be had.
    #[serde(default)]
    pub pinned: bool,
}

/// Sound or picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SlotKind {
    /// Sound.
    Audio,
    /// Picture.
    Video,
}

/// What one of the places in which a client receives carries from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SlotUse {
    /// For sound or picture.
    pub kind: SlotKind,
    /// The how manieth m-line of its kind in the offer, from 0.
    pub slot: u32,
    /// What it carries; null: nothing.
    pub track: Option<TrackRef>,
}

/// Why somebody's picture is not sent to a client although its tile is in sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum HeldReason {
    /// The client's line does not carry it beside what is more important.
    Line,
    /// The server has too much to do; sound goes first.
    Server,
}

/// Why a peer connection with the server has ended, or did not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DroppedCode {
    /// The offer is not one that the server takes.
    Refused,
    /// Nothing came from the client for too long: begin anew.
    Unreachable,
    /// What the client sent could not be understood, or something broke: begin anew.
    Broken,
    /// The server forwards as much as it can.
    Full,
    /// Media does not go through the server now.
    NotNeeded,
}

/// What keeps a client from sending its picture to each of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Strain {
    /// Its line.
    Upload,
    /// Its machine.
    Processor,
}

/// A STUN or TURN server, in the shape of the browser's `RTCIceServer`. Its password is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct IceServer {
    /// `stun:` and `turn:` addresses (RFC 7064, RFC 7065).
    pub urls: Vec<String>,
    /// The user name, for TURN.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[ts(optional)]
    pub username: Option<String>,
    /// The password, for TURN.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[ts(optional)]
    pub credential: Option<String>,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { urls, username, credential: _ } = self;
        f.debug_struct("IceServer").field("urls", urls).field("username", username).finish_non_exhaustive()
    }
}
