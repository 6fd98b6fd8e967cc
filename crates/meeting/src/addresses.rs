//! What a signal tells of the addresses of whoever sent it, taken out: for meetings whose media goes through the relay alone.
//!
//! A browser that is told to use the relay alone says none of this by itself. This holds for a client that does not do as it is
//! told. Only what is known to tell nothing is let through.

use std::net::IpAddr;

use fireside_protocol::SignalBody;

/// Attributes of a description that hold addresses beside its candidates: RFC 8839 §5.2, RFC 6947, RFC 4570, and an early draft of ICE.
const TELLING: [&str; 4] = ["remote-candidates", "altc", "source-filter", "alt"];
/// Extensions of a candidate that browsers use and that hold no address. (libwebrtc; `ufrag` is in RFC 8840.)
const HARMLESS: [&str; 4] = ["generation", "ufrag", "network-id", "network-cost"];

/// The signal without addresses other than the relay's; `None`: nothing of it is left.
pub(crate) fn hidden(body: SignalBody) -> Option<SignalBody> {
    Some(match body {
        SignalBody::Offer { sdp } => SignalBody::Offer { sdp: description(&sdp) },
        SignalBody::Answer { sdp } => SignalBody::Answer { sdp: description(&sdp) },
        SignalBody::Candidate { candidate, sdp_mid, sdp_m_line_index, username_fragment } => {
            SignalBody::Candidate { candidate: trickled(&candidate)?, sdp_mid, sdp_m_line_index, username_fragment }
        }
    })
}

/// A candidate on its own. What ends them tells nothing.
fn trickled(text: &str) -> Option<String> {
    match text.trim() {
        "" | "end-of-candidates" | "a=end-of-candidates" => Some(text.trim().to_owned()),
        text => relayed(text.strip_prefix("a=").unwrap_or(text).strip_prefix("candidate:")?),
    }
}

/// A session description (RFC 8866) whose lines end as they should, with the addresses of one that has no candidates yet (RFC 9429 §5.2.1).
fn description(sdp: &str) -> String {
    let mut hidden = String::with_capacity(sdp.len());
    for line in sdp.split(['\r', '\n']).map(str::trim).filter_map(line) {
        hidden.push_str(&line);
        hidden.push_str("\r\n");
    }
    hidden
}

fn line(line: &str) -> Option<String> {
    let (kind, value) = line.split_once('=')?;
    match kind.trim() {
        "o" => Some(origin(value)),
        "c" => Some("c=IN IP4 0.0.0.0".to_owned()),
        "m" => Some(section(value)),
        "a" | "A" => attribute(value).map(|attribute| format!("a={attribute}")),
        kind => Some(format!("{kind}={value}")),
    }
}

/// User name, id and version of the session stay; the address is nobody's.
fn origin(value: &str) -> String {
    let mut fields = value.split_ascii_whitespace();
    let (Some(name), Some(id), Some(version)) = (fields.next(), fields.next(), fields.next()) else {
        return "o=- 0 0 IN IP4 127.0.0.1".to_owned();
    };
    format!("o={name} {id} {version} IN IP4 127.0.0.1")
}

/// Port 0 says that the section is refused or bundled; any other one is that of a default candidate.
fn section(value: &str) -> String {
    let mut fields = value.splitn(3, ' ');
    let (media, port, rest) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    let port = if port == "0" { "0" } else { "9" };
    format!("m={media} {port} {rest}")
}

fn attribute(attribute: &str) -> Option<String> {
    let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
    match name.trim().to_ascii_lowercase().as_str() {
        "candidate" => relayed(value),
        "rtcp" => Some("rtcp:9 IN IP4 0.0.0.0".to_owned()),
        name if TELLING.contains(&name) => None,
        _ => Some(attribute.to_owned()),
    }
}

/// A candidate of the relay (RFC 8839 §5.1), without the address that the relay knows its client by.
fn relayed(value: &str) -> Option<String> {
    let mut fields = value.split_ascii_whitespace();
    let foundation = fields.next().filter(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte)))?;
    let component: u16 = fields.next()?.parse().ok()?;
    let transport = fields.next().filter(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))?;
    let priority: u32 = fields.next()?.parse().ok()?;
    let address: IpAddr = fields.next()?.parse().ok()?;
    let port: u16 = fields.next()?.parse().ok()?;
    if (fields.next(), fields.next()) != (Some("typ"), Some("relay")) {
        return None;
    }
    let nowhere = if address.is_ipv4() { "0.0.0.0" } else { "::" };
    let mut candidate = format!("candidate:{foundation} {component} {transport} {priority} {address} {port} typ relay raddr {nowhere} rport 9");
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        if HARMLESS.contains(&name) {
            candidate.extend([" ", name, " ", value]);
        }
    }
    Some(candidate)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RELAY: &str =
        "candidate:3 1 udp 41885439 198.51.100.7 50123 typ relay raddr 203.0.113.9 rport 61234 generation 0 ufrag Yhlm network-cost 50";
    const RELAY_HIDDEN: &str =
        "candidate:3 1 udp 41885439 198.51.100.7 50123 typ relay raddr 0.0.0.0 rport 9 generation 0 ufrag Yhlm network-cost 50";

    #[test]
    fn a_candidate_of_the_relay_is_handed_on_without_what_is_behind_it() {
        let cases = [
            (RELAY, RELAY_HIDDEN),
            (
                "a=candidate:a/b+ 1 UDP 1 2001:db8::7 9 typ relay raddr 2001:db8::1 rport 4",
                "candidate:a/b+ 1 UDP 1 2001:db8::7 9 typ relay raddr :: rport 9",
            ),
            ("candidate:1 1 udp 1 198.51.100.7 9 typ relay", "candidate:1 1 udp 1 198.51.100.7 9 typ relay raddr 0.0.0.0 rport 9"),
            (
                "candidate:1 1 udp 1 198.51.100.7 9 typ relay x-address 203.0.113.9 ufrag a raddr 203.0.113.9",
                "candidate:1 1 udp 1 198.51.100.7 9 typ relay raddr 0.0.0.0 rport 9 ufrag a",
            ),
            (
                "candidate:1 1 udp 1 198.51.100.7 9 typ relay\r\na=candidate:1 1 udp 1 203.0.113.9 9 typ host",
                "candidate:1 1 udp 1 198.51.100.7 9 typ relay raddr 0.0.0.0 rport 9",
            ),
            ("", ""),
            (" ", ""),
            ("a=end-of-candidates", "a=end-of-candidates"),
        ];
        for (said, heard) in cases {
            assert_eq!(trickled(said).as_deref(), Some(heard), "{said}");
        }
    }

    #[test]
    fn every_other_candidate_is_not() {
        let cases = [
            "candidate:1 1 udp 2113937151 192.0.2.7 51472 typ host",
            "candidate:1 1 udp 2113937151 6bd0a8c4-7a3f-4a3b-8f0e-0d6cbb6a3b4e.local 51472 typ host",
            "candidate:1 1 udp 1677729535 203.0.113.9 51472 typ srflx raddr 192.0.2.7 rport 51472",
            "candidate:1 1 udp 1677729535 203.0.113.9 51472 typ prflx raddr 192.0.2.7 rport 51472",
            "candidate:1 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active",
            "candidate:1 1 udp 1 203.0.113.9 9 typ host typ relay",
            "candidate:1 1 udp 1 203.0.113.9 9 typ Relay",
            "candidate:1 1 udp 1 203.0.113.9 9 TYP relay",
            "candidate:203.0.113.9 1 udp 1 198.51.100.7 9 typ relay",
            "candidate:1 1 udp:203.0.113.9 1 198.51.100.7 9 typ relay",
            "candidate:1 1 udp 1 home.example.org 9 typ relay",
            "candidate:1 1 udp 1 203.0.113.9 9",
            "candidate: 1 1 udp",
            "Candidate:1 1 udp 1 198.51.100.7 9 typ relay",
            "203.0.113.9",
        ];
        for said in cases {
            assert_eq!(trickled(said), None, "{said}");
        }
    }

    #[test]
    fn a_description_keeps_all_but_the_addresses() {
        let said = [
            "v=0",
            "o=mozilla...THIS_IS_SDPARTA-99.0 4611731400430051336 2 IN IP4 203.0.113.9",
            "s=-",
            "c=IN IP6 2001:db8::1",
            "t=0 0",
            "a=group:BUNDLE 0 1",
            "a=ice-options:trickle",
            "m=audio 51472 UDP/TLS/RTP/SAVPF 111 63",
            "c=IN IP4 203.0.113.9",
            "a=rtcp:51473 IN IP4 203.0.113.9",
            "a=candidate:1 1 udp 2113937151 192.0.2.7 51472 typ host generation 0",
            "a=candidate:2 1 udp 1677729535 203.0.113.9 51472 typ srflx raddr 192.0.2.7 rport 51472",
            &format!("a={RELAY}"),
            "a=end-of-candidates",
            "a=remote-candidates:1 203.0.113.9 51472",
            "a=altc:1 IP4 203.0.113.9 51472",
            "a=ice-ufrag:Yhlm",
            "a=fingerprint:sha-256 19:E2:1C:3B",
            "a=rtcp-mux",
            "a=rtcp-fb:111 transport-cc",
            "m=video 0 UDP/TLS/RTP/SAVPF 96",
            "a=bundle-only",
        ];
        let heard = [
            "v=0",
            "o=mozilla...THIS_IS_SDPARTA-99.0 4611731400430051336 2 IN IP4 127.0.0.1",
            "s=-",
            "c=IN IP4 0.0.0.0",
            "t=0 0",
            "a=group:BUNDLE 0 1",
            "a=ice-options:trickle",
            "m=audio 9 UDP/TLS/RTP/SAVPF 111 63",
            "c=IN IP4 0.0.0.0",
            "a=rtcp:9 IN IP4 0.0.0.0",
            &format!("a={RELAY_HIDDEN}"),
            "a=end-of-candidates",
            "a=ice-ufrag:Yhlm",
            "a=fingerprint:sha-256 19:E2:1C:3B",
            "a=rtcp-mux",
            "a=rtcp-fb:111 transport-cc",
            "m=video 0 UDP/TLS/RTP/SAVPF 96",
            "a=bundle-only",
        ];
        let expected = heard.map(|line| format!("{line}\r\n")).concat();
        for end in ["\r\n", "\n", "\r", "\r\n \n"] {
            assert_eq!(description(&(said.join(end) + end)), expected, "{end:?}");
        }
    }

    #[test]
    fn what_a_browser_says_before_it_has_candidates_stays_as_it_is() {
        let said = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS 1b2c\r\n\
                    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-pwd:asd88fgpdd777uzjYhagZg==\r\n\
                    a=fmtp:111 minptime=10;useinbandfec=1\r\na=ssrc:31 cname:Yh=lm\r\n";
        assert_eq!(description(said), said);
    }

    /// One line, with something in it that must not be heard.
    fn telling() -> impl Strategy<Value = String> {
        let address = prop_oneof![Just("203.0.113.9"), Just("2001:db8:5ec::1"), Just("5ecret.local"), Just("::ffff:203.0.113.9")];
        let kind = prop_oneof![Just("host"), Just("srflx"), Just("prflx"), Just("relays"), Just("RELAY"), Just("")];
        (address, kind, 0..11u8, prop_oneof![Just(""), Just(" "), Just("\t")]).prop_map(|(address, kind, form, space)| match form {
            0 => format!("{space}a=candidate:1 1 udp 1 {address} 5557 typ {kind}"),
            1 => format!("a={space}candidate:1 1 udp 1 {address} 5557 typ {kind} raddr {address} rport 5557"),
            2 => format!("a=candidate{space}:1 1 udp 1 198.51.100.7 9 typ relay raddr {address} rport 5557"),
            3 => format!("A=CANDIDATE:1 1 udp 1 198.51.100.7 9 typ relay rport 5557 raddr {address} generation 0"),
            4 => format!("a=candidate:1 1 udp 1 198.51.100.7 9 typ relay via {address}"),
            5 => format!("c{space}=IN IP4 {address}"),
            6 => format!("o=- 1 1 IN IP6 {address}"),
            7 => format!("o={address}"),
            8 => format!("a=RTCP:5557 IN IP4 {address}"),
            9 => format!("a=remote-candidates:1 {address} 5557"),
            _ => format!("{space}m=audio 5557 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 {address}"),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_address_is_heard(lines in prop::collection::vec(telling(), 1..12), end in prop_oneof![Just("\r\n"), Just("\n"), Just("\r")]) {
            let heard = description(&lines.join(end));
            for secret in ["203.0.113.9", "5ec", "5557"] {
                prop_assert!(!heard.contains(secret), "{heard}");
            }
            for line in lines {
                let heard = trickled(&line).unwrap_or_default();
                prop_assert!(!heard.contains("203.0.113.9") && !heard.contains("5ec") && !heard.contains("5557"), "{heard}");
            }
        }

        #[test]
        fn whatever_is_said_once_hidden_it_stays_so(text in any::<String>(), lines in prop::collection::vec(telling(), 0..4)) {
            let once = description(&(lines.join("\n") + &text));
            prop_assert_eq!(description(&once), once.clone());
            for line in once.lines().filter(|line| line.to_ascii_lowercase().contains("a=candidate")) {
                prop_assert!(line.contains(" typ relay raddr "), "{}", line);
            }
            if let Some(once) = trickled(&text) {
                prop_assert_eq!(trickled(&once), Some(once.clone()));
            }
        }
    }
}
