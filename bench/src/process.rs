//! A server process of our own, and what the kernel says it has used.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// A running `fireside serve`; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// From the start of the process until it answered.
    pub(crate) start_time: Duration,
}

impl Server {
    /// Starts `executable` on a free loopback port with the data folder `data`, for rooms of `people`.
    pub(crate) fn start(executable: &Path, data: &Path, people: u32) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(executable);
        command.args(["serve", "--log", "warn", "--people", &people.max(8).to_string(), "--listen", &address.to_string(), "--data"]).arg(data);
        Self::spawn(command, address)
    }

    /// Starts `executable` as a relay that may relay to `peer`.
    pub(crate) fn start_relay(executable: &Path, data: &Path, peer: Ipv4Addr) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(executable);
        command.args(["serve", "--log", "warn", "--listen", &address.to_string(), "--udp-listen", &address.to_string()]);
        command.args(["--public-ip", "127.0.0.1", "--relay-allow", &peer.to_string(), "--data"]).arg(data);
        Self::spawn(command, address)
    }

    /// Starts `executable` as a server that forwards all media, by so many threads.
    pub(crate) fn start_sfu(executable: &Path, data: &Path, media_threads: u8) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(executable);
        command.args(["serve", "--log", "warn", "--listen", &address.to_string(), "--udp-listen", &address.to_string()]);
        command.args(["--public-ip", "127.0.0.1", "--route", "server", "--people", "500", "--media-threads", &media_threads.to_string(), "--data"]);
        command.arg(data);
        Self::spawn(command, address)
    }

    /// Starts the floor to compare with, see [`crate::bare`].
    pub(crate) fn start_bare() -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bare", "--listen", &address.to_string()]);
        Self::spawn(command, address)
    }

    fn spawn(mut command: Command, address: SocketAddr) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{} cannot be started; build it with `cargo build --release`", command.get_program().display()))?;
        let mut server = Self { child, address, start_time: Duration::ZERO };
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended at once: {status}");
            }
            if begun.elapsed() > Duration::from_secs(10) {
                bail!("the server did not listen within 10 s");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        server.start_time = begun.elapsed();
        Ok(server)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// User and system CPU time it has used so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(self.child.id())
    }

    /// Its resident memory, in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        resident_of(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A free port of loopback.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// The address of this machine that looks outwards. Nothing is sent: the other address is one of the documentation's (RFC 5737).
pub(crate) fn outward_address() -> anyhow::Result<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect((Ipv4Addr::new(198, 51, 100, 1), 9)).context("this machine has no address but loopback")?;
    Ok(socket.local_addr()?.ip())
}

/// The resident memory of a process, in bytes.
pub(crate) fn resident_of(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kib * 1024)
}

/// User and system CPU time of a process: the nanoseconds of `/proc/PID/schedstat` summed over its threads (the ticks of
/// `/proc/PID/stat` are too coarse).
pub(crate) fn cpu_of(pid: u32) -> anyhow::Result<Duration> {
    let mut nanos = 0u64;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
        nanos += text.split_whitespace().next().context("empty schedstat")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// User and system CPU time of a process, of threads that have ended, too: `/proc/PID/stat`, in hundredths of a second.
pub(crate) fn all_cpu_of(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Behind the name, which may have any sign in it; the 14th and 15th of all fields.
    let (_, fields) = stat.rsplit_once(')').context("no name")?;
    let used = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(10 * used))
}
