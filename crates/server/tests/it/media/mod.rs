//! STUN and TURN from outside: a real server on loopback, and clients over UDP and TCP.

mod client;
mod relaying;
