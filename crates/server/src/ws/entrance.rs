//! From `join` to the meeting: who is this, may they come in, were they here before.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::http::HeaderMap;
use fireside_meeting::{ConnectionId, Entrant};
use fireside_protocol::{ChatPage, DeniedCode, Join, RoomCode};
use fireside_store::{Room, StoreError};

use super::attempts::Attempts;
use super::outbox::Outbox;
use crate::auth::door::{Admission, authorize_join};
use crate::auth::session::{self, SignedIn};
use crate::media::CameBy;
use crate::meetings::{self, JoinError, Joining, Login, Place};
use crate::state::AppState;

/// How often rights are looked up again because some were withdrawn meanwhile.
const LOOKS: usize = 5;

/// Somebody with a WebSocket who has not joined yet.
#[derive(Debug)]
pub(super) struct Visitor {
    /// The room they ask for; `None`: it cannot be the code of any.
    pub(super) code: Option<RoomCode>,
    pub(super) cookies: HeaderMap,
    pub(super) address: IpAddr,
    pub(super) came_by: CameBy,
    pub(super) attempts: Arc<Attempts>,
}

impl Visitor {
    /// Their attempt came to nothing.
    pub(super) fn failed(&self) {
        self.attempts.failed(self.address, Instant::now());
    }
}

/// Takes a visitor to the meeting, which then answers with `welcome` or `denied`; or says why they may not come as far.
pub(super) async fn enter(
    state: &AppState,
    visitor: &Visitor,
    connection: ConnectionId,
    outbox: &Arc<Outbox>,
    join: &Join,
) -> Result<Place, DeniedCode> {
    if visitor.attempts.are_used_up(visitor.address, Instant::now()) {
        return Err(DeniedCode::RateLimited);
    }
    let Some(code) = &visitor.code else { return Err(DeniedCode::RoomNotFound) };
    for _ in 0..LOOKS {
        let withdrawals = state.meetings.withdrawals();
        let (admission, joining) = look(state, visitor, code, connection, outbox, join).await?;
        match state.meetings.join(&admission.room, code, joining, withdrawals) {
            Ok(place) => return Ok(place),
            Err(JoinError::Draining) => return Err(DeniedCode::Draining),
            Err(JoinError::Busy) => return Err(DeniedCode::Unavailable),
            Err(JoinError::Stale) => {}
        }
    }
    Err(DeniedCode::Unavailable)
}

async fn look(
    state: &AppState,
    visitor: &Visitor,
    code: &RoomCode,
    connection: ConnectionId,
    outbox: &Arc<Outbox>,
    join: &Join,
) -> Result<(Admission, Joining), DeniedCode> {
    let signed_in = session::current(state, &visitor.cookies).await.map_err(unavailable)?;
    let (login, account) = match signed_in {
        Some(SignedIn { session, account }) => (Some(Login { account: account.id, session: session.id }), Some(account)),
        None => (None, None),
    };
    let admission = authorize_join(state, code, account.as_ref()).await.map_err(unavailable)?;
    let admission = admission.ok_or(DeniedCode::RoomNotFound)?;
    let chat = conversation(state, &admission.room, join).await.map_err(unavailable)?;
    let claims = join.resume.as_ref().and_then(|resume| state.meetings.claims(&resume.token, &admission.room, login));
    let entrant = Entrant {
        account: login.map(|login| login.account),
        session: login.map(|login| login.session),
        role: admission.role,
        account_name: account.map(|account| account.display_name),
    };
    let came_by = visitor.came_by.clone();
    Ok((admission, Joining { connection, outbox: outbox.clone(), login, entrant, join: join.clone(), claims, chat, came_by }))
}

async fn conversation(state: &AppState, room: &Room, join: &Join) -> Result<ChatPage, StoreError> {
    match join.resume.as_ref().and_then(|resume| resume.chat_after) {
        Some(after) => meetings::page_after(&state.store, room.id, after).await,
        None => meetings::page(&state.store, room.id, None).await,
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn unavailable(error: StoreError) -> DeniedCode {
    tracing::warn!(%error, "somebody could not join since the database cannot be read");
    DeniedCode::Unavailable
}
