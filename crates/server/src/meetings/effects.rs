//! Carries out what a meeting says must happen: the only place that does.

use fireside_meeting::{CloseReason, ConnectionId, Effect, Input, Recipient};
use fireside_protocol::{Resumed, ServerMessage, Welcome};

use super::host::Host;
use super::{now, travel};
use crate::auth::token::Claims;
use crate::ws::outbox::{CloseCode, Overflowed, serialised};

impl Host {
    /// Carries out effects in their order. What follows from them is put into `consequences`.
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send { message, to } => self.send(&message, &to),
                Effect::Persist { id, account, message } => {
                    let refused = self.keeper.keep(id, account, message);
                    self.consequences.extend(refused);
                }
                Effect::LoadHistory { connection, before } => {
                    let refused = self.keeper.read(connection, before);
                    self.consequences.extend(refused);
                }
                Effect::Close { connection, reason } => self.close(connection, reason),
                Effect::Gone { participant } => self.gone(participant),
                Effect::Forwarding(wanted) => self.usher.carry_out(wanted, &mut self.consequences),
                // The host looks for it itself: whether to end is decided once everything else was done.
                Effect::Ended => {}
            }
        }
    }

    fn send(&mut self, message: &ServerMessage, to: &[Recipient]) {
        match message {
            ServerMessage::Welcome(welcome) => {
                for recipient in to {
                    let welcome = self.completed(welcome.clone(), recipient.connection);
                    self.write(&ServerMessage::Welcome(welcome), std::slice::from_ref(recipient));
                }
            }
            message => {
                if let ServerMessage::Topology { topology, changing: true, reason, .. } = message {
                    travel::count_change(*topology, *reason);
                }
                self.write(message, to);
            }
        }
    }

    pub(super) fn write(&mut self, message: &ServerMessage, to: &[Recipient]) {
        let body = serialised(message);
        for recipient in to {
            let Some(member) = self.members.get(&recipient.connection) else { continue };
            if member.outbox.push(body.clone(), recipient.seq) == Err(Overflowed) {
                // The connection closes itself; for the meeting it is lost, and its participant may come back.
                self.members.remove(&recipient.connection);
                self.consequences.push_back(Input::Disconnected { connection: recipient.connection });
            }
        }
    }

    /// Adds what only the server knows: the signed token, and what it relays through.
    fn completed(&mut self, mut welcome: Box<Welcome>, connection: ConnectionId) -> Box<Welcome> {
        if welcome.resumed == Resumed::Snapshot {
            self.back(welcome.you);
        }
        welcome.run = self.meetings.run_on_wire();
        let Some(member) = self.members.get_mut(&connection) else { return welcome };
        member.participant = Some(welcome.you);
        let (login, role, came_by) = (member.login, member.role, member.came_by.clone());
        let claims = Claims {
            room: self.room,
            participant: welcome.you,
            account: login.map(|login| login.account),
            session: login.map(|login| login.session),
            role,
            run: self.run,
        };
        welcome.resume_token = self.meetings.shared.signer.sign(&claims, now());
        welcome.ice_servers = self.ice_servers(welcome.you, &came_by);
        welcome
    }

    fn close(&mut self, connection: ConnectionId, reason: CloseReason) {
        if let Some(member) = self.members.remove(&connection) {
            member.outbox.close(match reason {
                CloseReason::Denied => CloseCode::Denied,
                CloseReason::Bye(_) => CloseCode::Bye,
            });
        }
    }
}
