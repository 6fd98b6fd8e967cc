//! A process of Janus of our own: a folder of settings that is gone afterwards, one thread for all media, nothing but rooms.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::process;

/// What is to be loaded; each in the folder of its kind.
const LOADED: [(&str, &str); 2] = [("plugins", "libjanus_videoroom.so"), ("transports", "libjanus_websockets.so")];
const WITHIN: Duration = Duration::from_secs(10);

/// A running Janus; killed when dropped.
#[derive(Debug)]
pub(crate) struct Janus {
    child: Child,
    address: SocketAddr,
    media: IpAddr,
}

impl Janus {
    /// Starts one with rooms that are numbered from 1, its files in `folder`.
    pub(crate) fn start(folder: &Path, rooms: usize) -> anyhow::Result<Self> {
        let installed = installed().context("Janus is not installed; it is in Debian's package janus")?;
        let address = process::free_address()?;
        // It offers no address of loopback; what is sent from one address of a machine to another does not leave it either.
        let media = process::outward_address()?;
        for kind in ["settings", "plugins", "transports", "events", "loggers"] {
            fs::create_dir(folder.join(kind))?;
        }
        for (kind, name) in LOADED {
            symlink(installed.join(kind).join(name), folder.join(kind).join(name))?;
        }
        let settings = folder.join("settings");
        fs::write(settings.join("janus.jcfg"), general(folder, media))?;
        fs::write(settings.join("janus.transport.websockets.jcfg"), websockets(address))?;
        fs::write(settings.join("janus.plugin.videoroom.jcfg"), (1..=rooms).map(room).collect::<String>())?;
        let mut command = Command::new("janus");
        command.args(["--disable-colors", "--configs-folder"]).arg(&settings);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut janus = Self { child: child.context("Janus cannot be started; it is in Debian's package janus")?, address, media };
        let begun = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            ensure!(janus.child.try_wait()?.is_none(), "Janus ended at once");
            ensure!(begun.elapsed() < WITHIN, "Janus did not listen within {} s", WITHIN.as_secs());
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(janus)
    }

    /// Where its signalling listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its media is.
    pub(crate) fn media(&self) -> IpAddr {
        self.media
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Janus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder with what it can load: `/usr/lib/x86_64-linux-gnu/janus`, or that of another machine.
fn installed() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.filter_map(|entry| Some(entry.ok()?.path().join("janus")));
    folders.into_iter().find(|folder| LOADED.iter().all(|(kind, name)| folder.join(kind).join(name).exists()))
}

/// As lean as it can be: errors alone are logged, one address, nothing is asked of the other side's.
fn general(folder: &Path, media: IpAddr) -> String {
    let folder = folder.display();
    format!(
        r#"general: {{
  configs_folder = "{folder}/settings"
  plugins_folder = "{folder}/plugins"
  transports_folder = "{folder}/transports"
  events_folder = "{folder}/events"
  loggers_folder = "{folder}/loggers"
  debug_level = 1
  event_loops = 1
}}
nat: {{
  ice_lite = true
  ice_enforce_list = "{media}"
}}
"#
    )
}

fn websockets(address: SocketAddr) -> String {
    format!("general: {{\n  json = \"compact\"\n  ws = true\n  ws_ip = \"{}\"\n  ws_port = {}\n}}\n", address.ip(), address.port())
}

fn room(number: usize) -> String {
    format!(
        "room-{number}: {{\n  publishers = 100\n  bitrate = 0\n  fir_freq = 0\n  audiocodec = \"opus\"\n  videocodec = \"vp8\"\n  notify_joining = false\n}}\n"
    )
}
