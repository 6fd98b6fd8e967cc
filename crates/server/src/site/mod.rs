//! Pages rendered on the server.
//!
//! Everything here works without JavaScript, but for the call and the test of the connection. What it refuses to know: what happens
//! inside a call, how anything is stored.

pub mod account;
pub mod call;
pub mod connection_test;
pub mod entrance;
pub mod errors;
pub mod forms;
pub mod guard;
pub mod headers;
pub mod home;
pub mod next;
pub mod page;
pub mod plain;
pub mod rooms;
pub mod table;
pub mod visitor;
pub mod words;

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::assets;
use crate::state::AppState;
use crate::telemetry;
use table::{Access, Table};

/// A page that takes longer has something wrong with it; a log-in that waits for its turn to be hashed is given up.
const PAGE_WITHIN: Duration = Duration::from_secs(30);

/// Every page and form: the one list that the router is made from, and that tests go through.
#[must_use]
pub fn table() -> Table {
    Table::default()
        .get("/", Access::Anyone, home::show)
        .post("/join", Access::Anyone, home::join)
        .get("/signup", Access::Anyone, entrance::sign_up_form)
        .post("/signup", Access::Anyone, entrance::sign_up)
        .get("/login", Access::Anyone, entrance::log_in_form)
        .post("/login", Access::Anyone, entrance::log_in)
        .post("/logout", Access::Member, entrance::log_out)
        .get("/account", Access::Member, account::show)
        .post("/account/profile", Access::Member, account::change_profile)
        .post("/account/password", Access::Member, account::change_password)
        .post("/account/delete", Access::Member, account::delete)
        .get("/rooms", Access::Member, rooms::list)
        .post("/rooms", Access::Member, rooms::create)
        .post("/rooms/{code}", Access::Owner, rooms::change)
        .get("/rooms/{code}/delete", Access::Owner, rooms::delete_form)
        .post("/rooms/{code}/delete", Access::Owner, rooms::delete)
        .get("/r/{code}", Access::Anyone, call::show)
        .get("/connection-test", Access::Anyone, connection_test::show)
        .post("/connection-test/servers", Access::Anyone, connection_test::servers)
        .get("/connection-test/socket", Access::Anyone, connection_test::socket)
}

/// The routes of the site, with the assets and the page for what is not there.
pub fn routes(state: &AppState) -> Router<AppState> {
    let pages = table().into_router().route_layer(from_fn_with_state(state.clone(), visitor::recognise));
    pages
        .route("/assets/{file}", get(assets::serve))
        .route("/icon.svg", get(plain::icon))
        .route("/favicon.ico", get(plain::icon))
        .route("/robots.txt", get(plain::robots))
        .route("/.well-known/change-password", get(plain::change_password))
        .route_layer(from_fn(telemetry::route))
        .fallback(errors::not_found)
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, PAGE_WITHIN))
        .layer(CatchPanicLayer::custom(errors::panicked))
        .layer(from_fn(errors::explain))
}

/// What every answer of the server goes through, pages or not: an id, security headers, and the refusal of requests that are
/// for another host or were forged by another site.
pub fn protect(router: Router, state: &AppState) -> Router {
    router
        .layer(CatchPanicLayer::custom(errors::panicked))
        .layer(from_fn_with_state(state.clone(), guard::refuse_strangers))
        .layer(from_fn_with_state(state.clone(), headers::secure))
        .layer(from_fn(telemetry::request))
}
