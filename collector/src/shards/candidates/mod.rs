//! Traces that may meet conditions, from all members that are asked, the latest start first, each once and whole: members show what they
//! have, each in its own order; a trace that one shows and another has not shown by then is fetched from that other by id. In memory are
//! the traces that are about to be shown, and of each member a bounded number ahead.

mod open;
mod show;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::time::Instant;

use event::{Span, TraceId};
use query::tempo::{Inspected, TimeRange};
use traceql::Conditions;

use super::asker::{Ask, Asker, name_of};
use super::gather::Gathered;
use super::plan::{Plan, Said};
use super::streams::Stream;
use crate::asked::codec::{Part, Question};
use crate::control_plane::ClusterView;

/// Takes a trace; says whether it wants more.
type Each<'e> = dyn FnMut(Vec<Span>) -> ControlFlow<()> + 'e;

/// A question for candidates under way.
struct Merge<'a> {
    asker: &'a Asker,
    ask: Ask<'a>,
    plan: Plan,
    streams: Vec<Stream>,
    seen: HashSet<TraceId>,
    gathered: Gathered,
}

/// What holds of every part of a trace that meets the conditions must be asked for alone: a member may have that part only, and another
/// the part that meets the rest. Of conditions that different spans may meet the first is kept.
pub(in crate::shards) fn of_parts(conditions: &Conditions) -> Conditions {
    match conditions {
        Conditions::All(of) => {
            let first = of.iter().find(|one| !one.is_always());
            first.map_or(Conditions::ALWAYS, of_parts)
        }
        Conditions::Any(of) => Conditions::Any(of.iter().map(of_parts).collect()),
        Conditions::Span(_) => conditions.clone(),
    }
}

/// Shows candidates until `each` breaks.
pub(in crate::shards) fn candidates(
    asker: &Asker,
    conditions: &Conditions,
    range: TimeRange,
    deadline: Instant,
    each: &mut Each<'_>,
) -> Inspected {
    let began = Instant::now();
    let question = Question::Candidates {
        conditions: of_parts(conditions),
        range: (range.start_ns, range.end_ns),
    };
    let shards = asker.all();
    let ask = Ask {
        question: &question,
        shards: &shards,
        deadline,
        stop: &|| false,
    };
    let mut view = asker.view();
    let mut again = true;
    let mut merge = loop {
        let mut merge = Merge {
            asker,
            ask,
            plan: asker.plan(&view, &shards),
            streams: Vec::new(),
            seen: HashSet::new(),
            gathered: Gathered::default(),
        };
        let newer = merge.open(&view);
        match newer
            .filter(|_| again)
            .and_then(|epoch| asker.newer_view(epoch, deadline))
        {
            Some(newer) => (view, again) = (newer, false),
            None => break merge,
        }
    };
    let traces = merge.show(&view, range, each);
    let inspected = merge.close(&view, traces);
    asker
        .metrics
        .done(question.name(), inspected.missing.is_empty(), began);
    inspected
}

impl Merge<'_> {
    /// What it was worth. Who was stopped because there was enough did his part.
    fn close(mut self, view: &ClusterView, traces: u64) -> Inspected {
        self.give_up_failed();
        for stream in std::mem::take(&mut self.streams) {
            let Some(head) = &stream.head else { continue };
            if stream.shards.is_empty() {
                continue;
            }
            let said = Said {
                epoch: head.epoch,
                stale: head.stale.clone(),
                whole: head.whole,
                floor: head.floor,
            };
            self.plan.answered(stream.member, &stream.shards, &said);
            if stream.member != self.asker.me() {
                self.asker
                    .metrics
                    .asked(self.ask.question.name(), stream.member, "answered");
            }
            if let Some(end) = stream.end {
                let who = (stream.member != self.asker.me()).then(|| name_of(stream.member, view));
                self.gathered.count(end, who.as_deref());
            }
        }
        let mut missing = self.plan.missing(|member| name_of(member, view));
        missing.extend(self.asker.dropped(self.ask.question, &self.plan, view));
        missing.extend(self.asker.lost(self.ask.question, self.ask.shards, view));
        missing.append(&mut self.gathered.missing);
        Inspected {
            traces,
            bytes: self.gathered.bytes,
            missing,
        }
    }
}

/// The spans of a part.
pub(in crate::shards) fn pieces(part: Part) -> Vec<(TraceId, Vec<Span>)> {
    match part {
        Part::Spans(of) => of.into_iter().map(|(trace, _, spans)| (trace, spans)).collect(),
        _ => Vec::new(),
    }
}
