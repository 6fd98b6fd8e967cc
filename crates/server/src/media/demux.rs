//! Whose a datagram on the one port is, by its first byte (RFC 7983) and, where that is STUN, by what it asks.

use fireside_turn::message::{Kind, is_connectivity_check, kind};

/// Who takes a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The relay: questions to a STUN server, TURN, and what goes through its channels.
    Relay,
    /// The forwarding of media: connectivity checks of ICE, DTLS, RTP and RTCP.
    Forwarding,
    /// Nobody.
    Nobody,
}

/// Looks at the first byte, and only for a Binding request at more.
pub(super) fn owner(datagram: &[u8]) -> Owner {
    match kind(datagram) {
        Kind::ChannelData => Owner::Relay,
        Kind::Stun if datagram.starts_with(&[0, 1]) && is_connectivity_check(datagram) => Owner::Forwarding,
        Kind::Stun => Owner::Relay,
        Kind::Dtls | Kind::Rtp => Owner::Forwarding,
        Kind::Other => Owner::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use fireside_turn::message::{Class, TransactionId, attribute, method};
    use fireside_turn::write::Writer;

    use super::*;

    #[test]
    fn each_has_its_bytes() {
        let binding = || Writer::new(Class::Request, method::BINDING, TransactionId([1; 12]));
        assert_eq!(owner(&binding().finish()), Owner::Relay);
        assert_eq!(owner(&binding().with(attribute::USERNAME, b"a:b").with_fingerprint().finish()), Owner::Forwarding);
        let allocate = Writer::new(Class::Request, method::ALLOCATE, TransactionId([1; 12])).with(attribute::USERNAME, b"1:a/b").finish();
        assert_eq!(owner(&allocate), Owner::Relay);
        assert_eq!(owner(&[0x40, 0, 0, 0]), Owner::Relay);
        assert_eq!(owner(&[22, 254, 253]), Owner::Forwarding);
        assert_eq!(owner(&[128, 96]), Owner::Forwarding);
        for nobody in [&[][..], &[4], &[19], &[192], &[255]] {
            assert_eq!(owner(nobody), Owner::Nobody);
        }
    }
}
