//! Signing up, logging in, logging out.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use fireside_meeting::name;
use fireside_store::{Account, CreateAccountError, NewAccount};
use serde::Deserialize;
use uuid::Uuid;

use super::errors::Problem;
use super::forms::{self, Field, Fields};
use super::next;
use super::page::{self, Page};
use super::visitor::{Member, Sent, Visitor};
use super::words::{filters, t};
use crate::auth::limiter::{self, Limit};
use crate::auth::password::Checked;
use crate::auth::session;
use crate::state::{AppState, now_ms};

/// What the address of a form may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    next: String,
}

/// The sign-up form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SignUp {
    username: String,
    email: String,
    password: String,
    confirm_password: String,
    next: String,
}

/// The log-in form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct LogIn {
    login: String,
    password: String,
    next: String,
}

/// `GET /signup`.
///
/// # Errors
/// When nobody may sign up.
pub async fn sign_up_form(State(state): State<AppState>, visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Response, Problem> {
    if visitor.signed_in().is_some() {
        return Ok(page::see_other(next::own_path(&wanted.next).unwrap_or("/")));
    }
    if !state.config.sign_up {
        return Err(Problem::SignUpClosed);
    }
    show_sign_up(StatusCode::OK, &visitor, &SignUp { next: wanted.next, ..SignUp::default() }, SignUpErrors::default())
}

/// `POST /signup`.
///
/// # Errors
/// When nobody may sign up, too many do, or the database fails.
pub async fn sign_up(State(state): State<AppState>, visitor: Visitor, Sent(form): Sent<SignUp>) -> Result<Response, Problem> {
    if !state.config.sign_up {
        return Err(Problem::SignUpClosed);
    }
    let form = SignUp { username: form.username.trim().to_owned(), email: form.email.trim().to_owned(), ..form };
    let errors = SignUpErrors::of(&form);
    if errors.any() {
        return show_sign_up(StatusCode::UNPROCESSABLE_ENTITY, &visitor, &form, errors);
    }
    if let Some(retry_after_s) = limiter::take(&state, Limit::SignUpsFrom(visitor.address())).await? {
        return Err(Problem::TooMany { retry_after_s });
    }
    let new = NewAccount {
        username: form.username.clone(),
        email: form.email.clone(),
        display_name: display_name(&form.username),
        password_hash: state.passwords.hash(form.password.clone()).await,
        is_admin: false,
    };
    match state.store.create_account(new, now_ms()).await {
        // `None`: the operator has been quicker than the newcomer.
        Ok(account) => Ok(match enter(&state, &visitor, account.id, account.password_hash, &form.next).await? {
            Some(entered) => entered,
            None => page::see_other("/login"),
        }),
        Err(error) => show_sign_up(StatusCode::UNPROCESSABLE_ENTITY, &visitor, &form, SignUpErrors::taken(error)?),
    }
}

/// `GET /login`.
///
/// # Errors
/// When the page cannot be rendered.
pub async fn log_in_form(
    State(state): State<AppState>,
    visitor: Visitor,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let next = next::own_path(&wanted.next).or_else(|| next::room_before(visitor.origin(), &headers)).unwrap_or_default();
    if visitor.signed_in().is_some() {
        return Ok(page::see_other(if next.is_empty() { "/" } else { next }));
    }
    show_log_in(&state, StatusCode::OK, &visitor, &LogIn { next: next.to_owned(), ..LogIn::default() }, None)
}

/// `POST /login`. The answer, and the time that it takes, is the same whether there is such an account or not.
///
/// # Errors
/// When too many tries were made, or the database fails.
pub async fn log_in(State(state): State<AppState>, visitor: Visitor, Sent(form): Sent<LogIn>) -> Result<Response, Problem> {
    let login = form.login.trim();
    if let Some(retry_after_s) = limiter::take(&state, Limit::PasswordsFrom(visitor.address())).await? {
        return Err(Problem::TooMany { retry_after_s });
    }
    let account = state.store.account_by_login(login).await?;
    let limit = Limit::PasswordOf(account.as_ref().map_or(login, |account| &account.username));
    if let Some(retry_after_s) = limiter::take(&state, limit).await? {
        return Err(Problem::TooMany { retry_after_s });
    }
    if let Some(verified) = verified(&state, account.as_ref(), &form.password).await?
        && let Some(account) = &account
    {
        limiter::forgive(&state, limit).await?;
        if let Some(entered) = enter(&state, &visitor, account.id, verified, &form.next).await? {
            return Ok(entered);
        }
        // The password was changed while it was checked: what was typed is not it any more.
    }
    let alert = t("log-in-wrong").into_owned();
    show_log_in(&state, StatusCode::UNPROCESSABLE_ENTITY, &visitor, &LogIn { login: login.to_owned(), ..form }, Some(alert))
}

/// The hash that the account has from now on, if this is its password.
async fn verified(state: &AppState, account: Option<&Account>, password: &str) -> Result<Option<String>, Problem> {
    let kept = account.map(|account| account.password_hash.clone());
    let Checked::Right { better } = state.passwords.check(password.to_owned(), kept).await else { return Ok(None) };
    let Some(account) = account else { return Ok(None) };
    let Some(better) = better else { return Ok(Some(account.password_hash.clone())) };
    if state.store.upgrade_password_hash(account.id, &account.password_hash, &better).await? {
        return Ok(Some(better));
    }
    // Another log-in upgraded it a moment ago, or the password was changed: only a check of what is kept now can tell.
    let Some(account) = state.store.account(account.id).await? else { return Ok(None) };
    let again = state.passwords.check(password.to_owned(), Some(account.password_hash.clone())).await;
    Ok(matches!(again, Checked::Right { .. }).then_some(account.password_hash))
}

/// `POST /logout`.
///
/// # Errors
/// When the database fails; the session goes on then.
pub async fn log_out(State(state): State<AppState>, member: Member) -> Result<Response, Problem> {
    session::end(&state, member.signed_in.session.id).await?;
    Ok(with_cookie(page::see_other("/"), session::forget(&state.config)))
}

/// An answer that sets a cookie.
#[must_use]
pub(super) fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

/// Logs somebody in who knew the password that `verified` is the hash of. `None`: it is not the account's password any more.
async fn enter(state: &AppState, visitor: &Visitor, account: Uuid, verified: String, wanted: &str) -> Result<Option<Response>, Problem> {
    let before = visitor.signed_in().map(|signed_in| signed_in.session.id);
    let Some(cookie) = session::begin(state, account, verified, before).await? else { return Ok(None) };
    tracing::info!(%account, "logged in");
    Ok(Some(with_cookie(page::see_other(next::own_path(wanted).unwrap_or("/")), cookie)))
}

/// The name shown in calls until another is chosen: the user name, without the part of an address that others need not see.
fn display_name(username: &str) -> String {
    let shortened = |name: &str| name.chars().take(fireside_protocol::limits::NAME_CHARS).collect::<String>();
    let name = username.split('@').next().unwrap_or(username);
    // Some letters show nothing; then the whole of it has something to see.
    name::clean(&shortened(name)).unwrap_or_else(|_| shortened(username))
}

#[derive(Debug, Default)]
struct SignUpErrors {
    username: Option<String>,
    email: Option<String>,
    password: Option<String>,
    confirm_password: Option<String>,
}

impl SignUpErrors {
    fn of(form: &SignUp) -> Self {
        let attributes = [form.username.as_str(), form.email.as_str()];
        let (password, confirm_password) = forms::password_errors(&form.password, &form.confirm_password, &attributes);
        Self { username: forms::username_error(&form.username, &form.email), email: forms::email_error(&form.email), password, confirm_password }
    }

    fn taken(error: CreateAccountError) -> Result<Self, Problem> {
        match error {
            CreateAccountError::UsernameTaken => Ok(Self { username: Some(t("field-username-taken").into_owned()), ..Self::default() }),
            CreateAccountError::EmailTaken => Ok(Self { email: Some(t("field-email-taken").into_owned()), ..Self::default() }),
            CreateAccountError::Store(error) => Err(error.into()),
        }
    }

    fn any(&self) -> bool {
        self.username.is_some() || self.email.is_some() || self.password.is_some() || self.confirm_password.is_some()
    }
}

#[derive(Template)]
#[template(path = "signup.html")]
struct SignUpPage<'a> {
    page: Page,
    fields: Fields,
    next: &'a str,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LogInPage<'a> {
    page: Page,
    fields: Fields,
    next: &'a str,
    sign_up: bool,
}

fn show_sign_up(status: StatusCode, visitor: &Visitor, form: &SignUp, errors: SignUpErrors) -> Result<Response, Problem> {
    let fields = Fields::of([
        Field::text("username", t("sign-up-username"), &form.username).autocomplete("username").error(errors.username),
        Field::email("email", t("sign-up-email"), &form.email).error(errors.email),
        Field::password("password", t("sign-up-password"), "new-password").help(t("sign-up-password-help")).error(errors.password),
        Field::password("confirm_password", t("sign-up-confirm"), "new-password").error(errors.confirm_password),
    ]);
    page::show(status, &SignUpPage { page: Page::of(visitor), fields, next: next::own_path(&form.next).unwrap_or_default() })
}

fn show_log_in(state: &AppState, status: StatusCode, visitor: &Visitor, form: &LogIn, alert: Option<String>) -> Result<Response, Problem> {
    let fields = Fields::of([
        Field::text("login", t("log-in-login"), &form.login).autocomplete("username"),
        Field::password("password", t("log-in-password"), "current-password"),
    ]);
    let fields = Fields { alert, ..fields };
    let next = next::own_path(&form.next).unwrap_or_default();
    page::show(status, &LogInPage { page: Page::of(visitor), fields, next, sign_up: state.config.sign_up })
}
