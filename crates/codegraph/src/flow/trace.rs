//! Slices of a whole program, both ways, each step with why and how surely: through calls, messages, replies and state.
//!
//! Two phases as in Horwitz, Reps and Binkley (1990), as one walk over pairs of a question and a phase. In the first a way
//! may leave the function for who calls it (forward: with its result, backward: by its parameters); where it goes into
//! another one the second begins, from which it comes back by summaries only. State that a process keeps belongs to no
//! call: where a way goes along it, the first phase begins again.
//!
//! The surest ways come first, so each expression is reached as surely as it can be: a way is as sure as its least sure
//! step.

mod back;
mod out;

use std::collections::{BTreeSet, VecDeque};

use super::dfg::Vertex;
use super::locals::Origin;
use super::program::Program;
use super::slice::{Ask, Evidence, outcome, value};
use super::wires::Wires;
use crate::fact::Confidence;
use crate::graph::{Direction, Extent, Limit};
use crate::quoted::NodeId;

/// An expression of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Index of its function among the program's.
    pub function: u32,
    /// The expression; `None`: a parameter or a result as such.
    pub node: Option<NodeId>,
    /// Why it is in the slice.
    pub evidence: Evidence,
    /// How sure the way here is at its least sure step.
    pub confidence: Confidence,
    /// The step before, an index into [`Trace::reached`]; `None` of a start.
    pub from: Option<u32>,
}

/// A slice of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Starts first, then in the order in which they were reached.
    pub reached: Vec<Reached>,
    /// Whether this is all.
    pub extent: Extent,
}

/// May the way go back to any caller, or has it come in from one?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Free,
    Inside,
}

/// A question that waits.
#[derive(Clone, Copy, Debug)]
struct Item {
    function: u32,
    ask: Ask,
    phase: Phase,
    evidence: Evidence,
    from: Option<u32>,
}

/// What is asked of a function once it is reached.
#[derive(Debug, Default)]
struct Local {
    // For each question a bit for each phase.
    seen: Vec<u8>,
    // For each value its place in the answer, and 1; or 0.
    places: Vec<u32>,
    // Forward only, each ascending by question or value:
    targets: Vec<(Ask, Ask, Evidence)>,
    // Arguments: value, callee, parameter.
    arguments: Vec<(Vertex, u32, u32, Confidence)>,
    // What decides whether another function, or a clause that is sent to, runs.
    decides: Vec<(Ask, Started, Confidence)>,
    raises: Vec<Ask>,
}

/// What begins to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Started {
    Function(u32),
    Sent(u32),
}

struct Walk<'p, 'a> {
    program: &'p Program<'a>,
    wires: &'p Wires,
    direction: Direction,
    locals: Vec<Option<Box<Local>>>,
    // One for each confidence.
    work: [VecDeque<Item>; 4],
    // Functions and clauses whose reasons to run were looked at.
    entered: BTreeSet<Started>,
    reached: Vec<Reached>,
}

impl Program<'_> {
    /// The slice of these expressions, each with its function's index: backward ([`Direction::Back`]) what their values
    /// depend on and what decides whether they are evaluated, forward what depends on their values or on where these
    /// lead. It ends when it holds `nodes_max` expressions.
    #[must_use]
    pub fn trace(
        &self,
        starts: &[(u32, NodeId)],
        direction: Direction,
        wires: &Wires,
        nodes_max: usize,
    ) -> Trace {
        let mut walk = Walk {
            program: self,
            wires,
            direction,
            locals: Vec::new(),
            work: Default::default(),
            entered: BTreeSet::new(),
            reached: Vec::new(),
        };
        walk.locals.resize_with(self.flows.len(), || None);
        for (function, node) in starts {
            let flow = self.flows.get(*function as usize);
            let Some(vertex) = flow.and_then(|flow| flow.locals.of(*node)) else {
                continue;
            };
            let mut start = |ask| {
                walk.push(
                    Confidence::Certain,
                    (*function, ask),
                    Phase::Free,
                    Evidence::Start,
                    None,
                );
            };
            start(value(vertex));
            if direction == Direction::Out {
                start(outcome(vertex));
            }
        }
        let mut extent = Extent::Complete;
        while let Some((confidence, item)) = walk.next() {
            if walk.reached.len() >= nodes_max {
                extent = Extent::Cut(Limit::Nodes);
                break;
            }
            walk.visit(confidence, item);
        }
        Trace {
            reached: walk.reached,
            extent,
        }
    }
}

impl Walk<'_, '_> {
    fn push(
        &mut self,
        confidence: Confidence,
        (function, ask): (u32, Ask),
        phase: Phase,
        evidence: Evidence,
        from: Option<u32>,
    ) {
        if let Some(work) = self.work.get_mut(confidence as usize) {
            work.push_back(Item {
                function,
                ask,
                phase,
                evidence,
                from,
            });
        }
    }

    /// The surest question that waits.
    fn next(&mut self) -> Option<(Confidence, Item)> {
        let kinds = Confidence::ALL.iter().zip(&mut self.work).rev();
        kinds
            .into_iter()
            .find_map(|(sure, work)| Some((*sure, work.pop_front()?)))
    }

    fn visit(&mut self, confidence: Confidence, item: Item) {
        let Item {
            function, ask, phase, ..
        } = item;
        let Some(mut local) = self.local(function) else {
            return;
        };
        let bit = if phase == Phase::Free { 1 } else { 2 };
        let seen = local.seen.get_mut(ask as usize);
        // What a way from inside finds, a free one finds, too.
        let Some(seen) = seen.filter(|seen| **seen & 1 == 0 && **seen & bit == 0) else {
            self.put_back(function, local);
            return;
        };
        *seen |= bit;
        let place = self.report(&mut local, confidence, item);
        match self.direction {
            Direction::Back => self.back(function, ask, phase, confidence, place),
            Direction::Out => self.out(&local, function, ask, phase, confidence, place),
        }
        self.put_back(function, local);
    }

    fn report(&mut self, local: &mut Local, confidence: Confidence, item: Item) -> Option<u32> {
        let place = local.places.get_mut(item.ask as usize / 2)?;
        if *place == 0 {
            let flow = self.program.flows.get(item.function as usize)?;
            self.reached.push(Reached {
                function: item.function,
                node: match flow.locals.origin(item.ask / 2) {
                    Origin::Node(node) => Some(node),
                    _ => None,
                },
                evidence: item.evidence,
                confidence,
                from: item.from,
            });
            *place = self.reached.len() as u32;
        }
        Some(*place - 1)
    }

    fn local(&mut self, function: u32) -> Option<Box<Local>> {
        let slot = self.locals.get_mut(function as usize)?;
        slot.take().or_else(|| Some(Box::new(self.prepare(function))))
    }

    fn put_back(&mut self, function: u32, local: Box<Local>) {
        if let Some(slot) = self.locals.get_mut(function as usize) {
            *slot = Some(local);
        }
    }

    fn prepare(&self, function: u32) -> Local {
        let values = self.program.flows[function as usize].dfg.values();
        let mut local = Local {
            seen: vec![0; values * 2],
            places: vec![0; values],
            ..Local::default()
        };
        if self.direction == Direction::Out {
            self.prepare_out(function, &mut local);
        }
        local
    }
}
