//! Who comes in through the HTTP door: no more connections than there are places, and none that stays without saying anything.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use prometheus::{IntCounter, IntCounterVec};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use crate::Registry;

/// Connections at once.
pub(crate) const CONNECTIONS_MAX: usize = 1024;
/// The first byte of a connection comes within this time.
pub(crate) const FIRST_BYTE: Duration = Duration::from_secs(20);
/// Something is read or written within this time, if long answers are to come too.
pub(crate) const SILENCE: Duration = Duration::from_mins(10);
/// Between two attempts to accept when there is no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener with a bounded number of connections.
pub(crate) struct Doorway {
    listener: TcpListener,
    places: Arc<Semaphore>,
    first_byte: Duration,
    refused: Option<IntCounterVec>,
}

impl Doorway {
    /// In front of a listener. What it refuses is counted in the registry, if that has no other door yet.
    pub(crate) fn new(listener: TcpListener, registry: &Registry) -> Self {
        Self::with(listener, registry, CONNECTIONS_MAX, FIRST_BYTE)
    }

    pub(crate) fn with(
        listener: TcpListener,
        registry: &Registry,
        connections_max: usize,
        first_byte: Duration,
    ) -> Self {
        let (name, help) = (
            "elixirscope_http_connections_refused_total",
            "Connections to the HTTP door that were closed: full, silent, no file descriptor (accept)",
        );
        let counters = crate::metrics::counters(registry, name, help, &["reason"]);
        Self {
            listener,
            places: Arc::new(Semaphore::new(connections_max)),
            first_byte,
            refused: counters.ok(),
        }
    }

    fn refuse(&self, reason: &str) {
        if let Some(refused) = &self.refused {
            refused.with_label_values(&[reason]).inc();
        }
    }
}

impl Listener for Doorway {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, addr)) => match Arc::clone(&self.places).try_acquire_owned() {
                    Ok(place) => return (Guest::new(stream, place, self), addr),
                    Err(_) => self.refuse("full"),
                },
                Err(error) => {
                    self.refuse("accept");
                    tracing::warn!(%error, "http connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that has a place, and is ended when nothing goes in or out for long.
pub(crate) struct Guest {
    stream: TcpStream,
    until: Pin<Box<Sleep>>,
    silent: Option<IntCounter>,
    _place: OwnedSemaphorePermit,
}

impl Guest {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit, of: &Doorway) -> Self {
        Self {
            stream,
            until: Box::pin(tokio::time::sleep(of.first_byte)),
            silent: of.refused.as_ref().map(|of| of.with_label_values(&["silent"])),
            _place: place,
        }
    }

    fn moved(&mut self) {
        self.until.as_mut().reset(Instant::now() + SILENCE);
    }
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(cx, buf) {
            if buf.filled().len() > before {
                self.moved();
            }
            return Poll::Ready(read);
        }
        if self.until.as_mut().poll(cx).is_ready() {
            if let Some(silent) = &self.silent {
                silent.inc();
            }
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl AsyncWrite for Guest {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        if matches!(written, Poll::Ready(Ok(_))) {
            self.moved();
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        if matches!(written, Poll::Ready(Ok(_))) {
            self.moved();
        }
        written
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
    use super::*;
    use std::future::IntoFuture as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn asks(addr: SocketAddr) -> io::Result<String> {
        let mut stream = TcpStream::connect(addr).await?;
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    /// Scenario: fifty connections that say nothing at a door with eight places; then one that asks, again and again. Guarantee: those above
    /// eight are closed at once, the others soon, all counted; then the question is answered.
    #[tokio::test]
    async fn those_who_say_nothing_are_shown_out() {
        let registry = Registry::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let doorway = Doorway::with(listener, &registry, 8, Duration::from_millis(200));
        let router = axum::Router::new().route("/", axum::routing::get(|| async { "here" }));
        let serving = tokio::spawn(axum::serve(doorway, router).into_future());
        let mut silent = Vec::new();
        for _ in 0..50 {
            silent.push(TcpStream::connect(addr).await.unwrap());
        }
        for stream in &mut silent {
            let mut byte = [0];
            let ended = tokio::time::timeout(Duration::from_mins(1), stream.read(&mut byte)).await;
            assert!(!matches!(ended.unwrap(), Ok(1..)), "it was told something");
        }
        let wait = async {
            loop {
                if asks(addr).await.is_ok_and(|answer| answer.ends_with("here")) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), wait).await.unwrap();
        let shown = crate::metrics::text(&registry);
        let count = |reason: &str| -> u64 {
            let line = format!("elixirscope_http_connections_refused_total{{reason=\"{reason}\"}} ");
            let of = shown.lines().find_map(|l| l.strip_prefix(&line));
            of.map_or(0, |n| n.parse().unwrap())
        };
        assert!(count("full") >= 42, "{shown}");
        assert_eq!(count("silent"), 8);
        serving.abort();
    }
}
