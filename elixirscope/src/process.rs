//! What the processes of all roles do alike.

use std::time::Duration;

use anyhow::{Context, Result};
use coordinator::{Coordinator, CoordinatorConfig};
use host::{Check, HttpServer, TaskKind, Tasks};

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

/// Brings a readiness check in step with a coordinator.
pub(crate) fn check_coordinator(check: &Check, coordinator: &Coordinator) {
    let health = coordinator.health();
    if health.ready {
        check.pass();
    } else {
        check.fail(health.reason);
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
