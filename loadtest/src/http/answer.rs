//! Reading an answer: status line, headers, body by length, in chunks, or to the end (RFC 9112, 6 and 7).

use std::io::{self, BufRead, Read};
use std::time::Duration;

/// Longest head, bytes.
const HEAD_BYTES_MAX: u64 = 64 << 10;
/// Longest body, bytes.
const BODY_BYTES_MAX: u64 = 256 << 20;
/// Longest time that an answer can make us wait.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(1);

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// 200.
    pub(crate) status: u16,
    /// `Retry-After` in seconds, if it was said (the form with a date is not read).
    pub(crate) retry_after: Option<Duration>,
    /// Does the server close the connection now?
    pub(crate) close: bool,
    /// Its body, chunks put together.
    pub(crate) body: Vec<u8>,
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Reads one answer, past interim ones (1xx).
pub(crate) fn read(source: &mut impl BufRead) -> io::Result<Answer> {
    loop {
        let mut answer = Answer::default();
        let body = head(source, &mut answer)?;
        if (100..200).contains(&answer.status) {
            continue;
        }
        if !matches!(answer.status, 204 | 304) {
            match body {
                Body::Length(length) => exactly(source, length, &mut answer.body)?,
                Body::Chunks => chunks(source, &mut answer.body)?,
                Body::ToTheEnd => {
                    answer.close = true;
                    source.take(BODY_BYTES_MAX).read_to_end(&mut answer.body)?;
                }
            }
        }
        return Ok(answer);
    }
}

enum Body {
    Length(u64),
    Chunks,
    ToTheEnd,
}

/// A line without its end.
fn line(source: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    source.take(HEAD_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(if line.is_empty() {
            io::ErrorKind::UnexpectedEof.into()
        } else {
            invalid("a line of the answer does not end")
        });
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map_err(|_| invalid("a line of the answer is no text"))
}

fn head(source: &mut impl BufRead, answer: &mut Answer) -> io::Result<Body> {
    let status = line(source)?;
    let mut words = status.splitn(3, ' ');
    let version = words.next().unwrap_or_default();
    if !version.starts_with("HTTP/1.") {
        return Err(invalid("the answer is not HTTP/1"));
    }
    answer.close = version == "HTTP/1.0";
    answer.status = words
        .next()
        .and_then(|w| w.parse().ok())
        .ok_or_else(|| invalid("the answer has no status"))?;
    let (mut body, mut bytes) = (Body::ToTheEnd, 0);
    loop {
        let header = line(source)?;
        bytes += header.len() as u64;
        if bytes > HEAD_BYTES_MAX {
            return Err(invalid("the answer's head is too long"));
        }
        if header.is_empty() {
            return Ok(body);
        }
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| invalid("a header has no colon"))?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let length = value.parse().map_err(|_| invalid("wrong content-length"))?;
            if !matches!(body, Body::Chunks) {
                body = Body::Length(length);
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case("chunked") {
                return Err(invalid("unknown transfer-encoding"));
            }
            body = Body::Chunks;
        } else if name.eq_ignore_ascii_case("connection") {
            answer.close = value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("retry-after") {
            let after = value.parse().ok().map(Duration::from_secs);
            answer.retry_after = after.map(|a| a.min(RETRY_AFTER_MAX));
        }
    }
}

fn exactly(source: &mut impl BufRead, length: u64, body: &mut Vec<u8>) -> io::Result<()> {
    if length > BODY_BYTES_MAX.saturating_sub(body.len() as u64) {
        return Err(invalid("the answer's body is too long"));
    }
    if source.take(length).read_to_end(body)? as u64 == length {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn chunks(source: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let size = line(source)?;
        let digits = size.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(digits, 16).map_err(|_| invalid("wrong length of a chunk"))?;
        if size == 0 {
            // The trailer: headers that nobody reads, and an empty line.
            while !line(source)?.is_empty() {}
            return Ok(());
        }
        exactly(source, size, body)?;
        if !line(source)?.is_empty() {
            return Err(invalid("a chunk does not end"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> io::Result<Answer> {
        read(&mut text.as_bytes())
    }

    /// Guarantee: bodies by length, in chunks, and to the end are read; headers that matter are seen.
    #[test]
    fn answers() {
        let a = of("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP").unwrap();
        assert_eq!(
            (a.status, a.body.as_slice(), a.close),
            (200, b"ok".as_slice(), false)
        );
        let a = of(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nt: 1\r\n\r\n",
        );
        assert_eq!(a.unwrap().body, b"abcde");
        let a = of("HTTP/1.1 503 Busy\r\nretry-after: 7\r\nconnection: close\r\n\r\nlater").unwrap();
        let expected = (503, Some(Duration::from_secs(7)), true, b"later".as_slice());
        assert_eq!((a.status, a.retry_after, a.close, a.body.as_slice()), expected);
        assert!(of("HTTP/1.1 204 No Content\r\n\r\n").unwrap().body.is_empty());
    }

    /// Guarantee: what is no answer is an error, never a wait without end or memory without bound.
    #[test]
    fn what_is_no_answer() {
        for bad in [
            "",
            "SSH-2.0\r\n\r\n",
            "HTTP/1.1 x\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 9999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        ] {
            assert!(of(bad).is_err(), "{bad:?}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(20_000));
        assert!(of(&endless).is_err());
    }
}
