//! The executable in a process of its own: what it says, and what becomes of it when the system gives it little.

mod crowd;
mod log;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use crate::server::Server;

/// A server in a process of its own, which ends with the test.
pub(crate) struct Process {
    pub(crate) server: Server,
    pub(crate) child: Child,
    arguments: Vec<String>,
    output: BufReader<ChildStdout>,
    /// What it said first on standard output.
    first: String,
}

impl Process {
    /// Starts one and waits until it says where it is.
    pub(crate) fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::run(Command::new(env!("CARGO_BIN_EXE_fireside")), arguments, variables)
    }

    /// One that may have so many descriptors.
    fn with_descriptors(most: usize) -> Self {
        let mut command = Command::new("/usr/bin/prlimit");
        command.arg(format!("--nofile={most}")).arg(env!("CARGO_BIN_EXE_fireside"));
        Self::run(command, &[], &[])
    }

    fn run(mut command: Command, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let data = TempDir::new().expect("a folder");
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.path()).args(arguments).env_clear().envs(variables.iter().copied());
        let (child, output, first) = spawn(command, &data);
        let port = first.trim_end().rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("where it is, not {first:?}"));
        let server = Server::elsewhere(SocketAddr::from(([127, 0, 0, 1], port)), data);
        Self { server, arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(), child, output, first }
    }

    /// Ends it as a fault of the machine does, and starts another in its place: on the same data, at the same address.
    pub(crate) fn kill_and_start_again(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
        let mut command = Command::new(env!("CARGO_BIN_EXE_fireside"));
        command
            .args(["serve", "--listen", &self.server.address.to_string(), "--data"])
            .arg(self.server.data.path())
            .args(&self.arguments)
            .env_clear();
        (self.child, self.output, self.first) = spawn(command, &self.server.data);
    }

    /// Ends it as a service manager does; all that it has said.
    pub(crate) fn stop(mut self) -> String {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("it runs").success());
        assert!(self.child.wait().expect("it ends").success());
        let mut said = std::mem::take(&mut self.first);
        self.output.read_to_string(&mut said).expect("text");
        said + &fs::read_to_string(self.server.data.path().join("stderr")).expect("text")
    }
}

/// Waits until it says where it is.
fn spawn(mut command: Command, data: &TempDir) -> (Child, BufReader<ChildStdout>, String) {
    let said = File::options().create(true).append(true).open(data.path().join("stderr")).expect("a file");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(said).spawn().expect("it starts");
    let mut output = BufReader::new(child.stdout.take().expect("its output"));
    let mut first = String::new();
    output.read_line(&mut first).expect("a line");
    (child, output, first)
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
