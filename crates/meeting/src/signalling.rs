//! Session descriptions and candidates, handed from one participant to one other.

use fireside_protocol::limits::{CANDIDATE_BYTES, CANDIDATE_TAG_BYTES, SDP_BYTES};
use fireside_protocol::{ErrorCode, ParticipantId, ServerMessage, SignalBody};

use crate::addresses;
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
    /// To somebody who is away it is kept for their return. Where addresses are hidden, what tells nothing else is not handed on.
    pub(crate) fn signal(&mut self, from: ParticipantId, sender: ConnectionId, signal: Signal, effects: &mut Vec<Effect>) {
        if let Some(code) = self.objection(from, &signal) {
            return refuse(sender, code, "signal", effects);
        }
        let Signal { to, connection, body } = signal;
        let Some(body) = (if self.relay_only { addresses::hidden(body) } else { Some(body) }) else { return };
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

#[cfg(test)]
mod tests {
    use fireside_protocol::ClientMessage;

    use super::*;
    use crate::testing::{Seat, Table};

    fn offer(sdp: &str) -> SignalBody {
        SignalBody::Offer { sdp: sdp.to_owned() }
    }

    fn candidate(candidate: &str, tag: Option<&str>) -> SignalBody {
        let tag = tag.map(str::to_owned);
        SignalBody::Candidate { candidate: candidate.to_owned(), sdp_mid: tag.clone(), sdp_m_line_index: Some(0), username_fragment: tag }
    }

    fn hand(table: &mut Table, from: Seat, to: ParticipantId, connection: u32, body: SignalBody) {
        table.say(from.connection, ClientMessage::Signal { to, connection, body });
    }

    #[test]
    fn a_signal_reaches_the_one_it_is_for_with_the_senders_true_id() {
        let mut table = Table::new();
        let [ada, bo, cy] = table.three();
        hand(&mut table, ada, bo.id, 3, offer("v=0"));
        assert_eq!(table.sent_to(bo.connection), [(Some(2), ServerMessage::Signal { from: ada.id, connection: 3, body: offer("v=0") })]);
        assert!(table.messages_to(cy.connection).is_empty() && table.messages_to(ada.connection).is_empty());
    }

    #[test]
    fn where_addresses_are_hidden_only_those_of_the_relay_are_handed_on() {
        let mut table = Table::new().relay_only();
        let [ada, bo, _] = table.three();
        let host = "candidate:1 1 udp 2113937151 192.0.2.7 51472 typ host";
        let relay = "candidate:2 1 udp 41885439 198.51.100.7 50123 typ relay raddr 192.0.2.7 rport 51472";
        let sdp = format!("v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\nm=audio 51472 UDP/TLS/RTP/SAVPF 111\r\na={host}\r\na={relay}\r\n");
        let said = [offer(&sdp), candidate(host, None), candidate(relay, None), candidate("", None)];
        for body in said {
            hand(&mut table, ada, bo.id, 1, body);
        }
        let hidden = "candidate:2 1 udp 41885439 198.51.100.7 50123 typ relay raddr 0.0.0.0 rport 9";
        let sdp = format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na={hidden}\r\n");
        let heard = [offer(&sdp), candidate(hidden, None), candidate("", None)];
        assert_eq!(table.messages_to(bo.connection), heard.map(|body| ServerMessage::Signal { from: ada.id, connection: 1, body }));
        assert_eq!(table.messages_to(ada.connection), [], "that something was left out is no fault of theirs");
        let late = table.arrive(9, crate::testing::named("Late"), crate::testing::guest(), None, Default::default());
        assert!(table.welcome_on(late).relay_only);
    }

    #[test]
    fn otherwise_every_candidate_is_handed_on_as_it_is() {
        let mut table = Table::new();
        let [ada, bo, _] = table.three();
        let said = [
            "candidate:1 1 udp 2113937151 6bd0a8c4-7a3f.local 51472 typ host",
            "candidate:1 1 udp 1 203.0.113.9 5 typ srflx raddr 0.0.0.0 rport 0",
            "",
        ];
        for text in said {
            hand(&mut table, ada, bo.id, 1, candidate(text, Some("0")));
        }
        let heard = said.map(|text| ServerMessage::Signal { from: ada.id, connection: 1, body: candidate(text, Some("0")) });
        assert_eq!(table.messages_to(bo.connection), heard);
    }

    #[test]
    fn a_signal_to_somebody_away_waits_for_them() {
        let mut table = Table::new();
        let [ada, bo, _] = table.three();
        table.drop_connection(bo.connection);
        hand(&mut table, ada, bo.id, 1, offer("v=0"));
        let back = table.resume(9, bo.id, 1, false);
        assert!(table.sent_to(back).contains(&(Some(2), ServerMessage::Signal { from: ada.id, connection: 1, body: offer("v=0") })));
    }

    #[test]
    fn a_signal_that_cannot_be_handed_on_is_refused() {
        let mut table = Table::new();
        let [ada, bo, cy] = table.three();
        table.say(cy.connection, ClientMessage::Leave);
        table.forget_what_was_sent();
        let long = "x".repeat(SDP_BYTES + 1);
        let refused = [
            (ada.id, 1, offer("v=0"), ErrorCode::SignalToSelf),
            (cy.id, 1, candidate("candidate:1", None), ErrorCode::UnknownParticipant),
            (bo.id, 1, offer(&long), ErrorCode::SignalTooLarge),
            (bo.id, 1, SignalBody::Answer { sdp: long.clone() }, ErrorCode::SignalTooLarge),
            (bo.id, 1, candidate(&long[..=CANDIDATE_BYTES], None), ErrorCode::SignalTooLarge),
            (bo.id, 1, candidate("", Some(&long[..=CANDIDATE_TAG_BYTES])), ErrorCode::SignalTooLarge),
            (bo.id, 0, offer("v=0"), ErrorCode::InvalidMessage),
        ];
        for (to, connection, body, expected) in refused {
            hand(&mut table, ada, to, connection, body);
            let sent = table.sent_to(ada.connection);
            assert!(
                matches!(&sent[..], [(None, ServerMessage::Error { code, about: Some(about), .. })] if *code == expected && about == "signal"),
                "{expected:?}"
            );
        }
        assert!(table.messages_to(bo.connection).is_empty());
        hand(&mut table, ada, bo.id, 1, offer(&long[..SDP_BYTES]));
        assert_eq!(table.messages_to(bo.connection).len(), 1);
    }
}
