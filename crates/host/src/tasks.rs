//! One supervisor for all background work: bounded, named, panics counted, stopped in reverse order of start.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::{IntCounterVec, IntGaugeVec, Registry};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::metrics;

/// Tasks at once, in one process.
const TASKS_MAX: usize = 8192;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)*) => {
        /// What runs in the background: the list is the run-time architecture.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum TaskKind { $($(#[$doc])* $variant,)* }

        impl TaskKind {
            /// As in metrics and logs.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

kinds! {
    /// Serves HTTP.
    Http "http",
    /// Waits for signals.
    Signals "signals",
    /// Agent: accepts BEAM nodes.
    NodeListener "node_listener",
    /// Agent: one BEAM node.
    NodeSession "node_session",
    /// Agent: batches events and writes the spool.
    Spooler "spooler",
    /// Agent: sends to a collector.
    Uplink "uplink",
    /// Collector: accepts agents.
    AgentListener "agent_listener",
    /// Collector: one agent.
    AgentSession "agent_session",
    /// Collector: group commit.
    Committer "committer",
    /// Collector: seals buckets.
    Sealer "sealer",
    /// Collector: drops old buckets.
    Retention "retention",
    /// Coordinator: Raft.
    Raft "raft",
    /// Coordinator: follows what nodes run.
    Timeline "timeline",
    /// Reads a source repository.
    RepoSync "repo_sync",
    /// Follows the file of tokens.
    Access "access",
    /// Copies metrics from where they are counted.
    MetricsSampler "metrics_sampler",
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The bound on tasks was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{TASKS_MAX} tasks run already; {0} was not started")]
pub struct TooManyTasks(pub TaskKind);

/// The supervisor. Clones share it.
#[derive(Clone, Debug)]
pub struct Tasks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    running: Mutex<Running>,
    gauge: IntGaugeVec,
    panics: IntCounterVec,
}

#[derive(Debug, Default)]
struct Running {
    next: u64,
    stopping: bool,
    tasks: BTreeMap<u64, Task>,
}

#[derive(Debug)]
struct Task {
    kind: TaskKind,
    stop: CancellationToken,
    handle: Option<JoinHandle<()>>,
}

impl Tasks {
    /// Without tasks. Registers its metrics.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self(Arc::new(Inner {
            running: Mutex::default(),
            gauge: metrics::gauges(
                registry,
                "elixirscope_tasks",
                "Background tasks running",
                &["kind"],
            )?,
            panics: metrics::counters(
                registry,
                "elixirscope_task_panics_total",
                "Background tasks that ended by a panic",
                &["kind"],
            )?,
        })))
    }

    /// Starts `work`, which must end soon after its token is cancelled.
    pub fn spawn<W, F>(&self, kind: TaskKind, work: W) -> Result<(), TooManyTasks>
    where
        W: FnOnce(CancellationToken) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let mut running = self.0.running.lock();
        if running.stopping || running.tasks.len() >= TASKS_MAX {
            return Err(TooManyTasks(kind));
        }
        let id = running.next;
        running.next += 1;
        let work = CatchPanic(Box::pin(work(stop.clone())));
        let tasks = self.clone();
        self.0.gauge.with_label_values(&[kind.name()]).inc();
        let handle = tokio::spawn(async move {
            // Removed and counted however the task ends, an abort included.
            let _ended = Ended {
                tasks: tasks.clone(),
                kind,
                id,
            };
            if let Err(message) = work.await {
                tasks.0.panics.with_label_values(&[kind.name()]).inc();
                tracing::error!(kind = kind.name(), message, "task panicked");
            }
        });
        running.tasks.insert(
            id,
            Task {
                kind,
                stop,
                handle: Some(handle),
            },
        );
        Ok(())
    }

    /// Tasks that run now.
    pub fn running(&self) -> usize {
        self.0.running.lock().tasks.len()
    }

    /// Stops all tasks, the last started first, each within `each`; those that do not end are aborted. Nothing can
    /// be started afterwards.
    pub async fn shutdown(&self, each: Duration) {
        self.0.running.lock().stopping = true;
        loop {
            let last = {
                let mut running = self.0.running.lock();
                running.tasks.iter_mut().next_back().map(|(id, task)| {
                    task.stop.cancel();
                    (*id, task.kind, task.handle.take())
                })
            };
            let Some((id, kind, handle)) = last else { return };
            if let Some(mut handle) = handle
                && tokio::time::timeout(each, &mut handle).await.is_err()
            {
                tracing::warn!(kind = kind.name(), "task did not end in time and is aborted");
                handle.abort();
                let _ = handle.await;
            }
            self.0.running.lock().tasks.remove(&id);
        }
    }
}

struct Ended {
    tasks: Tasks,
    kind: TaskKind,
    id: u64,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.tasks.0.gauge.with_label_values(&[self.kind.name()]).dec();
        self.tasks.0.running.lock().tasks.remove(&self.id);
    }
}

/// Turns a panic of a future into an error with its message.
struct CatchPanic<F>(Pin<Box<F>>);

impl<F: Future<Output = ()>> Future for CatchPanic<F> {
    type Output = Result<(), String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match std::panic::catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
            Err(panic) => Poll::Ready(Err(panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
                .unwrap_or_else(|| "no message".to_owned()))),
        }
    }
}
