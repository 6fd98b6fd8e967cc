//! `/ws/{room}`.
