//! How the relay is set up: what the operator decides, with the defaults.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use crate::policy::Policy;
use crate::quota::Limits;

/// How the relay is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The realm of the credentials: short, since it is in every challenge.
    pub realm: String,
    /// Whether there are relays at all, or only STUN.
    pub relay: bool,
    /// The address that peers reach our IPv4 relay sockets at, if there is one.
    pub relay_v4: Option<Ipv4Addr>,
    /// The same for IPv6.
    pub relay_v6: Option<Ipv6Addr>,
    /// The ports of the relay sockets. Nothing else on the machine should use them.
    pub ports: RangeInclusive<u16>,
    /// The channel numbers that may be bound. RFC 8656 §12 has 0x4000 to 0x4FFF. Clients of RFC 5766, such as coturn's test client,
    /// choose up to 0x7FFF; of the bytes that a shared port tells apart none begins like that, so they can be let in.
    pub channels: RangeInclusive<u16>,
    /// Whether the driver can send single datagrams with the DF bit. If not, DONT-FRAGMENT is answered with 420, as RFC 8656 has it.
    pub dont_fragment: bool,
    /// Which peers may be relayed to. The relay addresses need not be among [`Policy::own`].
    pub policy: Policy,
    /// How much anyone may have.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            realm: "fireside".into(),
            relay: true,
            relay_v4: None,
            relay_v6: None,
            ports: 49_152..=65_535,
            channels: 0x4000..=0x4FFF,
            dont_fragment: false,
            policy: Policy::default(),
            limits: Limits::default(),
        }
    }
}
