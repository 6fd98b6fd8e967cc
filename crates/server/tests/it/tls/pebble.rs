//! Pebble, Let's Encrypt's own ACME server for tests, with a DNS of its own, at an address of this machine that no other test has.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::client::{ask, connect, trusting};
use super::files::Authority;
use super::patience::until;

/// The name that certificates are asked for.
pub(super) const NAME: &str = "meet.example.test";
/// Where it looks for proofs by TLS and by HTTP.
const TLS_PORT: u16 = 5001;
const HTTP_PORT: u16 = 5002;
const ACME_PORT: u16 = 14_000;
const MANAGEMENT_PORT: u16 = 15_000;
const DNS_PORT: u16 = 8053;

/// An ACME server that runs.
pub(super) struct Pebble {
    address: Ipv4Addr,
    folder: TempDir,
    /// Who vouches for its own TLS.
    authority: Authority,
    programs: Vec<Child>,
}

impl Pebble {
    /// One that looks for the name at the address where it is itself.
    pub(super) async fn start() -> Self {
        // 127.0.0.0/8 is this machine; a test that draws another's number would be told that the port is taken.
        let [a, b]: [u8; 2] = rand::random();
        let address = Ipv4Addr::new(127, 77, a, b.clamp(1, 254));
        let mut pebble = Self { address, folder: TempDir::new().expect("a folder"), authority: Authority::new(), programs: Vec::new() };
        let (certificate, key) = pebble.authority.vouch(&address.to_string(), 90);
        std::fs::write(pebble.path("cert.pem"), certificate).expect("written");
        std::fs::write(pebble.path("key.pem"), key).expect("written");
        std::fs::write(pebble.path("ca.pem"), &pebble.authority.pem).expect("written");
        pebble.find_name_at(address).await;
        pebble.resume().await;
        pebble
    }

    /// The DNS has another address for the name from now on.
    pub(super) async fn find_name_at(&mut self, address: Ipv4Addr) {
        self.end("pebble-challtestsrv");
        let dns = format!("{}:{DNS_PORT}", self.address);
        let mut command = Command::new("pebble-challtestsrv");
        command.args(["-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", "", "-management", ""]);
        self.run(command.args(["-dns01", &dns, "-defaultIPv4", &address.to_string()]));
        let tcp: SocketAddr = dns.parse().expect("an address");
        until("its DNS", async || tokio::net::TcpStream::connect(tcp).await.ok()).await;
    }

    /// It runs, with authorities of a new run: Pebble forgets everything.
    pub(super) async fn resume(&mut self) {
        let address = self.address;
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("{address}:{ACME_PORT}"),
            "managementListenAddress": format!("{address}:{MANAGEMENT_PORT}"),
            "certificate": self.path("cert.pem"),
            "privateKey": self.path("key.pem"),
            "httpPort": HTTP_PORT,
            "tlsPort": TLS_PORT,
            "ocspResponderURL": "",
        }});
        std::fs::write(self.path("config.json"), config.to_string()).expect("written");
        let dns = format!("{address}:{DNS_PORT}");
        let mut command = Command::new("pebble");
        // It asks again where it might remember, refuses every twentieth nonce, and takes no naps.
        command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0").arg("-config").arg(self.path("config.json"));
        self.run(command.args(["-strict=false", "-dnsserver", &dns]));
        for port in [ACME_PORT, MANAGEMENT_PORT] {
            until("the ACME server", async || tokio::net::TcpStream::connect((address, port)).await.ok()).await;
        }
    }

    /// It is down.
    pub(super) fn interrupt(&mut self) {
        self.end("pebble");
    }

    /// Who vouches for the certificates that it gives, in PEM.
    pub(super) async fn root(&self) -> String {
        let address = SocketAddr::from((self.address, MANAGEMENT_PORT));
        let stream = connect(address, &self.address.to_string(), trusting(&self.authority.pem)).await.expect("a handshake");
        let answer = ask(stream, &address.to_string(), "/roots/0").await;
        answer.split_once("\r\n\r\n").expect("an answer").1.to_owned()
    }

    pub(super) fn address(&self) -> Ipv4Addr {
        self.address
    }

    pub(super) fn directory(&self) -> String {
        format!("https://{}:{ACME_PORT}/dir", self.address)
    }

    /// Who vouches for the ACME server itself.
    pub(super) fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// Where it looks for a proof by TLS.
    pub(super) fn tls(&self) -> SocketAddr {
        (self.address, TLS_PORT).into()
    }

    /// Where it looks for a proof by HTTP.
    pub(super) fn http(&self) -> SocketAddr {
        (self.address, HTTP_PORT).into()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&mut self, command: &mut Command) {
        let name = command.get_program().to_string_lossy().into_owned();
        let said = File::create(self.path(&format!("{name}.log"))).expect("a file");
        let child = command.stdin(Stdio::null()).stdout(said.try_clone().expect("a file")).stderr(said).spawn();
        let advice = format!("{name} is needed for the tests of ACME; on Debian: sudo apt-get install pebble");
        self.programs.push(child.unwrap_or_else(|error| panic!("{advice} ({error})")));
    }

    fn end(&mut self, name: &str) {
        let is_it = |child: &Child| {
            let command = std::fs::read_to_string(format!("/proc/{}/comm", child.id())).unwrap_or_default();
            // The kernel keeps the first fifteen letters.
            command.trim_end() == &name[..name.len().min(15)]
        };
        for child in self.programs.extract_if(.., |child| is_it(child)) {
            end(child);
        }
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.programs.drain(..).for_each(end);
    }
}

fn end(mut child: Child) {
    // It may have ended already.
    let _ = child.kill();
    let _ = child.wait();
}
