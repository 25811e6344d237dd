//! Puts the proposals that wait into one log entry, so that one fsync carries them all.
//!
//! One task writes one entry at a time; what arrives meanwhile is the next entry. Under load the entries grow by
//! themselves, without load a proposal waits for nobody. Waiting proposals are bounded in number and in bytes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, RwLock, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::error::ProposeError;
use crate::metrics::Metrics;
use crate::participant::Participant;
use crate::state::{Command, Outcome};

/// Most proposals that wait.
const WAITING_MAX: usize = 4_096;
/// Most bytes of proposals that wait, and of those in one entry.
const WAITING_BYTES_MAX: usize = 64 << 20;
/// Largest proposal, in bytes.
pub(crate) const PROPOSAL_BYTES_MAX: usize = 16 << 20;
/// An entry takes no further proposal beyond this.
const ENTRY_BYTES: usize = 4 << 20;
/// Most commands in an entry, unless one proposal alone has more.
const ENTRY_COMMANDS: usize = 8_192;
/// A snapshot is asked for after so many bytes of entries.
const SNAPSHOT_BYTES: usize = 64 << 20;
/// How long a proposal waits for its outcome.
const OUTCOME_SECONDS: u64 = 30;

type Answer = Result<Vec<Outcome>, ProposeError>;

struct Proposal {
    commands: Vec<Command>,
    bytes: usize,
    answer: oneshot::Sender<Answer>,
    room: OwnedSemaphorePermit,
}

/// The queue in front of a group.
#[derive(Debug)]
pub(crate) struct Batcher {
    queue: RwLock<Option<mpsc::Sender<Proposal>>>,
    room: Arc<Semaphore>,
    task: Mutex<Option<JoinHandle<()>>>,
    metrics: Metrics,
}

impl Batcher {
    /// Starts the task that writes.
    pub(crate) fn start(participant: Arc<Participant>, metrics: Metrics) -> Self {
        let (queue, proposals) = mpsc::channel(WAITING_MAX);
        let task = tokio::spawn(run(proposals, participant, metrics.clone()));
        Self {
            queue: RwLock::new(Some(queue)),
            room: Arc::new(Semaphore::new(WAITING_BYTES_MAX)),
            task: Mutex::new(Some(task)),
            metrics,
        }
    }

    /// Proposes commands, in order, in one entry; returns their outcomes once it is committed and applied.
    pub(crate) async fn propose(&self, commands: Vec<Command>) -> Answer {
        let bytes = weight(&commands);
        if bytes > PROPOSAL_BYTES_MAX {
            return Err(ProposeError::TooLarge {
                got: bytes,
                limit: PROPOSAL_BYTES_MAX,
            });
        }
        let timer = self.metrics.propose_seconds.start_timer();
        let answered = tokio::time::timeout(
            Duration::from_secs(OUTCOME_SECONDS),
            self.enqueue(commands, bytes),
        )
        .await;
        let answer = answered.unwrap_or(Err(ProposeError::Unknown {
            seconds: OUTCOME_SECONDS,
        }));
        timer.observe_duration();
        if answer.is_err() {
            self.metrics.failed.inc();
        }
        answer
    }

    async fn enqueue(&self, commands: Vec<Command>, bytes: usize) -> Answer {
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(permits).await;
        let room = room.map_err(|_| ProposeError::ShuttingDown)?;
        let (answer, outcome) = oneshot::channel();
        let queue = self
            .queue
            .read()
            .await
            .clone()
            .ok_or(ProposeError::ShuttingDown)?;
        let proposal = Proposal {
            commands,
            bytes,
            answer,
            room,
        };
        queue
            .send(proposal)
            .await
            .map_err(|_| ProposeError::ShuttingDown)?;
        drop(queue);
        self.metrics.proposals.inc();
        outcome
            .await
            .map_err(|_| ProposeError::Stopped("the writing task ended".to_owned()))?
    }

    /// Takes no more proposals, and waits until those that wait have their outcomes.
    pub(crate) async fn shutdown(&self) {
        self.queue.write().await.take();
        let task = self.task.lock().await.take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::warn!(%error, "proposal task ended badly");
        }
    }
}

/// About how many bytes the commands take in the log: their own size and that of the texts in them.
fn weight(commands: &[Command]) -> usize {
    let one = |command: &Command| match command {
        Command::NodeModules { modules, .. } => {
            modules.iter().map(|m| m.module.len().saturating_add(96)).sum()
        }
        Command::FirstShardMap { holders } => holders.iter().map(|h| h.len().saturating_mul(20)).sum(),
        Command::RegisterMember {
            name,
            addresses,
            zone,
            ..
        } => addresses
            .iter()
            .map(String::len)
            .sum::<usize>()
            .saturating_add(name.len())
            .saturating_add(zone.len()),
        Command::PublishVersion { project, .. } => project.len(),
        Command::PutSiteTable(table) => table
            .module
            .len()
            .saturating_add(table.app.len())
            .saturating_add(256),
        Command::NodeSeen { info, .. } => [&info.name, &info.otp, &info.elixir, &info.agent]
            .iter()
            .map(|text| text.len())
            .sum(),
        Command::InitCluster(_)
        | Command::ChangeShard { .. }
        | Command::SetReplicas { .. }
        | Command::SetWeight { .. }
        | Command::RemoveMember { .. }
        | Command::Finalize { .. }
        | Command::ForgetLosses { .. } => 0,
        // Nested no deeper than bytes can be decoded.
        Command::Audited { who, command, .. } => {
            who.len().saturating_add(weight(std::slice::from_ref(command)))
        }
    };
    commands.iter().fold(0_usize, |sum, command| {
        sum.saturating_add(256).saturating_add(one(command))
    })
}

async fn run(mut proposals: mpsc::Receiver<Proposal>, participant: Arc<Participant>, metrics: Metrics) {
    let mut since_snapshot = 0_usize;
    while let Some(first) = proposals.recv().await {
        let (mut bytes, mut count) = (first.bytes, first.commands.len());
        let mut entry = vec![first];
        while bytes < ENTRY_BYTES && count < ENTRY_COMMANDS {
            let Ok(more) = proposals.try_recv() else { break };
            bytes = bytes.saturating_add(more.bytes);
            count = count.saturating_add(more.commands.len());
            entry.push(more);
        }
        write(&participant, &metrics, entry).await;
        since_snapshot = since_snapshot.saturating_add(bytes);
        if since_snapshot >= SNAPSHOT_BYTES && participant.group.snapshot_soon().await.is_ok() {
            since_snapshot = 0;
        }
    }
}

/// Writes one entry, and gives each proposal its own outcomes.
async fn write(participant: &Participant, metrics: &Metrics, entry: Vec<Proposal>) {
    let (mut commands, mut waiting) = (Vec::new(), Vec::with_capacity(entry.len()));
    for proposal in entry {
        waiting.push((proposal.commands.len(), proposal.answer, proposal.room));
        commands.extend(proposal.commands);
    }
    let written = participant.write(commands).await;
    if let Ok(outcomes) = &written {
        metrics.entries.inc();
        metrics.commands.inc_by(outcomes.len() as u64);
        metrics.refused.inc_by(
            outcomes
                .iter()
                .filter(|o| matches!(o, Outcome::Refused(_)))
                .count() as u64,
        );
    }
    let mut outcomes = written.map(Vec::into_iter);
    for (count, answer, room) in waiting {
        let own = match &mut outcomes {
            Ok(outcomes) => Ok(outcomes.by_ref().take(count).collect()),
            Err(error) => Err(error.clone()),
        };
        // Who waited may have gone away: the commands are committed all the same.
        let _ = answer.send(own);
        drop(room);
    }
}
