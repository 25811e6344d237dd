//! Each acknowledgement as a line of text, as it comes: whoever breaks something beside the load sees how long nothing came.

use std::fs::File;
use std::io::{LineWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use parking_lot::Mutex;

use crate::load::now_ns;

/// A file of lines `UNIX_US LATENCY_US EVENTS PRODUCER`, shared by all producers.
#[derive(Clone, Debug)]
pub(crate) struct Acks(Arc<Mutex<LineWriter<File>>>);

impl Acks {
    /// An empty one.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(Arc::new(Mutex::new(LineWriter::new(file)))))
    }

    /// A frame that was due then was acknowledged just now.
    pub(crate) fn note(&self, due: Instant, events: u64, producer: usize) -> Result<()> {
        let (now_us, late_us) = (now_ns() / 1_000, due.elapsed().as_micros());
        writeln!(self.0.lock(), "{now_us} {late_us} {events} {producer}").context("acknowledgements")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Scenario: two producers write down what was acknowledged 30 ms late. Guarantee: a whole line each, at once, with the latency.
    #[test]
    fn each_acknowledgement_is_a_line() {
        let folder = std::env::temp_dir().join(format!("es-acks-{}", std::process::id()));
        let acks = Acks::create(&folder).unwrap();
        let due = Instant::now().checked_sub(Duration::from_millis(30)).unwrap();
        acks.note(due, 7, 0).unwrap();
        acks.note(due, 8, 1).unwrap();
        let text = std::fs::read_to_string(&folder).unwrap();
        std::fs::remove_file(&folder).unwrap();
        let lines: Vec<Vec<u64>> = text
            .lines()
            .map(|line| line.split(' ').map(|n| n.parse().unwrap()).collect())
            .collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line[1] >= 30_000 && line[0] > line[1]));
        assert_eq!((lines[0][2], lines[1][2], lines[1][3]), (7, 8, 1));
    }
}
