//! How much is read for other members while agents wait for this one: so many bytes a second, and as fast as the disk and the line are while no frame comes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// After a frame the pace is kept for so long.
const KEPT: Duration = Duration::from_secs(1);
/// Nobody waits longer at a time: a page is at most 8 MiB, and whoever stops waits for the threads that copy.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// Keeps the pace of all threads that copy.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: u64,
    began: Instant,
    /// When the last frame came, in milliseconds since it began, plus one; 0: none came yet.
    frame: AtomicU64,
    /// Until when what was copied takes at this pace, since it began.
    taken: Mutex<Duration>,
}

impl Pace {
    pub(super) fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            began: Instant::now(),
            frame: AtomicU64::new(0),
            taken: Mutex::default(),
        }
    }

    /// A frame came, from an agent or for one.
    pub(super) fn frame(&self) {
        let now = self.began.elapsed().as_millis() as u64;
        self.frame.store(now + 1, Ordering::Relaxed);
    }

    /// So much was copied: waits until it may go on.
    pub(super) fn copied(&self, bytes: usize) {
        let now = self.began.elapsed();
        let wait = self.wait(now, bytes);
        if !wait.is_zero() {
            sleep(wait);
        }
    }

    fn wait(&self, now: Duration, bytes: usize) -> Duration {
        let frame = self.frame.load(Ordering::Relaxed);
        let kept = Duration::from_millis(frame) + KEPT;
        if bytes == 0 || frame == 0 || now > kept {
            return Duration::ZERO;
        }
        let mut taken = self.taken.lock();
        let takes = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        *taken = (*taken).max(now) + takes;
        taken.saturating_sub(now).min(WAIT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: 10 MiB in pages of 512 KiB at 8 MiB/s, by one thread; then none for a while. Guarantee: it takes 1.25 s in all; the pause gives nothing back; without
    /// frames nothing waits.
    #[test]
    fn copies_keep_the_pace_while_frames_come() {
        let pace = Pace::new(8 << 20);
        assert_eq!(pace.wait(Duration::ZERO, 1 << 30), Duration::ZERO);
        let mut now = Duration::from_millis(10);
        let began = now;
        for _ in 0..20 {
            pace.frame.store(now.as_millis() as u64 + 1, Ordering::Relaxed);
            now += pace.wait(now, 512 << 10);
        }
        assert_eq!(now, began + Duration::from_millis(1_250));
        now += Duration::from_millis(700);
        assert_eq!(pace.wait(now, 512 << 10), Duration::from_micros(62_500));
        now += KEPT * 2;
        assert_eq!(pace.wait(now, 1 << 30), Duration::ZERO);
    }

    /// Guarantee: nobody waits longer than half a second at a time, however much was copied.
    #[test]
    fn one_wait_is_bounded() {
        let pace = Pace::new(1);
        pace.frame();
        assert_eq!(pace.wait(Duration::ZERO, 1 << 20), WAIT_MAX);
    }
}
