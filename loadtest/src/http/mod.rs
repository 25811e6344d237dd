//! HTTP/1.1 over TCP with connections kept alive (RFC 9112), as little of it as a load generator needs: requests are
//! bytes made beforehand, answers have a length or come in chunks. No TLS, no redirects, no pipelining. And unary calls of gRPC.

pub(crate) mod answer;
pub(crate) mod connection;
pub(crate) mod grpc;
pub(crate) mod url;

pub(crate) use answer::Answer;
pub(crate) use connection::{Connection, HttpError};
pub(crate) use grpc::Grpc;
pub(crate) use url::Url;
