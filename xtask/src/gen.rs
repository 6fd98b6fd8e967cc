//! `cargo xtask gen`: the TypeScript types of the protocol, from the Rust ones.

use std::path::Path;

use anyhow::{Context, bail};
use fireside_protocol as protocol;
use ts_rs::{Config, TS};

const TARGET: &str = "web/sdk/protocol.gen.ts";

/// Writes the generated file, or, when only checking, fails if it is stale.
pub(crate) fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let path = root.join(TARGET);
    let text = typescript();
    if check {
        let found = std::fs::read_to_string(&path).with_context(|| format!("{TARGET} cannot be read"))?;
        if found != text {
            bail!("{TARGET} is stale; run `cargo xtask gen` and commit it");
        }
        return Ok(());
    }
    std::fs::write(&path, text).with_context(|| format!("{TARGET} cannot be written"))
}

fn typescript() -> String {
    let config = Config::default();
    let mut text = String::from("// Generated from crates/protocol by `cargo xtask gen`. Do not edit.\n");
    macro_rules! declare {
        ($($type:ty),* $(,)?) => {$(
            text.push_str("\nexport ");
            text.push_str(&<$type as TS>::decl(&config));
            text.push('\n');
        )*};
    }
    declare!(
        protocol::ParticipantId,
        protocol::MessageId,
        protocol::ChatId,
        protocol::UnixMillis,
        protocol::RoomCode,
        protocol::MediaState,
        protocol::Topology,
        protocol::RouteReason,
        protocol::Source,
        protocol::TrackRef,
        protocol::Offer,
        protocol::Tile,
        protocol::SlotKind,
        protocol::SlotUse,
        protocol::HeldReason,
        protocol::DroppedCode,
        protocol::Strain,
        protocol::IceServer,
        protocol::SignalBody,
        protocol::Resume,
        protocol::Join,
        protocol::ClientMessage,
        protocol::RoomInfo,
        protocol::Role,
        protocol::Participant,
        protocol::LeftReason,
        protocol::ChatMessage,
        protocol::ChatPage,
        protocol::Limits,
        protocol::Resumed,
        protocol::Welcome,
        protocol::DeniedCode,
        protocol::ErrorCode,
        protocol::ByeCode,
        protocol::ServerMessage,
        protocol::ServerFrame,
    );
    text
}
