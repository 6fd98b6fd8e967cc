//! The route table: one list of every page and form, and who may use each.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodRouter, get, post};

use crate::state::AppState;

/// Who may use a route. Handlers hold to it by what they ask for (`Member`, the room's owner); tests go through the table and
/// see that they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Anyone,
    /// Those who are logged in; others are sent to log in.
    Member,
    /// The owner of the room in the path; to others it does not exist.
    Owner,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The method.
    pub method: Method,
    /// The path, with `{code}` for a room.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
}

/// Routes, as a list and as a router.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
    router: Router<AppState>,
}

impl Table {
    /// The routes there are.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn get<H: Handler<T, AppState>, T: 'static>(self, path: &'static str, access: Access, handler: H) -> Self {
        self.with(Method::GET, path, access, get(handler))
    }

    pub(super) fn post<H: Handler<T, AppState>, T: 'static>(self, path: &'static str, access: Access, handler: H) -> Self {
        self.with(Method::POST, path, access, post(handler))
    }

    pub(super) fn into_router(self) -> Router<AppState> {
        self.router
    }

    fn with(mut self, method: Method, path: &'static str, access: Access, handler: MethodRouter<AppState>) -> Self {
        self.rows.push(Row { method, path, access });
        Self { rows: self.rows, router: self.router.route(path, handler) }
    }
}
