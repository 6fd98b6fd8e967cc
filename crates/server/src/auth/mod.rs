//! Who somebody is, and what keeps others from being them.

pub mod door;
pub mod origin;
pub mod session;
