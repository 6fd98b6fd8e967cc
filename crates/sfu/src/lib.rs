//! The forwarding plane: what the server does with the media of a call that passes through it. Packets, commands and time come in;
//! what must be sent comes out.
//!
//! Here is, so far, what thinks about media without knowing a connection: which layer a viewer gets ([`budget`]), how packets of
//! changing sources become one stream that a decoder accepts ([`continuity`], [`vp8`]), who is heard ([`speaker`]), where it is shown
//! ([`slots`]), and when a whole picture is asked for ([`keyframes`]). What this crate refuses to know: sockets, tasks, clocks and meetings.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests have clocks"))]

pub mod budget;
pub mod continuity;
pub mod keyframes;
pub mod slots;
pub mod speaker;
pub mod vp8;
