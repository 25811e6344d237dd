//! When requests are due. In an open loop they are due at fixed times, whatever the server does, and latency counts from
//! then: a server that stalls shows it (Tene, "How NOT to Measure Latency"; Schroeder et al., "Open Versus Closed",
//! NSDI 2006).

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Pace;

/// Due times, handed out to whichever thread is free.
#[derive(Debug)]
pub(crate) struct Schedule {
    begin: Instant,
    /// Between two requests; zero = closed loop.
    interval: Duration,
    warm: Instant,
    end: Instant,
    next: AtomicU64,
    /// Requests, at most.
    limit: u64,
}

impl Schedule {
    /// For requests of `items` each.
    pub(crate) fn new(begin: Instant, pace: &Pace, items: u64) -> Self {
        let interval = pace.rate.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64((items as f64 / rate.max(1e-3)).min(3_600.0))
        });
        let warm = begin + pace.warmup;
        Self {
            begin,
            interval,
            warm,
            end: warm + pace.length,
            next: AtomicU64::new(0),
            limit: pace.count.map_or(u64::MAX, |count| count.div_ceil(items.max(1))),
        }
    }

    /// Waits for the next due time. `None` when the load is over: what was due and could not be begun by then is
    /// [`Schedule::behind`].
    pub(crate) fn wait(&self) -> Option<Instant> {
        let now = Instant::now();
        if now >= self.end {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.limit {
            return None;
        }
        if self.interval.is_zero() {
            return Some(now);
        }
        let due = self.begin + self.interval.mul_f64(number as f64);
        if due >= self.end {
            return None;
        }
        thread::sleep(due.saturating_duration_since(now));
        Some(due)
    }

    /// Does this due time count, or is it of the warm-up?
    pub(crate) fn counts(&self, due: Instant) -> bool {
        due >= self.warm
    }

    /// Requests that were due and never begun, once [`Schedule::wait`] has answered `None` to all threads.
    pub(crate) fn behind(&self) -> u64 {
        if self.interval.is_zero() {
            return 0;
        }
        let due = (self.end - self.begin).as_secs_f64() / self.interval.as_secs_f64();
        let due = (due.ceil() as u64).min(self.limit);
        due.saturating_sub(self.next.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(rate: Option<f64>) -> Pace {
        Pace {
            rate,
            warmup: Duration::from_millis(50),
            length: Duration::from_millis(150),
            count: None,
        }
    }

    /// Scenario: 1,000 items a second in requests of ten, for 200 ms. Guarantee: twenty requests, 10 ms apart; those of the first
    /// 50 ms do not count.
    #[test]
    fn open_loop_is_regular() {
        let begin = Instant::now();
        let schedule = Schedule::new(begin, &pace(Some(1_000.0)), 10);
        let due: Vec<Instant> = std::iter::from_fn(|| schedule.wait()).collect();
        // On a busy machine some are never begun.
        assert_eq!(due.len() as u64 + schedule.behind(), 20);
        for (i, due) in due.iter().enumerate() {
            assert_eq!(*due - begin, Duration::from_millis(10) * i as u32);
        }
        let warming = due.iter().filter(|d| !schedule.counts(**d)).count();
        assert_eq!(warming, due.len().min(5));
    }

    /// Scenario: a load that is over after 25 items in requests of ten. Guarantee: three requests, in both loops.
    #[test]
    fn a_count_ends_it() {
        for rate in [Some(1_000.0), None] {
            let pace = Pace {
                count: Some(25),
                ..pace(rate)
            };
            let schedule = Schedule::new(Instant::now(), &pace, 10);
            assert_eq!(std::iter::from_fn(|| schedule.wait()).count(), 3);
            assert_eq!(schedule.behind(), 0);
        }
    }

    /// Scenario: a thread that needs 50 ms for each request. Guarantee: due times do not wait for it; what it never began is known.
    #[test]
    fn a_stall_shows() {
        let begin = Instant::now();
        let schedule = Schedule::new(begin, &pace(Some(1_000.0)), 10);
        let mut lateness = Vec::new();
        while let Some(due) = schedule.wait() {
            thread::sleep(Duration::from_millis(50));
            lateness.push(due.elapsed());
        }
        assert!(lateness.windows(2).all(|w| w[1] > w[0]));
        assert!(schedule.behind() >= 14, "no more than six fit into the time");
        assert_eq!(schedule.behind() + lateness.len() as u64, 20);
    }
}
