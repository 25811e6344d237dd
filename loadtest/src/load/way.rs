//! How OTLP goes to a server: over which protocol, compressed or not.

use std::io::{self, Write as _};

use clap::ValueEnum;
use flate2::write::GzEncoder;

use crate::http::{Answer, Connection, Grpc, HttpError, Url};

/// The method that takes traces.
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// OTLP's transports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    /// Protobuf over HTTP/1.1.
    Http,
    /// gRPC over HTTP/2.
    Grpc,
}

/// What makes requests smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compression {
    /// Nothing.
    None,
    /// gzip, level 1.
    Gzip,
    /// zstd, level 1.
    Zstd,
}

impl Compression {
    fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// Where OTLP goes, and how.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// `http://host:4318/v1/traces`.
    pub(crate) endpoint: Url,
    /// More headers, `authorization: Bearer ...`.
    pub(crate) headers: Vec<String>,
    /// The transport.
    pub(crate) protocol: Protocol,
    /// Of each request.
    pub(crate) compression: Compression,
}

impl Protocol {
    /// Where a server has its door if nothing else is said; of gRPC the path is that of the service.
    pub(crate) fn endpoint(self, given: Option<&Url>) -> Url {
        let local = |port: u16, path: &str| Url {
            authority: format!("127.0.0.1:{port}"),
            path: path.to_owned(),
        };
        match (self, given) {
            (Self::Http, None) => local(4318, "/v1/traces"),
            (Self::Http, Some(url)) => url.clone(),
            (Self::Grpc, None) => local(4317, EXPORT),
            (Self::Grpc, Some(url)) => url.at(EXPORT),
        }
    }
}

#[derive(Debug)]
enum Wire {
    Http(Connection),
    Grpc(Box<Grpc>),
}

/// One connection to it, with one request under way.
#[derive(Debug)]
pub(crate) struct Way {
    target: Target,
    wire: Wire,
    /// The request as it is sent; empty if that is the body itself.
    packed: Vec<u8>,
}

impl Way {
    /// Connects when it is first needed.
    pub(crate) fn new(target: &Target) -> io::Result<Self> {
        let wire = match target.protocol {
            Protocol::Http => Wire::Http(Connection::new(&target.endpoint.authority)),
            Protocol::Grpc => Wire::Grpc(Box::new(Grpc::new(&target.endpoint, &target.headers)?)),
        };
        Ok(Self {
            target: target.clone(),
            wire,
            packed: Vec::new(),
        })
    }

    /// Takes a new request; its bytes on the wire, without heads.
    pub(crate) fn load(&mut self, body: &[u8]) -> io::Result<u64> {
        self.packed.clear();
        match self.target.compression {
            Compression::None => return Ok(body.len() as u64),
            Compression::Gzip => {
                let mut gzip = GzEncoder::new(&mut self.packed, flate2::Compression::fast());
                gzip.write_all(body)?;
                gzip.finish()?;
            }
            Compression::Zstd => zstd::stream::copy_encode(body, &mut self.packed, 1)?,
        }
        Ok(self.packed.len() as u64)
    }

    /// Sends what was loaded, `body` if it is not compressed, and waits for the answer.
    pub(crate) fn send(&mut self, body: &[u8]) -> Result<Answer, HttpError> {
        let encoding = self.target.compression.name();
        let payload = if encoding.is_some() { &self.packed } else { body };
        match &mut self.wire {
            Wire::Grpc(grpc) => grpc.call(encoding, payload),
            Wire::Http(connection) => {
                let kind = "application/x-protobuf";
                let head = match encoding {
                    None => self
                        .target
                        .endpoint
                        .post(kind, payload.len(), &self.target.headers),
                    Some(encoding) => {
                        let mut headers = self.target.headers.clone();
                        headers.push(format!("content-encoding: {encoding}"));
                        self.target.endpoint.post(kind, payload.len(), &headers)
                    }
                };
                connection.post(&head, payload)
            }
        }
    }
}
