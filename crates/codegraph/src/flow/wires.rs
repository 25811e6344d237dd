//! Ways of values between functions that no call says: a message to the clause that handles it, the reply back, the
//! state from one callback to the next. They come from rules about libraries, so whoever makes them says how sure they
//! are.

use super::FunctionFlow;
use super::dfg::Vertex;
use super::slice::Evidence;
use crate::fact::Confidence;
use crate::quoted::NodeId;

/// One way of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wire {
    /// Where it comes from: index of the function among the program's, and the value there.
    pub from: (u32, Vertex),
    /// Where it goes.
    pub to: (u32, Vertex),
    /// What it is. [`Evidence::Message`] and [`Evidence::Call`] go into a function as an argument does,
    /// [`Evidence::Reply`] and [`Evidence::Return`] out of it as a result does, all others neither.
    pub evidence: Evidence,
    /// How sure that is.
    pub confidence: Confidence,
}

impl Wire {
    /// Whether it goes into a function, and comes back by another wire.
    pub(super) fn enters(&self) -> bool {
        matches!(self.evidence, Evidence::Message | Evidence::Call)
    }

    /// Whether it goes back to where another wire came from.
    pub(super) fn leaves(&self) -> bool {
        matches!(self.evidence, Evidence::Reply | Evidence::Return)
    }
}

/// A call that makes a clause of another function run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Index of the sending function, and its call.
    pub from: (u32, NodeId),
    /// Index of the function that handles it, and the first and last node of the clause.
    pub to: (u32, NodeId, NodeId),
    /// How sure that is.
    pub confidence: Confidence,
}

impl Sent {
    /// Whether a value of the handling function is one of the clause.
    pub(super) fn reaches(&self, flow: &FunctionFlow, vertex: Vertex) -> bool {
        match flow.locals.origin(vertex) {
            super::Origin::Node(node) => (self.to.1..=self.to.2).contains(&node),
            _ => false,
        }
    }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Wires {
    by_from: Vec<Wire>,
    by_to: Vec<Wire>,
    sent: Vec<Sent>,
}

impl Wires {
    /// From any order.
    #[must_use]
    pub fn new(mut wires: Vec<Wire>, mut sent: Vec<Sent>) -> Self {
        wires.sort_unstable();
        wires.dedup();
        let mut by_to = wires.clone();
        by_to.sort_unstable_by_key(|wire| (wire.to, *wire));
        sent.sort_unstable_by_key(|sent| (sent.to, sent.from));
        Self {
            by_from: wires,
            by_to,
            sent,
        }
    }

    /// How many ways of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_from.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_from.is_empty() && self.sent.is_empty()
    }

    pub(super) fn from(&self, function: u32, vertex: Vertex) -> &[Wire] {
        let key = (function, vertex);
        let start = self.by_from.partition_point(|wire| wire.from < key);
        let end = self.by_from.partition_point(|wire| wire.from <= key);
        self.by_from.get(start..end).unwrap_or_default()
    }

    pub(super) fn to(&self, function: u32, vertex: Vertex) -> &[Wire] {
        let key = (function, vertex);
        let start = self.by_to.partition_point(|wire| wire.to < key);
        let end = self.by_to.partition_point(|wire| wire.to <= key);
        self.by_to.get(start..end).unwrap_or_default()
    }

    /// What makes a function's clauses run, each with its number.
    pub(super) fn sent_to(&self, function: u32) -> impl Iterator<Item = (usize, &Sent)> {
        let start = self.sent.partition_point(|sent| sent.to.0 < function);
        let end = self.sent.partition_point(|sent| sent.to.0 <= function);
        (start..).zip(self.sent.get(start..end).unwrap_or_default())
    }

    pub(super) fn sent(&self) -> &[Sent] {
        &self.sent
    }
}
