//! The link of a room: where its server is, and its code.

use std::fmt;
use std::str::FromStr;

use fireside_protocol::RoomCode;
use tokio_tungstenite::tungstenite::http::Uri;

/// The address of a server as people type it, without a path: `https://meet.example.org`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Site {
    /// With TLS.
    pub is_secure: bool,
    /// A name or an address in figures (of IPv6 without brackets).
    pub host: String,
    /// The port.
    pub port: u16,
}

/// A room's link: `https://meet.example.org/r/k7fq-2mzx-9tda`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoomLink {
    /// Where it is.
    pub site: Site,
    /// Which it is.
    pub code: RoomCode,
}

/// Why a text is no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLink {
    /// Neither `http://` nor `https://` and a host.
    #[error("it does not begin with http:// or https:// and a host")]
    NoSite,
    /// What follows the host is not a room.
    #[error("it does not lead to a room (…/r/k7fq-2mzx-9tda)")]
    NoRoom,
}

impl Site {
    fn read(uri: &Uri) -> Option<Self> {
        let is_secure = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        (!host.is_empty()).then_some(Self { is_secure, host, port })
    }

    /// `host` or `host:port`, as a request names it.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let is_usual = self.port == if self.is_secure { 443 } else { 80 };
        if is_usual { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_secure { "https" } else { "http" }, self.authority())
    }
}

impl FromStr for Site {
    type Err = NoLink;

    fn from_str(text: &str) -> Result<Self, NoLink> {
        Self::read(&text.trim().parse().map_err(|_| NoLink::NoSite)?).ok_or(NoLink::NoSite)
    }
}

impl FromStr for RoomLink {
    type Err = NoLink;

    fn from_str(text: &str) -> Result<Self, NoLink> {
        let uri: Uri = text.trim().parse().map_err(|_| NoLink::NoSite)?;
        let site = Site::read(&uri).ok_or(NoLink::NoSite)?;
        let code = uri.path().trim_end_matches('/').strip_prefix("/r/").ok_or(NoLink::NoRoom)?;
        Ok(Self { site, code: code.parse().map_err(|_| NoLink::NoRoom)? })
    }
}

impl fmt::Display for RoomLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/r/{}", self.site, self.code.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_rooms() {
        for (text, authority) in [
            ("https://meet.example.org/r/k7fq-2mzx-9tda", "meet.example.org"),
            (" http://127.0.0.1:8000/r/k7fq-2mzx-9tda/ ", "127.0.0.1:8000"),
            ("http://[::1]:8000/r/k7fq-2mzx-9tda?x=1", "[::1]:8000"),
        ] {
            let link: RoomLink = text.parse().expect(text);
            assert_eq!(link.site.authority(), authority);
            assert_eq!(link.code.as_str(), "k7fq-2mzx-9tda");
            assert_eq!(link.to_string().parse(), Ok(link));
        }
        for text in ["", "meet.example.org", "ftp://meet.example.org/r/k7fq-2mzx-9tda", "https://a@b/r/k7fq-2mzx-9tda", "https:///r/k7fq-2mzx-9tda"] {
            assert_eq!(text.parse::<RoomLink>(), Err(NoLink::NoSite), "{text}");
        }
        for text in ["https://meet.example.org", "https://meet.example.org/r/short", "https://meet.example.org/rooms/k7fq-2mzx-9tda"] {
            assert_eq!(text.parse::<RoomLink>(), Err(NoLink::NoRoom), "{text}");
        }
    }
}
