//! A PostgreSQL server for this run: its data in a new folder, a free port of the loopback address, a password.
//!
//! It ends with this process, however that ends: a shell that waits for the end of its standard input, a pipe that
//! only this process holds, then stops the server and removes the folder.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Marks in every URL of ours what no error and no log may show.
pub(crate) const PASSWORD: &str = "s3cret-of-the-tests";

const OFF: &str = "FIRESIDE_TEST_POSTGRES";

/// `$1` the folder of the programs, `$2` the port, `$3` the password.
const SCRIPT: &str = r#"
set -eu
# "password", not SCRAM: unoptimised, SCRAM costs the client a tenth of a second per connection.
data=$(mktemp -d "${TMPDIR:-/tmp}/fireside-postgres-XXXXXX")
trap 'rm -rf "$data"' EXIT
printf '%s' "$3" > "$data/password"
"$1/initdb" --pgdata "$data/db" --username fireside --pwfile "$data/password" --auth password --encoding UTF8 --locale C --no-sync >"$data/initdb.log" 2>&1 ||
    { cat "$data/initdb.log" >&2; exit 1; }
"$1/postgres" -D "$data/db" -p "$2" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=300 </dev/null &
server=$!
trap '' INT TERM HUP
while read -r line; do :; done
kill -QUIT "$server" 2>/dev/null || true
wait "$server" || true
"#;

pub(crate) struct Server {
    port: u16,
    /// Its standard input is the pipe that keeps the server up.
    _watch: Child,
}

impl Server {
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://fireside:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

/// The server of this run, started when it is first asked for; `None`: left out by the environment.
pub(crate) fn running() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(start_unless_off).as_ref()
}

/// Another server, for a test that stops it. `None`: left out by the environment.
pub(crate) fn another() -> Option<Server> {
    start_unless_off()
}

fn start_unless_off() -> Option<Server> {
    if std::env::var(OFF).is_ok_and(|value| value == "off") {
        visible("PostgreSQL: left out, FIRESIDE_TEST_POSTGRES=off");
        return None;
    }
    let Some(programs) = programs() else {
        panic!(
            "PostgreSQL is not installed: no /usr/lib/postgresql/*/bin/initdb. Install Debian's package \"postgresql\" \
             (apt-get install postgresql), or leave its half of the suite out with {OFF}=off."
        );
    };
    (0..5).find_map(|_| start(&programs)).or_else(|| panic!("PostgreSQL did not start; its words are above"))
}

/// `None`: it said why on standard error, the port having been taken meanwhile, say.
fn start(programs: &Path) -> Option<Server> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut watch = as_ordinary_user()
        .args(["sh", "-c", SCRIPT, "sh"])
        .args([programs.to_str().unwrap(), &port.to_string(), PASSWORD])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut words = BufReader::new(watch.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut said = Vec::new();
    let ready = words.by_ref().any(|line| {
        let ready = line.contains("ready to accept connections");
        said.push(line);
        ready
    });
    if !ready {
        visible(&said.join("\n"));
        watch.wait().unwrap();
        return None;
    }
    // What it says later is read, so that it never waits for a reader.
    std::thread::spawn(move || words.for_each(drop));
    Some(Server { port, _watch: watch })
}

/// The newest PostgreSQL of this machine. Debian keeps its programs out of the PATH.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path());
    let complete = versions.map(|version| version.join("bin")).filter(|bin| bin.join("initdb").exists() && bin.join("postgres").exists());
    complete.max_by_key(|bin| bin.parent().and_then(Path::file_name).and_then(|name| name.to_str()).and_then(|name| name.parse::<u32>().ok()))
}

/// PostgreSQL refuses to run as root; Debian's package brings a user for it.
fn as_ordinary_user() -> Command {
    let mut command;
    if is_root() {
        command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]);
    } else {
        command = Command::new("env");
    }
    command
}

pub(crate) fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

/// A line that is seen whether the test passes or not: past the capture of the test harness.
pub(crate) fn visible(line: &str) {
    let mut terminal = std::io::stderr();
    writeln!(terminal, "{line}").unwrap();
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self._watch.stdin.take());
        let _ = self._watch.wait();
    }
}
