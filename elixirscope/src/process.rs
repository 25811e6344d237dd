//! What the processes of all roles do alike.

use std::time::Duration;

use anyhow::Result;
use coordinator::Coordinator;
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
