//! What is measured: latencies, the server's processor time, memory and disk, its counters, and the machine itself.

pub(crate) mod disk;
pub(crate) mod latency;
pub(crate) mod process;
pub(crate) mod progress;
pub(crate) mod scrape;
pub(crate) mod watch;
pub(crate) mod yardstick;
