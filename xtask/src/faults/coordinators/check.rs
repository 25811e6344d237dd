//! Is a history of a register linearizable? Wing and Gong's search (1993) as Lowe has it (2017): operations that could be next are tried in turn,
//! and what was done already is remembered, so that no set of operations with the same value is searched twice.
//!
//! Histories are partitioned by key, which is sound (Herlihy and Wing 1990, locality). An operation whose outcome is unknown is open for ever: it
//! may take effect at any time after its call, or never. Unknown writes that nobody read are left out: taking them out of an order that is good
//! leaves a good one, since the next operation is no read. Written values are unique.

use std::collections::HashSet;

/// What an operation did to its register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    /// Wrote this.
    Write(u32),
    /// Read this.
    Read(u32),
}

/// One operation; times are nanoseconds since the history began.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    /// Which register.
    pub key: u64,
    /// What.
    pub did: Did,
    /// When it was called.
    pub called: u64,
    /// When its outcome was known; none: it never was.
    pub returned: Option<u64>,
}

/// What the search found.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is an order; so many states were looked at.
    Linearizable(u64),
    /// There is none. In words: the operation at which every order fails.
    Violated(String),
    /// More states than the bound.
    Undecided,
}

/// Looks at one register's history, which began with a value, within so many states.
pub fn register(history: &[Op], initial: u32, bound: u64) -> Verdict {
    let read: HashSet<u32> = history
        .iter()
        .filter_map(|op| match op.did {
            Did::Read(value) => Some(value),
            Did::Write(_) => None,
        })
        .collect();
    let counts = |op: &&Op| match op.did {
        Did::Write(value) => op.returned.is_some() || read.contains(&value),
        Did::Read(_) => op.returned.is_some(),
    };
    let mut ops: Vec<Op> = history.iter().filter(counts).copied().collect();
    ops.sort_by_key(|op| op.called);
    Search::new(&ops, initial).run(bound)
}

/// What was put in order: all before `base`, and those of `beyond`, ascending. Few calls overlap, so this is short.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Done {
    base: usize,
    beyond: Vec<usize>,
}

impl Done {
    fn has(&self, op: usize) -> bool {
        op < self.base || self.beyond.binary_search(&op).is_ok()
    }

    fn with(&self, op: usize) -> Self {
        let mut next = self.clone();
        if let Err(at) = next.beyond.binary_search(&op) {
            next.beyond.insert(at, op);
        }
        let mut whole = 0;
        while next.beyond.get(whole) == Some(&next.base) {
            next.base += 1;
            whole += 1;
        }
        next.beyond.drain(..whole);
        next
    }
}

struct Search<'a> {
    ops: &'a [Op],
    seen: HashSet<(Done, u32)>,
    /// What was done, the value then, and which operation to try next.
    stack: Vec<(Done, u32, usize)>,
    /// The furthest that any order came: the first operation that none could include.
    furthest: usize,
}

impl<'a> Search<'a> {
    fn new(ops: &'a [Op], initial: u32) -> Self {
        let none = Done {
            base: 0,
            beyond: Vec::new(),
        };
        Self {
            ops,
            seen: HashSet::new(),
            stack: vec![(none, initial, 0)],
            furthest: 0,
        }
    }

    fn run(mut self, bound: u64) -> Verdict {
        let mut states = 0_u64;
        while let Some((done, value, from)) = self.stack.pop() {
            let first = self.first_return(&done);
            let Some((first, must)) = first else {
                return Verdict::Linearizable(states);
            };
            self.furthest = self.furthest.max(must);
            // Who was called before the first return of those that are left could be next.
            let mut candidate = from.max(done.base);
            while let Some(op) = self.ops.get(candidate).filter(|op| op.called <= first) {
                if !done.has(candidate)
                    && let Some(next) = step(op.did, value)
                {
                    let with = done.with(candidate);
                    states += 1;
                    if self.seen.insert((with.clone(), next)) {
                        self.stack.push((done, value, candidate + 1));
                        self.stack.push((with, next, 0));
                        break;
                    }
                }
                candidate += 1;
            }
            if states > bound {
                return Verdict::Undecided;
            }
        }
        let op = self.ops[self.furthest];
        let around = self
            .ops
            .iter()
            .filter(|o| o.called <= op.returned.unwrap_or(u64::MAX));
        let around = around.filter(|o| o.returned.is_none_or(|t| t + 2_000_000_000 >= op.called));
        let around: Vec<String> = around.map(told).collect();
        let last = &around[around.len().saturating_sub(20)..];
        Verdict::Violated(format!(
            "no order has {}; around it: {}",
            told(&op),
            last.join("; ")
        ))
    }

    /// The earliest return of what is not done yet, and whose it is.
    fn first_return(&self, done: &Done) -> Option<(u64, usize)> {
        let mut earliest: Option<(u64, usize)> = None;
        for (at, op) in self.ops.iter().enumerate().skip(done.base) {
            if earliest.is_some_and(|(first, _)| op.called > first) {
                break;
            }
            if let Some(returned) = op.returned.filter(|_| !done.has(at)) {
                earliest = Some(earliest.map_or((returned, at), |e| e.min((returned, at))));
            }
        }
        earliest
    }
}

/// The value after it, if it can be next.
fn step(did: Did, value: u32) -> Option<u32> {
    match did {
        Did::Write(written) => Some(written),
        Did::Read(read) => (read == value).then_some(value),
    }
}

fn told(op: &Op) -> String {
    let ms = |ns: u64| ns / 1_000_000;
    let until = op.returned.map_or_else(|| "?".to_owned(), |t| ms(t).to_string());
    format!("{:?} {}..{until} ms", op.did, ms(op.called))
}

#[cfg(test)]
mod tests {
    use super::super::super::chance::Chance;
    use super::*;

    fn op(did: Did, called: u64, returned: impl Into<Option<u64>>) -> Op {
        let returned = returned.into();
        Op {
            key: 1,
            did,
            called,
            returned,
        }
    }

    /// Scenario: reads that overlap a write, a stale one after it, values that come back, an unknown write that is read late or comes twice.
    /// Guarantee: allowed, refused, refused, allowed, refused.
    #[test]
    fn what_is_known_to_be_right_or_wrong() {
        use Did::{Read, Write};
        let right = |h: &[Op]| matches!(register(h, 0, 10_000), Verdict::Linearizable(_));
        let write = op(Write(1), 10, 20);
        assert!(right(&[write, op(Read(0), 12, 14), op(Read(1), 15, 16)]));
        assert!(!right(&[write, op(Read(1), 12, 14), op(Read(0), 15, 16)]));
        assert!(!right(&[write, op(Read(0), 21, 22)]), "stale");
        let unknown = op(Write(2), 5, None);
        assert!(right(&[write, unknown, op(Read(1), 30, 31), op(Read(2), 40, 41)]));
        let twice = [
            unknown,
            op(Read(2), 6, 7),
            write,
            op(Read(1), 30, 31),
            op(Read(2), 40, 41),
        ];
        assert!(!right(&twice), "one write has one effect");
        assert!(right(&[unknown, op(Read(0), 30, 31)]), "it may never happen");
    }

    /// Scenario: two thousand small histories of random operations. Guarantee: the verdict is that of trying all orders.
    #[test]
    fn the_same_verdict_as_trying_all_orders() {
        let mut verdicts = [0, 0];
        for seed in 1..2_000 {
            let mut chance = Chance::new(seed * 7_919);
            let ops: Vec<Op> = (0..6)
                .map(|n| {
                    let called = chance.within(0, 20);
                    let value = u32::try_from(chance.within(0, 4)).unwrap_or_default();
                    let did = if chance.within(0, 2) == 0 {
                        Did::Write(n + 1)
                    } else {
                        Did::Read(value)
                    };
                    let open = chance.within(0, 6) == 0 && matches!(did, Did::Write(_));
                    let returned = (!open).then(|| called + 1 + chance.within(0, 9));
                    op(did, called, returned)
                })
                .collect();
            let found = matches!(register(&ops, 0, 1_000_000), Verdict::Linearizable(_));
            assert_eq!(
                found,
                all_orders(&ops, &mut Vec::new(), 0),
                "seed {seed}: {ops:?}"
            );
            verdicts[usize::from(found)] += 1;
        }
        assert!(verdicts[0] > 100 && verdicts[1] > 100, "{verdicts:?}");
    }

    fn all_orders(ops: &[Op], done: &mut Vec<usize>, value: u32) -> bool {
        let left: Vec<usize> = (0..ops.len()).filter(|n| !done.contains(n)).collect();
        if left.iter().all(|n| ops[*n].returned.is_none()) {
            return true;
        }
        for n in left.iter().copied() {
            let before = |m: &usize| ops[*m].returned.is_some_and(|t| t < ops[n].called);
            if left.iter().any(before) {
                continue;
            }
            if let Some(next) = step(ops[n].did, value) {
                done.push(n);
                if all_orders(ops, done, next) {
                    return true;
                }
                done.pop();
            }
        }
        false
    }
}
