//! One's own account: the name shown, the address, the password, and the end of it.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use fireside_meeting::name;
use fireside_protocol::limits::NAME_CHARS;
use fireside_store::{Account, CreateAccountError};
use serde::Deserialize;

use super::entrance::with_cookie;
use super::errors::Problem;
use super::forms::{self, Field, Fields};
use super::page::{self, Page};
use super::visitor::{Member, Sent};
use super::words::{filters, t};
use crate::auth::limiter::{self, Limit};
use crate::auth::password::Checked;
use crate::auth::session;
use crate::state::AppState;

/// What the address of the page may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Shown {
    done: String,
}

/// The name and address form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Profile {
    display_name: String,
    email: String,
}

/// The password form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewPassword {
    current_password: String,
    new_password: String,
    confirm_password: String,
}

/// The form that ends an account.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Farewell {
    delete_password: String,
}

/// `GET /account`.
///
/// # Errors
/// When the page cannot be rendered.
pub async fn show(member: Member, Query(shown): Query<Shown>) -> Result<Response, Problem> {
    let done = match shown.done.as_str() {
        "profile" => Some(t("account-profile-done").into_owned()),
        "password" => Some(t("account-password-done").into_owned()),
        _ => None,
    };
    AccountPage { done, ..AccountPage::of(&member) }.show(StatusCode::OK)
}

/// `POST /account/profile`.
///
/// # Errors
/// When the database fails.
pub async fn change_profile(State(state): State<AppState>, member: Member, Sent(form): Sent<Profile>) -> Result<Response, Problem> {
    let email = form.email.trim();
    let mut errors = (forms::line_error(&form.display_name, NAME_CHARS), forms::email_error(email));
    if let (Ok(display_name), None) = (name::clean(&form.display_name), &errors.1) {
        match state.store.update_profile(member.signed_in.account.id, &display_name, email).await {
            Ok(()) => return Ok(page::see_other("/account?done=profile")),
            Err(CreateAccountError::Store(error)) => return Err(error.into()),
            Err(_) => errors.1 = Some(t("field-email-taken").into_owned()),
        }
    }
    AccountPage { profile: profile_fields(&form.display_name, email, errors), ..AccountPage::of(&member) }.show(StatusCode::UNPROCESSABLE_ENTITY)
}

/// `POST /account/password`. Every other session of the account ends, and the calls that were joined with it; this one goes on
/// with a new token.
///
/// # Errors
/// When too many tries were made, or the database fails.
pub async fn change_password(State(state): State<AppState>, member: Member, Sent(form): Sent<NewPassword>) -> Result<Response, Problem> {
    let account = &member.signed_in.account;
    let attributes = [account.username.as_str(), account.email.as_str(), account.display_name.as_str()];
    let (weak, differs) = forms::password_errors(&form.new_password, &form.confirm_password, &attributes);
    let current = wrong_password(&state, &member, &form.current_password).await?;
    if current.is_some() || weak.is_some() || differs.is_some() {
        return AccountPage { password: password_fields(current, weak, differs), ..AccountPage::of(&member) }.show(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let session = member.signed_in.session.id;
    let hash = state.passwords.hash(form.new_password).await;
    if !state.store.change_password(account.id, Some(&account.password_hash), &hash, Some(session)).await? {
        // Somebody else, the operator perhaps, changed it meanwhile: theirs counts.
        let wrong = Some(t("account-password-wrong").into_owned());
        return AccountPage { password: password_fields(wrong, None, None), ..AccountPage::of(&member) }.show(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let cookie = session::renew(&state, session).await?;
    state.meetings.account_signed_out(account.id, Some(session)).await;
    tracing::info!(account = %account.id, "changed the password");
    Ok(with_cookie(page::see_other("/account?done=password"), cookie))
}

/// `POST /account/delete`.
///
/// # Errors
/// When too many tries were made, or the database fails.
pub async fn delete(State(state): State<AppState>, member: Member, Sent(form): Sent<Farewell>) -> Result<Response, Problem> {
    if let Some(wrong) = wrong_password(&state, &member, &form.delete_password).await? {
        return AccountPage { farewell: farewell_fields(Some(wrong)), ..AccountPage::of(&member) }.show(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let account = member.signed_in.account.id;
    let rooms = state.store.delete_account(account).await?;
    state.meetings.account_signed_out(account, None).await;
    for code in rooms {
        state.meetings.room_deleted(&code).await;
    }
    tracing::info!(%account, "deleted the account");
    Ok(with_cookie(page::see_other("/?done=deleted"), session::forget(&state.config)))
}

/// What to say if this is not the member's password. Counted like a log-in: a stolen session must not become a way to guess.
async fn wrong_password(state: &AppState, member: &Member, password: &str) -> Result<Option<String>, Problem> {
    let account = &member.signed_in.account;
    for limit in [Limit::PasswordsFrom(member.visitor.address()), Limit::PasswordOf(&account.username)] {
        if let Some(retry_after_s) = limiter::take(state, limit).await? {
            return Err(Problem::TooMany { retry_after_s });
        }
    }
    match state.passwords.check(password.to_owned(), Some(account.password_hash.clone())).await {
        Checked::Wrong => Ok(Some(t("account-password-wrong").into_owned())),
        Checked::Right { .. } => {
            limiter::forgive(state, Limit::PasswordOf(&account.username)).await?;
            Ok(None)
        }
    }
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    page: Page,
    account: &'a Account,
    done: Option<String>,
    profile: Fields,
    password: Fields,
    farewell: Fields,
}

impl<'a> AccountPage<'a> {
    fn of(member: &'a Member) -> Self {
        let account = &member.signed_in.account;
        Self {
            page: Page::of(&member.visitor),
            account,
            done: None,
            profile: profile_fields(&account.display_name, &account.email, (None, None)),
            password: password_fields(None, None, None),
            farewell: farewell_fields(None),
        }
    }

    fn show(&self, status: StatusCode) -> Result<Response, Problem> {
        page::show(status, self)
    }
}

fn profile_fields(display_name: &str, email: &str, errors: (Option<String>, Option<String>)) -> Fields {
    Fields::of([
        Field::text("display_name", t("account-name"), display_name).autocomplete("name").help(t("account-name-help")).error(errors.0),
        Field::email("email", t("account-email"), email).error(errors.1),
    ])
}

fn password_fields(current: Option<String>, new: Option<String>, confirm: Option<String>) -> Fields {
    Fields::of([
        Field::password("current_password", t("account-password-current"), "current-password").error(current),
        Field::password("new_password", t("account-password-new"), "new-password").help(t("sign-up-password-help")).error(new),
        Field::password("confirm_password", t("account-password-confirm"), "new-password").error(confirm),
    ])
}

fn farewell_fields(error: Option<String>) -> Fields {
    Fields::of([Field::password("delete_password", t("account-delete-password"), "current-password").error(error)])
}
