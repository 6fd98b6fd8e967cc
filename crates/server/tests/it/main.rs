//! The server from outside: a real one on a free port with a data folder of its own, spoken to over HTTP and WebSocket.

mod bots;
mod connections;
mod doctor;
mod media;
mod process;
mod server;
mod site;
mod tls;
mod ws;
