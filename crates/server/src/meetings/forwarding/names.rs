//! What the protocol and the forwarding plane call the same thing.

use fireside_protocol::{DroppedCode, HeldReason, MediaState, SlotKind, SlotUse, Source, Tile, TrackRef};
use fireside_sfu::{Ended, Kind, Look, PeerId, Slot, Source as Sent, Track};

/// What may be forwarded of somebody: what they say is on.
pub(super) fn may_send(media: MediaState) -> Vec<Sent> {
    let on = |sent: &Sent| match sent {
        Sent::Microphone => media.microphone,
        Sent::Camera => media.camera,
        Sent::Screen | Sent::ScreenSound => media.screen,
    };
    Sent::ALL.into_iter().filter(on).collect()
}

/// A tile with the picture of `peer`; `None`: a source that is not seen.
pub(super) fn look(tile: &Tile, peer: PeerId) -> Option<Look> {
    let source = match tile.source {
        Source::Camera => Sent::Camera,
        Source::Screen => Sent::Screen,
        Source::Microphone | Source::ScreenAudio => return None,
    };
    Some(Look { track: Track { peer, source }, height: tile.height, is_pinned: tile.pinned })
}

pub(super) fn source(sent: Sent) -> Source {
    match sent {
        Sent::Microphone => Source::Microphone,
        Sent::Camera => Source::Camera,
        Sent::Screen => Source::Screen,
        Sent::ScreenSound => Source::ScreenAudio,
    }
}

pub(super) fn slot(slot: Slot, track: Option<TrackRef>) -> SlotUse {
    let kind = match slot.kind {
        Kind::Audio => SlotKind::Audio,
        Kind::Video => SlotKind::Video,
    };
    // An offer has some forty m-lines at most.
    SlotUse { kind, slot: u32::try_from(slot.index).unwrap_or(u32::MAX), track }
}

pub(super) fn held(is_strain: bool) -> HeldReason {
    if is_strain { HeldReason::Server } else { HeldReason::Line }
}

pub(super) fn dropped(why: &Ended) -> DroppedCode {
    match why {
        Ended::Refused(_) => DroppedCode::Refused,
        Ended::Broken(_) => DroppedCode::Broken,
        Ended::Unreachable | Ended::Waited => DroppedCode::Unreachable,
        Ended::NoPlace => DroppedCode::Full,
    }
}
