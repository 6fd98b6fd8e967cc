//! Whoever asks for a page, and the check that their forms are ours.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::RequestExt as _;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Form, FromRequest, FromRequestParts, Request, State};
use axum::http::header::{self, HeaderValue};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::errors::Problem;
use crate::auth::csrf::{self, Binding};
use crate::auth::origin;
use crate::auth::session::{self, SignedIn};
use crate::state::AppState;

/// The largest form has a few hundred bytes; this leaves room for every name and password at its longest.
const FORM_BYTES: usize = 64 * 1024;

/// Whoever asks.
#[derive(Clone, Debug)]
pub struct Visitor(Arc<Known>);

#[derive(Debug)]
struct Known {
    signed_in: Option<SignedIn>,
    csrf: String,
    origin: String,
    address: IpAddr,
}

/// Whoever asks, logged in. A handler that takes this is for members alone.
#[derive(Clone, Debug)]
pub struct Member {
    /// As every visitor.
    pub visitor: Visitor,
    /// Their log-in.
    pub signed_in: SignedIn,
}

/// A form that was sent, its token checked already.
#[derive(Clone, Copy, Debug)]
pub struct Sent<T>(pub T);

impl Visitor {
    /// Their log-in, if they have one.
    #[must_use]
    pub fn signed_in(&self) -> Option<&SignedIn> {
        self.0.signed_in.as_ref()
    }

    /// The token for their forms.
    #[must_use]
    pub fn csrf(&self) -> &str {
        &self.0.csrf
    }

    /// How they reach this site, `https://meet.example.org`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// Where they come from.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.0.address
    }
}

/// Finds out who asks, and lets no form through whose token is not theirs.
pub async fn recognise(State(state): State<AppState>, ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request, next: Next) -> Response {
    match enter(&state, peer, request).await {
        Ok((request, cookie)) => {
            let mut response = next.run(request).await;
            // Only a page has forms that need the cookie.
            if let Some(cookie) = cookie.filter(|_| response.headers().contains_key(header::CONTENT_TYPE)) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(problem) => problem.into_response(),
    }
}

async fn enter(state: &AppState, peer: SocketAddr, request: Request) -> Result<(Request, Option<HeaderValue>), Problem> {
    if state.meetings.is_draining() {
        return Err(Problem::Stopping);
    }
    let headers = request.headers();
    let origin = origin::site_origin(&state.config, headers).ok_or(Problem::BadRequest)?;
    let address = origin::client_address(&state.config, peer, headers);
    let signed_in = session::current(state, headers).await?;
    let (cookie, fresh) = match (&signed_in, session::visitor(&state.config, headers)) {
        (Some(_), _) => (String::new(), None),
        (None, Some(cookie)) => (cookie, None),
        (None, None) => {
            let (cookie, header) = session::new_visitor(&state.config);
            (cookie, Some(header))
        }
    };
    let binding = signed_in.as_ref().map_or(Binding::Visitor(&cookie), |signed_in| Binding::Session(signed_in.session.id));
    let csrf = csrf::token(&state.keys, binding);
    let mut request = if request.method().is_safe() {
        request
    } else {
        let (request, given) = form_token(request).await?;
        if fresh.is_some() || !csrf::is_valid(&state.keys, binding, &given) {
            return Err(Problem::StaleForm);
        }
        request
    };
    request.extensions_mut().insert(Visitor(Arc::new(Known { signed_in, csrf, origin, address })));
    Ok((request, fresh))
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf: String,
}

/// Reads the form's token and leaves the form as it was.
async fn form_token(request: Request) -> Result<(Request, String), Problem> {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, FORM_BYTES).await.map_err(|_| Problem::TooLarge)?;
    let copy = |bytes: Bytes| Request::from_parts(parts.clone(), Body::from(bytes));
    let Form(Token { csrf }) = copy(bytes.clone()).extract().await.map_err(|_| Problem::BadRequest)?;
    Ok((copy(bytes), csrf))
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or(Problem::BadRequest)
    }
}

impl<S: Sync> FromRequestParts<S> for Member {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let visitor = Visitor::from_request_parts(parts, state).await?;
        match visitor.signed_in().cloned() {
            Some(signed_in) => Ok(Self { visitor, signed_in }),
            // After a log-in one can go back to a page, not to a form that was sent.
            None => Err(Problem::LogInFirst(parts.method.is_safe().then(|| parts.uri.path().to_owned()))),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Form(form) = Form::from_request(request, state).await.map_err(|_| Problem::BadRequest)?;
        Ok(Self(form))
    }
}
