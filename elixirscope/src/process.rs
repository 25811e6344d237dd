//! What the processes of all roles do alike.

use std::time::Duration;

use anyhow::{Context, Result};
use coordinator::{Coordinator, CoordinatorConfig};
use host::{Check, HttpServer, TaskKind, Tasks};

/// File descriptors that a member wants: connections of all doors at their bounds, and the files of the stores.
const FILES: u64 = 65_536;

/// Raises the soft limit of file descriptors, which is 1,024 on most machines, as far as the hard one allows.
pub(crate) fn raise_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(FILES, |hard| hard.min(FILES));
    if limit.current.is_none_or(|soft| soft >= wanted) {
        return;
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of file descriptors stays as it is");
    }
}

/// The machine's name, for people.
pub(crate) fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "member".to_owned(),
        name => name.to_owned(),
    }
}

/// Looks at something at once and then every so often, until the process stops.
pub(crate) fn look_every(
    tasks: &Tasks,
    period: Duration,
    mut look: impl FnMut() + Send + 'static,
) -> Result<()> {
    tasks.spawn(TaskKind::MetricsSampler, move |stop| async move {
        let mut tick = tokio::time::interval(period);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => look(),
            }
        }
    })?;
    Ok(())
}

/// Starts a member's coordinator, and waits until it knows its cluster; `None` if the process is told to stop before.
pub(crate) async fn start_coordinator(config: CoordinatorConfig) -> Result<Option<Coordinator>> {
    let start = async {
        let coordinator = Coordinator::start(config).await?;
        let mut states = coordinator.subscribe();
        if states.borrow().cluster.is_none() {
            tracing::warn!("this member does not know its cluster any more and waits for the others to tell");
        }
        let known = states.wait_for(|state| state.cluster.is_some()).await;
        known.context("the coordinator stopped")?;
        anyhow::Ok(coordinator)
    };
    tokio::select! {
        started = start => started.map(Some),
        signal = host::stop_signal() => {
            tracing::info!(signal = signal?, "stopped before it had a cluster");
            Ok(None)
        }
    }
}

/// Brings a readiness check in step with a coordinator. `needed`: without it the member is not ready.
pub(crate) fn check_coordinator(check: &Check, coordinator: &Coordinator, needed: bool) {
    let health = coordinator.health();
    if health.ready {
        check.pass();
    } else if needed {
        check.fail(health.reason);
    } else {
        let epoch = coordinator.watch().shard_map.epoch;
        check.remark(format!(
            "{}; goes on with its last copy of what was agreed (map {epoch})",
            health.reason
        ));
    }
}

/// Serves the HTTP door until the process stops.
pub(crate) fn serve_http(tasks: &Tasks, http: HttpServer) -> Result<()> {
    tasks.spawn(TaskKind::Http, |stop| async move {
        if let Err(error) = http.serve(stop).await {
            tracing::error!(%error, "http door failed");
        }
    })?;
    Ok(())
}
