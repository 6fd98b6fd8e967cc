//! What the system lets the server have: descriptors, buffers of UDP, ports for the relay, memory.

use std::net::{Ipv4Addr, UdpSocket};
use std::ops::RangeInclusive;

use rand::RngExt as _;
use rustix::process::{Resource, getrlimit};

use super::finding::{Finding, Findings};
use crate::config::{Config, Relay};

/// Of descriptors: people in calls hold one each, and with the relay some more.
const DESCRIPTORS: u64 = 4096;
/// The least that a day with a few calls gets by with.
const DESCRIPTORS_AT_LEAST: u64 = 256;
/// Of bytes: a quarter of a second of ten large calls fits.
const BUFFER: u64 = 1 << 20;
/// Ports that are tried.
const TRIED: usize = 24;
/// Of bytes.
const MEMORY: u64 = 256 << 20;

/// What was seen.
struct Seen {
    descriptors: Option<u64>,
    /// The most that a socket may have for what comes, and for what goes.
    buffers: Option<(u64, u64)>,
    /// The relay's ports that were tried, and how many of them were taken. None, where there is no relay.
    ports: Option<(RangeInclusive<u16>, usize)>,
    /// Those that the system gives to anybody.
    ephemeral: Option<RangeInclusive<u16>>,
    memory: Option<u64>,
}

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut found = Findings::of("limits");
    judge(&look(config), &mut found);
    found.into_vec()
}

fn look(config: &Config) -> Seen {
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse().ok();
    let taken = (config.relay != Relay::Off).then(|| (config.relay_ports.clone(), taken(&config.relay_ports)));
    Seen {
        descriptors: Some(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)),
        buffers: number("/proc/sys/net/core/rmem_max").zip(number("/proc/sys/net/core/wmem_max")),
        ports: taken,
        ephemeral: std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok().and_then(|text| range(&text)),
        memory: std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text)).map(|bytes| bytes.min(left_of_group())),
    }
}

/// How many of some ports, chosen by chance, somebody else sits on.
fn taken(ports: &RangeInclusive<u16>) -> usize {
    let mut random = rand::rng();
    (0..TRIED).filter(|_| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, random.random_range(ports.clone()))).is_err()).count()
}

/// Two numbers.
fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut numbers = text.split_whitespace().map(str::parse);
    Some(numbers.next()?.ok()?..=numbers.next()?.ok()?)
}

/// Of /proc/meminfo, in bytes.
fn available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

/// What the group of processes that we are in may still take (a container's limit, for example).
fn left_of_group() -> u64 {
    let number = |file: &str| std::fs::read_to_string(format!("/sys/fs/cgroup/{file}")).ok()?.trim().parse::<u64>().ok();
    number("memory.max").map_or(u64::MAX, |most| most.saturating_sub(number("memory.current").unwrap_or_default()))
}

fn judge(seen: &Seen, found: &mut Findings) {
    descriptors(seen, found);
    if let Some((receive, send)) = seen.buffers {
        let least = receive.min(send);
        if least < BUFFER {
            let says = format!("A UDP socket may keep {} KB at most: a burst of several calls is lost.", least >> 10);
            found.warning("udp_buffers", says, "sysctl -w net.core.rmem_max=4194304 net.core.wmem_max=4194304 (and in /etc/sysctl.d, to stay).");
        } else {
            found.ok("udp_buffers", format!("A UDP socket may keep {} KB.", least >> 10));
        }
    }
    relay_ports(seen, found);
    if let Some(memory) = seen.memory {
        let mebibytes = memory >> 20;
        if memory < MEMORY {
            found.warning(
                "memory",
                format!("Little memory is free: {mebibytes} MB."),
                "Give the machine (or the container) more, or stop what else runs.",
            );
        } else {
            found.ok("memory", format!("Memory is free: {mebibytes} MB."));
        }
    }
}

fn descriptors(seen: &Seen, found: &mut Findings) {
    let Some(count) = seen.descriptors else { return };
    let advice = "LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536.";
    let says = format!("A process may have {count} descriptors when it is started as this look was");
    if count < DESCRIPTORS_AT_LEAST {
        found.problem("descriptors", format!("{says}: that is too few for more than a handful of people."), advice);
    } else if count < DESCRIPTORS {
        found.warning("descriptors", format!("{says}: enough for some hundred people."), advice);
    } else if count == u64::MAX {
        found.ok("descriptors", "A process may have as many descriptors as it likes.");
    } else {
        found.ok("descriptors", format!("{says}."));
    }
}

fn relay_ports(seen: &Seen, found: &mut Findings) {
    let Some((ports, taken)) = &seen.ports else { return };
    let (first, last) = (ports.start(), ports.end());
    let shared =
        seen.ephemeral.as_ref().map_or(0, |other| usize::from(*other.end().min(last)).saturating_sub(usize::from(*other.start().max(first))) + 1);
    let is_shared = seen.ephemeral.as_ref().is_some_and(|other| other.start() <= last && first <= other.end()) && shared * 10 >= ports.len() * 9;
    if taken * 2 >= TRIED {
        let says = format!("Of the relay's ports ({first}-{last}), {taken} of {TRIED} that were tried are taken.");
        found.problem("relay_ports", says, "Choose other ones with --relay-ports, or stop what sits on them.");
    } else if *taken > 2 || is_shared {
        let says =
            format!("The relay's ports ({first}-{last}) are also those that the system gives to other programs ({taken} of {TRIED} are taken).");
        found.warning("relay_ports", says, "Choose other ones with --relay-ports, or keep them free by net.ipv4.ip_local_reserved_ports.");
    } else {
        found.ok("relay_ports", format!("The relay's ports ({first}-{last}) are free."));
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    fn seen() -> Seen {
        Seen {
            descriptors: Some(65_536),
            buffers: Some((4 << 20, 4 << 20)),
            ports: Some((49_152..=65_535, 0)),
            ephemeral: Some(32_768..=60_999),
            memory: Some(1 << 30),
        }
    }

    fn told(seen: &Seen) -> Vec<(&'static str, Status)> {
        let mut found = Findings::of("limits");
        judge(seen, &mut found);
        found.into_vec().into_iter().filter(|finding| finding.status != Status::Ok).map(|finding| (finding.check, finding.status)).collect()
    }

    #[test]
    fn each_limit_is_judged() {
        assert_eq!(told(&seen()), [], "the usual ranges overlap, and that is fine");
        assert_eq!(told(&Seen { descriptors: Some(1024), ..seen() }), [("descriptors", Status::Warning)]);
        assert_eq!(told(&Seen { descriptors: Some(64), ..seen() }), [("descriptors", Status::Problem)]);
        assert_eq!(told(&Seen { buffers: Some((212_992, 4 << 20)), ..seen() }), [("udp_buffers", Status::Warning)]);
        assert_eq!(told(&Seen { ports: Some((40_000..=41_000, 1)), ..seen() }), [("relay_ports", Status::Warning)]);
        assert_eq!(told(&Seen { ports: Some((49_152..=65_535, 20)), ..seen() }), [("relay_ports", Status::Problem)]);
        assert_eq!(told(&Seen { ports: Some((61_000..=65_535, 0)), ..seen() }), []);
        assert_eq!(told(&Seen { memory: Some(100 << 20), ..seen() }), [("memory", Status::Warning)]);
        let nothing = Seen { descriptors: None, buffers: None, ports: None, ephemeral: None, memory: None };
        assert_eq!(told(&nothing), [], "what cannot be seen is not judged");
    }

    #[test]
    fn what_the_system_writes_is_read() {
        assert_eq!(range("32768\t60999\n"), Some(32_768..=60_999));
        assert_eq!(available("MemTotal: 16 kB\nMemAvailable:     204800 kB\n"), Some(200 << 20));
        assert_eq!(range(""), None);
    }
}
