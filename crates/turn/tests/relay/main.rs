//! The relay as its clients, its peers and its enemies see it.

#![allow(clippy::disallowed_methods, reason = "tests have clocks")]

mod channels;
mod credentials;
mod harness;
mod life;
mod model;
mod oracle;
mod peer_corpus;
mod quota;
mod reach;
mod reflection;
mod robustness;
mod streams;
mod vectors;
