//! Janus beside which it is measured: its process, its signalling, and bots that go by it. Only what Debian's package `janus` brings is
//! used: the plugin `videoroom` and the transport by WebSocket, on loopback.

pub(super) mod crowd;
pub(super) mod server;
mod signal;
mod visitor;
