//! Fireside: video meetings on your own server, in one executable. See `ARCHITECTURE.md` for the map.

pub mod auth;
pub mod boot;
pub mod cli;
pub mod config;
pub mod meetings;
pub mod site;
pub mod state;
pub mod ws;
