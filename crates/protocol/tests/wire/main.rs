//! What crosses the wire: how each message looks, what is refused, and that `PROTOCOL.md` tells the truth about it.

mod document;
mod examples;
mod schema;
mod snapshots;
mod strictness;
