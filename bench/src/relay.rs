//! The relay beside coturn: the same clients (coturn's `turnutils_uclient`) and the same peer (`turnutils_peer`), first with one server,
//! then with the other, one relaying thread each.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail, ensure};
use clap::Args;
use fireside_store::Store;
use fireside_turn::{Credentials, Secret, Subject};

use crate::process::{self, Server};

/// What peers answer at: of the machine itself and yet no address of an interface, so that both servers can be told to relay to it.
const PEER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Clients of one participant, who may relay 4 MB a second.
const OF_ONE_PARTICIPANT: u32 = 1;
const SECRET: &str = "a secret that only this run of the benchmark knows";
const REALM: &str = "fireside";

/// The relay beside coturn.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The executable to measure.
    #[arg(long, default_value = "target/release/fireside")]
    server: PathBuf,
    /// Allocations that carry datagrams at the same time.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=40))]
    clients: u32,
    /// Datagrams that each client sends; the peer sends each back.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    datagrams: u32,
    /// Milliseconds between two datagrams of one client.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    every: u32,
    /// Bytes of a datagram; may be given several times.
    #[arg(long, default_values_t = [200, 1_000])]
    bytes: Vec<u32>,
    /// How often each pair is measured, in turns.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=10))]
    rounds: u32,
    /// Allocations whose memory is measured.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(200..=2_000))]
    idle: u32,
}

/// A server that relays, of either kind.
struct Relay {
    name: &'static str,
    process: Process,
    address: SocketAddr,
}

enum Process {
    Fireside(Server),
    Coturn(Killed),
}

/// A child that does not outlive us.
struct Killed(Child);

/// What one run says.
struct Run {
    cpu: Duration,
    relayed: u64,
    lost: u64,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let peer_port = free_udp_port(PEER)?;
    let peer = Command::new("turnutils_peer").args(["-L", &PEER.to_string(), "-p", &peer_port.to_string()]).stdout(Stdio::null()).spawn();
    let _peer = Killed(peer.context("turnutils_peer cannot be started; it is in Debian's package coturn")?);
    for &bytes in &options.bytes {
        println!("{} clients, {} datagrams of {bytes} bytes each, every {} ms", options.clients, options.datagrams, options.every);
        let mut means = Vec::new();
        for name in ["coturn", "fireside"] {
            let mut per_million = Vec::new();
            for _ in 0..options.rounds {
                let relay = Relay::start(name, &options, folder.path()).await?;
                let run = relay.carry(&options, bytes, peer_port)?;
                ensure!(run.relayed > 0, "{name} relayed nothing");
                let figure = run.cpu.as_secs_f64() * 1e6 / exact(run.relayed);
                println!("  {name:9} {figure:6.2} CPU s per million relayed datagrams ({} relayed, {} lost)", run.relayed, run.lost);
                per_million.push(figure);
            }
            means.push(per_million.iter().sum::<f64>() / f64::from(options.rounds));
        }
        if let &[coturn, fireside] = means.as_slice() {
            println!("  fireside needs {:.2} of what coturn needs", fireside / coturn);
        }
    }
    for name in ["coturn", "fireside"] {
        let relay = Relay::start(name, &options, folder.path()).await?;
        println!("memory: {name:9} {:.1} KB for one allocation more", relay.memory_of_one(&options, peer_port)? / 1024.0);
    }
    Ok(())
}

impl Relay {
    async fn start(name: &'static str, options: &Options, folder: &Path) -> anyhow::Result<Self> {
        match name {
            "fireside" => Self::fireside(&options.server, &folder.join("fireside")).await,
            _ => Self::coturn(folder),
        }
    }

    async fn fireside(executable: &Path, data: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(data)?;
        // The secret is made before the server is, so that credentials can be made here too.
        let store = Store::open(&format!("sqlite://{}", data.join("fireside.db").display())).await?;
        store.secret("relay", secret()).await?;
        store.close().await;
        let process = Server::start_relay(executable, data, PEER)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, process.address().port()));
        Ok(Self { name: "fireside", process: Process::Fireside(process), address })
    }

    fn coturn(folder: &Path) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_udp_port(Ipv4Addr::LOCALHOST)?));
        let port = address.port().to_string();
        let mut command = Command::new("turnserver");
        command.args(["-n", "-L", "127.0.0.1", "-E", "127.0.0.1", "-p", &port, "--relay-threads", "1", "--no-cli", "--no-tls", "--no-dtls"]);
        command.args(["--use-auth-secret", "--static-auth-secret", SECRET, "-r", REALM, "--allow-loopback-peers", "--no-stdout-log"]);
        command.arg("--log-file").arg(folder.join("coturn.log")).arg("--pidfile").arg(folder.join("coturn.pid"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = Killed(child.context("turnserver cannot be started; it is in Debian's package coturn")?);
        let begun = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            ensure!(begun.elapsed() < Duration::from_secs(10), "turnserver did not listen within 10 s");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Self { name: "coturn", process: Process::Coturn(child), address })
    }

    /// Has datagrams carried to the peer and back, and says what that cost.
    fn carry(&self, options: &Options, bytes: u32, peer_port: u16) -> anyhow::Result<Run> {
        let before = self.cpu()?;
        let clients: Vec<_> = (0..options.clients / OF_ONE_PARTICIPANT)
            .map(|number| self.client(number, OF_ONE_PARTICIPANT, bytes, options.datagrams, options.every, peer_port))
            .collect::<anyhow::Result<_>>()?;
        let (mut relayed, mut lost) = (0, 0);
        for client in clients {
            let output = client.wait_with_output()?;
            let (sent, missing) = said(&output)?;
            // To the peer and back; which way the lost ones were lost nobody says.
            relayed += 2 * sent - missing;
            lost += missing;
        }
        Ok(Run { cpu: self.cpu()? - before, relayed, lost })
    }

    /// How much resident memory grows by one allocation with a permission.
    fn memory_of_one(&self, options: &Options, peer_port: u16) -> anyhow::Result<f64> {
        let hold = |from: u32, participants: u32| -> anyhow::Result<Vec<Killed>> {
            // Slow enough that they are all still there when memory is read.
            (from..from + participants).map(|number| self.client(number, 10, 100, 20, 1_000, peer_port).map(Killed)).collect()
        };
        // What is made once is made before.
        let first = hold(0, 2)?;
        std::thread::sleep(Duration::from_secs(5));
        let before = self.resident()?;
        let held = hold(2, options.idle / 10)?;
        std::thread::sleep(Duration::from_secs(10));
        let grown = self.resident()?.saturating_sub(before);
        drop((first, held));
        Ok(exact(grown) / f64::from(options.idle / 10 * 10))
    }

    /// Some of coturn's clients, of one participant.
    fn client(&self, participant: u32, clients: u32, bytes: u32, datagrams: u32, every: u32, peer_port: u16) -> anyhow::Result<Child> {
        let Credentials { username, password } = self.credentials(participant)?;
        let mut command = Command::new("turnutils_uclient");
        command.args(["-s", "-c", "-e", &PEER.to_string(), "-r", &peer_port.to_string(), "-p", &self.address.port().to_string()]);
        command.args(["-m", &clients.to_string(), "-l", &bytes.to_string(), "-n", &datagrams.to_string(), "-z", &every.to_string()]);
        command.args(["-u", &username, "-w", &password, &self.address.ip().to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().context("turnutils_uclient cannot be started; it is in Debian's package coturn")
    }

    fn credentials(&self, participant: u32) -> anyhow::Result<Credentials> {
        let expires = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs() + 590;
        let subject = Subject::new("bench", &format!("p{participant}")).context("a name")?;
        let fireside = secret();
        let bytes = if self.name == "fireside" { fireside.as_slice() } else { SECRET.as_bytes() };
        Ok(Secret::new(bytes).context("a secret")?.mint(&subject, expires))
    }

    fn cpu(&self) -> anyhow::Result<Duration> {
        match &self.process {
            Process::Fireside(server) => server.cpu(),
            Process::Coturn(child) => process::cpu_of(child.0.id()),
        }
    }

    fn resident(&self) -> anyhow::Result<u64> {
        match &self.process {
            Process::Fireside(server) => server.resident(),
            Process::Coturn(child) => process::resident_of(child.0.id()),
        }
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn secret() -> [u8; 32] {
    let mut secret = [0; 32];
    secret.copy_from_slice(&SECRET.as_bytes()[..32]);
    secret
}

/// How many datagrams uclient sent and how many it missed, from its last lines.
fn said(output: &Output) -> anyhow::Result<(u64, u64)> {
    let text = String::from_utf8_lossy(&output.stdout);
    let number = |before: &str| {
        let rest = text.rsplit_once(before)?.1;
        rest.trim_start().split(|byte: char| !byte.is_ascii_digit()).next()?.parse::<u64>().ok()
    };
    let (Some(sent), Some(lost)) = (number("tot_send_msgs="), number("Total lost packets ")) else {
        bail!("turnutils_uclient did not come to its end: {}", text.lines().rev().take(3).collect::<Vec<_>>().join(" | "));
    };
    Ok((sent, lost))
}

fn free_udp_port(address: Ipv4Addr) -> anyhow::Result<u16> {
    Ok(UdpSocket::bind((address, 0))?.local_addr()?.port())
}

#[allow(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn exact(count: u64) -> f64 {
    count as f64
}
