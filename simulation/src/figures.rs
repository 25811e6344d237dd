//! What many seeds showed together.

use serde_json::json;
use simulation::Outcome;
use simulation::faults::FAULTS;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Sums over seeds.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    pub(crate) violated: u64,
    counted: u64,
    time: u64,
    steps: u64,
    batches: u64,
    acked: u64,
    sealed: u64,
    moves: [u64; 2],
    reads: [u64; 2],
    packets: [u64; 3],
    fired: [u64; FAULTS.len()],
    counts: BTreeMap<&'static str, u64>,
}

impl Sum {
    pub(crate) fn add(&mut self, outcome: &Outcome) {
        self.violated += u64::from(outcome.violation.is_some());
        self.counted += u64::from(outcome.counts() && outcome.violation.is_none());
        self.time += outcome.time / 1_000_000;
        self.steps += outcome.steps;
        self.batches += outcome.batches;
        self.acked += outcome.acked;
        self.sealed += outcome.sealed;
        let add = |sum: &mut [u64], of: &[u64]| sum.iter_mut().zip(of).for_each(|(s, n)| *s += n);
        add(&mut self.moves, &outcome.moves);
        add(&mut self.reads, &outcome.reads);
        add(&mut self.packets, &outcome.packets);
        add(&mut self.fired, &outcome.fired.0);
        for (name, n) in &outcome.counts {
            *self.counts.entry(name).or_default() += n;
        }
    }

    /// A table, and the figures.
    pub(crate) fn print(&self, out: &mut impl Write, seed: u64, seeds: u64) -> io::Result<()> {
        writeln!(
            out,
            "seeds {seed} to {}",
            seed.saturating_add(seeds).saturating_sub(1)
        )?;
        let ([ended, abandoned], [complete, partial]) = (self.moves, self.reads);
        let [lost, twice, stopped] = self.packets;
        let rows = [
            ("virtual seconds", self.time),
            ("happenings", self.steps),
            ("batches made", self.batches),
            ("batches acknowledged", self.acked),
            ("parts of buckets sealed", self.sealed),
            ("moves ended", ended),
            ("moves abandoned", abandoned),
            ("complete answers", complete),
            ("partial answers", partial),
            ("packets lost", lost),
            ("packets doubled", twice),
            ("packets stopped by cut links", stopped),
        ];
        let fired = FAULTS.iter().map(|(_, name)| *name).zip(self.fired);
        let counts = self.counts.iter().map(|(name, n)| (*name, *n));
        for (name, n) in rows.into_iter().chain(fired).chain(counts) {
            writeln!(out, "{name:<36} {n:>12}")?;
        }
        figure(
            out,
            "seeds in which an invariant broke",
            self.violated,
            "seeds",
            Some((0, false)),
        )?;
        figure(
            out,
            "seeds that count",
            self.counted,
            "seeds",
            Some((seeds / 10 * 9, true)),
        )?;
        figure(out, "batches acknowledged", self.acked, "batches", None)?;
        for (name, n) in FAULTS.iter().map(|(_, name)| *name).zip(self.fired) {
            let least = (seeds >= 100).then_some((1, true));
            figure(out, &format!("fault: {name}"), n, "times", least)?;
        }
        Ok(())
    }
}

/// A figure: its goal, and whether that is a lower bound.
pub(crate) fn figure(
    out: &mut impl Write,
    name: &str,
    value: u64,
    unit: &str,
    goal: Option<(u64, bool)>,
) -> io::Result<()> {
    let mut figure = json!({"name": name, "value": value, "unit": unit});
    if let Some((goal, at_least)) = goal
        && let Some(object) = figure.as_object_mut()
    {
        object.insert("goal".to_owned(), json!(goal));
        object.insert("at_least".to_owned(), json!(at_least));
    }
    writeln!(out, "{figure}")
}
