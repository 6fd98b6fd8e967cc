//! The first page, and the way into a meeting by its code or link.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use fireside_protocol::RoomCode;
use serde::Deserialize;

use super::errors::Problem;
use super::page::{self, Page};
use super::rooms::{self, Listed};
use super::visitor::{Sent, Visitor};
use super::words::{filters, t};
use crate::state::AppState;

/// Rooms shown to a member; the others are one link away.
const RECENT: usize = 4;

/// What the address of the page may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Shown {
    done: String,
}

/// The form to join.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Join {
    meeting: String,
}

/// `GET /`.
///
/// # Errors
/// When the database fails.
pub async fn show(State(state): State<AppState>, visitor: Visitor, Query(shown): Query<Shown>) -> Result<Response, Problem> {
    let done = (shown.done == "deleted").then(|| t("home-deleted").into_owned());
    render(&state, &visitor, StatusCode::OK, &JoinField::default(), done).await
}

/// `POST /join`: to the room's page, whether there is such a room or not.
///
/// # Errors
/// When the database fails.
pub async fn join(State(state): State<AppState>, visitor: Visitor, Sent(form): Sent<Join>) -> Result<Response, Problem> {
    let error = match read_meeting(&form.meeting, visitor.origin()) {
        Ok(code) => return Ok(page::see_other(&format!("/r/{code}"))),
        Err(error) => Some(error),
    };
    render(&state, &visitor, StatusCode::UNPROCESSABLE_ENTITY, &JoinField { value: form.meeting, error }, None).await
}

#[derive(Debug, Default)]
struct JoinField {
    value: String,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "home.html")]
struct VisitorsHome<'a> {
    page: Page,
    join: &'a JoinField,
    done: Option<String>,
    sign_up: bool,
}

#[derive(Template)]
#[template(path = "home_member.html")]
struct MembersHome<'a> {
    page: Page,
    join: &'a JoinField,
    name: &'a str,
    rooms: Vec<Listed>,
    more: bool,
}

async fn render(state: &AppState, visitor: &Visitor, status: StatusCode, join: &JoinField, done: Option<String>) -> Result<Response, Problem> {
    let page = Page::of(visitor);
    let Some(signed_in) = visitor.signed_in() else {
        return page::show(status, &VisitorsHome { page, join, done, sign_up: state.config.sign_up });
    };
    let mut rooms = rooms::listed(state, visitor, signed_in.account.id).await?;
    let more = rooms.len() > RECENT;
    rooms.truncate(RECENT);
    page::show(status, &MembersHome { page, join, name: &signed_in.account.display_name, rooms, more })
}

/// The room that a code, or a link to a room of this site, names.
fn read_meeting(text: &str, origin: &str) -> Result<RoomCode, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(t("join-empty").into_owned());
    }
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let path = match text.split_once("://") {
        Some((_, rest)) => Some(rest),
        None => text.contains('/').then_some(text),
    };
    let Some(path) = path else {
        return text.parse().map_err(|_| t("join-invalid").into_owned());
    };
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let Some((site, code)) = path.split_once("/r/") else { return Err(t("join-invalid").into_owned()) };
    if !site.is_empty() && !site.eq_ignore_ascii_case(host) {
        return Err(t("join-elsewhere").into_owned());
    }
    code.trim_end_matches('/').parse().map_err(|_| t("join-invalid").into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_or_a_link_of_ours_names_a_room() {
        for text in [
            "k7fq-2mzx-9tda",
            " K7FQ 2MZX 9TDA ",
            "k7fq2mzx9tda",
            "https://meet.example.org/r/k7fq-2mzx-9tda",
            "meet.example.org/r/k7fq-2mzx-9tda/",
            "http://Meet.example.org/r/k7fq-2mzx-9tda?x=1#y",
            "/r/k7fq-2mzx-9tda",
        ] {
            assert_eq!(read_meeting(text, "https://meet.example.org").map(|code| code.to_string()).as_deref(), Ok("k7fq-2mzx-9tda"), "{text}");
        }
    }

    #[test]
    fn anything_else_is_said_to_be_none() {
        for text in [
            "",
            "  ",
            "hello",
            "https://meet.example.org/",
            "https://meet.example.org/r/",
            "https://evil.test/r/k7fq-2mzx-9tda",
            "//evil.test/r/k7fq-2mzx-9tda",
            "/r/../rooms",
            "<script>",
        ] {
            assert!(read_meeting(text, "https://meet.example.org").is_err(), "{text}");
        }
        let elsewhere = read_meeting("https://evil.test/r/k7fq-2mzx-9tda", "https://meet.example.org");
        assert_eq!(elsewhere, Err(t("join-elsewhere").into_owned()));
    }
}
