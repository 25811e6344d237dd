//! Questions to members by name: spans of traces that they have not shown yet, and what each keeps for itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use event::{Shard, Span, TraceId};
use placement::{MemberId, shard_of};
use tokio::sync::mpsc;

use super::asker::{Ask, Asker, name_of};
use super::candidates::pieces;
use super::gather::UNREAD_MAX;
use super::request::{Request, Word};
use crate::asked::codec::{Outcome, Part, Question};
use crate::control_plane::ClusterView;

/// Members, and why each did not answer.
pub(super) type Failed = BTreeMap<MemberId, String>;

impl Asker {
    /// Spans of traces from members that are asked by id: `each` is called for each trace with what a member has of it, once or more.
    pub(super) fn fetch(
        &self,
        view: &ClusterView,
        epoch: u64,
        deadline: Instant,
        mut from: BTreeMap<MemberId, Vec<TraceId>>,
        each: &mut dyn FnMut(TraceId, Vec<Span>),
    ) -> Failed {
        let own = from.remove(&self.me()).unwrap_or_default();
        let questions = from.into_iter().map(|(member, traces)| {
            let shards: BTreeSet<Shard> = traces
                .iter()
                .map(|trace| shard_of(*trace, self.settings.shards))
                .collect();
            (member, shards.into_iter().collect(), Question::Spans(traces))
        });
        let mut own_failed = None;
        let mut failed = self.each_of(
            view,
            epoch,
            deadline,
            &questions.collect::<Vec<_>>(),
            &mut |_, part| {
                for (trace, spans) in pieces(part) {
                    each(trace, spans);
                }
            },
        );
        for trace in own {
            match self.store.trace_spans(trace) {
                Ok(spans) => each(trace, spans),
                Err(error) => own_failed = Some(format!("failed ({error})")),
            }
        }
        failed.extend(own_failed.map(|why| (self.me(), why)));
        failed
    }

    /// Asks all other members that collect, whatever they hold: what each keeps for itself. Who did not answer, in words.
    pub(super) fn all_others(
        &self,
        question: &Question,
        deadline: Instant,
        take: &mut dyn FnMut(MemberId, Part),
    ) -> Vec<String> {
        let view = self.view();
        let collects = view.members.iter().filter(|(_, m)| m.collects && !m.removed);
        let others = collects.map(|(member, _)| *member).filter(|m| *m != self.me());
        let questions: Vec<_> = others
            .map(|member| (member, Vec::new(), question.clone()))
            .collect();
        let failed = self.each_of(&view, view.map.epoch, deadline, &questions, take);
        let failed = failed
            .iter()
            .map(|(member, why)| format!("{} {why}", name_of(*member, &view)));
        failed.collect()
    }

    /// Asks each member its own question; who did not answer, and why.
    pub(super) fn each_of(
        &self,
        view: &ClusterView,
        epoch: u64,
        deadline: Instant,
        questions: &[(MemberId, Vec<Shard>, Question)],
        take: &mut dyn FnMut(MemberId, Part),
    ) -> Failed {
        let (words, mut heard) = mpsc::channel(UNREAD_MAX);
        let mut out: Vec<(MemberId, Option<Request>)> = Vec::new();
        let mut failed = Failed::new();
        for (member, shards, question) in questions {
            let ask = Ask {
                question,
                shards,
                deadline,
                stop: &|| false,
            };
            match self.request(ask, view, epoch, (*member, shards), out.len(), words.clone()) {
                Ok(request) => out.push((*member, Some(request))),
                Err(why) => drop(failed.insert(*member, why)),
            }
        }
        while out.iter().any(|(_, request)| request.is_some()) {
            let Some((number, word)) = self.hear(&mut heard, deadline) else {
                break;
            };
            let Some((member, request)) = out.get_mut(number) else {
                continue;
            };
            match word {
                Word::Part(part) => take(*member, part),
                Word::Head(_) => {}
                Word::End(end) => {
                    *request = None;
                    if let Outcome::Busy(why) | Outcome::Failed(why) = end.outcome {
                        failed.insert(*member, format!("failed ({why})"));
                    }
                }
                Word::Failed(why) => {
                    *request = None;
                    failed.insert(*member, why);
                }
            }
        }
        for (member, _) in out.iter().filter(|(_, request)| request.is_some()) {
            failed.insert(*member, "did not answer in time".to_owned());
        }
        for (member, _, question) in questions {
            let outcome = if failed.contains_key(member) {
                "failed"
            } else {
                "answered"
            };
            self.metrics.asked(question.name(), *member, outcome);
        }
        failed
    }
}
