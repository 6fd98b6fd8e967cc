//! What there is, read from the types themselves, so that nothing can be added and left untested.

use fireside_protocol::{
    ByeCode, ClientMessage, DeniedCode, DroppedCode, ErrorCode, HeldReason, LeftReason, Resumed, Role, RouteReason, ServerMessage, SignalBody,
    SlotKind, Source, Strain, Topology,
};
use ts_rs::{Config, TS};

pub(crate) fn client_types() -> Vec<String> {
    tags::<ClientMessage>("type")
}

pub(crate) fn server_types() -> Vec<String> {
    tags::<ServerMessage>("type")
}

pub(crate) fn signal_kinds() -> Vec<String> {
    tags::<SignalBody>("kind")
}

/// Every enum of plain words, with the heading of `PROTOCOL.md` under which its words are explained.
pub(crate) fn word_lists() -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("Denied codes", words::<DeniedCode>()),
        ("Error codes", words::<ErrorCode>()),
        ("Bye codes", words::<ByeCode>()),
        ("Left reasons", words::<LeftReason>()),
        ("Resumed", words::<Resumed>()),
        ("Roles", words::<Role>()),
        ("Topologies", words::<Topology>()),
        ("Route reasons", words::<RouteReason>()),
        ("Dropped codes", words::<DroppedCode>()),
        ("Held reasons", words::<HeldReason>()),
        ("Strains", words::<Strain>()),
        ("Sources", words::<Source>()),
        ("Slot kinds", words::<SlotKind>()),
    ]
}

/// The values of the tag in the TypeScript declaration of an internally tagged enum.
fn tags<T: TS>(tag: &str) -> Vec<String> {
    let declaration = T::decl(&Config::default());
    let marker = format!("\"{tag}\": \"");
    let mut found: Vec<String> = Vec::new();
    for piece in declaration.split(&marker).skip(1) {
        let value = piece.split('"').next().unwrap_or_default().to_owned();
        if !found.contains(&value) {
            found.push(value);
        }
    }
    assert!(!found.is_empty(), "{declaration}");
    found
}

/// The variants of an enum of plain words.
fn words<T: TS>() -> Vec<String> {
    let declaration = T::decl(&Config::default());
    let found: Vec<String> = declaration.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(!found.is_empty(), "{declaration}");
    found
}
