//! `elixirscope up --export`: closed buckets as Parquet on a folder or S3-compatible storage (`docs/export.md`).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use collector::{CollectorHandle, ControlPlane as _, ExportConfig, Exporter};
use coordinator::Coordinator;
use host::Registry;
use objects::Objects;
use query::CodeIndex;
use tokio::runtime::Handle;

use crate::code_blobs::CoordinatorBlobs;
use crate::control_plane::InProcess;

/// Where to export, and what waits for it.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// Export closed buckets as Parquet: file:///folder or s3://bucket/prefix (endpoint, region and credentials: AWS_*).
    #[arg(long, env = "ELIXIRSCOPE_EXPORT", value_name = "URL")]
    export: Option<String>,
    /// Let retention drop buckets that are not exported yet. Without it they are kept, however old; above --disk-mib the oldest
    /// are dropped anyway, and counted.
    #[arg(long, env = "ELIXIRSCOPE_EXPORT_DROP_UNEXPORTED", requires = "export")]
    export_drop_unexported: bool,
    /// How often is looked for closed buckets, seconds.
    #[arg(long, env = "ELIXIRSCOPE_EXPORT_INTERVAL_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    export_interval_seconds: u64,
}

impl ExportArgs {
    /// Does the store keep buckets until told?
    pub(crate) fn holds(&self) -> bool {
        self.export.is_some() && !self.export_drop_unexported
    }
}

/// Starts the exporter, if there is an address.
pub(crate) fn start(
    args: &ExportArgs,
    data: &Path,
    coordinator: &Coordinator,
    collector: &CollectorHandle,
    registry: &Registry,
) -> Result<Option<Exporter>> {
    let Some(url) = &args.export else {
        return Ok(None);
    };
    let objects = Objects::open(url).context("--export")?;
    // An index of its own: what an export looks up does not push out what answers need.
    let blobs = CoordinatorBlobs::new(coordinator.clone(), Handle::current());
    let code = Arc::new(CodeIndex::new(Arc::new(blobs)));
    let settings = InProcess::new(coordinator.clone(), data)?.settings();
    let config = ExportConfig {
        objects,
        spool: data.join("export"),
        cluster: settings.cluster,
        member: settings.member,
        before_drop: args.holds(),
        interval: Duration::from_secs(args.export_interval_seconds),
        settle: ExportConfig::SETTLE,
    };
    Ok(Some(Exporter::start(
        config,
        collector.store(),
        code,
        registry,
        host::now,
    )?))
}
