//! Offers as browsers make them, by the contract of `fireside_sfu::offer`.

use std::fmt::Write;

pub const OPUS: u8 = 111;
pub const RED: u8 = 63;
pub const VP8: u8 = 96;
pub const RTX: u8 = 97;
pub const RIDS: [&str; 3] = ["l", "m", "h"];
/// Numbers of header extensions.
pub const LEVEL: u8 = 1;
pub const CONGESTION: u8 = 3;
pub const MID: u8 = 4;
pub const RID: u8 = 10;
pub const REPAIRED: u8 = 11;

/// What a client offers.
#[derive(Clone, Debug)]
pub struct Offer<'a> {
    pub name: &'a str,
    pub password: &'a str,
    pub fingerprint: &'a str,
    /// Slots for sound and for pictures.
    pub audio: usize,
    pub video: usize,
    /// Layers of the camera.
    pub layers: usize,
    pub takes_redundancy: bool,
}

impl Offer<'_> {
    pub fn write(&self) -> String {
        let kinds = ["audio", "video", "video", "audio"].into_iter().take(if self.video >= 2 { 4 } else { 1 });
        let more = |kind, count: usize, first| std::iter::repeat_n(kind, count.saturating_sub(first));
        let kinds: Vec<_> = kinds.chain(more("audio", self.audio, 2)).chain(more("video", self.video, 2)).collect();
        let mids: String = (0..kinds.len()).fold(String::new(), |mids, mid| mids + " " + &mid.to_string());
        let mut sdp = format!("v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE{mids}\r\n");
        sdp += "a=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n";
        for (mid, kind) in kinds.into_iter().enumerate() {
            let direction = if mid < 4 { "sendrecv" } else { "recvonly" };
            let media = if kind == "audio" { self.audio() } else { self.video(mid) };
            let _ = write!(
                sdp,
                "m={kind} 9 UDP/TLS/RTP/SAVPF {}c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\n\
                 a=ice-options:trickle\r\na=fingerprint:sha-256 {}\r\na=setup:actpass\r\na=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\n\
                 a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
                 a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n{}",
                media.0, self.name, self.password, self.fingerprint, media.1,
            );
        }
        sdp
    }

    fn audio(&self) -> (String, String) {
        let red = if self.takes_redundancy { format!(" {RED}") } else { String::new() };
        let mut lines = "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=rtcp-rsize\r\n".to_owned();
        let _ = write!(lines, "a=rtpmap:{OPUS} opus/48000/2\r\na=rtcp-fb:{OPUS} transport-cc\r\na=fmtp:{OPUS} minptime=10;useinbandfec=1\r\n");
        if self.takes_redundancy {
            let _ = write!(lines, "a=rtpmap:{RED} red/48000/2\r\na=fmtp:{RED} {OPUS}/{OPUS}\r\n");
        }
        (format!("{OPUS}{red}\r\n"), lines)
    }

    fn video(&self, mid: usize) -> (String, String) {
        let mut lines = "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
                         a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\na=rtcp-rsize\r\n"
            .to_owned();
        let _ = write!(lines, "a=rtpmap:{VP8} VP8/90000\r\na=rtpmap:{RTX} rtx/90000\r\na=fmtp:{RTX} apt={VP8}\r\n");
        for feedback in ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"] {
            let _ = write!(lines, "a=rtcp-fb:{VP8} {feedback}\r\n");
        }
        if mid == 1 && self.layers > 0 {
            let rids = RIDS.get(..self.layers).unwrap_or(&RIDS);
            rids.iter().for_each(|rid| lines += &format!("a=rid:{rid} send\r\n"));
            lines += &format!("a=simulcast:send {}\r\n", rids.join(";"));
        }
        (format!("{VP8} {RTX}\r\n"), lines)
    }
}
