//! `fireside doctor` as an operator runs it: beside a server, before the first start, and where something is wrong.

mod broken;
mod certificates;
mod healthy;
mod secrets;
mod site;

use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::server::Server;

/// What a run said.
struct Said {
    code: i32,
    report: Value,
    /// Everything, as it was written.
    all: String,
}

impl Said {
    /// How a check came out; all of them, if it was made more than once.
    fn of(&self, group: &str, check: &str) -> Vec<&str> {
        self.matching(group, check).map(|finding| text(finding, "status")).collect()
    }

    /// What was said of it.
    fn words(&self, group: &str, check: &str) -> String {
        self.matching(group, check).map(|finding| format!("{} {}\n", text(finding, "says"), finding["advice"])).collect()
    }

    /// Every check that is no `ok`, and how it came out; without those that depend on the machine.
    fn complaints(&self) -> Vec<String> {
        let findings = self.findings().filter(|finding| text(finding, "status") != "ok" && text(finding, "group") != "limits");
        let findings = findings.filter(|finding| !(text(finding, "group") == "disk" && matches!(text(finding, "check"), "space" | "write")));
        findings.map(|finding| format!("{}.{}: {}", text(finding, "group"), text(finding, "check"), text(finding, "status"))).collect()
    }

    fn matching(&self, group: &str, check: &str) -> impl Iterator<Item = &Value> {
        self.findings().filter(move |finding| text(finding, "group") == group && text(finding, "check") == check)
    }

    fn findings(&self) -> impl Iterator<Item = &Value> {
        self.report["findings"].as_array().expect("a list").iter()
    }
}

fn text<'a>(finding: &'a Value, name: &str) -> &'a str {
    finding[name].as_str().expect("a text")
}

/// Runs it with these options and variables, for JSON.
async fn doctor(options: &[&str], variables: &[(&str, &str)]) -> Said {
    let (code, all) = run(&[&["--json"], options].concat(), variables).await;
    let report = serde_json::from_str(all.split_once("\n===\n").map_or("", |(out, _)| out)).unwrap_or_else(|error| panic!("{error} in {all}"));
    Said { code, report, all }
}

/// Runs it; its exit code and what it wrote, the two streams with `===` between them.
async fn run(options: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fireside"));
    command.arg("doctor").args(options).env_clear().envs(variables.iter().copied()).stdin(Stdio::null());
    // Elsewhere: a server that it shall ask may be on this very thread.
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("a thread").expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    (output.status.code().expect("an exit code"), format!("{}\n===\n{}", text(&output.stdout), text(&output.stderr)))
}

/// Ports that no test listens on by chance.
const RELAY_PORTS: [&str; 2] = ["--relay-ports", "61000-65535"];

/// Beside a server, with the settings that it has.
async fn beside(server: &Server, options: &[&str]) -> Said {
    let (listen, data) = (server.address.to_string(), server.data.path().display().to_string());
    let settings = ["--listen", &listen, "--data", &data, "--public-ip", "127.0.0.1,::1"];
    doctor(&[&settings[..], &RELAY_PORTS, options].concat(), &[]).await
}

/// A port that was free just now.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

/// A path as an option takes it.
fn path(path: impl AsRef<std::path::Path>) -> String {
    path.as_ref().display().to_string()
}
