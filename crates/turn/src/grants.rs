//! What a client may do with its allocation: permissions (RFC 8656 §9) and channels (RFC 8656 §12).

use std::net::SocketAddr;
use std::time::Instant;

use crate::allocation::{Binding, Refused};
use crate::auth::Identity;
use crate::message::{Class, Message, attribute, method, u16_at, xor_address};
use crate::server::{Asker, Code, Server};
use crate::tuple::Family;
use crate::write::Writer;

impl Server {
    pub(crate) fn create_permission(&mut self, now: Instant, asker: &Asker, identity: &Identity, message: &Message<'_>) -> Result<(), Code> {
        let (slot, _) = self.own_allocation(now, asker, identity)?;
        let peers: Option<Vec<SocketAddr>> = message
            .attributes()
            .filter(|(kind, _)| *kind == attribute::XOR_PEER_ADDRESS)
            .map(|(_, value)| xor_address(value, message.transaction))
            .collect();
        let peers = peers.filter(|peers| !peers.is_empty()).ok_or(400_u16)?;
        peers.iter().try_for_each(|peer| self.check_peer(slot, *peer))?;
        let most = self.config.limits.permissions_per_allocation;
        let addresses: Vec<_> = peers.iter().map(SocketAddr::ip).collect();
        let allocation = self.table.get_mut(slot).ok_or(437_u16)?;
        allocation.permit(now, &addresses, most).map_err(code)?;
        self.answer(asker, Writer::new(Class::Success, method::CREATE_PERMISSION, asker.transaction));
        Ok(())
    }

    pub(crate) fn channel_bind(&mut self, now: Instant, asker: &Asker, identity: &Identity, message: &Message<'_>) -> Result<(), Code> {
        let (slot, _) = self.own_allocation(now, asker, identity)?;
        let number = message.find(attribute::CHANNEL_NUMBER).filter(|value| value.len() == 4).and_then(|value| u16_at(value, 0));
        let number = number.filter(|number| self.config.channels.contains(number)).ok_or(400_u16)?;
        let peer = message.address(attribute::XOR_PEER_ADDRESS).ok().flatten().ok_or(400_u16)?;
        self.check_peer(slot, peer)?;
        let binding = Binding { number, peer, is_own: self.is_own_relay(peer) };
        let (most_channels, most_permissions) = (self.config.limits.channels_per_allocation, self.config.limits.permissions_per_allocation);
        let allocation = self.table.get_mut(slot).ok_or(437_u16)?;
        allocation.bind(now, binding, most_channels, most_permissions).map_err(code)?;
        self.answer(asker, Writer::new(Class::Success, method::CHANNEL_BIND, asker.transaction));
        Ok(())
    }

    /// Whether the allocation in `slot` may reach `peer` at all.
    fn check_peer(&self, slot: u32, peer: SocketAddr) -> Result<(), Code> {
        let allocation = self.table.get(slot);
        if !self.may_relay_to(peer) || allocation.is_some_and(|allocation| !self.is_within(allocation.is_test, peer)) {
            return Err(403);
        }
        let has_family = allocation.is_some_and(|allocation| allocation.is_open(Family::of(peer.ip())));
        if has_family { Ok(()) } else { Err(443) }
    }
}

/// RFC 8656 §9.2 and §12.2.
fn code(refused: Refused) -> Code {
    match refused {
        Refused::Conflict => 400,
        Refused::Full => 508,
    }
}
