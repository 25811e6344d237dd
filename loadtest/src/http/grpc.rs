//! Unary calls of gRPC over HTTP/2 without TLS (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>), one at a time on a
//! connection, their codes told as OTLP's specification tells those of HTTP: what may be tried again is 503.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::{Answer, HttpError, Url};
use crate::otlp::proto::{Field, Fields};

/// A peer that is silent for this long is gone.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of an answer, at most.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Bytes of a flag and a length before each message.
const PREFIX_BYTES: usize = 5;

/// A connection to one method of one server, made again when it broke.
#[derive(Debug)]
pub(crate) struct Grpc {
    url: Url,
    headers: Vec<(String, String)>,
    runtime: Runtime,
    client: Option<SendRequest<Bytes>>,
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> HttpError {
    HttpError::Broken(io::Error::other(error))
}

impl Grpc {
    /// Connects when it is first needed. `headers` are lines, `name: value`.
    pub(crate) fn new(url: &Url, headers: &[String]) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let pair = |line: &String| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        };
        Ok(Self {
            url: url.clone(),
            headers: headers.iter().filter_map(pair).collect(),
            runtime,
            client: None,
        })
    }

    /// Calls with one message, compressed by whom `encoding` names. Repeats nothing.
    pub(crate) fn call(
        &mut self,
        encoding: Option<&'static str>,
        message: &[u8],
    ) -> Result<Answer, HttpError> {
        let mut body = BytesMut::with_capacity(PREFIX_BYTES + message.len());
        body.put_u8(u8::from(encoding.is_some()));
        body.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
        body.put_slice(message);
        let (url, headers, client) = (&self.url, &self.headers, self.client.take());
        let ended = self.runtime.block_on(async {
            tokio::time::timeout(TIMEOUT, async {
                let mut client = match client {
                    Some(client) => client,
                    None => connect(&url.authority).await?,
                };
                let answer = exchange(&mut client, url, headers, encoding, body.freeze()).await?;
                Ok::<_, HttpError>((client, answer))
            })
            .await
        });
        let (client, answer) = ended.map_err(broken)??;
        self.client = Some(client);
        Ok(answer)
    }
}

async fn connect(authority: &str) -> Result<SendRequest<Bytes>, HttpError> {
    let failed = |error| HttpError::Connect(authority.to_owned(), error);
    let stream = TcpStream::connect(authority).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let (client, connection) = h2::client::handshake(stream).await.map_err(broken)?;
    // Its end shows as an error of the next call.
    tokio::spawn(connection);
    Ok(client)
}

async fn exchange(
    client: &mut SendRequest<Bytes>,
    url: &Url,
    headers: &[(String, String)],
    encoding: Option<&'static str>,
    body: Bytes,
) -> Result<Answer, HttpError> {
    let mut request = Request::post(format!("http://{}{}", url.authority, url.path))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("user-agent", "elixirscope-loadtest");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if let Some(encoding) = encoding {
        request = request.header("grpc-encoding", encoding);
    }
    let request = request.body(()).map_err(broken)?;
    let mut ready = client.clone().ready().await.map_err(broken)?;
    let (response, stream) = ready.send_request(request, false).map_err(broken)?;
    // A call that is refused early does not take all of its body; its answer says why.
    let _ = send(stream, body).await;
    let (head, body) = response.await.map_err(broken)?.into_parts();
    let (message, trailers) = receive(body).await?;
    // Without a message, all is in the head.
    let said = trailers.unwrap_or(head.headers);
    Ok(answer(head.status.as_u16(), &said, &message))
}

async fn send(mut stream: SendStream<Bytes>, mut body: Bytes) -> Result<(), h2::Error> {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let Some(room) = poll_fn(|cx| stream.poll_capacity(cx)).await else {
            return Ok(());
        };
        let piece = body.split_to(room?.min(body.len()));
        let end = body.is_empty();
        stream.send_data(piece, end)?;
    }
    Ok(())
}

async fn receive(mut body: RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), HttpError> {
    let mut message = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.map_err(broken)?;
        if message.len() + piece.len() > ANSWER_BYTES_MAX {
            return Err(HttpError::Broken(io::Error::other("the answer is too long")));
        }
        message.extend_from_slice(&piece);
        body.flow_control()
            .release_capacity(piece.len())
            .map_err(broken)?;
    }
    Ok((message, body.trailers().await.map_err(broken)?))
}

/// The same as HTTP would say it.
fn answer(status: u16, said: &HeaderMap, message: &[u8]) -> Answer {
    let text = |name: &str| said.get(name).and_then(|value| value.to_str().ok());
    let details = text("grpc-status-details-bin").and_then(|text| wire::base64::decode(text.as_bytes()));
    let retry_after = details.as_deref().and_then(retry_delay);
    let code = text("grpc-status").and_then(|code| code.parse::<u16>().ok());
    Answer {
        status: match (status, code) {
            (200, Some(code)) => http_status(code, retry_after.is_some()),
            (200, None) => 502,
            (status, _) => status,
        },
        retry_after,
        close: false,
        body: message.get(PREFIX_BYTES..).unwrap_or_default().to_vec(),
    }
}

/// OTLP's table of what may be tried again ("Failures", OTLP/gRPC).
fn http_status(code: u16, retry_info: bool) -> u16 {
    match code {
        0 => 200,
        1 | 4 | 10 | 11 | 14 | 15 => 503,
        8 if retry_info => 503,
        16 => 401,
        _ => 400,
    }
}

/// `google.rpc.Status.details[].RetryInfo.retry_delay`.
fn retry_delay(status: &[u8]) -> Option<Duration> {
    for detail in messages(status, 3) {
        let named = messages(detail, 1).any(|name| name.ends_with(b"google.rpc.RetryInfo"));
        let Some(info) = messages(detail, 2).next().filter(|_| named) else {
            continue;
        };
        let delay = messages(info, 1).next().unwrap_or_default();
        let number = |field: u32| {
            let found = Fields::new(delay).flatten().find(|(number, _)| *number == field);
            match found {
                Some((_, Field::Number(value))) => value,
                _ => 0,
            }
        };
        return Some(
            Duration::from_secs(number(1).min(60)) + Duration::from_nanos(number(2).min(999_999_999)),
        );
    }
    None
}

fn messages(of: &[u8], field: u32) -> impl Iterator<Item = &[u8]> {
    Fields::new(of)
        .flatten()
        .filter_map(move |(number, value)| match value {
            Field::Bytes(bytes) if number == field => Some(bytes),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::proto::{bytes, number};

    /// Scenario: OK with a message; UNAVAILABLE that says to wait 1.5 s; RESOURCE_EXHAUSTED with and without that; INVALID_ARGUMENT; no
    /// code. Guarantee: each is what OTLP says about it.
    #[test]
    fn codes() {
        let (mut delay, mut info, mut any, mut status) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        number(&mut delay, 1, 1);
        number(&mut delay, 2, 500_000_000);
        bytes(&mut info, 1, &delay);
        bytes(&mut any, 1, b"type.googleapis.com/google.rpc.RetryInfo");
        bytes(&mut any, 2, &info);
        bytes(&mut status, 3, &any);
        let mut text = String::new();
        wire::base64::encode(&status, &mut text);
        let said = |code: &str, details: bool| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-status", code.parse().unwrap());
            if details {
                headers.insert("grpc-status-details-bin", text.parse().unwrap());
            }
            answer(200, &headers, &[0, 0, 0, 0, 1, 7])
        };
        assert_eq!((said("0", false).status, said("0", false).body), (200, vec![7]));
        assert_eq!(said("14", true).retry_after, Some(Duration::from_millis(1_500)));
        let statuses =
            [("14", true), ("8", true), ("8", false), ("3", false)].map(|(c, d)| said(c, d).status);
        assert_eq!(statuses, [503, 503, 400, 400]);
        assert_eq!(answer(200, &HeaderMap::new(), &[]).status, 502);
    }
}
