//! What a client offers, read before anything else looks at it: so much and no more, and in the order that is the contract.
//!
//! # The contract
//!
//! The client always offers, the server always answers. The m-lines of an offer, in order:
//!
//! | m-line | kind  | direction  | the client sends                                  | and receives in |
//! |--------|-------|------------|---------------------------------------------------|-----------------|
//! | 0      | audio | `sendrecv` | its microphone                                    | audio slot 0    |
//! | 1      | video | `sendrecv` | its camera, `a=simulcast:send`, the smallest first | video slot 0    |
//! | 2      | video | `sendrecv` | its screen, as one or two layers                  | video slot 1    |
//! | 3      | audio | `sendrecv` | the sound of that screen                          | audio slot 1    |
//! | 4...   | either | `recvonly` | nothing                                          | the next slots of its kind |
//!
//! A slot is the n-th m-line of its kind, whatever its direction is: numbers never shift. One that the client does not receive in stays
//! empty. An offer may end early (a client that sends only a voice has one m-line), a later offer may append m-lines, and none is ever
//! taken away or moved. Lines 0 to 3 are `sendrecv` from the start, with or without a track: nobody renegotiates to begin to send.
//! Candidates of the client are not looked at (the server is ICE-lite and sends no checks); data channels are refused.

use crate::track::{Kind, Source};

/// A browser's offer with thirty m-lines is half of it.
const LENGTH: usize = 128 * 1024;
/// Four to send, and 25 pictures and some voices to receive.
const M_LINES: usize = 40;
const LINES: usize = 4_000;
const LINE: usize = 1_024;
/// Sizes of one picture.
pub const LAYERS: usize = 3;

/// Why an offer is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is longer than any client's.
    #[error("the offer is too long")]
    TooLong,
    /// More m-lines than a client can need.
    #[error("the offer has too many m-lines")]
    TooManyLines,
    /// More sizes of one picture than are forwarded.
    #[error("an m-line has too many layers")]
    TooManyLayers,
    /// An m-line that is neither audio nor video, or not where the contract has it.
    #[error("m-line {0} is not what is expected there")]
    Unexpected(usize),
    /// What is in it contradicts itself or the connection.
    #[error("the offer cannot be accepted: {0}")]
    Unacceptable(String),
}

/// An offer within limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Without what is not looked at.
    pub text: String,
    /// The m-lines.
    pub lines: Vec<Line>,
}

/// An m-line of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Sound or picture.
    pub kind: Kind,
    /// `a=mid`.
    pub mid: String,
    /// The client sends in it.
    pub sends: bool,
    /// The client receives in it.
    pub receives: bool,
    /// The names (RID) of the sizes that it sends, the smallest first. Empty: one without a name.
    pub layers: Vec<String>,
}

impl Offer {
    /// Reads an offer.
    ///
    /// # Errors
    /// If it is larger than any client's, or not in the order of the contract.
    pub fn read(sdp: &str) -> Result<Self, Refused> {
        if sdp.len() > LENGTH || sdp.lines().count() > LINES || sdp.lines().any(|line| line.len() > LINE) {
            return Err(Refused::TooLong);
        }
        let mut offer = Self { text: String::with_capacity(sdp.len()), lines: Vec::new() };
        for line in sdp.lines().filter(|line| !is_left_out(line)) {
            offer.take(line)?;
            offer.text.push_str(line);
            offer.text.push_str("\r\n");
        }
        offer.check()?;
        Ok(offer)
    }

    fn take(&mut self, line: &str) -> Result<(), Refused> {
        if let Some(media) = line.strip_prefix("m=") {
            let kind = kind(media).ok_or(Refused::Unexpected(self.lines.len()))?;
            if self.lines.len() >= M_LINES {
                return Err(Refused::TooManyLines);
            }
            self.lines.push(Line { kind, mid: String::new(), sends: true, receives: true, layers: Vec::new() });
            return Ok(());
        }
        let Some(media) = self.lines.last_mut() else { return Ok(()) };
        match line {
            "a=sendonly" => media.receives = false,
            "a=recvonly" => media.sends = false,
            "a=inactive" => (media.sends, media.receives) = (false, false),
            _ => {
                if let Some(mid) = line.strip_prefix("a=mid:") {
                    mid.clone_into(&mut media.mid);
                } else if let Some(simulcast) = line.strip_prefix("a=simulcast:") {
                    media.layers = layers(simulcast);
                }
            }
        }
        if media.layers.len() > LAYERS { Err(Refused::TooManyLayers) } else { Ok(()) }
    }

    fn check(&self) -> Result<(), Refused> {
        if self.lines.is_empty() {
            return Err(Refused::Unexpected(0));
        }
        let is_expected = |index: usize, line: &Line| match Source::ALL.get(index) {
            Some(source) => line.kind == source.kind(),
            None => !line.sends,
        };
        let unexpected = self.lines.iter().enumerate().find(|(index, line)| line.mid.is_empty() || !is_expected(*index, line));
        unexpected.map_or(Ok(()), |(index, _)| Err(Refused::Unexpected(index)))
    }
}

/// Candidates: the server answers to where checks come from, and sends none.
fn is_left_out(line: &str) -> bool {
    line.starts_with("a=candidate:") || line == "a=end-of-candidates" || line.is_empty()
}

fn kind(media: &str) -> Option<Kind> {
    match media.split(' ').next()? {
        "audio" => Some(Kind::Audio),
        "video" => Some(Kind::Video),
        _ => None,
    }
}

/// `send l;m;h recv x`: what is sent, each by the first of its alternatives, paused ones too.
fn layers(simulcast: &str) -> Vec<String> {
    let mut words = simulcast.split(' ').skip_while(|word| *word != "send").skip(1);
    let Some(list) = words.next() else { return Vec::new() };
    let first = |alternatives: &str| alternatives.split(',').next().unwrap_or_default().trim_start_matches('~').to_owned();
    list.split(';').map(first).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";

    fn sdp(lines: &[(&str, &str)]) -> String {
        let media = |(index, (kind, rest)): (usize, &(&str, &str))| format!("m={kind} 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{index}\r\n{rest}");
        HEAD.to_owned() + &lines.iter().enumerate().map(media).collect::<String>()
    }

    #[test]
    fn a_clients_offer() {
        let text = sdp(&[
            ("audio", "a=sendrecv\r\n"),
            ("video", "a=sendrecv\r\na=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\na=simulcast:send l;~m;h,x recv z\r\n"),
            ("video", "a=sendonly\r\n"),
            ("audio", "a=inactive\r\n"),
            ("video", "a=recvonly\r\n"),
        ]);
        let offer = Offer::read(&text).unwrap();
        assert_eq!(offer.lines[1].layers, ["l", "m", "h"]);
        let directions: Vec<_> = offer.lines.iter().map(|line| (line.sends, line.receives)).collect();
        assert_eq!(directions, [(true, true), (true, true), (true, false), (false, false), (false, true)]);
        assert!(!offer.text.contains("candidate") && offer.text.contains("a=mid:4\r\n"));
    }

    #[test]
    fn more_than_any_client_offers_is_refused() {
        assert_eq!(Offer::read(""), Err(Refused::Unexpected(0)));
        assert_eq!(Offer::read(&sdp(&[("video", "")])), Err(Refused::Unexpected(0)), "a picture where a voice belongs");
        assert_eq!(Offer::read(&sdp(&[("audio", ""), ("application", "")])), Err(Refused::Unexpected(1)), "a data channel");
        let four = [("audio", ""), ("video", ""), ("video", ""), ("audio", "")];
        assert_eq!(Offer::read(&sdp(&[&four[..], &[("video", "a=sendrecv\r\n")]].concat())), Err(Refused::Unexpected(4)), "a fifth to send");
        assert_eq!(Offer::read(&sdp(&[&four[..], &[("video", "a=recvonly\r\n"); 1_000]].concat())), Err(Refused::TooManyLines));
        assert_eq!(Offer::read(&sdp(&[("audio", ""), ("video", "a=simulcast:send a;b;c;d\r\n")])), Err(Refused::TooManyLayers));
        assert_eq!(Offer::read(&(sdp(&four) + &"a=x\r\n".repeat(10_000))), Err(Refused::TooLong));
        assert_eq!(Offer::read(&(sdp(&four) + &"a".repeat(2_000))), Err(Refused::TooLong));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(m=(audio|video)|a=(mid:|simulcast:|send |recv|[;,~ ])|[\\r\\n]|\\PC){0,60}") {
            let _ = Offer::read(&text);
        }
    }
}
