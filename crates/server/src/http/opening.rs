//! The first bytes of a connection, and what they say is spoken on it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// As many bytes are looked at before somebody is chosen to read them.
const LOOKED_AT: usize = 16;

/// What is spoken on a stream, by its first byte and, where that is STUN's, by where the rest of it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    /// A TLS record of a handshake (RFC 8446, 5.1).
    Tls,
    /// A STUN message (RFC 8489, 5): the first two bits are zero, and a TURN client over a stream begins with one.
    Turn,
    /// The same behind two bytes with its length (RFC 4571): ICE over TCP (RFC 6544), whose first words are a connectivity check.
    Media,
    /// Anything else: HTTP, whose methods begin with letters, or rubbish, to which HTTP's answer is as good as any.
    Http,
}

/// STUN's, which is at 4 in a message.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];

impl Spoken {
    /// `None`: that takes more bytes.
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes.first()? {
            0x16 => Some(Self::Tls),
            // A check is shorter than 1,024 bytes, so the first byte of its length could be the first of a message.
            0x00..=0x03 => match (bytes.get(4..8)?, bytes.get(6..10)) {
                (cookie, _) if cookie == COOKIE => Some(Self::Turn),
                (_, Some(cookie)) if cookie == COOKIE => Some(Self::Media),
                (_, Some(_)) => Some(Self::Turn),
                (_, None) => None,
            },
            _ => Some(Self::Http),
        }
    }
}

/// Looks at the first bytes of a stream. Afterwards it is read from the beginning, as if nobody had looked.
///
/// # Errors
/// The stream's own; `UnexpectedEof` when it ends before it is known what is spoken.
pub(super) async fn look<S: AsyncRead + Unpin>(mut stream: S) -> io::Result<(Spoken, Opened<S>)> {
    let (mut bytes, mut end) = ([0; LOOKED_AT], 0);
    loop {
        if let Some(spoken) = Spoken::of(bytes.get(..end).unwrap_or_default()) {
            return Ok((spoken, Opened { bytes, next: 0, end, stream }));
        }
        let read = stream.read(bytes.get_mut(end..).unwrap_or_default()).await?;
        end += read;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// A stream whose first bytes have been looked at.
#[derive(Debug)]
pub(super) struct Opened<S> {
    bytes: [u8; LOOKED_AT],
    next: usize,
    end: usize,
    stream: S,
}

impl<S> Opened<S> {
    /// The stream itself.
    pub(super) fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Opened<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(waiting) = this.bytes.get(this.next..this.end).filter(|waiting| !waiting.is_empty()) else {
            return Pin::new(&mut this.stream).poll_read(cx, buffer);
        };
        let taken = waiting.len().min(buffer.remaining());
        buffer.put_slice(waiting.split_at(taken).0);
        this.next += taken;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Opened<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn who_reads_afterwards_misses_nothing() {
        let text: Vec<u8> = (0..100).map(|byte| b'A' + byte % 26).collect();
        let (spoken, mut stream) = look(&text[..]).await.expect("bytes");
        assert_eq!(spoken, Spoken::Http);
        let mut small = [0; 5];
        stream.read_exact(&mut small).await.expect("bytes");
        let mut read = small.to_vec();
        stream.read_to_end(&mut read).await.expect("the rest");
        assert_eq!(read, text);
    }

    #[tokio::test]
    async fn the_first_bytes_tell_what_is_spoken() {
        let spoken = async |bytes: &[u8]| look(bytes).await.map(|(spoken, _)| spoken).map_err(|error| error.kind());
        assert_eq!(spoken(&[0x16, 3, 1]).await, Ok(Spoken::Tls));
        assert_eq!(spoken(&[0x00, 0x03, 0, 8, 0x21, 0x12, 0xA4, 0x42]).await, Ok(Spoken::Turn));
        assert_eq!(spoken(&[0x00, 0x68, 0x00, 0x01, 0, 84, 0x21, 0x12, 0xA4, 0x42]).await, Ok(Spoken::Media));
        assert_eq!(spoken(&[0x00, 0x01, 0, 0, 1, 2, 3, 4, 5, 6]).await, Ok(Spoken::Turn), "which will say that it is not");
        assert_eq!(spoken(&[0x03]).await, Err(io::ErrorKind::UnexpectedEof));
        assert_eq!(spoken(b"GET /").await, Ok(Spoken::Http));
        assert_eq!(spoken(&[0xff]).await, Ok(Spoken::Http));
        assert_eq!(spoken(&[]).await, Err(io::ErrorKind::UnexpectedEof));
    }

    #[tokio::test]
    async fn however_slowly_they_come() {
        let (mut near, far) = tokio::io::duplex(64);
        let looking = tokio::spawn(look(far));
        let check = [0x00, 0x68, 0x00, 0x01, 0, 84, 0x21, 0x12, 0xA4, 0x42];
        for byte in check {
            near.write_all(&[byte]).await.expect("room");
            tokio::task::yield_now().await;
        }
        let (spoken, mut stream) = looking.await.expect("no fault").expect("bytes");
        assert_eq!(spoken, Spoken::Media);
        let mut read = [0; 10];
        stream.read_exact(&mut read).await.expect("bytes");
        assert_eq!(read, check);
    }
}
