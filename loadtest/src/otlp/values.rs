//! The random part of a span: a pure function of the run's seed, the trace's number and the span's place in it.
//!
//! About 19 bytes of it cannot be guessed: span id 64 bits, trace id 6.4 (128 over 20 spans), start 21, duration 16, function 7,
//! pid 12.6, syntax node 14, line 10.

use crate::random::mix;

/// Spans of a trace.
pub(crate) const TRACE_SPANS: usize = 20;
/// Processes.
const PIDS: u64 = 6_000;
/// The first process; all have five digits.
const PID_FIRST: u64 = 10_000;
/// A trace's start lies up to this long before the request's time, ns.
const TRACE_START_NS: u64 = 1 << 24;

/// What is random in a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanValues {
    /// Its id.
    pub(crate) id: u64,
    /// Start, Unix nanoseconds.
    pub(crate) start_ns: u64,
    /// Duration, microseconds; 16,384 to 81,919, three bytes as a varint.
    pub(crate) duration_us: u64,
    /// Process, 10,000 to 15,999.
    pub(crate) pid: u64,
    /// Syntax node, 16,384 to 32,767, three bytes.
    pub(crate) ast: u64,
    /// Line, 128 to 1,151, two bytes.
    pub(crate) line: u64,
}

/// The random part of a trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TraceValues {
    seed: u64,
    start_ns: u64,
    /// Its id.
    pub(crate) id: [u8; 16],
}

impl TraceValues {
    /// Trace `number` of the run with this seed, sent in a request made at `base_ns`.
    pub(crate) fn new(seed: u64, number: u64, base_ns: u64) -> Self {
        let seed = mix(seed ^ mix(number));
        let mut id = [0; 16];
        let (left, right) = id.split_at_mut(8);
        left.copy_from_slice(&mix(seed ^ 0xa5a5).to_le_bytes());
        right.copy_from_slice(&mix(seed ^ 0x5a5a).to_le_bytes());
        Self {
            seed,
            start_ns: base_ns.saturating_sub(mix(seed ^ 0x1111) % TRACE_START_NS),
            id,
        }
    }

    /// Id of the span at a place.
    pub(crate) fn span_id(&self, place: usize) -> u64 {
        // Never 0: the lowest bit of a place's id is not random.
        mix(self.seed.wrapping_add(place as u64 + 1)) | 1
    }

    /// The span at a place.
    pub(crate) fn span(&self, place: usize) -> SpanValues {
        let a = mix(self.seed.wrapping_add(0x100 + place as u64));
        let b = mix(self.seed.wrapping_add(0x200 + place as u64));
        SpanValues {
            id: self.span_id(place),
            start_ns: self.start_ns + (a & 0xf_ffff),
            duration_us: 16_384 + (a >> 20 & 0xffff),
            pid: PID_FIRST + (((b & 0xffff_ffff) * PIDS) >> 32),
            ast: 16_384 + (b >> 32 & 0x3fff),
            line: 128 + (b >> 46 & 0x3ff),
        }
    }
}

/// The place of a span's parent in the tree, `None` for the root.
pub(crate) fn parent(place: usize) -> Option<usize> {
    (place > 0).then(|| (place - 1) / 2)
}
