//! Is there so little processor time that requests wait for it? Then some are told to come again, at once, instead of all being late.
//!
//! A probe goes to the end of the runtime's queue of ready tasks and measures how long it took to come round. Beyond [`LATE`] a share of
//! requests is refused that grows with it, up to [`SHARE_MAX`]: reading and throwing away costs a tenth of taking in. What waits for the
//! disk, or for a slow client, is not ready, and does not count. (Shedding by delay of the queue, not by its length: CoDel, Nichols and
//! Jacobson, ACM Queue 2012; RFC 8289.)

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use prometheus::Gauge;

/// Between two probes.
const EVERY: Duration = Duration::from_millis(100);
/// Rounds through the queue of one probe.
const ROUNDS: u32 = 2;
/// A probe that takes longer says that there is too much to do.
const LATE: Duration = Duration::from_millis(200);
/// So much later the greatest share is refused.
const SPAN: Duration = Duration::from_millis(800);
/// The greatest share, of [`OF`].
const SHARE_MAX: u32 = 900;
/// Per cent of the share that are left from one probe to the next, at least: an overload does not end between two probes.
const FADE_PERCENT: u32 = 80;

/// The share of requests that is refused now.
#[derive(Debug, Default)]
pub(super) struct Lag {
    /// Of [`OF`].
    share: AtomicU32,
    requests: AtomicU32,
}

/// Shares are so many parts of a whole.
const OF: u32 = 1000;
/// The golden ratio of 2^32 (Knuth, TAOCP volume 3, 6.4): multiples of it are spread evenly.
const SCATTER: u32 = 0x9E37_79B9;

impl Lag {
    /// Should this request be refused?
    pub(super) fn sheds(&self) -> bool {
        let share = self.share.load(Relaxed);
        // Scattered, so that of clients that send in turn not always the same is refused.
        let number = self.requests.fetch_add(1, Relaxed);
        share > 0 && number.wrapping_mul(SCATTER) >> 16 < share * (1 << 16) / OF
    }

    /// What a probe saw.
    fn saw(&self, lag: Duration) {
        self.share
            .store(next_share(self.share.load(Relaxed), lag), Relaxed);
    }

    /// Probes for ever.
    #[expect(clippy::infinite_loop, reason = "ends when it is dropped")]
    pub(super) async fn watch(&self, shown: &Gauge) {
        loop {
            tokio::time::sleep(EVERY).await;
            let begun = Instant::now();
            for _ in 0..ROUNDS {
                tokio::task::yield_now().await;
            }
            let lag = begun.elapsed();
            shown.set(lag.as_secs_f64());
            self.saw(lag);
        }
    }
}

fn next_share(before: u32, lag: Duration) -> u32 {
    let over = lag.saturating_sub(LATE).as_millis() * u128::from(SHARE_MAX) / SPAN.as_millis();
    let now = u32::try_from(over).unwrap_or(SHARE_MAX).min(SHARE_MAX);
    now.max(before * FADE_PERCENT / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: probes in time, late, very late, in time again. Guarantee: nothing is refused, some, at most nine of ten, and in the end nothing.
    #[test]
    fn the_share_follows_the_lag() {
        assert_eq!(next_share(0, ms(200)), 0);
        let some = next_share(0, ms(600));
        assert_eq!(some, 450);
        assert_eq!(next_share(some, Duration::MAX), SHARE_MAX);
        let lag = Lag::default();
        lag.saw(ms(600));
        let refused: Vec<bool> = (0..OF).map(|_| lag.sheds()).collect();
        for of in [&refused[..], &refused[500..]] {
            let share = of.iter().filter(|refused| **refused).count() * 1000 / of.len();
            assert!((430..470).contains(&share), "{share}");
        }
        let of_one = refused.iter().step_by(2).filter(|refused| **refused).count();
        assert!((190..260).contains(&of_one), "{of_one} of every second request");
        let mut share = SHARE_MAX;
        for _ in 0..40 {
            share = next_share(share, ms(1));
        }
        assert_eq!(share, 0);
    }

    /// Scenario: a runtime of one thread with nothing to do, then with tasks that take 2 ms at a time and are always ready. Guarantee: nothing is
    /// refused at rest; under load the probe is late and requests are refused.
    #[test]
    fn a_busy_runtime_is_late() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let (lag, shown) = (Lag::default(), Gauge::new("x", "x").unwrap());
        runtime.block_on(async {
            let watch = lag.watch(&shown);
            let _ = tokio::time::timeout(ms(500), watch).await;
            assert!(!lag.sheds(), "at rest: {}", shown.get());
            for _ in 0..300 {
                tokio::spawn(async {
                    loop {
                        std::thread::sleep(ms(2));
                        tokio::task::yield_now().await;
                    }
                });
            }
            let _ = tokio::time::timeout(ms(4_000), lag.watch(&shown)).await;
            assert!(shown.get() > LATE.as_secs_f64(), "{}", shown.get());
            assert!((0..100).any(|_| lag.sheds()));
        });
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }
}
