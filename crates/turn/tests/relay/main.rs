//! The relay as its clients, its peers and its enemies see it.

mod harness;
mod life;
