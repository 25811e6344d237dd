//! Asks as many members as it takes, this one among them, and gathers what they say. Blocks: not on an async thread.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use event::Shard;
use placement::MemberId;
use query::tempo::SourceError;
use tokio::sync::mpsc;

use super::asker::{Ask, Asker, name_of};
use super::plan::{Plan, Said};
use super::request::{Request, Word, Words};
use crate::asked::Answer;
use crate::asked::codec::{End, Outcome, Part, Question};
use crate::control_plane::ClusterView;

/// After this time without a word another holder is asked too, of questions that need little reading; of others.
const HEDGE: Duration = Duration::from_millis(300);
const HEDGE_SCAN: Duration = Duration::from_secs(2);
/// Words of members that wait to be merged.
pub(super) const UNREAD_MAX: usize = 8;

/// What was gathered, besides the parts.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// What is missing, in words. Empty: nothing.
    pub(super) missing: Vec<String>,
    /// A member cannot answer in this way.
    pub(super) cannot: bool,
    pub(super) traces: u64,
    pub(super) bytes: u64,
    pub(super) damaged: u64,
    pub(super) cut: bool,
    /// Who answered for what.
    pub(super) answered: Vec<(MemberId, Vec<Shard>)>,
}

/// Takes a part of what a member says.
pub(super) type TakeFrom<'t> = dyn FnMut(MemberId, Part) + 't;

/// A member that was asked.
pub(super) struct Out {
    pub(super) member: MemberId,
    pub(super) shards: Vec<Shard>,
    /// Dropped: it is told to stop.
    pub(super) request: Option<Request>,
    /// It said something lately.
    pub(super) works: bool,
}

impl Asker {
    /// Asks and gathers. A part may come twice, from two members or after a change of the map: whoever takes it merges by identity.
    pub(super) fn gather(&self, ask: Ask<'_>, take: &mut TakeFrom<'_>) -> Result<Gathered, SourceError> {
        let began = Instant::now();
        let mut gathered = Gathered::default();
        if self.is_alone(ask.shards) {
            let end = self.own(ask, ask.shards, take);
            return match end.outcome {
                Outcome::Busy(why) => Err(SourceError::Busy(why)),
                Outcome::Failed(why) => Err(SourceError::Failed(why)),
                Outcome::Answered | Outcome::Cannot => {
                    gathered.count(end, None);
                    gathered.answered.push((self.me(), ask.shards.to_vec()));
                    Ok(gathered)
                }
            };
        }
        let mut view = self.view();
        for again in [true, false] {
            gathered = Gathered::default();
            let plan = self.round(ask, &view, take, &mut gathered);
            if again
                && let Some(epoch) = plan.newer_map()
                && let Some(newer) = self.newer_view(epoch, ask.deadline)
            {
                view = newer;
                continue;
            }
            let mut missing = plan.missing(|member| name_of(member, &view));
            missing.extend(self.dropped(ask.question, &plan, &view));
            missing.extend(self.lost(ask.question, ask.shards, &view));
            gathered.missing.splice(0..0, missing);
            break;
        }
        let complete = gathered.missing.is_empty() && !gathered.cannot;
        self.metrics.done(ask.question.name(), complete, began);
        Ok(gathered)
    }

    /// Asks by one map until there is enough, or nobody is left.
    fn round(
        &self,
        ask: Ask<'_>,
        view: &ClusterView,
        take: &mut TakeFrom<'_>,
        gathered: &mut Gathered,
    ) -> Plan {
        let mut plan = self.plan(view, ask.shards);
        let (words, mut heard) = mpsc::channel(UNREAD_MAX);
        let mut out: Vec<Out> = Vec::new();
        let hedge = hedge_of(ask.question);
        let mut hedge_at = Instant::now() + hedge;
        loop {
            let first = out.len();
            self.send(ask, view, &mut plan, &mut out, &words);
            if out.len() > first {
                hedge_at = Instant::now() + hedge;
            }
            // This member itself, while the others work.
            let own: Vec<usize> = (first..out.len())
                .filter(|at| out.get(*at).is_some_and(|o| o.member == self.me()))
                .collect();
            for at in own {
                let Some(shards) = out.get(at).map(|o| o.shards.clone()) else {
                    continue;
                };
                let end = self.own(ask, &shards, take);
                self.ended(ask, &mut plan, self.me(), &shards, end, view, gathered);
            }
            if plan.is_complete() || gathered.cannot || (ask.stop)() {
                break;
            }
            if out.len() > first {
                // Somebody may be asked in the place of whom failed at once.
                continue;
            }
            if !plan.waits() || Instant::now() >= ask.deadline {
                break;
            }
            match self.hear(&mut heard, hedge_at.min(ask.deadline)) {
                Some((number, word)) => {
                    let Some(from) = out.get_mut(number) else {
                        continue;
                    };
                    let (member, shards) = (from.member, from.shards.clone());
                    match word {
                        Word::Head(_) => from.works = true,
                        Word::Part(part) => {
                            from.works = true;
                            take(member, part);
                        }
                        Word::End(end) => {
                            from.request = None;
                            self.ended(ask, &mut plan, member, &shards, end, view, gathered);
                        }
                        Word::Failed(why) => {
                            from.request = None;
                            self.failed(ask.question, &mut plan, member, &shards, why);
                        }
                    }
                }
                None if Instant::now() >= hedge_at => {
                    let working: BTreeSet<MemberId> =
                        out.iter().filter(|o| o.works).map(|o| o.member).collect();
                    plan.late(|member| working.contains(&member));
                    for o in &mut out {
                        o.works = false;
                    }
                    hedge_at = Instant::now() + hedge;
                }
                None => {}
            }
        }
        for late in out.iter().filter(|o| o.request.is_some()) {
            self.metrics.asked(ask.question.name(), late.member, "late");
            self.troubled.lock().insert(late.member, Instant::now());
        }
        plan
    }

    /// Sends the question to all that the plan names now; this member itself only is noted.
    pub(super) fn send(
        &self,
        ask: Ask<'_>,
        view: &ClusterView,
        plan: &mut Plan,
        out: &mut Vec<Out>,
        words: &Words,
    ) {
        for (member, shards) in plan.next() {
            let request = if member == self.me() {
                None
            } else {
                match self.request(
                    ask,
                    view,
                    plan.epoch(),
                    (member, &shards),
                    out.len(),
                    words.clone(),
                ) {
                    Ok(request) => Some(request),
                    Err(why) => {
                        self.failed(ask.question, plan, member, &shards, why);
                        None
                    }
                }
            };
            out.push(Out {
                member,
                shards,
                request,
                works: false,
            });
        }
    }

    /// What this member has itself.
    fn own(&self, ask: Ask<'_>, shards: &[Shard], take: &mut TakeFrom<'_>) -> End {
        let answer = Answer {
            store: &self.store,
            of: self.settings.shards,
            shards,
            stop: &|| (ask.stop)() || Instant::now() >= ask.deadline,
        };
        let me = self.me();
        answer.give(ask.question, &mut |part| {
            take(me, part);
            ControlFlow::Continue(())
        })
    }

    /// Another member's, or this one's, answer has ended.
    #[expect(clippy::too_many_arguments, reason = "who, of what, how")]
    pub(super) fn ended(
        &self,
        ask: Ask<'_>,
        plan: &mut Plan,
        member: MemberId,
        shards: &[Shard],
        mut end: End,
        view: &ClusterView,
        gathered: &mut Gathered,
    ) {
        let mine = member == self.me();
        match std::mem::take(&mut end.outcome) {
            Outcome::Busy(why) => {
                self.failed(ask.question, plan, member, shards, format!("is busy ({why})"));
            }
            Outcome::Failed(why) => {
                self.failed(ask.question, plan, member, shards, format!("failed ({why})"));
            }
            outcome => {
                if mine {
                    let said = self.said(plan.epoch(), shards);
                    (end.epoch, end.stale) = (said.epoch, said.stale);
                    (end.whole, end.floor) = (said.whole, said.floor);
                } else {
                    self.metrics.asked(ask.question.name(), member, "answered");
                    self.troubled.lock().remove(&member);
                }
                let said = Said {
                    epoch: end.epoch,
                    stale: std::mem::take(&mut end.stale),
                    whole: end.whole,
                    floor: end.floor,
                };
                plan.answered(member, shards, &said);
                gathered.answered.push((member, shards.to_vec()));
                gathered.cannot |= outcome == Outcome::Cannot;
                let who = (!mine).then(|| name_of(member, view));
                gathered.count(end, who.as_deref());
            }
        }
    }
}

impl Gathered {
    pub(super) fn count(&mut self, end: End, who: Option<&str>) {
        self.traces += end.traces;
        self.bytes += end.bytes;
        self.damaged = self.damaged.saturating_add(end.damaged);
        self.cut |= end.cut;
        self.missing.extend(end.missing.into_iter().map(|text| match who {
            Some(who) => format!("{who}: {text}"),
            None => text,
        }));
    }
}

fn hedge_of(question: &Question) -> Duration {
    match question {
        Question::Events(_) | Question::Spans(_) | Question::Nodes | Question::Losses { .. } => HEDGE,
        _ => HEDGE_SCAN,
    }
}
