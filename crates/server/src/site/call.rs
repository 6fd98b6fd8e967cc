//! `/r/{room}`: the shell of the call page. What happens in it is the web client's.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use fireside_protocol::{Role, RoomCode};
use serde::Serialize;

use super::errors::Problem;
use super::page::{self, Page};
use super::visitor::Visitor;
use super::words::filters;
use crate::assets;
use crate::auth::door;
use crate::state::AppState;

/// What the page tells the web client, as JSON in `data-page` of `#call`.
#[derive(Debug, Serialize)]
struct CallData<'a> {
    /// The room's code.
    code: &'a str,
    title: &'a str,
    /// The address to share.
    link: String,
    signed_in: bool,
    /// The name of the account, if there is one; guests choose theirs.
    name: Option<&'a str>,
    /// The room is theirs.
    owner: bool,
    /// Where to go after the call.
    home: &'static str,
}

/// `GET /r/{code}`. A room that is not there, and one that is not for them, look the same.
///
/// # Errors
/// When they may not come in, or the database fails.
pub async fn show(State(state): State<AppState>, visitor: Visitor, Path(typed): Path<String>) -> Result<Response, Problem> {
    let code: RoomCode = typed.parse().map_err(|_| Problem::NoRoom)?;
    if code.as_str() != typed {
        return Ok(page::see_other(&format!("/r/{code}")));
    }
    let account = visitor.signed_in().map(|signed_in| &signed_in.account);
    let admission = door::authorize_join(&state, &code, account).await?.ok_or(Problem::NoRoom)?;
    let data = CallData {
        code: code.as_str(),
        title: &admission.room.title,
        link: format!("{}/r/{code}", visitor.origin()),
        signed_in: account.is_some(),
        name: account.map(|account| account.display_name.as_str()),
        owner: admission.role == Role::Host,
        home: "/",
    };
    let data = serde_json::to_string(&data).map_err(askama::Error::custom)?;
    let page = Page { entry: assets::call(), ..Page::of(&visitor) };
    page::show(StatusCode::OK, &CallPage { page, title: &admission.room.title, data: &data })
}

#[derive(Template)]
#[template(path = "call.html")]
struct CallPage<'a> {
    page: Page,
    title: &'a str,
    data: &'a str,
}
