//! Backward: what a question's answer depends on.

use super::{Phase, Started, Walk};
use crate::fact::Confidence;
use crate::flow::locals::Origin;
use crate::flow::slice::{Ask, Evidence, value};

impl Walk<'_, '_> {
    pub(super) fn back(
        &mut self,
        function: u32,
        ask: Ask,
        phase: Phase,
        sure: Confidence,
        from: Option<u32>,
    ) {
        let program = self.program;
        let at = function as usize;
        program.sources(at, ask, |source, evidence| {
            self.push(sure, (function, source), phase, evidence, from);
        });
        if phase == Phase::Free {
            self.back_to_callers(function, ask, sure, from);
        }
        if let Some(link) = program.link_at(at, ask / 2) {
            let sure = sure.min(link.confidence);
            if ask.is_multiple_of(2) {
                let result = program.flows[link.callee as usize].locals.result();
                self.push(
                    sure,
                    (link.callee, value(result)),
                    Phase::Inside,
                    Evidence::Return,
                    from,
                );
            } else {
                for raise in program.raise_asks(link.callee as usize) {
                    self.push(sure, (link.callee, raise), Phase::Inside, Evidence::Return, from);
                }
            }
        }
        for wire in self
            .wires
            .to(function, ask / 2)
            .iter()
            .filter(|_| ask.is_multiple_of(2))
        {
            let next = if wire.leaves() { Phase::Inside } else { Phase::Free };
            if phase == Phase::Free || !wire.enters() {
                let (function, vertex) = wire.from;
                let sure = sure.min(wire.confidence);
                self.push(sure, (function, value(vertex)), next, wire.evidence, from);
            }
        }
    }

    /// To the arguments of all calls, if it is a parameter, and to what decides whether these run.
    fn back_to_callers(&mut self, function: u32, ask: Ask, sure: Confidence, from: Option<u32>) {
        let program = self.program;
        let flow = &program.flows[function as usize];
        let parameter = match flow.locals.origin(ask / 2) {
            Origin::Parameter(place) => Some(place),
            _ => None,
        };
        let first = self.entered.insert(Started::Function(function));
        for (caller, link) in program.callers[function as usize]
            .iter()
            .filter(|_| first || parameter.is_some())
        {
            let link = program.links[*caller as usize][*link as usize];
            let flow = &program.flows[*caller as usize];
            let sure = sure.min(link.confidence);
            if first {
                let step = flow.step_of_vertex(link.vertex);
                flow.deciders(program.control(*caller as usize), step, |ask| {
                    self.push(sure, (*caller, ask), Phase::Free, Evidence::Control, from);
                });
            }
            let Some(call) = flow.dfg.calls.get(link.call as usize) else {
                continue;
            };
            let arguments = flow.dfg.arguments(call).iter();
            for (argument, passed) in arguments.zip(program.passed(function, call.arity)) {
                if Some(passed) == parameter {
                    self.push(
                        sure,
                        (*caller, value(*argument)),
                        Phase::Free,
                        Evidence::Call,
                        from,
                    );
                }
            }
        }
        for (index, sent) in self.wires.sent_to(function) {
            if sent.reaches(flow, ask / 2) && self.entered.insert(Started::Sent(index as u32)) {
                let (sender, node) = sent.from;
                let Some(flow) = program.flows.get(sender as usize) else {
                    continue;
                };
                let sure = sure.min(sent.confidence);
                flow.deciders(program.control(sender as usize), flow.step_of(node), |ask| {
                    self.push(sure, (sender, ask), Phase::Free, Evidence::Control, from);
                });
            }
        }
    }
}
