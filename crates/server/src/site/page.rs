//! What every page has: the bar at the top, the style sheets and scripts, the form token.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::errors::{Problem, Rendered};
use super::visitor::Visitor;
use crate::assets::{self, Entry};

/// The media type of a page.
pub const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// The frame of a page, for `base.html`.
#[derive(Clone, Debug)]
pub struct Page {
    /// The name of whoever is logged in, for the bar at the top.
    pub member: Option<String>,
    /// The token of this page's forms.
    pub csrf: String,
    /// The web client's files; `None` if it was not built.
    pub entry: Option<&'static Entry>,
}

impl Page {
    /// The frame of a page for this visitor.
    #[must_use]
    pub fn of(visitor: &Visitor) -> Self {
        Self {
            member: visitor.signed_in().map(|signed_in| signed_in.account.display_name.clone()),
            csrf: visitor.csrf().to_owned(),
            entry: assets::site(),
        }
    }

    /// The frame of a page without forms, the same for everybody.
    #[must_use]
    pub fn of_nobody() -> Self {
        Self { member: None, csrf: String::new(), entry: assets::site() }
    }
}

/// Renders a page.
///
/// # Errors
/// When the template cannot be rendered.
pub fn show(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let mut response = (status, [(header::CONTENT_TYPE, HTML)], template.render()?).into_response();
    response.extensions_mut().insert(Rendered);
    Ok(response)
}

/// Sends the browser to a path of ours, by GET.
#[must_use]
pub fn see_other(path: &str) -> Response {
    match HeaderValue::try_from(path) {
        Ok(path) => (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response(),
        Err(_) => Problem::BadRequest.into_response(),
    }
}
