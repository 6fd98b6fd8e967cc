//! Where all is as it should be.

use std::fs;

use super::{beside, doctor, folder, path, run};
use crate::media::client::{on_loopback, relay_on_loopback};
use crate::server::Server;

#[tokio::test]
async fn beside_a_server_everything_is_looked_at() {
    let server = relay_on_loopback().await;
    let said = beside(&server, &[]).await;
    assert_eq!(said.complaints(), ["certificate.kind: skipped", "public address.name: skipped", "clock.right: skipped"], "{}", said.all);
    assert_eq!(said.code, 0);
    let mut seen: Vec<_> = said.findings().map(|one| format!("{}.{}", super::text(one, "group"), super::text(one, "check"))).collect();
    seen.dedup();
    insta::assert_snapshot!(seen.join("\n"), @r"
    settings.public_url
    settings.trusted_proxies
    settings.sign_up
    settings.metrics_token
    settings.relay
    settings.relay_ports
    certificate.kind
    ports.tcp
    ports.udp
    public address.name
    relay.stun
    relay.relay_udp
    relay.relay_tcp
    database.schema
    database.answers
    database.lock
    database.sound
    disk.folder
    disk.write
    disk.space
    clock.plausible
    clock.right
    limits.descriptors
    limits.udp_buffers
    limits.relay_ports
    limits.memory
    ");
    assert!(said.words("ports", "tcp").contains("Fireside runs"), "{}", said.all);
    assert!(said.words("relay", "relay_udp").contains("50 of 50"), "{}", said.all);
}

#[tokio::test]
async fn the_json_has_the_form_that_is_promised() {
    let data = folder();
    let said = doctor(&["--listen", "127.0.0.1:0", "--data", &path(&data), "--relay", "off"], &[]).await;
    let keys = |value: &serde_json::Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&said.report), ["findings", "fireside", "result", "version"]);
    assert_eq!((said.report["version"].as_u64(), said.report["fireside"].as_str()), (Some(1), Some(env!("CARGO_PKG_VERSION"))));
    assert_eq!(said.report["result"], "warning", "the relay is off");
    for finding in said.findings() {
        assert_eq!(keys(finding), ["advice", "check", "group", "says", "status"]);
        let is_ok = finding["status"] == "ok";
        assert_eq!(finding["advice"].is_null(), is_ok, "who hears of something hears what to do: {finding}");
        assert!(super::text(finding, "says").ends_with(['.', ')']), "a sentence: {finding}");
        assert!(["ok", "warning", "problem", "skipped"].contains(&super::text(finding, "status")));
    }
    assert_eq!(said.code, 0, "a warning is no problem");
}

#[tokio::test]
async fn before_the_first_start_a_server_is_made_for_the_look_and_leaves_nothing() {
    let (place, temporary) = (folder(), folder());
    let data = place.path().join("data");
    let options = ["--listen", "127.0.0.1:0", "--public-ip", "127.0.0.1,::1", "--data", &path(&data)];
    let said = doctor(&options, &[("TMPDIR", &path(&temporary))]).await;
    assert_eq!(said.complaints(), ["certificate.kind: skipped", "public address.name: skipped", "clock.right: skipped"], "{}", said.all);
    assert_eq!((said.code, said.of("relay", "relay_tcp")), (0, vec!["ok"]));
    assert!(said.words("ports", "tcp").contains("one was started for this look"), "{}", said.all);
    assert!(said.words("database", "schema").contains("no database yet"), "{}", said.all);
    assert!(!data.exists(), "the data folder is the first start's to make");
    assert_eq!(fs::read_dir(temporary.path()).expect("a folder").count(), 0, "its own is gone");
}

#[tokio::test]
async fn a_server_notices_nothing_and_its_files_stay_as_they_are() {
    let server = Server::start_with(on_loopback).await;
    let files = || {
        let names = fs::read_dir(server.data.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let before = files();
    assert_eq!(beside(&server, &[]).await.code, 0);
    assert_eq!(files(), before);
    let alive = reqwest::get(server.url("/readyz")).await.expect("an answer");
    assert!(alive.status().is_success());
}

#[tokio::test]
async fn people_read_sentences_without_colours_where_there_is_no_terminal() {
    let data = folder();
    let (code, said) = run(&["--listen", "127.0.0.1:0", "--data", &path(&data)], &[]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("Settings\n ok There is no public address"), "{said}");
    assert!(said.contains("\nRelay\n") && !said.contains('\u{1b}'), "{said}");
    assert!(said.ends_with("\n===\n"), "nothing on standard error: {said}");
}
