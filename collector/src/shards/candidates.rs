//! Traces that may meet conditions, from all members that are asked, the latest start first, each once and whole: members show what they
//! have, each in its own order; a trace that one shows and another has not shown by then is fetched from that other by id. In memory are
//! the traces that are about to be shown, and of each member a bounded number ahead.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use event::{Span, TraceId};
use placement::{MemberId, shard_of};
use query::tempo::{Inspected, TimeRange};
use tokio::sync::mpsc;
use traceql::Conditions;

use super::asker::{Ask, Asker, name_of};
use super::gather::Gathered;
use super::merge;
use super::plan::{Plan, Said};
use super::request::Word;
use super::streams::{Stream, UNREAD_MAX, drain, wait};
use crate::asked::Answer;
use crate::asked::codec::{End, Part, Question};
use crate::control_plane::ClusterView;

/// A member that says nothing for so long is replaced, as long as nothing was shown.
const HEDGE: Duration = Duration::from_millis(300);
/// Traces that are put together at once: few at first, so that the first come early.
const FIRST: usize = 4;
const AT_ONCE_MAX: usize = 128;

/// Takes a trace; says whether it wants more.
type Each<'e> = dyn FnMut(Vec<Span>) -> ControlFlow<()> + 'e;

/// Traces that come next, each with what members showed of it.
type Batch = Vec<(TraceId, Vec<(MemberId, Vec<Span>)>)>;

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
pub(super) fn of_parts(conditions: &Conditions) -> Conditions {
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
pub(super) fn candidates(
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
    /// Asks until enough members have begun to answer, or nobody is left. Names a newer map if one of them did.
    fn open(&mut self, view: &ClusterView) -> Option<u64> {
        let mut hedge_at = Instant::now() + HEDGE;
        loop {
            let before = self.streams.len();
            self.ask_more(view);
            if self.streams.len() > before {
                hedge_at = Instant::now() + HEDGE;
            }
            self.give_up_failed();
            if self.streams.len() > before {
                continue;
            }
            let newer = self.streams.iter().filter_map(|stream| stream.head.as_ref());
            let newer = newer.filter(|head| !head.stale.is_empty()).map(|head| head.epoch);
            if let Some(epoch) = newer.max() {
                return Some(epoch);
            }
            let silent = |stream: &Stream| stream.is_open() && stream.head.is_none();
            let hoped = |s: &Stream| s.shards.iter().any(|shard| self.plan.hopes(*shard, s.member));
            // Of whom is late nothing is waited for once others have begun in its place.
            let waits = self
                .streams
                .iter()
                .any(|s| silent(s) && (hoped(s) || self.plan.lacks()));
            if !waits || Instant::now() >= self.ask.deadline {
                for stream in self.streams.iter_mut().filter(|stream| silent(stream)) {
                    stream.fail("did not answer in time".to_owned());
                }
                self.give_up_failed();
                return None;
            }
            let until = hedge_at.min(self.ask.deadline);
            if !wait(&self.asker.runtime, &mut self.streams, silent, until) && Instant::now() >= hedge_at {
                let begun: BTreeSet<MemberId> = self
                    .streams
                    .iter()
                    .filter(|stream| stream.head.is_some())
                    .map(|stream| stream.member)
                    .collect();
                let me = self.asker.me();
                self.plan.late(|member| member == me || begun.contains(&member));
                // Once: whoever is asked now is the last.
                hedge_at = self.ask.deadline;
            }
        }
    }

    /// Streams of the members that the plan names now.
    fn ask_more(&mut self, view: &ClusterView) {
        let (asker, ask) = (self.asker, self.ask);
        for (member, shards) in self.plan.next() {
            let (words, heard) = mpsc::channel(UNREAD_MAX);
            if member == asker.me() {
                self.streams
                    .push(Stream::new(member, shards.clone(), None, heard));
                self.own(shards, words);
                continue;
            }
            match asker.request(ask, view, self.plan.epoch(), (member, &shards), 0, words) {
                Ok(request) => self
                    .streams
                    .push(Stream::new(member, shards, Some(request), heard)),
                Err(why) => asker.failed(ask.question, &mut self.plan, member, &shards, why),
            }
        }
    }

    /// This member's own, on a thread of its own.
    fn own(&self, shards: Vec<event::Shard>, words: mpsc::Sender<(usize, Word)>) {
        let (store, of) = (
            std::sync::Arc::clone(&self.asker.store),
            self.asker.settings.shards,
        );
        let (question, deadline) = (self.ask.question.clone(), self.ask.deadline);
        let said = self.asker.said(self.plan.epoch(), &shards);
        self.asker.runtime.spawn_blocking(move || {
            let answer = Answer {
                store: &store,
                of,
                shards: &shards,
                stop: &|| Instant::now() >= deadline,
            };
            if words.blocking_send((0, Word::Head(said.clone()))).is_err() {
                return;
            }
            let end = answer.give(
                &question,
                &mut |part| match words.blocking_send((0, Word::Part(part))) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                },
            );
            let end = End {
                epoch: said.epoch,
                stale: said.stale,
                whole: said.whole,
                floor: said.floor,
                ..end
            };
            let _ = words.blocking_send((0, Word::End(end)));
        });
    }

    /// Tells the plan of streams that failed.
    fn give_up_failed(&mut self) {
        for stream in &mut self.streams {
            if let Some(why) = stream.failed.take() {
                let (member, shards) = (stream.member, std::mem::take(&mut stream.shards));
                self.asker
                    .failed(self.ask.question, &mut self.plan, member, &shards, why);
            }
        }
    }

    /// Shows traces until there are no more, or enough; how many.
    fn show(&mut self, view: &ClusterView, range: TimeRange, each: &mut Each<'_>) -> u64 {
        let (mut shown, mut at_once) = (0, FIRST);
        loop {
            while self.streams.iter().any(Stream::is_blind) {
                if !wait(
                    &self.asker.runtime,
                    &mut self.streams,
                    Stream::is_blind,
                    self.ask.deadline,
                ) {
                    for stream in self.streams.iter_mut().filter(|stream| stream.is_open()) {
                        stream.fail("did not answer in time".to_owned());
                    }
                }
            }
            drain(&mut self.streams);
            self.give_up_failed();
            let batch = self.batch(at_once);
            if batch.is_empty() {
                if self.streams.iter().all(|stream| !stream.is_open()) {
                    return shown;
                }
                continue;
            }
            at_once = (at_once * 2).min(AT_ONCE_MAX);
            for (_, parts) in self.complete(view, batch) {
                let spans = merge::spans(parts);
                let start = spans.iter().map(|span| span.start_ns).min().unwrap_or_default();
                let end = spans.iter().map(|span| span.end_ns).max().unwrap_or_default();
                shown += 1;
                if range.overlaps(start, end) && each(spans).is_break() {
                    return shown;
                }
            }
        }
    }

    /// The next traces, the latest start first, with the members that showed them and what they showed. Stops where it is not known what a
    /// member shows next.
    fn batch(&mut self, at_once: usize) -> Batch {
        let mut batch = Vec::new();
        while batch.len() < at_once && !self.streams.iter().any(Stream::is_blind) {
            let Some((_, trace)) = self.streams.iter_mut().filter_map(Stream::next).max() else {
                break;
            };
            let of = self.streams.iter_mut();
            let parts: Vec<(MemberId, Vec<Span>)> = of
                .filter_map(|stream| Some((stream.member, stream.take(trace)?)))
                .collect();
            // What was shown already comes late from a member that was asked for it by id.
            if self.seen.insert(trace) {
                batch.push((trace, parts));
            }
        }
        batch
    }

    /// Fetches what members have of these traces and have not shown.
    fn complete(&mut self, view: &ClusterView, batch: Batch) -> Vec<(TraceId, Vec<Vec<Span>>)> {
        let mut lacking: BTreeMap<MemberId, Vec<TraceId>> = BTreeMap::new();
        for (trace, parts) in &batch {
            let shard = shard_of(*trace, self.asker.settings.shards);
            for member in self.plan.asked(shard) {
                // Who shows nothing of a shard is not a reader of it.
                let reads = |s: &Stream| s.member == member && s.shards.binary_search(&shard).is_ok();
                if self.streams.iter().any(reads) && parts.iter().all(|(of, _)| *of != member) {
                    lacking.entry(member).or_default().push(*trace);
                }
            }
        }
        let mut fetched: BTreeMap<TraceId, Vec<Vec<Span>>> = BTreeMap::new();
        if !lacking.is_empty() {
            let failed = self.asker.fetch(
                view,
                self.plan.epoch(),
                self.ask.deadline,
                lacking,
                &mut |trace, spans| {
                    fetched.entry(trace).or_default().push(spans);
                },
            );
            for (member, why) in failed {
                for stream in self.streams.iter_mut().filter(|stream| stream.member == member) {
                    stream.fail(why.clone());
                }
            }
        }
        let whole = batch.into_iter().map(|(trace, parts)| {
            let mut all: Vec<Vec<Span>> = parts.into_iter().map(|(_, spans)| spans).collect();
            all.extend(fetched.remove(&trace).unwrap_or_default());
            (trace, all)
        });
        whole.collect()
    }

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
        missing.append(&mut self.gathered.missing);
        Inspected {
            traces,
            bytes: self.gathered.bytes,
            missing,
        }
    }
}

/// The spans of a part.
pub(super) fn pieces(part: Part) -> Vec<(TraceId, Vec<Span>)> {
    match part {
        Part::Spans(of) => of.into_iter().map(|(trace, _, spans)| (trace, spans)).collect(),
        _ => Vec::new(),
    }
}
