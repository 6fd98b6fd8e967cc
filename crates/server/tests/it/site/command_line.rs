//! The executable itself: accounts by command line, settings, starting and stopping.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use reqwest::StatusCode;
use sqlx::{Connection, Executor, SqliteConnection};
use tempfile::TempDir;

use super::browser::{Browser, PASSWORD};
use crate::server::Server;

#[tokio::test]
async fn the_operator_makes_lists_changes_and_deletes_accounts() {
    let server = Server::start().await;
    let data = server.data.path();
    let made = user(data, &["create", "ana", "--email", "ana@example.org", "--name", "Ana Lima", "--admin"], PASSWORD);
    assert_eq!(said(&made), (true, "ana has an account now\n".into(), String::new()));
    assert_eq!(Browser::new(&server).log_in("ana", PASSWORD).await.status, StatusCode::SEE_OTHER);

    let (_, list, _) = said(&user(data, &["list"], ""));
    assert_eq!(list, "ana\tana@example.org\toperator\tAna Lima\n");
    let behind = Command::new(env!("CARGO_BIN_EXE_fireside")).args(["user", "list", "--data"]).arg(data).env_clear().output().expect("it runs");
    assert_eq!(said(&behind).1, list, "settings may stand behind the action");
    assert!(user(data, &["promote", "ana", "--undo"], "").status.success());
    assert!(said(&user(data, &["list"], "")).1.contains("\tmember\t"));

    let browser = Browser::new(&server);
    browser.log_in("ana", PASSWORD).await;
    assert!(user(data, &["passwd", "ana@example.org"], "seven grey geese in flight").status.success());
    assert!(!browser.is_signed_in().await, "every session has ended");
    assert_eq!(browser.log_in("ana", "seven grey geese in flight").await.status, StatusCode::SEE_OTHER);

    let (done, _, why) = said(&user(data, &["delete", "ana"], ""));
    assert!(!done && why.contains("--yes"), "{why}");
    assert!(user(data, &["delete", "ana", "--yes"], "").status.success());
    assert!(!browser.is_signed_in().await);
}

#[test]
fn the_operator_is_told_what_is_wrong() {
    let data = TempDir::new().expect("a folder");
    for (arguments, password, why) in [
        (&["create", "ana", "--email", "ana@example.org"][..], "short", "fireside: the password: A password needs 10 characters or more."),
        (&["create", "a b", "--email", "ana@example.org"], PASSWORD, "fireside: the user name: "),
        (&["create", "ana", "--email", "ana"], PASSWORD, "fireside: the e-mail address: "),
        (&["passwd", "nobody"], PASSWORD, "fireside: nobody has the user name or e-mail address \"nobody\""),
        (&["delete", "nobody", "--yes"], "", "fireside: nobody has the user name"),
    ] {
        let (done, _, said) = said(&user(data.path(), arguments, password));
        assert!(!done && said.starts_with(why), "{arguments:?}: {said}");
    }
    let output = fireside(data.path(), &["user", "create", "ana", "--email", "a@example.org", "--password", PASSWORD]).output().expect("it runs");
    assert!(!output.status.success(), "a password is no argument");
}

#[test]
fn a_server_says_where_it_is_keeps_its_data_private_and_stops_when_told() {
    let data = TempDir::new().expect("a folder");
    let folder = data.path().join("deep/er");
    let (mut child, address) = serve(&folder);
    assert!(address.starts_with("http://localhost:"), "{address}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&folder).expect("the folder").permissions().mode() & 0o777, 0o700);
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("it runs").success());
    assert!(child.wait().expect("it ends").success());
    let (mut child, _) = serve(&folder);
    child.kill().expect("killed");
    child.wait().expect("it ends");
    let (mut child, _) = serve(&folder);
    child.kill().expect("killed, and that is no harm");
    child.wait().expect("it ends");
}

#[test]
fn a_start_that_cannot_be_says_why_and_fails() {
    let data = TempDir::new().expect("a folder");
    let busy = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = busy.local_addr().expect("an address").to_string();
    let broken = data.path().join("broken");
    std::fs::create_dir(&broken).expect("a folder");
    std::fs::write(broken.join("fireside.db"), "this is not a database, and it is long enough to have a header of one".repeat(20)).expect("written");
    let file = data.path().join("a-file");
    std::fs::write(&file, "").expect("written");
    for (folder, arguments, why) in [
        (data.path(), &["--listen", "nonsense"][..], "fireside: the command line: `listen` cannot be `nonsense`; it is an address and a port"),
        (data.path(), &["--config", "/nowhere.toml"], "fireside: the configuration file /nowhere.toml cannot be read: "),
        (data.path(), &["--listen", &taken], "cannot listen on"),
        (&broken, &[], "is damaged or is not a Fireside database"),
        (&file, &[], "fireside: the data folder"),
        (data.path(), &["--database", "sqlite:///nowhere/at/all.db"], "cannot be opened"),
    ] {
        let output = fireside(folder, &[&["serve"], arguments].concat()).output().expect("it runs");
        let (done, out, said) = said(&output);
        assert!(!done && said.contains(why), "{arguments:?}: {said}");
        assert!(!said.contains("panicked") && out.is_empty(), "{arguments:?}: {out}{said}");
    }
}

#[tokio::test]
async fn a_database_that_another_program_holds_or_a_newer_fireside_wrote_is_said_to_be_so() {
    let data = TempDir::new().expect("a folder");
    assert!(user(data.path(), &["create", "ana", "--email", "ana@example.org"], PASSWORD).status.success());
    let url = format!("sqlite://{}", data.path().join("fireside.db").display());
    let mut other = SqliteConnection::connect(&url).await.expect("the database");
    other.execute("PRAGMA locking_mode = EXCLUSIVE").await.expect("set");
    other.execute("BEGIN IMMEDIATE").await.expect("locked");
    refused(data.path(), "is locked by another program; stop that program, or wait until it is done");
    other.execute("ROLLBACK").await.expect("given up");
    other.close().await.expect("closed");

    let mut newer = SqliteConnection::connect(&url).await.expect("the database");
    newer.execute("INSERT INTO fireside_migrations (version, applied_at) VALUES ('m20991231_000001_later', 0)").await.expect("written");
    newer.close().await.expect("closed");
    refused(data.path(), "was written by a newer Fireside (schema m20991231_000001_later, this one knows m");

    let mut older = SqliteConnection::connect(&url).await.expect("the database");
    older.execute("DELETE FROM fireside_migrations WHERE version LIKE 'm2099%'").await.expect("written");
    older.close().await.expect("closed");
    let (_, list, _) = said(&user(data.path(), &["list"], ""));
    assert!(list.starts_with("ana\t"), "as it was: {list}");
}

/// A start ends at once with these words, and nothing of the database is changed.
fn refused(data: &Path, why: &str) {
    let output = fireside(data, &["serve", "--listen", "127.0.0.1:0"]).output().expect("it runs");
    let (done, out, said) = said(&output);
    let database = data.join("fireside.db").display().to_string();
    assert!(!done && said.starts_with("fireside: the database ") && said.contains(&database) && said.contains(why), "{said}");
    assert!(!said.contains("panicked") && out.is_empty() && said.lines().count() == 1, "{out}{said}");
}

#[test]
fn settings_come_from_the_environment_too() {
    let data = TempDir::new().expect("a folder");
    let output = fireside(data.path(), &["serve"]).env("FIRESIDE_SIGNUP", "false").output().expect("it runs");
    let (done, _, said) = said(&output);
    assert!(!done && said.contains("unknown setting `FIRESIDE_SIGNUP`") && said.contains("FIRESIDE_SIGN_UP"), "{said}");
}

fn fireside(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fireside"));
    let (name, rest) = arguments.split_first().expect("a command");
    command.arg(name).arg("--data").arg(data).args(rest).env_clear().stdin(Stdio::null());
    command
}

fn user(data: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = fireside(data, &[&["user"], arguments].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // One that does not ask for anything may be gone already.
    let _ = writeln!(child.stdin.take().expect("its input"), "{input}");
    child.wait_with_output().expect("it ends")
}

/// Starts a server and waits until it says where it is.
fn serve(data: &Path) -> (Child, String) {
    let mut child = fireside(data, &["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    let address = line.strip_prefix("Fireside is at ").expect("where it is").trim_end().to_owned();
    (child, address)
}

fn said(output: &Output) -> (bool, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}
