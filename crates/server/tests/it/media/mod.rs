//! STUN and TURN from outside: a real server on loopback, and clients over UDP, TCP and TLS.

pub(crate) mod client;
mod credentials;
mod interop;
mod peers;
mod quota;
mod relaying;
mod servers;
mod streams;
