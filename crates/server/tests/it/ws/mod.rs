//! `/ws/{room}`, spoken to by a client that is not ours (tokio-tungstenite), over a real socket.

mod call;
mod chat;
pub(crate) mod client;
mod door;
mod forwarding;
mod input;
pub(crate) mod person;
mod prepare;
pub(crate) mod relay;
mod resume;
mod session;
mod stop;
mod trouble;
