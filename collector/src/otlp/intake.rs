//! Where requests go.

use bytes::Bytes;

/// Takes requests in: decodes them, has them on disk, then answers.
///
/// The future may be dropped at any await: when the client goes away. What was begun may be finished then or not; the client
/// has no answer and sends again.
pub trait Intake: Send + Sync + 'static {
    /// An `ExportTraceServiceRequest`, uncompressed protobuf, not looked at yet.
    fn traces(&self, request: Bytes) -> impl Future<Output = Result<Receipt, Refusal>> + Send;
    /// An `ExportLogsServiceRequest`, uncompressed protobuf, not looked at yet.
    fn logs(&self, request: Bytes) -> impl Future<Output = Result<Receipt, Refusal>> + Send;
}

/// A request that was accepted, wholly or in part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Spans or log records that are kept.
    pub accepted: u64,
    /// Those that are not, and that the client must not send again.
    pub rejected: u64,
    /// Why, or a warning, in English; may be empty.
    pub message: String,
}

/// A request of which nothing was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not what it should be and will never be: not to be sent again.
    Malformed(String),
    /// It is too large, compressed or not: not to be sent again.
    TooLarge {
        /// Its size, as far as it was read.
        bytes: usize,
        /// The limit in bytes.
        max: usize,
    },
    /// Not now: to be sent again after this time.
    Busy {
        /// Milliseconds.
        retry_after_ms: u32,
    },
    /// Not now, and nobody knows until when: to be sent again.
    Unavailable(String),
}
