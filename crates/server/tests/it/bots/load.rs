//! `fireside loadtest`, as somebody runs it who wants to know what their server carries.

use std::process::{Command, Output, Stdio};

use fireside_bot::crowd::Report;

use super::forwarding_server;
use crate::ws::client::Room;

/// Runs it to its end.
async fn loadtest(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fireside"));
    command.arg("loadtest").args(arguments).env_clear().stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output()).await.expect("no fault").expect("it runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bots_fill_a_room_and_their_report_tells_what_they_saw() {
    let server = forwarding_server().await;
    let room = Room::open(&server).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (json, html) = (folder.path().join("result.json"), folder.path().join("report.html"));
    let link = server.url(&format!("/r/{}", room.code.as_str()));
    let files = [json.to_str().expect("a path"), html.to_str().expect("a path")];
    let bots = ["--publishers", "2", "--subscribers", "1", "--duration", "3s", "--profile", "grid"];
    let output = loadtest(&[&[link.as_str(), "--json", files[0], "--html", files[1]], bots.as_slice()].concat()).await;
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("3 of 3 bots in one room"), "{}", said(&output));
    let report: Report = serde_json::from_slice(&std::fs::read(&json).expect("a result")).expect("as it is written down");
    assert_eq!((report.publishers, report.subscribers, report.joined, report.is_cut_short), (2, 1, 3, false));
    assert!(report.measured_s >= 3.0 && report.totals.frames > 0 && report.totals.audio_packets > 0, "{report:?}");
    assert!(report.samples.iter().any(|sample| sample.served == 3), "media went through the server");
    let page = std::fs::read_to_string(&html).expect("a report");
    assert!(page.matches("<svg viewBox").count() >= 6 && page.contains("Load test of"), "plots");
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http"), "it needs nothing from elsewhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_nowhere_but_to_a_server_of_the_same_kind() {
    // A site that answers, but speaks another language.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let other = axum::Router::new().fallback(|| async { "Something else" });
    let site = tokio::spawn(async move { axum::serve(listener, other).await });
    let link = format!("http://{address}/r/k7fq-2mzx-9tda");
    for url in [link, format!("http://{address}")] {
        let output = loadtest(&[&url, "--publishers", "2", "--duration", "1s"]).await;
        assert!(!output.status.success(), "{url}: {}", said(&output));
    }
    site.abort();
    // Of other machines only rooms of one's own, so nobody is asked there without an account. (An address of the documentation's.)
    let output = loadtest(&["http://192.0.2.77/r/k7fq-2mzx-9tda", "--duration", "1s"]).await;
    assert!(!output.status.success() && said(&output).contains("--user"), "{}", said(&output));
    let output = loadtest(&["http://127.0.0.1:9/", "--publishers", "2001"]).await;
    assert!(!output.status.success() && said(&output).contains("at most"), "too many: {}", said(&output));
}
