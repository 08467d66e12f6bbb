//! A close that lets the last answer arrive.

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// What a peer may still send after our close, and for how long.
const MAX_BYTES: usize = 512 << 10;
const MAX_TIME: Duration = Duration::from_secs(1);

/// Closing a socket with unread bytes resets it, and the peer may lose an answer it has not read yet: a 431 or 413 to a
/// request it is still sending. So, when there are such bytes, they are read and forgotten for a moment.
pub(super) struct Lingering<I> {
    inner: TokioIo<I>,
    state: State,
}

enum State {
    Open,
    Closed,
    Draining { left: usize, until: Pin<Box<Sleep>> },
}

impl<I> Lingering<I> {
    pub(super) fn new(inner: I) -> Self {
        Self { inner: TokioIo::new(inner), state: State::Open }
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Read for Lingering<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, out)
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> Write for Lingering<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, pieces: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Open => {
                    ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
                    this.state = State::Closed;
                }
                State::Closed => match discard(this.inner.inner_mut(), cx) {
                    Poll::Ready(read) if read > 0 => {
                        this.state = State::Draining { left: MAX_BYTES, until: Box::pin(sleep(MAX_TIME)) };
                    }
                    Poll::Ready(_) | Poll::Pending => return Poll::Ready(Ok(())),
                },
                State::Draining { left, until } => {
                    if until.as_mut().poll(cx).is_ready() || *left == 0 {
                        return Poll::Ready(Ok(()));
                    }
                    match ready!(discard(this.inner.inner_mut(), cx)) {
                        0 => return Poll::Ready(Ok(())),
                        read => *left = left.saturating_sub(read),
                    }
                }
            }
        }
    }
}

/// How many bytes there were; none at the end, or when the peer is gone.
fn discard<I: AsyncRead + Unpin>(inner: &mut I, cx: &mut Context<'_>) -> Poll<usize> {
    let mut bytes = [0; 4096];
    let mut buffer = ReadBuf::new(&mut bytes);
    let read = ready!(Pin::new(inner).poll_read(cx, &mut buffer));
    Poll::Ready(read.map_or(0, |()| buffer.filled().len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpSocket},
    };

    #[tokio::test]
    async fn an_answer_arrives_though_the_peer_is_still_sending() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(16 << 10).unwrap(); // so that writing needs somebody who reads
        let mut peer = socket.connect(listener.local_addr().unwrap()).await.unwrap();
        let mut closing = Lingering::new(listener.accept().await.unwrap().0);
        peer.write_all(&[b'x'; 16 << 10]).await.unwrap();
        let server = async {
            poll_fn(|cx| Pin::new(&mut closing).poll_write(cx, b"too large")).await.unwrap();
            poll_fn(|cx| Pin::new(&mut closing).poll_shutdown(cx)).await.unwrap();
            drop(closing);
        };
        let client = async {
            peer.write_all(&vec![b'x'; 400 << 10]).await.expect("nothing is reset");
            peer.shutdown().await.unwrap();
            let mut answer = String::new();
            peer.read_to_string(&mut answer).await.unwrap();
            answer
        };
        assert_eq!(tokio::join!(server, client).1, "too large");
    }
}
