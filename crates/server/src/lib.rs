//! Fireside: video meetings on your own server, in one executable. See `ARCHITECTURE.md` for the map.

pub mod assets;
pub mod auth;
pub mod boot;
pub mod cli;
pub mod config;
pub mod health;
pub mod http;
pub mod media;
pub mod meetings;
pub mod metrics;
pub mod shutdown;
pub mod site;
pub mod state;
pub mod telemetry;
pub mod tls;
pub mod ws;
