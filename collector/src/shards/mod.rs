//! Questions to the whole cluster: each shard's data is on several members, N - W + 1 of them are asked, their answers merged, and what is
//! missing is said in words (`docs/replication.md`; `docs/cluster.md`, "Questions"). Where one member holds everything it is asked alone,
//! without any of this.
//!
//! Read [`Shards`] first, then `plan` (whom to ask), `gather` (asking), `merge`, `listing` and `candidates` (one answer out of several).

mod about;
mod asker;
mod candidates;
mod fetch;
mod gather;
mod list;
mod listing;
mod merge;
mod metrics;
mod plan;
mod request;
mod source;
mod streams;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event::{LogRecord, Micros, NodeInfo, Shard, TraceId};
use host::Registry;
use placement::{MemberId, shard_of};
use query::tempo::{Missing, SourceError};
use store::{Audit, LOSSES_MAX, LogFilter, Losses, Store, TraceRows};
use tokio::runtime::Handle;
use transport::Ways;

pub use self::about::{OtherMember, Told};
use self::asker::{Ask, Asker};
use self::gather::{Gathered, TakeFrom};
use self::merge::{Events, Logs, Nodes};
use self::metrics::AskMetrics;
use crate::asked::Standings;
use crate::asked::codec::{Gap, Part, Question, TRACES_MAX};
use crate::control_plane::ControlPlane;
use crate::spans::unanswered;

/// Time for a question; what did not come by then is said to be missing.
const WITHIN: Duration = Duration::from_secs(20);

/// An answer, and what it lacks, in words. Nothing: it is complete.
#[derive(Clone, Debug, Default)]
pub struct Whole<T> {
    /// The answer.
    pub value: T,
    /// What is missing.
    pub missing: Missing,
}

/// Everything that the cluster keeps. Clones share it. All calls block: keep them off the async threads.
#[derive(Clone)]
pub struct Shards(Arc<Asker>);

impl std::fmt::Debug for Shards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shards")
            .field("store", &self.0.store)
            .finish_non_exhaustive()
    }
}

impl Shards {
    /// This member's store, and the ways to the others. On a tokio runtime.
    pub(crate) fn new(
        store: Arc<Store>,
        control: &dyn ControlPlane,
        standings: Arc<dyn Standings>,
        ways: Ways,
        registry: &Registry,
    ) -> prometheus::Result<Self> {
        Ok(Self(Arc::new(Asker {
            store,
            settings: control.settings(),
            view: control.cluster(),
            standings,
            ways,
            runtime: Handle::current(),
            metrics: AskMetrics::new(registry)?,
            troubled: parking_lot::Mutex::default(),
        })))
    }

    /// All events of a trace.
    pub fn trace_rows(&self, trace: TraceId) -> Result<Whole<TraceRows>, SourceError> {
        let mut all = self.trace_rows_of(&[trace])?;
        Ok(Whole {
            value: all.value.pop().unwrap_or_default(),
            missing: all.missing,
        })
    }

    /// All events of several traces, in their order.
    pub fn trace_rows_of(&self, traces: &[TraceId]) -> Result<Whole<Vec<TraceRows>>, SourceError> {
        let mut whole = Whole::default();
        if self.0.is_alone(&self.shards_of(traces)) {
            let rows = traces.iter().map(|trace| self.0.store.trace_rows(*trace));
            let rows: Result<Vec<_>, _> = rows.collect();
            whole.value = rows.map_err(|error| unanswered(&error))?;
            return Ok(whole);
        }
        for some in traces.chunks(TRACES_MAX) {
            let (mut by_trace, mut nodes) = (BTreeMap::<TraceId, Events>::new(), Nodes::default());
            let question = Question::Events(some.to_vec());
            let gathered = self.gather(&question, &self.shards_of(some), &mut |_, part| match part {
                Part::Events(events) => {
                    for one in events {
                        by_trace.entry(one.1.trace).or_default().add([one]);
                    }
                }
                Part::Nodes(of) => nodes.add(of),
                _ => {}
            })?;
            for trace in some {
                let (events, cut) = by_trace.remove(trace).unwrap_or_default().in_order();
                whole.value.push(TraceRows {
                    nodes: nodes.of(&events),
                    events,
                    damaged: gathered.damaged,
                    cut: cut || gathered.cut,
                });
            }
            add_missing(&mut whole.missing, gathered.missing);
        }
        Ok(whole)
    }

    /// What is known to be missing of a range of time, both ends included.
    pub fn losses(&self, since: Micros, until: Micros) -> Result<Whole<Losses>, SourceError> {
        let shards = self.0.all();
        if self.0.is_alone(&shards) {
            return alone(self.0.store.losses(since, until));
        }
        let (mut events, mut gaps) = (Events::default(), BTreeMap::new());
        let gathered = self.gather(
            &Question::Losses { since, until },
            &shards,
            &mut |_, part| match part {
                Part::Events(of) => events.add(of),
                // The frame in which a holder was told may be another one's copy: its time is no part of what a gap is.
                Part::Gaps(of) => {
                    gaps.extend(
                        of.into_iter()
                            .map(|gap| ((gap.producer, gap.epoch, gap.shard, gap.first, gap.last), gap)),
                    );
                }
                _ => {}
            },
        )?;
        let gaps: BTreeSet<Gap> = gaps.into_values().collect();
        let gaps = gaps.into_iter().rev().take(LOSSES_MAX).map(Into::into);
        Ok(Whole {
            value: Losses {
                events: events.newest(LOSSES_MAX),
                gaps: gaps.collect(),
            },
            missing: gathered.missing,
        })
    }

    /// Node incarnations whose events may be stored.
    pub fn nodes(&self) -> Result<Whole<Vec<NodeInfo>>, SourceError> {
        let shards = self.0.all();
        if self.0.is_alone(&shards) {
            return alone(self.0.store.nodes());
        }
        let mut nodes = Nodes::default();
        let gathered = self.gather(&Question::Nodes, &shards, &mut |_, part| {
            if let Part::Nodes(of) = part {
                nodes.add(of);
            }
        })?;
        Ok(Whole {
            value: nodes.in_order(),
            missing: gathered.missing,
        })
    }

    /// Log records that a filter accepts, the newest first.
    pub fn logs(&self, filter: &LogFilter) -> Result<Whole<Vec<LogRecord>>, SourceError> {
        let shards = match filter.trace {
            Some(trace) => vec![shard_of(trace, self.of())],
            None => self.0.all(),
        };
        if self.0.is_alone(&shards) {
            return alone(self.0.store.find_logs(filter));
        }
        let mut by_member: BTreeMap<MemberId, Vec<LogRecord>> = BTreeMap::new();
        let gathered = self.gather(&Question::Logs(filter.into()), &shards, &mut |from, part| {
            if let Part::Logs(of) = part {
                by_member.entry(from).or_default().extend(of);
            }
        })?;
        let mut logs = Logs::default();
        for of in by_member.into_values() {
            logs.add(of);
        }
        Ok(Whole {
            value: logs.newest(filter.limit),
            missing: gathered.missing,
        })
    }

    /// What each member that collects counts when it reads everything; this one first. Slow.
    pub fn audits(&self) -> Result<Whole<Vec<(MemberId, Audit)>>, SourceError> {
        let own = self.0.store.audit().map_err(|error| unanswered(&error))?;
        let mut others: BTreeMap<MemberId, Audit> = BTreeMap::new();
        let deadline = Instant::now() + WITHIN;
        let missing = self
            .0
            .all_others(&Question::Audit, deadline, &mut |member, part| {
                if let Part::Audit(audited) = part {
                    others.insert(member, audited.into());
                }
            });
        let mut value = vec![(self.0.me(), own)];
        value.extend(others);
        Ok(Whole { value, missing })
    }

    fn gather(
        &self,
        question: &Question,
        shards: &[Shard],
        take: &mut TakeFrom<'_>,
    ) -> Result<Gathered, SourceError> {
        let ask = Ask {
            question,
            shards,
            deadline: Instant::now() + WITHIN,
            stop: &|| false,
        };
        self.0.gather(ask, take)
    }

    fn of(&self) -> NonZeroU16 {
        self.0.settings.shards
    }

    /// The shards of some traces, ascending, each once.
    fn shards_of(&self, traces: &[TraceId]) -> Vec<Shard> {
        let shards: BTreeSet<Shard> = traces.iter().map(|trace| shard_of(*trace, self.of())).collect();
        shards.into_iter().collect()
    }
}

fn alone<T>(found: Result<T, store::StoreError>) -> Result<Whole<T>, SourceError> {
    Ok(Whole {
        value: found.map_err(|error| unanswered(&error))?,
        missing: Vec::new(),
    })
}

/// Adds what was not said before.
fn add_missing(missing: &mut Missing, more: Missing) {
    for text in more {
        if !missing.contains(&text) {
            missing.push(text);
        }
    }
}
