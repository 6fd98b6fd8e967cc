//! Who somebody is, and what keeps others from being them.

pub mod csrf;
pub mod door;
pub mod keys;
pub mod limiter;
pub mod origin;
pub mod password;
pub mod rules;
pub mod session;
pub mod token;
