//! A deterministic world: clients that speak `fireside.v1` as `PROTOCOL.md` tells them to, a network that is slow and drops
//! connections, and a server that hosts the real [`fireside_meeting::Meeting`] over a model of a database, and is killed.
//!
//! One seed makes one history, whatever machine it runs on. What this crate refuses to know: real time, sockets, packets.

pub mod clients;
pub mod database;
pub mod net;
pub mod pairs;
pub mod server;
pub mod sfu;
pub mod verdict;
pub mod watch;
pub mod world;

pub use server::Settings;
pub use world::{Fault, World};
