//! Opens listening sockets, and says in the operator's words why one cannot be had.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::anyhow;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that wait to be taken in; the kernel has a bound of its own below that (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// Listens at an address. `[::]` takes IPv4 too, and where there is no IPv6 it is IPv4's `0.0.0.0`. `setting`: what the address
/// comes from, `listen` or `http_listen`.
///
/// # Errors
/// When the address is in use, not this machine's, or needs a right that the process does not have; in words for the operator.
pub fn listen(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    open(address).map_err(|error| {
        let advice = advice(&error, address, setting);
        anyhow!(error).context(format!("cannot listen on {address}{advice}"))
    })
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    match bind(address) {
        Err(error) if is_everywhere(address) && has_no_ipv6(&error) => bind((Ipv4Addr::UNSPECIFIED, address.port()).into()),
        bound => bound,
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // Whatever the system's default is (`net.ipv6.bindv6only`).
        socket.set_only_v6(!is_everywhere(address))?;
    }
    // What is left of connections of an earlier run is no reason not to start.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn is_everywhere(address: SocketAddr) -> bool {
    address.is_ipv6() && address.ip().is_unspecified()
}

/// The kernel has none (`ipv6.disable=1`), or has it switched off (`net.ipv6.conf.all.disable_ipv6`).
fn has_no_ipv6(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

/// What the operator can do about it.
fn advice(error: &io::Error, address: SocketAddr, setting: &str) -> String {
    let option = setting.replace('_', "-");
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(": another program listens there already; stop it, or choose another address with --{option}"),
        io::ErrorKind::AddrNotAvailable => format!(": this machine has no such address; choose one that it has with --{option}"),
        io::ErrorKind::PermissionDenied if address.port() < 1024 => format!(
            ": ports below 1024 need a right. Give it to the program (sudo setcap cap_net_bind_service=+ep {}), start it from a systemd unit \
             with AmbientCapabilities=CAP_NET_BIND_SERVICE, or choose another port with --{option}",
            std::env::current_exe().map_or_else(|_| "fireside".to_owned(), |path| path.display().to_string())
        ),
        _ => format!(" (choose another address with --{option})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everywhere_is_everywhere_whatever_the_family() {
        let listener = listen("[::]:0".parse().expect("an address"), "listen").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("by IPv4");
    }

    #[test]
    fn a_machine_without_ipv6_is_known_by_what_it_says() {
        let none = io::Error::from_raw_os_error(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
        assert!(has_no_ipv6(&none) && has_no_ipv6(&io::ErrorKind::AddrNotAvailable.into()));
        assert!(!has_no_ipv6(&io::ErrorKind::AddrInUse.into()) && !has_no_ipv6(&io::ErrorKind::PermissionDenied.into()));
        let everywhere = |address: &str| is_everywhere(address.parse().expect("an address"));
        assert!(everywhere("[::]:443") && !everywhere("[::1]:443") && !everywhere("0.0.0.0:443"));
    }

    #[tokio::test]
    async fn who_cannot_have_a_port_is_told_what_to_do() {
        let first = listen("127.0.0.1:0".parse().expect("an address"), "listen").expect("a port");
        let address = first.local_addr().expect("bound");
        let error = format!("{:#}", listen(address, "listen").expect_err("taken"));
        assert!(error.contains("another program listens there already") && error.contains("--listen"), "{error}");
        let error = format!("{:#}", listen("192.0.2.1:8000".parse().expect("an address"), "http_listen").expect_err("not ours"));
        assert!(error.contains("this machine has no such address") && error.contains("--http-listen"), "{error}");
        let denied = advice(&io::ErrorKind::PermissionDenied.into(), SocketAddr::from(([0, 0, 0, 0], 443)), "listen");
        assert!(denied.contains("setcap cap_net_bind_service=+ep /") && denied.contains("AmbientCapabilities"), "{denied}");
    }
}
