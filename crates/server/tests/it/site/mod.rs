//! The pages, as a browser (and one who is not a browser) meets them.

mod account;
mod assets;
pub(crate) mod browser;
mod command_line;
mod connection_test;
mod entrance;
mod errors;
mod escaping;
mod forged;
mod headers;
mod limits;
mod rooms;
