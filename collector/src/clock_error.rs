//! How far apart the clocks of two nodes are, from the messages between them.
//!
//! An event caused by a message from node `a` on node `b` has a delay `b`'s time - `a`'s time = latency + clock error. With
//! the least delay of each direction, and latency alike both ways, error = (min(a to b) - min(b to a)) / 2: Cristian's
//! method as NTP uses it (RFC 5905, section 8). Where messages are caused in one direction only (calls whose replies
//! cause no event), the least delay itself says it if it cannot be a latency: below zero, or above [`LATENCY_US_MAX`].

use event::{Micros, NodeInfo, NodeKey};
use std::collections::{BTreeMap, HashMap, VecDeque};
use wire::events::Delay;

/// Least delays older than this are forgotten.
pub(crate) const WINDOW_US: u64 = 60_000_000;
const SLICE_US: u64 = WINDOW_US / 6;
/// No message is handled later than this, at least not each of a minute's.
pub(crate) const LATENCY_US_MAX: i64 = 5_000_000;
/// Pairs of nodes that are followed; further ones are ignored.
pub(crate) const PAIRS_MAX: usize = 1024;
/// Names that are remembered; then the map begins anew.
const NAMES_MAX: usize = 8192;

/// From which node to which, by name.
pub(crate) type Pair = (String, String);

/// Least delays of the last minute, in slices of ten seconds.
#[derive(Debug, Default)]
pub(crate) struct ClockErrors {
    names: HashMap<NodeKey, String>,
    delays: BTreeMap<Pair, VecDeque<(u64, i64)>>,
}

impl ClockErrors {
    /// Learns names.
    pub(crate) fn name(&mut self, nodes: &[NodeInfo]) {
        for n in nodes {
            if self.names.len() >= NAMES_MAX {
                self.names.clear();
            }
            self.names.entry(n.key).or_insert_with(|| n.name.clone());
        }
    }

    /// Notes least delays: (event's node, parent's node), microseconds.
    pub(crate) fn note(&mut self, delays: &[Delay], now: Micros) {
        for delay in delays {
            let (from, to) = (&delay.parent, &delay.node);
            let (Some(from), Some(to)) = (self.names.get(from), self.names.get(to)) else {
                continue;
            };
            let pair = (from.clone(), to.clone());
            if self.delays.len() >= PAIRS_MAX && !self.delays.contains_key(&pair) {
                continue;
            }
            let slices = self.delays.entry(pair).or_default();
            let slice = now.0 / SLICE_US;
            match slices.back_mut() {
                Some((s, least)) if *s == slice => *least = (*least).min(delay.least_us),
                _ => slices.push_back((slice, delay.least_us)),
            }
        }
    }

    /// Clock of `to` minus clock of `from`, in microseconds, for each pair of which it is known; forgets what is old.
    pub(crate) fn errors(&mut self, now: Micros) -> Vec<(Pair, i64)> {
        let oldest = now.0.saturating_sub(WINDOW_US) / SLICE_US;
        self.delays.retain(|_, slices| {
            slices.retain(|(s, _)| *s >= oldest);
            !slices.is_empty()
        });
        let least = |pair: &Pair| self.delays.get(pair)?.iter().map(|(_, d)| *d).min();
        let mut errors = BTreeMap::new();
        for pair in self.delays.keys() {
            let Some(there) = least(pair) else { continue };
            let back = (pair.1.clone(), pair.0.clone());
            let error = match least(&back) {
                Some(back) => there.saturating_sub(back) / 2,
                None if !(0..=LATENCY_US_MAX).contains(&there) => there,
                None => continue,
            };
            errors.insert(back, -error);
            errors.insert(pair.clone(), error);
        }
        errors.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named() -> ClockErrors {
        let mut c = ClockErrors::default();
        let node = |k: u64, name: &str| NodeInfo {
            key: NodeKey(k),
            creation: 1,
            name: name.to_owned(),
        };
        c.name(&[node(1, "a"), node(2, "b")]);
        c
    }

    fn delay(to: u64, from: u64, least_us: i64) -> [Delay; 1] {
        [Delay {
            node: NodeKey(to),
            parent: NodeKey(from),
            least_us,
        }]
    }

    /// Scenario: b is five minutes ahead, latency 2 ms, some messages slower. Guarantee: the error is five minutes, both ways.
    #[test]
    fn five_minutes_are_seen() {
        let mut c = named();
        let five = 300_000_000;
        let now = Micros(1_000_000_000);
        c.note(&delay(2, 1, five + 9_000), now);
        c.note(&delay(2, 1, five + 2_000), now);
        c.note(&delay(1, 2, -five + 2_000), now);
        let expected = vec![
            (("a".into(), "b".into()), five),
            (("b".into(), "a".into()), -five),
        ];
        assert_eq!(c.errors(now), expected);
    }

    /// Scenario: a calls b, b never causes anything on a. Guarantee: an error that no latency explains is seen, a
    /// plausible latency is no error.
    #[test]
    fn one_direction_is_enough_for_what_no_latency_explains() {
        let mut c = named();
        let now = Micros(1_000_000_000);
        c.note(&delay(2, 1, 3_000), now);
        assert!(c.errors(now).is_empty());
        c.note(&delay(2, 1, -300_000_000), now);
        let expected = vec![
            (("a".into(), "b".into()), -300_000_000),
            (("b".into(), "a".into()), 300_000_000),
        ];
        assert_eq!(c.errors(now), expected);
    }

    /// Scenario: the clock is set right, a minute passes. Guarantee: the old delays no longer count; without new ones nothing is said.
    #[test]
    fn old_delays_are_forgotten() {
        let mut c = named();
        c.note(&delay(2, 1, 500_000), Micros(0));
        c.note(&delay(1, 2, -500_000), Micros(0));
        let later = Micros(WINDOW_US + SLICE_US);
        c.note(&delay(2, 1, 1_000), later);
        c.note(&delay(1, 2, 1_000), later);
        assert_eq!(c.errors(later).first().map(|(_, e)| *e), Some(0));
        assert!(c.errors(Micros(3 * WINDOW_US)).is_empty());
    }
}
