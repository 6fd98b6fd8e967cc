//! Session descriptions and candidates, handed from one participant to one other.

use fireside_protocol::limits::{CANDIDATE_BYTES, CANDIDATE_TAG_BYTES, SDP_BYTES};
use fireside_protocol::{ErrorCode, ParticipantId, ServerMessage, SignalBody};

use crate::effect::{ConnectionId, Effect};
use crate::meeting::{Meeting, refuse};
use crate::roster::Audience;

/// A signal on its way.
#[derive(Debug)]
pub(crate) struct Signal {
    pub(crate) to: ParticipantId,
    pub(crate) connection: u32,
    pub(crate) body: SignalBody,
}

impl Meeting {
    /// To somebody who is away it is kept for their return.
    pub(crate) fn signal(&mut self, from: ParticipantId, sender: ConnectionId, signal: Signal, effects: &mut Vec<Effect>) {
        if let Some(code) = self.objection(from, &signal) {
            return refuse(sender, code, "signal", effects);
        }
        let Signal { to, connection, body } = signal;
        self.roster.deliver(Audience::Only(to), ServerMessage::Signal { from, connection, body }, effects);
    }

    fn objection(&self, from: ParticipantId, signal: &Signal) -> Option<ErrorCode> {
        if signal.connection == 0 {
            return Some(ErrorCode::InvalidMessage);
        }
        if !fits(&signal.body) {
            return Some(ErrorCode::SignalTooLarge);
        }
        if signal.to == from {
            return Some(ErrorCode::SignalToSelf);
        }
        (!self.roster.contains(signal.to)).then_some(ErrorCode::UnknownParticipant)
    }
}

fn fits(body: &SignalBody) -> bool {
    match body {
        SignalBody::Offer { sdp } | SignalBody::Answer { sdp } => sdp.len() <= SDP_BYTES,
        SignalBody::Candidate { candidate, sdp_mid, sdp_m_line_index: _, username_fragment } => {
            candidate.len() <= CANDIDATE_BYTES && tag_fits(sdp_mid.as_deref()) && tag_fits(username_fragment.as_deref())
        }
    }
}

fn tag_fits(tag: Option<&str>) -> bool {
    tag.is_none_or(|tag| tag.len() <= CANDIDATE_TAG_BYTES)
}
