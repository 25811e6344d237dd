//! What collectors report of code and nodes, handed to the coordinator of the same process.

use std::io::Write as _;
use std::num::{NonZeroU16, NonZeroU32};

use anyhow::{Context, Result as Checked};
use codegraph::{ContentHash, SourceHash};
use collector::{
    BoxFuture, ClusterSettings, ClusterView, ControlPlane, ControlPlaneError, MemberView, NodeModules,
    NodeSeen,
};
use coordinator::state::{
    Command, Format, LoadedModule, Loss, ModulesOp, NodeDescription, Outcome, Role, SiteTable as TableFacts,
    State,
};
use coordinator::{Coordinator, ProposeError};
use event::{Micros, Shard};
use placement::Change;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use wire::site_table::SiteTable;

/// Bytes of frames that one agent may have unacknowledged.
const WINDOW_BYTES: u64 = 8 << 20;

/// The coordinator in the same process.
pub(crate) struct InProcess {
    coordinator: Coordinator,
    settings: ClusterSettings,
    view: watch::Receiver<Arc<ClusterView>>,
    /// File with the mark of the collector's disk, beside the member's identity: who loses that is another member.
    mark: PathBuf,
}

impl InProcess {
    /// Over a coordinator that has started, in the member's data folder. Follows its state until it is dropped, in a task.
    pub(crate) fn new(coordinator: Coordinator, data: &Path) -> Checked<Self> {
        let cluster = coordinator
            .cluster_settings()
            .context("the cluster has no settings")?;
        let settings = ClusterSettings {
            cluster: cluster.id.0,
            member: coordinator.member().0,
            shards: NonZeroU16::new(cluster.shards).context("the cluster has no shards")?,
            bucket_seconds: NonZeroU32::new(cluster.bucket_seconds)
                .context("the cluster's buckets have no length")?,
            max_offset_ms: cluster.max_offset_ms,
            window_bytes: WINDOW_BYTES,
        };
        let view = follow(coordinator.subscribe());
        Ok(Self {
            coordinator,
            settings,
            view,
            mark: data.join("coordinator").join("collector-disk"),
        })
    }

    async fn propose(&self, command: Command) -> Result<(), ControlPlaneError> {
        let outcomes = self
            .coordinator
            .propose(vec![command])
            .await
            .map_err(|e| unavailable(&e))?;
        match outcomes.into_iter().next() {
            Some(Outcome::Refused(refusal)) => Err(ControlPlaneError::Refused(refusal.to_string())),
            _ => Ok(()),
        }
    }

    async fn put_table(&self, bytes: Vec<u8>) -> Result<(), ControlPlaneError> {
        let table =
            SiteTable::decode(&bytes).map_err(|e| ControlPlaneError::Refused(format!("site table: {e}")))?;
        let facts = TableFacts {
            version: table.version,
            key: table.version.key(),
            blob: ContentHash::of(&bytes),
            size_bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            module: table.module,
            app: table.application,
            source_sha256: SourceHash(table.source),
        };
        if self
            .coordinator
            .watch()
            .site_table(facts.key)
            .is_some_and(|known| *known == facts)
        {
            return Ok(());
        }
        let stored = self.coordinator.put_blob(bytes).await;
        stored.map_err(|e| ControlPlaneError::Unavailable(e.to_string()))?;
        self.propose(Command::PutSiteTable(facts)).await
    }
}

/// What collectors need to know of the state.
fn view_of(state: &State) -> ClusterView {
    let members = state.members.iter().map(|(id, m)| {
        let view = MemberView {
            address: m.quic_address().unwrap_or_default().to_owned(),
            zone: m.zone.clone(),
            collects: m.roles.contains(&Role::Collector),
            removed: m.removed,
        };
        (*id, view)
    });
    // One without a time is of any.
    let until = |loss: &Loss| match loss.at_unix_ms {
        0 => Micros(u64::MAX),
        ms => Micros::from_unix_us(ms.saturating_mul(1_000)),
    };
    let losses = state.losses.iter().filter_map(|(shard, of)| {
        let last = of.iter().map(until).max()?;
        Some((Shard(*shard), last))
    });
    ClusterView {
        map: Arc::clone(&state.shard_map),
        members: members.collect(),
        losses: losses.collect(),
        store_format: store_format(state.format),
    }
}

/// The latest format of the store that every member of a cluster of this format reads.
fn store_format(format: Format) -> u32 {
    match format {
        Format::FIRST | Format::SECOND => 3,
        _ => 4,
    }
}

/// A view that changes when members or the map do, for as long as somebody has it.
fn follow(mut states: watch::Receiver<Arc<State>>) -> watch::Receiver<Arc<ClusterView>> {
    let mut seen = Arc::clone(&states.borrow_and_update());
    let (views, view) = watch::channel(Arc::new(view_of(&seen)));
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = views.closed() => return,
                changed = states.changed() => if changed.is_err() { return },
            }
            let state = Arc::clone(&states.borrow_and_update());
            // Sections that did not change are shared: most changes are of nodes and tables.
            let same = Arc::ptr_eq(&state.members, &seen.members)
                && Arc::ptr_eq(&state.shard_map, &seen.shard_map)
                && Arc::ptr_eq(&state.losses, &seen.losses)
                && state.format == seen.format;
            if !same {
                let next = view_of(&state);
                views.send_if_modified(|old| {
                    let differs = **old != next;
                    if differs {
                        *old = Arc::new(next);
                    }
                    differs
                });
            }
            seen = state;
        }
    });
    view
}

/// Whole or not at all: written beside, synced, moved.
fn keep_mark(file: &Path, mark: u64) -> std::io::Result<()> {
    let new = file.with_extension("new");
    let mut written = std::fs::File::create(&new)?;
    written.write_all(format!("{mark:016x}\n").as_bytes())?;
    written.sync_all()?;
    std::fs::rename(&new, file)?;
    match file.parent() {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn unavailable(error: &ProposeError) -> ControlPlaneError {
    ControlPlaneError::Unavailable(error.to_string())
}

fn operation(op: wire::control::ModulesOp) -> ModulesOp {
    match op {
        wire::control::ModulesOp::Loaded => ModulesOp::Loaded,
        wire::control::ModulesOp::Removed => ModulesOp::Removed,
        wire::control::ModulesOp::Snapshot => ModulesOp::Snapshot,
    }
}

impl ControlPlane for InProcess {
    fn site_table(&self, table: Vec<u8>) -> BoxFuture<'_, Result<(), ControlPlaneError>> {
        Box::pin(self.put_table(table))
    }

    fn node_seen(&self, node: NodeSeen) -> BoxFuture<'_, Result<(), ControlPlaneError>> {
        let info = NodeDescription {
            name: node.node.name,
            creation: node.node.creation,
            vm_start: node.vm_start.0,
            otp: node.otp_release,
            elixir: node.elixir_version,
            agent: node.agent,
        };
        Box::pin(self.propose(Command::NodeSeen {
            node: node.node.key,
            info,
        }))
    }

    fn node_modules(&self, report: NodeModules) -> BoxFuture<'_, Result<(), ControlPlaneError>> {
        let loaded = |m: wire::control::Module| LoadedModule {
            version: m.version,
            module: m.name,
        };
        let modules = report.modules.into_iter().map(loaded).collect();
        let command = Command::NodeModules {
            node: report.node,
            op: operation(report.op),
            time: report.time.0,
            modules,
        };
        Box::pin(self.propose(command))
    }

    fn change(&self, shard: Shard, change: Change) -> BoxFuture<'_, Result<(), ControlPlaneError>> {
        let shard = shard.0;
        Box::pin(self.propose(Command::ChangeShard { shard, change }))
    }

    fn cluster(&self) -> watch::Receiver<Arc<ClusterView>> {
        self.view.clone()
    }

    fn fetch_map(&self, epoch: u64) -> BoxFuture<'_, Result<(), ControlPlaneError>> {
        Box::pin(async move {
            if self.view.borrow().map.epoch >= epoch {
                return Ok(());
            }
            // What is read is what the quorum has decided by now, and it is in the local copy then.
            let state = self.coordinator.read().await.map_err(|e| unavailable(&e))?;
            let known = state.shard_map.epoch;
            if known >= epoch {
                return Ok(());
            }
            let words = format!("the coordinators know map {known}, not {epoch}");
            Err(ControlPlaneError::Unavailable(words))
        })
    }

    fn disk_mark(&self) -> Option<u64> {
        let text = std::fs::read_to_string(&self.mark).ok()?;
        u64::from_str_radix(text.trim(), 16).ok()
    }

    fn remember_disk(&self, mark: u64) -> BoxFuture<'_, Result<(), ControlPlaneError>> {
        let file = self.mark.clone();
        Box::pin(async move {
            let kept = tokio::task::spawn_blocking(move || keep_mark(&file, mark)).await;
            let kept = kept.map_err(|e| ControlPlaneError::Unavailable(e.to_string()))?;
            kept.map_err(|e| {
                ControlPlaneError::Unavailable(format!("the mark of the disk was not kept: {e}"))
            })
        })
    }

    fn settings(&self) -> ClusterSettings {
        self.settings
    }
}
