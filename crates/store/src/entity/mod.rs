//! The tables as the ORM sees them. Rows stay in this crate: each noun's module turns them into its domain struct.
#![allow(unreachable_pub, missing_docs, reason = "the ORM's derives make everything public; the columns are documented in the migrations")]

pub(crate) mod account;
pub(crate) mod limit;
pub(crate) mod message;
pub(crate) mod room;
pub(crate) mod secret;
pub(crate) mod session;
