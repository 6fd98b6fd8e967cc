//! TLS of our own: certificates of every kind, and everything else on the one port.

mod acme;
mod client;
pub(crate) mod files;
mod log;
mod one_port;
mod pages;
mod patience;
mod pebble;
mod secure;
