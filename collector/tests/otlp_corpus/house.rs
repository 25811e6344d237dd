//! The doors with an intake that decodes, and what a case expects of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use collector::{Intake, OtlpConfig, OtlpLimits, OtlpServer, Receipt, Refusal};
use host::access::Access;
use host::{CancellationToken, Registry};
use parking_lot::Mutex;
use std::net::SocketAddr;
use tokio::task::JoinHandle;
use wire::otlp::proto::Reader;
use wire::otlp::schema::{partial_success, response};
use wire::otlp::{Decoded, OtlpError, decode_logs, decode_traces};

/// Decodes what comes; refuses it if it was told to.
#[derive(Debug, Default)]
pub(crate) struct Decoding {
    pub(crate) refuse: Mutex<Option<Refusal>>,
    pub(crate) last_accepted: Mutex<Option<u64>>,
    pub(crate) hold: Mutex<Option<Duration>>,
}

impl Decoding {
    async fn answer<T>(
        &self,
        decoded: Result<Decoded<T>, OtlpError>,
        size: usize,
        records: &str,
    ) -> Result<Receipt, Refusal> {
        if let Some(refusal) = self.refuse.lock().clone() {
            return Err(refusal);
        }
        let hold = *self.hold.lock();
        if let Some(hold) = hold {
            tokio::time::sleep(hold).await;
        }
        let Decoded { records: kept, notes } = decoded.map_err(|error| match error {
            OtlpError::TooLarge { max } => Refusal::TooLarge { bytes: size, max },
            OtlpError::Proto(error) => Refusal::Malformed(error.to_string()),
        })?;
        let accepted = kept.len() as u64;
        *self.last_accepted.lock() = Some(accepted);
        Ok(Receipt {
            accepted,
            rejected: notes.rejected_total(),
            message: notes.message(records),
        })
    }
}

impl Intake for Decoding {
    async fn traces(&self, request: Bytes) -> Result<Receipt, Refusal> {
        self.answer(decode_traces(&request), request.len(), "spans").await
    }
    async fn logs(&self, request: Bytes) -> Result<Receipt, Refusal> {
        self.answer(decode_logs(&request), request.len(), "log records")
            .await
    }
}

/// Both doors on loopback.
pub(crate) struct House {
    pub(crate) http: SocketAddr,
    pub(crate) grpc: SocketAddr,
    pub(crate) intake: Arc<Decoding>,
    registry: Registry,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl House {
    pub(crate) async fn start() -> Self {
        Self::with(OtlpLimits::default()).await
    }
    pub(crate) async fn with(limits: OtlpLimits) -> Self {
        Self::open(limits, None).await
    }
    /// With tokens.
    pub(crate) async fn guarded(tokens: &Path) -> Self {
        Self::open(OtlpLimits::default(), Some(tokens)).await
    }
    async fn open(limits: OtlpLimits, tokens: Option<&Path>) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let registry = Registry::new();
        let access = Access::of(tokens, &registry).unwrap();
        let config = OtlpConfig {
            grpc: any,
            http: any,
            limits,
        };
        let server = OtlpServer::bind(config, access, &registry).await.unwrap();
        let (http, grpc) = (server.http_addr(), server.grpc_addr());
        let (intake, stop) = (Arc::new(Decoding::default()), CancellationToken::new());
        let serving = tokio::spawn(server.serve(Arc::clone(&intake), stop.clone()));
        Self {
            http,
            grpc,
            intake,
            registry,
            stop,
            serving,
        }
    }
    pub(crate) fn metrics(&self) -> String {
        host::metrics::text(&self.registry)
    }
    /// Cancels, without waiting.
    pub(crate) fn begin_stop(&self) {
        self.stop.cancel();
    }
    /// Waits until nothing is held for any request.
    pub(crate) async fn idle(&self) {
        while !self.metrics().contains("elixirscope_otlp_in_flight_bytes 0") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    /// Stops; everything that was held is given back.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
        let text = host::metrics::text(&self.registry);
        assert!(text.contains("elixirscope_otlp_in_flight_bytes 0"), "{text}");
        assert!(text.contains("elixirscope_otlp_connections 0"), "{text}");
    }
}

/// What a case expects.
#[derive(Clone, Debug)]
pub(crate) enum Expect {
    /// All accepted, so many, nothing said.
    Accepted(u64),
    /// So many accepted, so many rejected, and why; with 0 rejected it is a warning.
    Partly(u64, u64, &'static str),
    /// Not accepted: HTTP status or gRPC code, and why.
    Refused(u16, &'static str),
}

/// Number and text of a response's `partial_success`, `None` if it has none.
pub(crate) fn partial(protobuf: &[u8]) -> Option<(u64, String)> {
    let mut reader = Reader::new(protobuf);
    assert_eq!(reader.key().unwrap()?, response::PARTIAL_SUCCESS);
    let (mut reader, mut read) = (reader.message().unwrap(), (0, String::new()));
    while let Some(key) = reader.key().unwrap() {
        match key {
            partial_success::REJECTED => read.0 = reader.varint().unwrap(),
            partial_success::ERROR_MESSAGE => {
                read.1 = String::from_utf8(reader.bytes().unwrap().to_vec()).unwrap();
            }
            other => panic!("field {other} in a response"),
        }
    }
    Some(read)
}

/// Code, message, and type of the first detail of a `google.rpc.Status`.
pub(crate) fn status(protobuf: &[u8]) -> (u64, String, String) {
    let mut reader = Reader::new(protobuf);
    let (mut code, mut message, mut detail) = (0, String::new(), String::new());
    while let Some(key) = reader.key().unwrap() {
        match key {
            0x08 => code = reader.varint().unwrap(),
            0x12 => message = String::from_utf8(reader.bytes().unwrap().to_vec()).unwrap(),
            0x1a => {
                let mut any = reader.message().unwrap();
                assert_eq!(any.key().unwrap(), Some(0x0a));
                detail = String::from_utf8(any.bytes().unwrap().to_vec()).unwrap();
            }
            other => panic!("field {other} in a status"),
        }
    }
    (code, message, detail)
}
