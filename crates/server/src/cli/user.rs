//! `fireside user`: what the operator does with accounts, on the database itself.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use fireside_meeting::name;
use fireside_store::{Account, NewAccount, Store};

use super::settings::Settings;
use crate::auth::{password, rules};
use crate::boot;
use crate::site::forms;
use crate::state::now_ms;

/// Make, list, change and delete accounts.
#[derive(Debug, Args)]
pub(super) struct User {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make an account. The password is asked for, or read from standard input.
    Create {
        /// The user name.
        username: String,
        /// The e-mail address.
        #[arg(long)]
        email: String,
        /// The name shown in calls; by default the user name.
        #[arg(long)]
        name: Option<String>,
        /// Marked as an operator (there are no pages for operators yet).
        #[arg(long)]
        admin: bool,
    },
    /// List the accounts.
    List,
    /// Set a password and end every session of the account. It is asked for, or read from standard input.
    Passwd {
        /// The user name or e-mail address.
        user: String,
    },
    /// Mark an account as an operator (there are no pages for operators yet).
    Promote {
        /// The user name or e-mail address.
        user: String,
        /// Take the mark away instead.
        #[arg(long)]
        undo: bool,
    },
    /// Delete an account with its rooms and their chat.
    Delete {
        /// The user name or e-mail address.
        user: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

impl User {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = self.settings.load()?;
        let action = self.action;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the threads cannot be started")?;
        runtime.block_on(async {
            let store = boot::open_store(&config).await?;
            let done = action.run(&store).await;
            store.close().await;
            done
        })
    }
}

impl Action {
    async fn run(self, store: &Store) -> anyhow::Result<()> {
        match self {
            Self::Create { username, email, name, admin } => create(store, username, email, name, admin).await,
            Self::List => list(store).await,
            Self::Passwd { user } => passwd(store, &user).await,
            Self::Promote { user, undo } => promote(store, &user, !undo).await,
            Self::Delete { user, yes } => delete(store, &user, yes).await,
        }
    }
}

async fn create(store: &Store, username: String, email: String, name: Option<String>, is_admin: bool) -> anyhow::Result<()> {
    if let Some(error) = forms::username_error(&username, &email) {
        bail!("the user name: {error}");
    }
    if let Some(error) = forms::email_error(&email) {
        bail!("the e-mail address: {error}");
    }
    let display_name = name::clean(name.as_deref().unwrap_or(&username)).context("the name")?;
    let password = new_password(&[&username, &email, &display_name])?;
    let new = NewAccount { username, email, display_name, password_hash: password::hash(&password), is_admin };
    let account = store.create_account(new, now_ms()).await?;
    say(&format!("{} has an account now", account.username))
}

async fn list(store: &Store) -> anyhow::Result<()> {
    for account in store.accounts().await? {
        let role = if account.is_admin { "operator" } else { "member" };
        say(&format!("{}\t{}\t{role}\t{}", account.username, account.email, account.display_name))?;
    }
    Ok(())
}

async fn passwd(store: &Store, user: &str) -> anyhow::Result<()> {
    let account = find(store, user).await?;
    let password = new_password(&[&account.username, &account.email, &account.display_name])?;
    if !store.change_password(account.id, None, &password::hash(&password), None).await? {
        bail!("{} has no account any more", account.username);
    }
    say(&format!("{} has a new password, and every session has ended", account.username))
}

async fn promote(store: &Store, user: &str, is_admin: bool) -> anyhow::Result<()> {
    let account = find(store, user).await?;
    store.set_admin(account.id, is_admin).await?;
    say(&format!("{} is {} now", account.username, if is_admin { "an operator" } else { "a member like others" }))
}

async fn delete(store: &Store, user: &str, yes: bool) -> anyhow::Result<()> {
    let account = find(store, user).await?;
    if !yes && !is_sure(&account)? {
        bail!("nothing was deleted");
    }
    let rooms = store.delete_account(account.id).await?;
    say(&format!("{} is deleted, with {} rooms", account.username, rooms.len()))
}

async fn find(store: &Store, user: &str) -> anyhow::Result<Account> {
    store.account_by_login(user).await?.with_context(|| format!("nobody has the user name or e-mail address {user:?}"))
}

/// A password that the rules accept: asked for twice on a terminal, else the first line of standard input. Never an argument,
/// which every user of the machine can read.
fn new_password(attributes: &[&str]) -> anyhow::Result<String> {
    let password = if std::io::stdin().is_terminal() {
        let password = rpassword::prompt_password("New password: ").context("the password cannot be read")?;
        if password != rpassword::prompt_password("The same again: ").context("the password cannot be read")? {
            bail!("the two passwords are not the same");
        }
        password
    } else {
        first_line()?
    };
    match rules::accept(&password, attributes) {
        Ok(()) => Ok(password),
        Err(weakness) => bail!("the password: {}", forms::weakness_sentence(weakness)),
    }
}

fn is_sure(account: &Account) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("to delete without being asked, say --yes");
    }
    write!(std::io::stderr(), "Delete {} with all rooms and their chat? Type the user name to go on: ", account.username)?;
    Ok(first_line()? == account.username)
}

fn first_line() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("standard input cannot be read")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("standard output cannot be written")
}
