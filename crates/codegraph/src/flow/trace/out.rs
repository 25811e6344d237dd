//! Forward: what depends on a question's answer.

use super::{Local, Phase, Started, Walk};
use crate::fact::Confidence;
use crate::flow::slice::{Ask, Evidence, outcome, value};

impl Walk<'_, '_> {
    /// What a forward walk asks of a function.
    pub(super) fn prepare_out(&self, function: u32, local: &mut Local) {
        let program = self.program;
        let flow = &program.flows[function as usize];
        let values = flow.dfg.values();
        for ask in 0..values as u32 * 2 {
            program.sources(function as usize, ask, |source, evidence| {
                local.targets.push((source, ask, evidence));
            });
        }
        local.targets.sort_unstable();
        let control = program.control(function as usize);
        for link in &program.links[function as usize] {
            let Some(call) = flow.dfg.calls.get(link.call as usize) else {
                continue;
            };
            let passed = program.passed(link.callee, call.arity);
            for (argument, parameter) in flow.dfg.arguments(call).iter().zip(passed) {
                local
                    .arguments
                    .push((*argument, link.callee, parameter, link.confidence));
            }
            flow.deciders(control, flow.step_of_vertex(link.vertex), |ask| {
                local
                    .decides
                    .push((ask, Started::Function(link.callee), link.confidence));
            });
        }
        for (index, sent) in self.wires.sent().iter().enumerate() {
            if sent.from.0 == function {
                flow.deciders(control, flow.step_of(sent.from.1), |ask| {
                    local
                        .decides
                        .push((ask, Started::Sent(index as u32), sent.confidence));
                });
            }
        }
        local.arguments.sort_unstable();
        local.decides.sort_unstable();
        local.raises = program.raise_asks(function as usize);
    }

    pub(super) fn out(
        &mut self,
        local: &Local,
        function: u32,
        ask: Ask,
        phase: Phase,
        sure: Confidence,
        from: Option<u32>,
    ) {
        let program = self.program;
        let flow = &program.flows[function as usize];
        for (_, target, evidence) in equal(&local.targets, |row| row.0, ask) {
            self.push(sure, (function, *target), phase, *evidence, from);
        }
        let (vertex, is_value) = (ask / 2, ask.is_multiple_of(2));
        if phase == Phase::Free {
            let returns = is_value && vertex == flow.locals.result();
            if returns || local.raises.contains(&ask) {
                for (caller, link) in &program.callers[function as usize] {
                    let link = program.links[*caller as usize][*link as usize];
                    let given = if returns {
                        value(link.vertex)
                    } else {
                        outcome(link.vertex)
                    };
                    let sure = sure.min(link.confidence);
                    self.push(sure, (*caller, given), Phase::Free, Evidence::Return, from);
                }
            }
        }
        if is_value {
            for (_, callee, parameter, confidence) in equal(&local.arguments, |row| row.0, vertex) {
                if let Some(vertex) = program.flows[*callee as usize].locals.parameter(*parameter) {
                    let sure = sure.min(*confidence);
                    self.push(
                        sure,
                        (*callee, value(vertex)),
                        Phase::Inside,
                        Evidence::Call,
                        from,
                    );
                }
            }
            for wire in self.wires.from(function, vertex) {
                let next = if wire.enters() { Phase::Inside } else { Phase::Free };
                if phase == Phase::Free || !wire.leaves() {
                    let (function, vertex) = wire.to;
                    let sure = sure.min(wire.confidence);
                    self.push(sure, (function, value(vertex)), next, wire.evidence, from);
                }
            }
        }
        for (_, started, confidence) in equal(&local.decides, |row| row.0, ask) {
            if self.entered.insert(*started) {
                self.all_of(*started, sure.min(*confidence), from);
            }
        }
    }

    /// Everything that a function, or a clause, does.
    fn all_of(&mut self, started: Started, sure: Confidence, from: Option<u32>) {
        let sent = match started {
            Started::Function(_) => None,
            Started::Sent(index) => self.wires.sent().get(index as usize).copied(),
        };
        let function = match (started, sent) {
            (Started::Function(function), _) => function,
            (_, Some(sent)) => sent.to.0,
            _ => return,
        };
        let Some(flow) = self.program.flows.get(function as usize) else {
            return;
        };
        for vertex in 0..flow.dfg.values() as u32 {
            if sent.is_none_or(|sent| sent.reaches(flow, vertex)) {
                self.push(
                    sure,
                    (function, value(vertex)),
                    Phase::Inside,
                    Evidence::Control,
                    from,
                );
            }
        }
    }
}

/// The rows with this key, of rows in the order of their keys.
fn equal<T, K: Ord + Copy>(rows: &[T], key: impl Fn(&T) -> K, wanted: K) -> &[T] {
    let start = rows.partition_point(|row| key(row) < wanted);
    let end = rows.partition_point(|row| key(row) <= wanted);
    rows.get(start..end).unwrap_or_default()
}
