//! How fast this machine is just now, to read absolute figures by: its speed drifts with its neighbours.

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Each measurement takes this long.
const LONG: Duration = Duration::from_millis(400);
/// Bytes copied at once: more than the caches of one core.
const COPY_BYTES: usize = 16 << 20;

/// What one core does, in processor time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Yardstick {
    /// zstd level 1 over requests of the load, MB of input a second.
    pub(crate) zstd_mb_s: f64,
    /// Copying memory, GB a second.
    pub(crate) memcpy_gb_s: f64,
}

impl Yardstick {
    /// Measures; `sample` is what the load sends.
    pub(crate) fn measure(sample: &[u8]) -> Self {
        let source = vec![1_u8; COPY_BYTES];
        let mut target = vec![0_u8; COPY_BYTES];
        let copied = per_second(COPY_BYTES, || {
            target.copy_from_slice(black_box(&source));
            black_box(&mut target);
        });
        let mut out = vec![0_u8; zstd::zstd_safe::compress_bound(sample.len())];
        let compressed = per_second(sample.len(), || {
            let _ = black_box(zstd::bulk::compress_to_buffer(black_box(sample), &mut out, 1));
        });
        Self {
            zstd_mb_s: compressed / 1e6,
            memcpy_gb_s: copied / 1e9,
        }
    }

    /// For a program.
    pub(crate) fn json(&self) -> Value {
        json!({"zstd1_mb_s": self.zstd_mb_s, "memcpy_gb_s": self.memcpy_gb_s})
    }
}

fn per_second(bytes: usize, mut work: impl FnMut()) -> f64 {
    work();
    let (begin, on_cpu, mut times) = (Instant::now(), on_cpu(), 0_u32);
    while begin.elapsed() < LONG {
        work();
        times += 1;
    }
    let took = match (on_cpu, self::on_cpu()) {
        (Some(before), Some(after)) if after > before => after.saturating_sub(before),
        _ => begin.elapsed(),
    };
    bytes as f64 * f64::from(times) / took.as_secs_f64()
}

/// Time that this thread was on a processor: what its neighbours took is not counted (`/proc/thread-self/schedstat`).
fn on_cpu() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(
        stat.split_whitespace().next()?.parse().ok()?,
    ))
}
