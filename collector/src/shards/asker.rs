//! Who asks: this member's store, what it knows of the cluster, and its ways to the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event::{Micros, Shard};
use parking_lot::Mutex;
use placement::{MemberId, ShardMap, Standing};
use store::Store;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use transport::Ways;

use super::metrics::AskMetrics;
use super::plan::{Plan, is_alone};
use super::request::{Request, To, Word, Words};
use crate::asked::Standings;
use crate::asked::codec::{Asked, End, QUESTION_BYTES_MAX, Question};
use crate::control_plane::{ClusterSettings, ClusterView};

/// Who failed or was late is asked last for so long.
const AVOIDED: Duration = Duration::from_secs(5);
/// A newer map that another member named is waited for so long.
const MAP_WAIT: Duration = Duration::from_millis(500);

/// Who asks.
pub(super) struct Asker {
    pub(super) store: Arc<Store>,
    pub(super) settings: ClusterSettings,
    pub(super) view: watch::Receiver<Arc<ClusterView>>,
    pub(super) standings: Arc<dyn Standings>,
    pub(super) ways: Ways,
    pub(super) runtime: Handle,
    pub(super) metrics: AskMetrics,
    pub(super) troubled: Mutex<BTreeMap<MemberId, Instant>>,
}

/// A question, to whom it goes and until when.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) question: &'a Question,
    /// Ascending.
    pub(super) shards: &'a [Shard],
    pub(super) deadline: Instant,
    /// Turns true when whoever asked wants no more.
    pub(super) stop: &'a dyn Fn() -> bool,
}

impl Asker {
    pub(super) fn me(&self) -> MemberId {
        MemberId(self.settings.member)
    }

    pub(super) fn view(&self) -> Arc<ClusterView> {
        Arc::clone(&self.view.borrow())
    }

    /// All shards of the cluster.
    pub(super) fn all(&self) -> Vec<Shard> {
        (0..self.settings.shards.get()).map(Shard).collect()
    }

    /// Does this member alone hold these shards, all that was ever acknowledged of them?
    pub(super) fn is_alone(&self, shards: &[Shard]) -> bool {
        let view = self.view.borrow();
        let whole = view.losses.is_empty() || !shards.iter().any(|shard| view.losses.contains_key(shard));
        whole && is_alone(&view.map, self.me(), shards)
    }

    /// A plan for some shards; who was in trouble lately is asked last.
    pub(super) fn plan(&self, view: &ClusterView, shards: &[Shard]) -> Plan {
        let mut troubled = self.troubled.lock();
        troubled.retain(|_, since| since.elapsed() < AVOIDED);
        let avoid = troubled.keys().copied().collect();
        Plan::new(&view.map, self.me(), shards, avoid)
    }

    /// Asks one member; an error: it cannot be asked.
    pub(super) fn request(
        &self,
        ask: Ask<'_>,
        view: &ClusterView,
        epoch: u64,
        (member, shards): (MemberId, &[Shard]),
        number: usize,
        words: Words,
    ) -> Result<Request, String> {
        let address = address_of(member, view)?;
        let within = ask.deadline.saturating_duration_since(Instant::now());
        let asked = Asked {
            cluster: self.settings.cluster,
            from: self.settings.member,
            epoch,
            within_ms: u32::try_from(within.as_millis()).unwrap_or(u32::MAX),
            shards: shards.to_vec(),
            question: ask.question.clone(),
        };
        let message = asked.encode();
        if message.len() > QUESTION_BYTES_MAX {
            return Err("cannot be asked: the question is too long".to_owned());
        }
        let to = To {
            address,
            message,
            within,
        };
        Ok(Request::send(&self.runtime, &self.ways, to, number, words))
    }

    /// What this member says of itself.
    pub(super) fn said(&self, epoch: u64, shards: &[Shard]) -> End {
        let map = self.standings.map();
        End {
            epoch: map.epoch,
            stale: stale(&map, epoch, shards),
            whole: self.standings.whole(),
            floor: self.store.floor(),
            ..End::default()
        }
    }

    pub(super) fn failed(
        &self,
        question: &Question,
        plan: &mut Plan,
        member: MemberId,
        shards: &[Shard],
        why: String,
    ) {
        tracing::debug!(%member, question = question.name(), why, "a member did not answer");
        if member != self.me() {
            self.metrics.asked(question.name(), member, "failed");
            self.troubled.lock().insert(member, Instant::now());
        }
        plan.failed(member, shards, why);
    }

    /// What one member has dropped of a time that a question is about, and others still keep.
    pub(super) fn dropped(&self, question: &Question, plan: &Plan, view: &ClusterView) -> Option<String> {
        let (member, floor) = plan.dropped_more()?;
        let keeps_from = self.store.bucket_time(floor).start;
        let since = question.since()?;
        let (who, seconds) = (name_of(member, view), keeps_from.to_unix_us() / 1_000_000);
        let text = format!(
            "{who} keeps nothing from before {seconds} (Unix seconds), others do: what is older may lack something"
        );
        (since < keeps_from).then_some(text)
    }

    /// Of shards that a question is about, what went with a disk whose loss was accepted and is not out of retention yet.
    pub(super) fn lost(&self, question: &Question, shards: &[Shard], view: &ClusterView) -> Option<String> {
        if matches!(question, Question::Nodes | Question::About) {
            return None;
        }
        let kept = self.store.bucket_time(self.store.floor()).start;
        let since = question.since().unwrap_or_default().max(kept);
        let of = shards.iter().filter_map(|shard| view.losses.get(shard));
        let times: Vec<Micros> = of.copied().filter(|until| since < *until).collect();
        let last = times.iter().max()?;
        let before = match last.0 {
            u64::MAX => String::new(),
            _ => format!(" before {} (Unix seconds)", last.to_unix_us() / 1_000_000),
        };
        let shards = times.len();
        Some(format!(
            "of {shards} shards a lost disk was given up: what was acknowledged{before} may lack something (`elixirscope cluster status`)"
        ))
    }

    /// The next word, until a time.
    pub(super) fn hear(
        &self,
        heard: &mut mpsc::Receiver<(usize, Word)>,
        until: Instant,
    ) -> Option<(usize, Word)> {
        if let Ok(word) = heard.try_recv() {
            return Some(word);
        }
        let next = async { tokio::time::timeout_at(until.into(), heard.recv()).await };
        self.runtime.block_on(next).ok().flatten()
    }

    /// The view with a map of at least this epoch, if it comes soon.
    pub(super) fn newer_view(&self, epoch: u64, deadline: Instant) -> Option<Arc<ClusterView>> {
        let mut view = self.view.clone();
        let until = deadline.min(Instant::now() + MAP_WAIT);
        let wait = async {
            let seen = view.wait_for(|view| view.map.epoch >= epoch);
            let seen = tokio::time::timeout_at(until.into(), seen).await;
            seen.ok()?.ok().map(|view| Arc::clone(&view))
        };
        self.runtime.block_on(wait)
    }
}

fn stale(map: &ShardMap, epoch: u64, shards: &[Shard]) -> Vec<Shard> {
    let is_stale = |shard: &&Shard| matches!(map.standing(**shard, epoch), Standing::Stale(_));
    shards.iter().filter(is_stale).copied().collect()
}

fn address_of(member: MemberId, view: &ClusterView) -> Result<String, &'static str> {
    match view.members.get(&member) {
        None => Err("is not known yet"),
        Some(known) if known.removed => Err("is gone for good"),
        Some(known) if known.address.is_empty() => Err("has no address"),
        Some(known) => Ok(known.address.clone()),
    }
}

/// `member 3 at 10.0.0.3:7481`.
pub(super) fn name_of(member: MemberId, view: &ClusterView) -> String {
    match view.members.get(&member) {
        Some(known) if !known.address.is_empty() => format!("member {member} at {}", known.address),
        _ => format!("member {member}"),
    }
}
