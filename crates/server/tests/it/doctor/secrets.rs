//! What is never said, however wrong things are.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fireside::auth::keys::Keys;

use super::{beside, doctor, folder, free, path, run};
use crate::media::client::relay_on_loopback;
use crate::ws::client::database;

const CANARY: &str = "canary-sings-at-dawn";

#[tokio::test]
async fn no_setting_that_is_secret() {
    let (data, other) = (folder(), folder());
    let file = other.path().join("fireside.toml");
    fs::write(&file, format!("metrics_token = \"{CANARY}\nlisten = 7")).expect("written");
    let address = free();
    let passwords =
        [format!("postgres://ada:{CANARY}@{address}/fireside"), format!("postgres://ada:{CANARY}/@{address}/fireside"), format!("{CANARY}:")];
    let data = path(&data);
    let common = ["--listen", "127.0.0.1:0", "--data", &data];
    let mut runs = vec![run(&["--config", &path(&file)], &[]).await];
    for password in &passwords {
        runs.push(run(&[&common[..], &["--database", password]].concat(), &[]).await);
    }
    runs.push(run(&common, &[("FIRESIDE_METRICS_TOKEN", CANARY)]).await);
    runs.push(run(&common, &[("FIRESIDE_METRICS_TOKEN", "canary-sings")]).await);
    for (number, (_, said)) in runs.iter().enumerate() {
        assert!(!said.contains("canary"), "{number}: {said}");
    }
    let codes: Vec<_> = runs.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [1, 1, 1, 1, 0, 1], "they were looked at");
}

#[tokio::test]
async fn nothing_that_a_server_keeps_to_itself() {
    let server = relay_on_loopback().await;
    let store = database(&server).await;
    let relay = *Keys::load(&store).await.expect("keys").relay();
    let (text, json) = (run(&["--listen", &server.address.to_string(), "--data", &path(&server.data)], &[]).await.1, beside(&server, &[]).await.all);
    let hex = relay.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for said in [text, json] {
        assert!(said.contains("came through"), "the relay was used: {said}");
        for secret in [hex.clone(), STANDARD.encode(relay), URL_SAFE_NO_PAD.encode(relay), "~test/".to_owned(), "credential".to_owned()] {
            assert!(!said.contains(&secret), "{said}");
        }
    }
}

/// A TLS key stays where it is, even where it is put in the wrong place.
#[tokio::test]
async fn no_key_of_a_certificate() {
    let data = folder();
    let key = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    let file = data.path().join("key.pem");
    fs::write(&file, &key).expect("written");
    let (file, data) = (path(&file), path(&data));
    let said = doctor(&["--listen", "127.0.0.1:0", "--data", &data, "--tls-cert", &file, "--tls-key", &file], &[]).await;
    assert_eq!((said.code, said.of("certificate", "kept")), (1, vec!["problem"]), "{}", said.all);
    assert!(key.lines().all(|line| line.starts_with("--") || !said.all.contains(line)), "{}", said.all);
}
