//! Settings of the OTLP doors, and their limits.

use std::net::SocketAddr;
use std::time::Duration;

/// A client that cannot be served now is told to wait this long.
pub(super) const RETRY_AFTER_MS: u32 = 1000;
/// Bytes of a body that is refused which are read and thrown away, so that the client reads the answer.
pub(super) const DRAIN_BYTES_MAX: usize = 64 << 20;
/// Time for that.
pub(super) const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);
/// The same of a sender that is not let in.
pub(super) const STRANGER_BYTES_MAX: usize = 1 << 20;
/// See [`STRANGER_BYTES_MAX`].
pub(super) const STRANGER_TIME_MAX: Duration = Duration::from_secs(1);
/// Compressed or JSON requests of more bytes are unpacked outside of the async threads.
pub(super) const INLINE_BYTES_MAX: usize = 64 << 10;
/// Window of a zstd frame, as a power of two: 8 MiB, what RFC 8878 (section 3.1.1.1.2) has every decoder support.
pub(super) const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// HTTP/2: bytes on their way in one request, and in one connection.
pub(super) const H2_STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// See [`H2_STREAM_WINDOW_BYTES`].
pub(super) const H2_CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// HTTP/2: requests at once in one connection.
pub(super) const H2_STREAMS_MAX: u32 = 128;
/// HTTP/2: bytes of a frame.
pub(super) const H2_FRAME_BYTES_MAX: u32 = 256 << 10;
/// HTTP/2: bytes of the headers of one request.
pub(super) const H2_HEADER_BYTES_MAX: u32 = 16 << 10;
/// HTTP/2: a silent client is asked for a sign of life this often.
pub(super) const H2_PING_INTERVAL: Duration = Duration::from_secs(30);

/// What the doors are told at start.
#[derive(Clone, Copy, Debug)]
pub struct OtlpConfig {
    /// TCP address of the gRPC door; port 0 = any.
    pub grpc: SocketAddr,
    /// TCP address of the HTTP door; port 0 = any.
    pub http: SocketAddr,
    /// Limits.
    pub limits: OtlpLimits,
}

/// Limits of both doors.
#[derive(Clone, Copy, Debug)]
pub struct OtlpLimits {
    /// Bytes of a compressed request.
    pub compressed_bytes_max: usize,
    /// Bytes of a request that is not compressed, or no longer.
    pub request_bytes_max: usize,
    /// Bytes of all requests between their first byte and their answer. At least what one request of the greatest size takes.
    pub in_flight_bytes_max: usize,
    /// Connections, of both doors together.
    pub connections_max: usize,
    /// From the connection to its first request, and over HTTP/1.1 between requests.
    pub idle_timeout: Duration,
    /// From a request's first byte to its last.
    pub body_timeout: Duration,
    /// For requests under way when the doors close.
    pub shutdown_timeout: Duration,
}

impl Default for OtlpLimits {
    fn default() -> Self {
        Self {
            compressed_bytes_max: 16 << 20,
            request_bytes_max: 64 << 20,
            in_flight_bytes_max: 160 << 20,
            connections_max: 4096,
            idle_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

/// A member's memory divided by this is what requests may hold.
const MEMORY_SHARE: u64 = 8;
/// They may hold this much, however little memory there is.
const IN_FLIGHT_BYTES_MIN: usize = 16 << 20;

impl OtlpLimits {
    /// These, or what a member with so much memory has room for: an eighth of it for all requests together, and one request no longer
    /// than fits into that in the three forms in which compressed JSON exists. With 512 MiB: 64, 16 compressed, 24 uncompressed.
    #[must_use]
    pub fn within(self, memory_bytes: u64) -> Self {
        let share = usize::try_from(memory_bytes / MEMORY_SHARE).unwrap_or(usize::MAX);
        let share = self.in_flight_bytes_max.min(share.max(IN_FLIGHT_BYTES_MIN));
        let compressed = self.compressed_bytes_max.min(share / 4);
        Self {
            compressed_bytes_max: compressed,
            request_bytes_max: self.request_bytes_max.min((share - compressed) / 2),
            in_flight_bytes_max: share,
            ..self
        }
    }

    /// Bytes in flight, enough for one request that is compressed JSON: it exists in three forms. With less, such a request
    /// would be told to come again for ever.
    pub(super) fn budget_bytes(&self) -> usize {
        let one = self.compressed_bytes_max + 2 * self.request_bytes_max;
        self.in_flight_bytes_max.max(one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: members with little, some and much memory. Guarantee: what requests hold follows the memory, one of the greatest size
    /// always fits, and nothing grows beyond the limits that were given.
    #[test]
    fn limits_follow_memory() {
        for memory_mib in [0u64, 32, 64, 256, 512, 1024, 4096, u64::MAX >> 20] {
            let given = OtlpLimits::default();
            let limits = given.within(memory_mib << 20);
            let share = (memory_mib as usize)
                .saturating_mul(1 << 17)
                .clamp(16 << 20, 160 << 20);
            assert_eq!(limits.in_flight_bytes_max, share);
            assert!(limits.budget_bytes() <= share, "{limits:?}");
            assert!(limits.compressed_bytes_max <= given.compressed_bytes_max);
            assert!(limits.request_bytes_max <= given.request_bytes_max);
            assert!(limits.compressed_bytes_max >= 4 << 20 && limits.request_bytes_max >= 6 << 20);
        }
    }
}
