//! From `prepare` and `join` to the meeting: who is this, may they come in, were they here before.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::http::HeaderMap;
use fireside_meeting::{ConnectionId, Entrant};
use fireside_protocol::{ChatPage, DeniedCode, Join, Offer, RoomCode};
use fireside_store::{Room, StoreError};

use super::attempts::Attempts;
use super::outbox::Outbox;
use super::waiting::{Ticket, WaitingRoom};
use crate::auth::door::{Admission, authorize_join};
use crate::auth::session::{self, SignedIn};
use crate::media::CameBy;
use crate::meetings::{self, JoinError, Joining, Login, Place, Preparation, Preparing};
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
    pub(super) gate: Arc<Gate>,
}

/// What all visitors together are measured by.
#[derive(Debug)]
pub(super) struct Gate {
    doors: Attempts,
    offers: Attempts,
    waiting: Arc<WaitingRoom>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { doors: Attempts::at_doors(), offers: Attempts::at_offers(), waiting: Arc::default() }
    }
}

impl Visitor {
    /// Their attempt came to nothing.
    pub(super) fn failed(&self) {
        self.gate.doors.count(self.address, Instant::now());
    }

    /// A place to wait in, if there is one.
    pub(super) fn wait(&self) -> Option<Ticket> {
        WaitingRoom::enter(&self.gate.waiting, self.address)
    }

    /// The room that they ask for, unless they have asked for too many that they may not enter. `offers`: they bring an offer, of which an
    /// address has no endless number either.
    fn asks_for(&self, offers: bool) -> Result<&RoomCode, DeniedCode> {
        let (Gate { doors, offers: offered, .. }, now) = (&*self.gate, Instant::now());
        if doors.are_used_up(self.address, now) || offers && offered.are_used_up(self.address, now) {
            return Err(DeniedCode::RateLimited);
        }
        if offers {
            offered.count(self.address, now);
        }
        self.code.as_ref().ok_or(DeniedCode::RoomNotFound)
    }
}

/// Has a visitor's way to the server prepared in the meeting, which then answers with `prepared`. `None`: there is no meeting yet. Who may
/// not enter is told the same here as with `join`.
pub(super) async fn prepare(
    state: &AppState,
    visitor: &Visitor,
    connection: ConnectionId,
    outbox: &Arc<Outbox>,
    offer: Offer,
) -> Result<Option<Preparation>, DeniedCode> {
    let code = visitor.asks_for(true)?;
    knock(state, visitor, code).await?;
    Ok(state.meetings.prepare(code, Preparing { connection, outbox: outbox.clone(), offer }))
}

/// Takes a visitor to the meeting, which then answers with `welcome` or `denied`; or says why they may not come as far.
pub(super) async fn enter(
    state: &AppState,
    visitor: &Visitor,
    connection: ConnectionId,
    outbox: &Arc<Outbox>,
    join: &Join,
) -> Result<Place, DeniedCode> {
    let code = visitor.asks_for(join.offer.is_some())?;
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
    let (admission, signed_in) = knock(state, visitor, code).await?;
    let (login, account) = match signed_in {
        Some(SignedIn { session, account }) => (Some(Login { account: account.id, session: session.id }), Some(account)),
        None => (None, None),
    };
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

/// Who they are, and whether they may come in.
async fn knock(state: &AppState, visitor: &Visitor, code: &RoomCode) -> Result<(Admission, Option<SignedIn>), DeniedCode> {
    let signed_in = session::current(state, &visitor.cookies).await.map_err(unavailable)?;
    let account = signed_in.as_ref().map(|signed_in| &signed_in.account);
    let admission = authorize_join(state, code, account).await.map_err(unavailable)?;
    Ok((admission.ok_or(DeniedCode::RoomNotFound)?, signed_in))
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
