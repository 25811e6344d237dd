//! What a function does beside computing its result: a set of effects for each function, from the calls that it makes.
//!
//! Here are a function's **own** effects, from calls whose target is known by name. What it does through functions of the
//! project is found by joining their effects over the call graph ([`Effects::join`]), which is the caller's work.

mod table;

use super::dfg::{Callee, Dfg};
use super::{EdgeKind, FunctionFlow, StepKind};
use crate::fact::{Confidence, Mark, Provenance};
use crate::quoted::{Kind, NodeId, Quoted};

/// A set of effects. Empty: the function is pure, as far as its calls are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Effects(u16);

impl Effects {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Reads state that others may change: ETS, the process dictionary, application environment, files, the clock.
    pub const READS: Self = Self(1);
    /// Changes such state.
    pub const WRITES: Self = Self(2);
    /// Sends a message, or calls another process.
    pub const SENDS: Self = Self(4);
    /// Waits for a message.
    pub const RECEIVES: Self = Self(8);
    /// Talks to the outside: files, sockets, the console, logs, the operating system.
    pub const IO: Self = Self(16);
    /// Starts a process.
    pub const SPAWNS: Self = Self(32);
    /// A written `raise`, `throw` or `exit` may leave it.
    pub const RAISES: Self = Self(64);
    /// Its result may differ between calls with equal arguments: clock, random numbers, new references.
    pub const VARIES: Self = Self(128);
    /// It calls something that nothing is known of: a computed function, a module that is no part of the table.
    pub const UNKNOWN: Self = Self(256);

    /// Their names, the lowest bit first.
    pub const NAMES: [&str; 9] = [
        "reads", "writes", "sends", "receives", "io", "spawns", "raises", "varies", "unknown",
    ];

    /// Both: what a function does that does one and then the other.
    #[must_use]
    pub const fn join(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of these are in it.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_pure(self) -> bool {
        self.0 == 0
    }

    /// The bits, in the order of [`Effects::NAMES`].
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The set of these bits.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & 511)
    }

    /// The names of what is in it.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let bits = self.0;
        let named = Self::NAMES.iter().enumerate();
        named
            .filter(move |(bit, _)| bits >> bit & 1 == 1)
            .map(|(_, name)| *name)
    }
}

/// What one expression does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The call, `receive` or `raise`.
    pub node: NodeId,
    /// What it does.
    pub effects: Effects,
    /// Where that is known from, and how surely.
    pub mark: Mark,
}

/// Whose effects are still to be joined: calls that may be to functions of the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Index of the call in [`Dfg::calls`].
    pub call: u32,
}

/// A function's own effects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// All of them, without those of `open`.
    pub effects: Effects,
    /// Which expression does what, in the order of the calls.
    pub each: Vec<Effect>,
    /// Calls that may be to functions of the project.
    pub open: Vec<Open>,
}

/// A function's own effects. `name` gives the VM's name of a module that is written at a node (`Elixir.File`, `ets`);
/// [`written`] takes it as it stands, where no aliases are known.
#[must_use]
pub fn own(tree: &Quoted, flow: &FunctionFlow, name: impl Fn(NodeId) -> Option<String>) -> Own {
    let mut own = Own::default();
    for (place, call) in flow.dfg.calls.iter().enumerate() {
        let captured = if call.captured {
            Confidence::Likely
        } else {
            Confidence::Certain
        };
        let found = match call.callee {
            Callee::Local(function) => table::local(tree.symbols().text(function), call.arity),
            Callee::Remote(module, function) => match name(module) {
                Some(module) => table::remote(&module, tree.symbols().text(function)),
                None => Some((Effects::UNKNOWN, Confidence::Guess)),
            },
            Callee::Dynamic if is_known_closure(flow, tree, call.node) => continue,
            Callee::Dynamic => Some((Effects::UNKNOWN, Confidence::Certain)),
        };
        let Some((effects, confidence)) = found else {
            own.open.push(Open { call: place as u32 });
            continue;
        };
        if !effects.is_pure() {
            own.each.push(Effect {
                node: call.node,
                effects,
                mark: Mark::new(Provenance::Source, confidence.min(captured)),
            });
        }
    }
    own.each.extend(steps(flow));
    for effect in &own.each {
        own.effects = own.effects.join(effect.effects);
    }
    own
}

/// `receive`, and what is raised and leaves the function.
fn steps(flow: &FunctionFlow) -> impl Iterator<Item = Effect> + '_ {
    let raise = flow.cfg.graphs.first().map(|graph| graph.raise);
    let certain = |node, effects| Effect {
        node,
        effects,
        mark: Mark::new(Provenance::Source, Confidence::Certain),
    };
    let waits = flow
        .cfg
        .steps
        .iter()
        .filter(|step| step.kind == StepKind::Wait)
        .filter_map(move |step| Some(certain(step.node?, Effects::RECEIVES)));
    let raised = flow
        .cfg
        .edges
        .iter()
        .filter(move |edge| Some(edge.to) == raise && edge.kind == EdgeKind::Exception && !edge.implicit)
        .filter(|edge| flow.cfg.is_reachable(edge.from))
        .filter_map(move |edge| {
            let step = flow.cfg.steps.get(edge.from as usize)?;
            Some(certain(step.node?, Effects::RAISES))
        });
    waits.chain(raised)
}

/// Whether `f.(...)` calls a closure of the same function, the calls of which are counted where they stand.
fn is_known_closure(flow: &FunctionFlow, tree: &Quoted, call: NodeId) -> bool {
    let target = tree.kid(call, 0).and_then(|dot| tree.kid(dot, 0));
    target.is_some_and(|target| binding_of(&flow.dfg, target))
}

fn binding_of(dfg: &Dfg, node: NodeId) -> bool {
    // Uses are in the order of evaluation, not of the arena: a plain search, only for `f.(...)`.
    let read = dfg.uses.iter().rev().find(|read| read.node == node);
    let bound = read.and_then(|read| dfg.bindings.get(read.binding? as usize));
    bound.is_some_and(|bound| bound.closure.is_some())
}

/// The VM's name of a module as it is written, aliases unknown: `File` is `Elixir.File`, `:ets` is `ets`.
#[must_use]
pub fn written(tree: &Quoted, node: NodeId) -> Option<String> {
    match tree.node(node).kind {
        Kind::Atom => Some(tree.text(node).to_owned()),
        Kind::Call if tree.text(node) == "__aliases__" => {
            let mut name = "Elixir".to_owned();
            for part in tree.kids(node) {
                if tree.node(*part).kind != Kind::Atom {
                    return None;
                }
                name.push('.');
                name.push_str(tree.text(*part));
            }
            Some(name)
        }
        _ => None,
    }
}
