//! Where something is wrong: one test for each thing.

use std::fs::{self, Permissions};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt as _;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::net::TcpListener;

use super::{beside, doctor, folder, free, path, run};
use crate::media::client::{on_loopback, relay_on_loopback};
use crate::server::Server;

async fn database(server: &Server) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(server.data.path().join("fireside.db"));
    options.connect().await.expect("a connection")
}

#[tokio::test]
async fn settings_that_cannot_be_read() {
    let said = doctor(&["--listen", "8000"], &[]).await;
    assert_eq!((said.code, said.complaints()), (1, vec!["settings.readable: problem".to_owned()]));
    assert!(said.words("settings", "readable").contains("`listen` cannot be `8000`"), "{}", said.all);
    let (code, _) = run(&["--no-such-option"], &[]).await;
    assert_eq!(code, 2, "it could not look");
}

#[tokio::test]
async fn settings_that_are_unsafe() {
    let data = folder();
    let options = ["--listen", "127.0.0.1:0", "--data", &path(&data), "--public-url", "http://meet.invalid", "--trusted-proxies", "0.0.0.0/0"];
    let said = doctor(&options, &[]).await;
    assert_eq!(said.code, 1);
    assert_eq!((said.of("settings", "public_url"), said.of("settings", "trusted_proxies")), (vec!["problem"], vec!["problem"]));
    assert_eq!(said.of("public address", "name"), ["problem"], "{}", said.all);
}

#[tokio::test]
async fn another_program_at_our_port() {
    let (listener, data) = (TcpListener::bind("127.0.0.1:0").await.expect("a port"), folder());
    let address = listener.local_addr().expect("bound").to_string();
    // It takes connections in and says nothing.
    let said = doctor(&["--listen", &address, "--data", &path(&data)], &[]).await;
    assert_eq!((said.code, said.of("ports", "tcp")), (1, vec!["problem"]), "{}", said.all);
    assert!(said.words("ports", "tcp").contains("nothing answers"), "{}", said.all);
    assert_eq!(said.of("relay", "servers"), ["skipped"], "what needs a server is left out");
}

#[tokio::test]
async fn another_program_at_our_udp_port() {
    let (socket, data) = (UdpSocket::bind("0.0.0.0:0").expect("a port"), folder());
    let listen = format!("127.0.0.1:{}", socket.local_addr().expect("bound").port());
    let said = doctor(&["--listen", &listen, "--data", &path(&data)], &[]).await;
    assert_eq!((said.code, said.of("ports", "listen")), (1, vec!["problem"]), "{}", said.all);
    assert!(said.words("ports", "listen").contains("cannot listen on UDP"), "{}", said.all);
}

#[tokio::test]
async fn no_udp_where_the_settings_say_it_is() {
    let server = relay_on_loopback().await;
    let elsewhere = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let said = beside(&server, &["--udp-listen", &elsewhere.local_addr().expect("bound").to_string()]).await;
    assert_eq!((said.code, said.complaints()[1].as_str()), (1, "ports.udp: problem"), "{}", said.all);
}

#[tokio::test]
async fn a_relay_that_is_off() {
    let server = Server::start_with(|config| {
        on_loopback(config);
        config.relay = fireside::config::Relay::Off;
    })
    .await;
    let said = beside(&server, &["--relay", "off"]).await;
    assert_eq!((said.of("relay", "relay"), said.of("relay", "stun")), (vec!["skipped"], vec!["ok"]), "{}", said.all);
    assert_eq!((said.code, said.of("settings", "relay")), (0, vec!["warning"]));
}

#[tokio::test]
async fn a_relay_whose_ports_are_taken() {
    let taken: Vec<_> = (41_000..41_017).map(|port| UdpSocket::bind(("0.0.0.0", port))).collect();
    let data = folder();
    let said =
        doctor(&["--listen", "127.0.0.1:0", "--data", &path(&data), "--public-ip", "127.0.0.1,::1", "--relay-ports", "41000-41016"], &[]).await;
    assert!(taken.len() == 17 && said.code == 1, "{}", said.all);
    assert_eq!(said.of("limits", "relay_ports"), ["problem"]);
    assert!(said.of("relay", "relay_udp").contains(&"warning"), "there is no room on it: {}", said.all);
}

#[tokio::test]
async fn a_data_folder_that_others_may_look_into() {
    let server = relay_on_loopback().await;
    fs::set_permissions(server.data.path(), Permissions::from_mode(0o755)).expect("changed");
    let said = beside(&server, &[]).await;
    assert_eq!((said.code, said.of("disk", "folder")), (1, vec!["problem"]), "{}", said.all);
    assert!(said.words("disk", "folder").contains("chmod 700"), "{}", said.all);
}

#[tokio::test]
async fn a_data_folder_that_is_none() {
    let place = folder();
    let file = place.path().join("file");
    fs::write(&file, "").expect("written");
    let said = doctor(&["--listen", "127.0.0.1:0", "--data", &path(&file)], &[]).await;
    assert_eq!((said.code, said.of("disk", "folder")), (1, vec!["problem"]), "{}", said.all);
}

#[tokio::test]
async fn a_database_of_a_newer_version() {
    let mut server = relay_on_loopback().await;
    server.stop().await;
    let newer = "INSERT INTO fireside_migrations (version, applied_at) VALUES ('m99991231_000001_later', 0)";
    let mut database = database(&server).await;
    sqlx::query(newer).execute(&mut database).await.expect("written");
    database.close().await.expect("closed");
    let data = path(&server.data);
    let said = doctor(&["--listen", "127.0.0.1:0", "--data", &data], &[]).await;
    assert_eq!((said.code, said.of("database", "schema")), (1, vec!["problem"]), "{}", said.all);
    assert!(said.words("database", "schema").contains("newer Fireside"), "{}", said.all);
}

#[tokio::test]
async fn a_database_that_another_program_has_locked() {
    let server = relay_on_loopback().await;
    let mut database = database(&server).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut database).await.expect("the lock");
    let said = beside(&server, &[]).await;
    assert_eq!((said.code, said.of("database", "lock")), (1, vec!["problem"]), "{}", said.all);
    sqlx::query("ROLLBACK").execute(&mut database).await.expect("let go of");
    assert_eq!(beside(&server, &[]).await.of("database", "lock"), ["ok"]);
}

#[tokio::test]
async fn a_database_that_is_none() {
    let data = folder();
    fs::write(data.path().join("fireside.db"), "This is a letter to my grandmother. ".repeat(1000)).expect("written");
    let said = doctor(&["--listen", "127.0.0.1:0", "--data", &path(&data)], &[]).await;
    assert_eq!((said.code, said.of("database", "schema")), (1, vec!["problem"]), "{}", said.all);
}

#[tokio::test]
async fn a_database_server_that_is_not_there() {
    let data = folder();
    let database = format!("postgres://ada@{}/fireside", free());
    let said = doctor(&["--listen", "127.0.0.1:0", "--data", &path(&data), "--database", &database], &[]).await;
    assert_eq!((said.code, said.of("database", "schema")), (1, vec!["problem"]), "{}", said.all);
}
