//! HTTP/1.1 by hand: what a library would not send can be sent.

use super::house::{Expect, House, partial, status};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wire::otlp::json_to_protobuf;
use wire::otlp::schema::{log_response, response};

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A request over HTTP and what is expected.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: Vec<u8>,
    pub(crate) expect: Expect,
}

pub(crate) const PROTOBUF: &str = "application/x-protobuf";
pub(crate) const JSON: &str = "application/json";

impl Case {
    pub(crate) fn traces(name: &'static str, body: Vec<u8>, expect: Expect) -> Self {
        let headers = vec![("content-type", PROTOBUF)];
        Self {
            name,
            method: "POST",
            path: "/v1/traces",
            headers,
            body,
            expect,
        }
    }
    pub(crate) fn json(name: &'static str, body: impl Into<Vec<u8>>, expect: Expect) -> Self {
        Self {
            headers: vec![("content-type", JSON)],
            ..Self::traces(name, body.into(), expect)
        }
    }
    pub(crate) fn path(self, path: &'static str) -> Self {
        Self { path, ..self }
    }
    pub(crate) fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }
    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Head and body.
    pub(crate) fn bytes(&self, close: bool) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: x\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let close = if close { "connection: close\r\n" } else { "" };
        let _ = write!(head, "content-length: {}\r\n{close}\r\n", self.body.len());
        [head.as_bytes(), &self.body].concat()
    }

    /// Sends it on a connection of its own and checks the answer.
    pub(crate) async fn run(&self, house: &House) -> Reply {
        *house.intake.last_accepted.lock() = None;
        let raw = exchange(house.http, &self.bytes(true)).await;
        let reply = parse(&raw).unwrap_or_else(|| panic!("{}: no answer, but {raw:?}", self.name));
        self.check(&reply, *house.intake.last_accepted.lock());
        reply
    }

    fn check(&self, reply: &Reply, kept: Option<u64>) {
        let name = self.name;
        let content_type = reply.header("content-type").unwrap_or_default();
        let asked = self
            .headers
            .iter()
            .find(|(name, _)| *name == "content-type")
            .map_or("", |(_, value)| value);
        let json = !asked.to_ascii_lowercase().starts_with(PROTOBUF);
        if self.method != "HEAD" {
            assert_eq!(content_type, if json { JSON } else { PROTOBUF }, "{name}");
        }
        let (expected, said) = match self.expect {
            Expect::Refused(code, why) => {
                assert_eq!(
                    reply.status,
                    code,
                    "{name}: {}",
                    String::from_utf8_lossy(&reply.body)
                );
                let text = if json {
                    String::from_utf8(reply.body.clone()).unwrap()
                } else {
                    status(&reply.body).1
                };
                assert!(text.contains(why), "{name}: {why:?} in {text:?}");
                return;
            }
            Expect::Accepted(count) => (count, None),
            Expect::Partly(count, rejected, why) => (count, Some((rejected, why))),
        };
        assert_eq!(
            reply.status,
            200,
            "{name}: {}",
            String::from_utf8_lossy(&reply.body)
        );
        assert_eq!(kept, Some(expected), "{name}");
        let logs = self.path.ends_with("logs");
        let message = if logs {
            &log_response::MESSAGE
        } else {
            &response::MESSAGE
        };
        let protobuf = if json {
            json_to_protobuf(message, &reply.body).unwrap()
        } else {
            reply.body.clone()
        };
        match (partial(&protobuf), said) {
            (None, None) => {}
            (Some((rejected, text)), Some((count, why))) => {
                assert_eq!(rejected, count, "{name}");
                assert!(text.contains(why), "{name}: {why:?} in {text:?}");
            }
            (found, wanted) => panic!("{name}: {found:?} instead of {wanted:?}"),
        }
    }
}

/// Writes all, reads to the end.
pub(crate) async fn exchange(addr: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    // A server may answer, and close, before it has read everything.
    let _ = stream.write_all(bytes).await;
    rest(&mut stream).await
}

/// What comes until the end, or a reset.
pub(crate) async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    let reading = stream.read_to_end(&mut read);
    let _ = tokio::time::timeout(Duration::from_mins(1), reading)
        .await
        .expect("an end");
    read
}

/// The first answer in `raw`; `None` if it is not whole.
pub(crate) fn parse(raw: &[u8]) -> Option<Reply> {
    parse_one(raw).map(|(reply, _)| reply)
}

/// The first answer, and what follows it.
pub(crate) fn parse_one(raw: &[u8]) -> Option<(Reply, &[u8])> {
    let end = raw.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&raw[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let pair = |line: &str| {
        line.split_once(": ")
            .map(|(k, v)| (k.to_ascii_lowercase(), v.to_owned()))
    };
    let headers: Vec<_> = lines.filter_map(pair).collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or("0", |(_, value)| value);
    let length = length.parse::<usize>().ok()?;
    let body = raw.get(end + 4..)?;
    // The answer to HEAD has a length and no body.
    let (body, rest) = body.split_at_checked(length).unwrap_or((&[], body));
    Some((
        Reply {
            status,
            headers,
            body: body.to_vec(),
        },
        rest,
    ))
}

/// Runs all, then a good request: nothing that came before may be in its way.
pub(crate) async fn run_all(house: &House, cases: &[Case]) {
    for case in cases {
        case.run(house).await;
    }
    Case::traces("afterwards", super::requests::good(3), Expect::Accepted(3))
        .run(house)
        .await;
    house.idle().await;
}
