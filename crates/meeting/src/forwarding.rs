//! The participants' connections with the server: what they offer, see and hear goes to the forwarding plane, and its word back to them.

use fireside_protocol::{Offer, ParticipantId, Strain, Tile, UnixMillis};

use crate::effect::{ConnectionId, Effect, Forwarded, Route};
use crate::meeting::Meeting;

#[allow(unused_variables, clippy::unused_self, clippy::needless_pass_by_ref_mut, clippy::needless_pass_by_value, reason = "the seam")]
impl Meeting {
    pub(crate) fn offer(&mut self, who: ParticipantId, connection: ConnectionId, offer: Offer, effects: &mut Vec<Effect>) {}

    pub(crate) fn view(&mut self, who: ParticipantId, connection: ConnectionId, tiles: Vec<Tile>, effects: &mut Vec<Effect>) {}

    pub(crate) fn settled(&mut self, now: UnixMillis, who: ParticipantId, change: u32, effects: &mut Vec<Effect>) {}

    pub(crate) fn condition(
        &mut self,
        now: UnixMillis,
        who: ParticipantId,
        unreachable: Vec<ParticipantId>,
        strained: Option<Strain>,
        effects: &mut Vec<Effect>,
    ) {
    }

    pub(crate) fn forwarded(&mut self, participant: ParticipantId, path: u32, what: Forwarded, effects: &mut Vec<Effect>) {}

    pub(crate) fn speaking(&mut self, participants: Vec<ParticipantId>, speaker: Option<ParticipantId>, effects: &mut Vec<Effect>) {}

    pub(crate) fn routed(&mut self, now: UnixMillis, route: Route, effects: &mut Vec<Effect>) {}
}
