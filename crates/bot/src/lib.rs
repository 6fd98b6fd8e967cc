//! A headless participant: it speaks the protocol of a meeting as a browser does, sends synthetic media, and looks closely at what it
//! receives. Load tests, measurements and tests are made of it.
//!
//! - [`media`] is a peer connection with its sockets, whatever brought its two descriptions together: it knows nothing of meetings.
//! - [`vp8`] and [`opus`] are what is sent: pictures that a browser shows and sound that it plays, padded to any bitrate.
//! - [`watch`] is what is made of what arrives: frames, freezes, loss, delay.
//! - [`person`] joins a meeting by its link and follows it: through the server, peer to peer, and from one to the other.
//! - [`crowd`] is many of them, for a while.

pub mod crowd;
pub mod media;
pub mod opus;
pub mod person;
pub mod stamp;
pub mod vp8;
pub mod watch;
