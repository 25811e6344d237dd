//! One connection, kept alive and made again when it broke.

use std::io::{self, BufReader, IoSlice, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::Answer;
use super::answer;

/// A peer that is silent for this long is gone.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// Nothing was sent.
    #[error("cannot connect to {0}: {1}")]
    Connect(String, io::Error),
    /// Something was sent; whether the server took it is not known.
    #[error("connection broke: {0}")]
    Broken(#[from] io::Error),
}

/// A connection to one server. One request is under way at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    authority: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Connection {
    /// Connects when it is first needed.
    pub(crate) fn new(authority: &str) -> Self {
        Self {
            authority: authority.to_owned(),
            stream: None,
        }
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in self.authority.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, TIMEOUT) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(TIMEOUT))?;
                    stream.set_write_timeout(Some(TIMEOUT))?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Sends a request, head and body as they are, and reads its answer. Repeats nothing.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<Answer, HttpError> {
        self.post(request, &[])
    }

    /// The same with a body apart from its head.
    pub(crate) fn post(&mut self, head: &[u8], body: &[u8]) -> Result<Answer, HttpError> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => match self.connect() {
                Ok(stream) => BufReader::with_capacity(READ_BYTES, stream),
                Err(error) => return Err(HttpError::Connect(self.authority.clone(), error)),
            },
        };
        // A server may answer (413, 503) and close before it has read everything.
        let written = write_both(stream.get_mut(), head, body);
        let answer = match (answer::read(&mut stream), written) {
            (Ok(answer), Ok(())) => answer,
            (Ok(answer), Err(_)) => Answer {
                close: true,
                ..answer
            },
            (Err(_), Err(error)) | (Err(error), Ok(())) => return Err(error.into()),
        };
        if !answer.close {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

/// Writes both in as few packets as the kernel makes of them.
fn write_both(stream: &mut TcpStream, mut head: &[u8], mut body: &[u8]) -> io::Result<()> {
    while !head.is_empty() {
        match stream.write_vectored(&[IoSlice::new(head), IoSlice::new(body)]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                body = body.get(n.saturating_sub(head.len())..).unwrap_or_default();
                head = head.get(n..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    stream.write_all(body)
}
