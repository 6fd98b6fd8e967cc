//! STUN, TURN and media from outside: a real server on loopback, and clients over UDP, TCP and TLS.

pub(crate) mod caller;
pub(crate) mod client;
mod credentials;
mod forwarding;
mod interop;
mod peers;
pub(crate) mod quota;
mod relaying;
mod room;
mod servers;
mod strangers;
mod streams;
