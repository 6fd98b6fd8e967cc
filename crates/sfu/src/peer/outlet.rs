//! Where a slot goes out, and what a publisher's packet becomes there.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use str0m::media::{Mid, Pt};
use str0m::rtp::{AbsCaptureTime, ExtensionValues, RedDecoder, RtpWrite, SeqNo, Ssrc, Vp8Descriptor};

use crate::continuity::Numbers;
use crate::packet::Packet;
use crate::track::Kind;

/// Every so many packets of a slot say when they were captured; viewers reckon the others by their timestamps, for some seconds.
const TIMED: u64 = 8;

/// What the clock of a connection shows when the connection is made: any time will do, with some before it.
const START: Duration = Duration::from_secs(1_000_000_000);

/// Where a slot goes out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outlet {
    pub(super) mid: Mid,
    pub(super) ssrc: Ssrc,
    pub(super) payload_type: Pt,
    /// The payload type of sound with redundancy, if the viewer takes it.
    pub(super) redundant: Option<Pt>,
}

/// The header is made anew: the names that the publisher gave its streams are not the viewer's business. `began`: when the viewer's
/// connection was made.
pub(super) fn write(outlet: &Outlet, kind: Kind, numbers: &Numbers, packet: &Packet, began: Instant) -> Option<RtpWrite> {
    let (payload_type, payload) = match (packet.is_redundant, outlet.redundant) {
        (false, _) => (outlet.payload_type, Arc::clone(&packet.payload)),
        (true, Some(redundant)) => (redundant, Arc::clone(&packet.payload)),
        (true, None) => (outlet.payload_type, primary(&packet.payload)?),
    };
    let extensions = ExtensionValues {
        audio_level: packet.level.and_then(|level| i8::try_from(level.min(127)).ok()).map(|level| -level),
        voice_activity: packet.level.map(|level| level < 60),
        abs_capture_time: numbers.sequence.is_multiple_of(TIMED).then(|| capture_time(began, packet.captured)),
        ..ExtensionValues::default()
    };
    let sequence = SeqNo::from(numbers.sequence);
    let write = RtpWrite::new(payload_type, sequence, numbers.timestamp, packet.captured, payload)
        .marker(packet.marker)
        .ext_vals(extensions)
        .nackable(kind == Kind::Video);
    if numbers.picture.is_none() && numbers.base_layer_index.is_none() {
        return Some(write);
    }
    let descriptor = Vp8Descriptor::parse(&packet.payload).ok()?;
    let mut patch = descriptor.patch();
    if let Some(picture) = numbers.picture {
        patch = patch.picture_id(picture);
    }
    if let Some(index) = numbers.base_layer_index {
        patch = patch.tl0_pic_idx(index);
    }
    Some(write.vp8_patch(patch.build().ok()?))
}

/// By a clock of the connection's own, which is the same for all its slots: a viewer compares the sound and the picture of one person, and
/// learns nothing of the machine's.
fn capture_time(began: Instant, captured: Instant) -> AbsCaptureTime {
    let since = SystemTime::UNIX_EPOCH + START;
    let before = began.saturating_duration_since(captured);
    AbsCaptureTime { capture_time: since + captured.saturating_duration_since(began) - before, clock_offset: None }
}

/// The newest of the packets within one, for a viewer who does not take the others.
fn primary(payload: &[u8]) -> Option<Arc<[u8]>> {
    let blocks = RedDecoder::decode(payload).ok()?;
    blocks.iter().find(|block| block.is_primary).map(|block| Arc::from(block.payload))
}
