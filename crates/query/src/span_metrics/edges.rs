//! Who called whom: the edges of the service graph.

use std::collections::{HashMap, VecDeque};

use super::histogram::Histogram;
use super::quick::Seed;

event::codes! {
    /// What lies between two services. The names are those of Tempo's label `connection_type`.
    Connection("connection type") {
        /// A request.
        Request = 0 "",
        /// A message.
        Messaging = 1 "messaging_system",
        /// One side is a database.
        Database = 2 "database",
        /// One side sends no spans.
        Virtual = 3 "virtual_node",
    }
}

/// Durations of calls, over the bounds of Tempo's service graph: 0.1 s to 12.8 s.
pub type CallSeconds = Histogram<100_000_000, 9>;

/// Length of the slices of time in which calls are counted for those who ask about the past.
pub const SLICE_NS: u64 = 300 * 1_000_000_000;
/// Slices that are kept: a day.
const SLICES: usize = 288;

/// An edge: names of services by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ends {
    /// Who calls.
    pub(super) client: u32,
    /// Who is called.
    pub(super) server: u32,
    /// How.
    pub(super) connection: Connection,
}

/// What is counted of an edge.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    /// Calls of which both sides are known, or of which one sends no spans.
    pub requests: u64,
    /// Those that failed on either side.
    pub failed: u64,
    /// Sides whose other side was not seen in time.
    pub unpaired: u64,
    /// Sides for which there was no room to wait.
    pub dropped: u64,
    /// Durations as who was called says.
    pub server: CallSeconds,
    /// Durations as who called says.
    pub client: CallSeconds,
    touched_ns: u64,
    /// Calls by slice of time, ascending.
    slices: VecDeque<(u32, u32)>,
}

impl Edge {
    /// Counts a call, made now.
    pub(super) fn call(&mut self, failed: bool, now_ns: u64) {
        self.requests += 1;
        self.failed += u64::from(failed);
        let slice = (now_ns / SLICE_NS) as u32;
        match self.slices.back_mut() {
            Some((last, calls)) if *last >= slice => *calls = calls.saturating_add(1),
            _ => {
                self.slices.push_back((slice, 1));
                if self.slices.len() > SLICES {
                    self.slices.pop_front();
                }
            }
        }
    }

    /// Calls in the slices that a range of time touches.
    pub fn calls_within(&self, start_ns: u64, end_ns: u64) -> u64 {
        let touched = start_ns / SLICE_NS..=end_ns.saturating_sub(1) / SLICE_NS;
        let within = self
            .slices
            .iter()
            .filter(|(slice, _)| touched.contains(&u64::from(*slice)));
        within.map(|(_, calls)| u64::from(*calls)).sum()
    }
}

/// All edges: bounded, those beyond counted in one.
#[derive(Debug)]
pub(super) struct Edges {
    known: HashMap<Ends, Edge, Seed>,
    overflow: Option<Box<Edge>>,
    max: usize,
}

impl Edges {
    /// None yet.
    pub(super) fn new(max: usize, seed: Seed) -> Self {
        Self {
            known: HashMap::with_hasher(seed),
            overflow: None,
            max,
        }
    }

    /// How many, without that of those without room.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// An edge, made if it is new.
    pub(super) fn edge(&mut self, ends: Ends, now_ns: u64) -> &mut Edge {
        if self.known.len() >= self.max && !self.known.contains_key(&ends) {
            return self.overflow.get_or_insert_default();
        }
        let edge = self.known.entry(ends).or_default();
        edge.touched_ns = now_ns;
        edge
    }

    /// Forgets edges on which nothing was counted since a time.
    pub(super) fn forget(&mut self, before_ns: u64) {
        self.known.retain(|_, edge| edge.touched_ns >= before_ns);
    }

    /// All, by number of their ends; that of those without room last.
    pub(super) fn sorted(&self) -> Vec<(Option<Ends>, &Edge)> {
        let mut all: Vec<(Option<Ends>, &Edge)> =
            self.known.iter().map(|(e, edge)| (Some(*e), edge)).collect();
        all.sort_unstable_by_key(|(ends, _)| *ends);
        all.extend(self.overflow.iter().map(|edge| (None, &**edge)));
        all
    }

    /// All, to be changed.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Edge> {
        self.known.values_mut().chain(self.overflow.as_deref_mut())
    }
}
