//! Several functions that call one another: summaries, and slices through calls that return only to the caller they came
//! from (Horwitz, Reps, Binkley, "Interprocedural Slicing Using Dependence Graphs", 1990: two phases over summary
//! edges).

use super::control::Control;
use super::dfg::{Call, FlowKind, Vertex};
use super::locals::Origin;
use super::slice::{Ask, Evidence, Through, outcome, value};
use super::summary::{Parameters, Summary};
use super::{FunctionFlow, NONE, StepKind};
use crate::fact::Confidence;
use crate::quoted::NodeId;

/// What a slice holds: for each function that it touches, its index among the program's and its nodes in the order of
/// the arena.
pub type Slice = Vec<(u32, Vec<NodeId>)>;

/// A call to a function of the program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// Index among the calls.
    pub(super) call: u32,
    pub(super) vertex: Vertex,
    pub(super) callee: u32,
    pub(super) confidence: Confidence,
}

/// Functions with their calls resolved.
#[derive(Debug)]
pub struct Program<'a> {
    pub(super) flows: &'a [FunctionFlow],
    // By function, ascending by vertex.
    pub(super) links: Vec<Vec<Link>>,
    // By function: who calls it, by which link.
    pub(super) callers: Vec<Vec<(u32, u32)>>,
    controls: Vec<Option<Control>>,
    summaries: Vec<Summary>,
}

impl<'a> Program<'a> {
    /// Resolves calls by `callee`, which is given a function's index among `flows` and one of its calls, and computes
    /// the summaries: the least ones that fit together.
    #[must_use]
    pub fn new(flows: &'a [FunctionFlow], callee: impl Fn(u32, &Call) -> Option<u32>) -> Self {
        Self::sure(flows, |function, call| {
            callee(function, call).map(|callee| (callee, Confidence::Certain))
        })
    }

    /// As [`Program::new`], with how sure each callee is.
    #[must_use]
    pub fn sure(flows: &'a [FunctionFlow], callee: impl Fn(u32, &Call) -> Option<(u32, Confidence)>) -> Self {
        let mut links: Vec<Vec<Link>> = Vec::with_capacity(flows.len());
        let mut callers = vec![Vec::new(); flows.len()];
        for (function, flow) in flows.iter().enumerate() {
            let mut found = Vec::new();
            for (place, call) in flow
                .dfg
                .calls
                .iter()
                .enumerate()
                .filter(|(_, call)| !call.captured)
            {
                let callee =
                    callee(function as u32, call).filter(|(callee, _)| (*callee as usize) < flows.len());
                if let (Some((callee, confidence)), Some(vertex)) = (callee, flow.locals.of(call.node)) {
                    found.push(Link {
                        call: place as u32,
                        vertex,
                        callee,
                        confidence,
                    });
                }
            }
            found.sort_by_key(|link| link.vertex);
            for (place, link) in found.iter().enumerate() {
                callers[link.callee as usize].push((function as u32, place as u32));
            }
            links.push(found);
        }
        let mut program = Self {
            flows,
            links,
            callers,
            controls: vec![None; flows.len()],
            summaries: vec![Summary::default(); flows.len()],
        };
        program.find_raising();
        program.summarise();
        program
    }

    /// The summaries, in the order of the functions.
    #[must_use]
    pub fn summaries(&self) -> &[Summary] {
        &self.summaries
    }

    pub(super) fn control(&self, function: usize) -> &Control {
        self.controls[function]
            .as_ref()
            .unwrap_or(&self.flows[function].control)
    }

    /// Which functions a written `raise` may leave; and control dependence anew where such are called: what follows the
    /// call depends on it.
    fn find_raising(&mut self) {
        let mut work: Vec<u32> = Vec::new();
        for (function, flow) in self.flows.iter().enumerate() {
            if !written_raises(flow).is_empty() {
                self.summaries[function].raises = true;
                work.push(function as u32);
            }
        }
        while let Some(callee) = work.pop() {
            for (caller, link) in self.callers[callee as usize].clone() {
                let flow = &self.flows[caller as usize];
                let link = self.links[caller as usize][link as usize];
                if leaves(flow, link.vertex) && !self.summaries[caller as usize].raises {
                    self.summaries[caller as usize].raises = true;
                    work.push(caller);
                }
            }
        }
        for (function, flow) in self.flows.iter().enumerate() {
            let raising = self.raising_calls(function);
            if !raising.is_empty() {
                self.controls[function] = Some(Control::of(&flow.cfg, &raising));
            }
        }
    }

    /// The steps of calls that raise and that nothing handles.
    fn raising_calls(&self, function: usize) -> Vec<u32> {
        let flow = &self.flows[function];
        self.links[function]
            .iter()
            .filter(|link| self.summaries[link.callee as usize].raises && is_unhandled(flow, link.vertex))
            .filter_map(|link| flow.step_of_vertex(link.vertex))
            .collect()
    }

    fn summarise(&mut self) {
        let mut waits = vec![true; self.flows.len()];
        let mut work: Vec<u32> = (0..self.flows.len() as u32).rev().collect();
        while let Some(function) = work.pop() {
            if !std::mem::replace(&mut waits[function as usize], false) {
                continue;
            }
            let found = self.summary_of(function as usize);
            if found == self.summaries[function as usize] {
                continue;
            }
            self.summaries[function as usize] = found;
            for (caller, _) in &self.callers[function as usize] {
                if !std::mem::replace(&mut waits[*caller as usize], true) {
                    work.push(*caller);
                }
            }
        }
    }

    fn summary_of(&self, function: usize) -> Summary {
        let flow = &self.flows[function];
        let from_result = self.parameters_from(function, [value(flow.locals.result())].into_iter());
        Summary {
            result: from_result,
            raises: self.summaries[function].raises,
            outcome: self.parameters_from(function, self.raise_asks(function).into_iter()),
        }
    }

    /// The outcomes that are a written way out of the function by an exception.
    pub(super) fn raise_asks(&self, function: usize) -> Vec<Ask> {
        let flow = &self.flows[function];
        let mut asks: Vec<Ask> = written_raises(flow).into_iter().map(outcome).collect();
        let called = self.links[function]
            .iter()
            .filter(|link| self.summaries[link.callee as usize].raises && leaves(flow, link.vertex));
        asks.extend(called.map(|link| outcome(link.vertex)));
        asks
    }

    fn parameters_from(&self, function: usize, asks: impl Iterator<Item = Ask>) -> Parameters {
        let flow = &self.flows[function];
        let (mut work, mut parameters): (Vec<Ask>, Parameters) = (asks.collect(), Parameters::default());
        let mut seen = vec![false; flow.dfg.values() * 2];
        while let Some(ask) = work.pop() {
            match seen.get_mut(ask as usize) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            if let Origin::Parameter(place) = flow.locals.origin(ask / 2) {
                parameters.add(place as usize);
            }
            self.sources(function, ask, |source, _| work.push(source));
        }
        parameters
    }

    pub(super) fn link_at(&self, function: usize, vertex: Vertex) -> Option<&Link> {
        let links = &self.links[function];
        let place = links.binary_search_by_key(&vertex, |link| link.vertex).ok()?;
        links.get(place)
    }

    /// What an answer depends on inside its function, through calls by their summaries.
    pub(super) fn sources(&self, function: usize, ask: Ask, found: impl FnMut(Ask, Evidence)) {
        let flow = &self.flows[function];
        let through = self.link_at(function, ask / 2).and_then(|link| {
            let call = flow.dfg.calls.get(link.call as usize)?;
            let summary = self.summaries[link.callee as usize];
            let mut through = Through::default();
            if !summary.raises {
                // It may still fail for reasons that are not written down.
                through.outcome = Parameters::ALL;
            }
            for (place, parameter) in self.passed(link.callee, call.arity).enumerate() {
                if summary.result.has(parameter as usize) {
                    through.value.add(place);
                }
                if summary.outcome.has(parameter as usize) {
                    through.outcome.add(place);
                }
            }
            Some((call, through))
        });
        flow.sources_of(self.control(function), ask, through, found);
    }

    /// The parameters that the arguments of a call are for: defaults are left out from the right.
    pub(super) fn passed(&self, callee: u32, arity: u32) -> impl Iterator<Item = u32> + '_ {
        let flow = &self.flows[callee as usize];
        let parameters = flow.locals.parameters();
        let mut left_out = parameters.saturating_sub(arity);
        let mut takes: Vec<u32> = Vec::with_capacity(arity as usize);
        for place in (0..parameters).rev() {
            let vertex = flow.locals.parameter(place).unwrap_or(NONE);
            let defaults = flow
                .dfg
                .flows_into(vertex)
                .iter()
                .any(|flow| flow.kind == FlowKind::Default);
            if left_out > 0 && defaults {
                left_out -= 1;
            } else {
                takes.push(place);
            }
        }
        takes.into_iter().rev()
    }

    /// What a value depends on, in all functions: first up into callers, then down into callees, so that no way goes
    /// into a function from one call and out to another.
    #[must_use]
    pub fn backward(&self, function: u32, node: NodeId) -> Slice {
        let Some(flow) = self.flows.get(function as usize) else {
            return Slice::new();
        };
        let mut seen: Vec<Vec<bool>> = self
            .flows
            .iter()
            .map(|flow| vec![false; flow.dfg.values() * 2])
            .collect();
        let mut entered = vec![false; self.flows.len()];
        let mut work: Vec<(u32, Ask)> = Vec::new();
        work.extend(flow.locals.of(node).map(|vertex| (function, value(vertex))));
        let mut met: Vec<(u32, Ask)> = Vec::new();
        while let Some((function, ask)) = work.pop() {
            let at = function as usize;
            if std::mem::replace(&mut seen[at][ask as usize], true) {
                continue;
            }
            met.push((function, ask));
            self.sources(at, ask, |source, _| work.push((function, source)));
            let parameter = match self.flows[at].locals.origin(ask / 2) {
                Origin::Parameter(place) => Some(place),
                _ => None,
            };
            let first = !std::mem::replace(&mut entered[at], true);
            if !first && parameter.is_none() {
                continue;
            }
            for (caller, link) in &self.callers[at] {
                let link = self.links[*caller as usize][*link as usize];
                let flow = &self.flows[*caller as usize];
                if first {
                    let step = flow.step_of_vertex(link.vertex);
                    flow.deciders(self.control(*caller as usize), step, |ask| {
                        work.push((*caller, ask));
                    });
                }
                let Some(call) = flow.dfg.calls.get(link.call as usize) else {
                    continue;
                };
                let arguments = flow.dfg.arguments(call).iter();
                for (argument, passed) in arguments.zip(self.passed(function, call.arity)) {
                    if Some(passed) == parameter {
                        work.push((*caller, value(*argument)));
                    }
                }
            }
        }
        // Down.
        let mut down: Vec<(u32, Ask)> = Vec::new();
        for (function, ask) in met {
            self.descend(function, ask, &mut down);
        }
        while let Some((function, ask)) = down.pop() {
            let at = function as usize;
            if std::mem::replace(&mut seen[at][ask as usize], true) {
                continue;
            }
            self.sources(at, ask, |source, _| down.push((function, source)));
            self.descend(function, ask, &mut down);
        }
        let slices = self.flows.iter().zip(&seen).enumerate();
        slices
            .map(|(function, (flow, seen))| (function as u32, flow.nodes_of(seen)))
            .filter(|(_, nodes)| !nodes.is_empty())
            .collect()
    }

    /// Into the callee of a call: its result, or its ways out by an exception.
    fn descend(&self, function: u32, ask: Ask, down: &mut Vec<(u32, Ask)>) {
        let Some(link) = self.link_at(function as usize, ask / 2) else {
            return;
        };
        let callee = link.callee;
        if ask.is_multiple_of(2) {
            let result = self.flows[callee as usize].locals.result();
            down.push((callee, value(result)));
        } else {
            let asks = self.raise_asks(callee as usize);
            down.extend(asks.into_iter().map(|ask| (callee, ask)));
        }
    }
}

/// The values of `raise`s that leave the function.
fn written_raises(flow: &FunctionFlow) -> Vec<Vertex> {
    let Some(graph) = flow.cfg.graphs.first() else {
        return Vec::new();
    };
    let leaving = flow
        .cfg
        .edges
        .iter()
        .filter(|edge| edge.to == graph.raise && !edge.implicit);
    leaving
        .filter_map(|edge| {
            let step = flow.cfg.steps.get(edge.from as usize)?;
            let stops = step.kind == StepKind::Stop && flow.cfg.is_reachable(edge.from);
            flow.locals.of(step.node?).filter(|_| stops)
        })
        .collect()
}

/// Whether nothing in the function handles what this call raises.
fn is_unhandled(flow: &FunctionFlow, vertex: Vertex) -> bool {
    let step = flow
        .step_of_vertex(vertex)
        .and_then(|step| flow.cfg.steps.get(step as usize));
    // A call that something handles decides where to go on.
    step.is_some_and(|step| step.raises && step.decides.is_none())
}

/// Whether what this call raises leaves the function: nothing handles it, and it is no closure that calls.
fn leaves(flow: &FunctionFlow, vertex: Vertex) -> bool {
    let step = flow
        .step_of_vertex(vertex)
        .and_then(|step| flow.cfg.steps.get(step as usize));
    is_unhandled(flow, vertex) && step.is_some_and(|step| step.graph == 0)
}
