//! `elixirscope collector`: takes in, keeps and answers; agrees on nothing, and goes on with its last copy of what the coordinators agreed.
//! And how a collector is started in any member that has one.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use collector::{Collector, CollectorConfig, CollectorHandle, Copying, OtlpConfig, OtlpLimits};
use coordinator::Coordinator;
use host::Registry;
use host::access::Access;
use query::span_metrics::Settings as SpanMetrics;
use transport::Ways;

use crate::control_plane::InProcess;
use crate::export::ExportArgs;
use crate::member::Door;
use crate::member_args::{Kind, MemberArgs};
use crate::up;

/// Arguments of `collector`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    member: MemberArgs,
    #[command(flatten)]
    collecting: CollectingArgs,
}

/// Runs a collector until it is told to stop.
pub(crate) fn run(args: Args) -> Result<ExitCode> {
    up::start(up::Parts {
        kind: Kind::Collector,
        member: args.member,
        new: None,
        collecting: args.collecting,
        agent: None,
    })
}

/// What a member that collects keeps, and where spans come in.
#[derive(Debug, clap::Args)]
pub(crate) struct CollectingArgs {
    /// Hours that events are kept.
    #[arg(long, env = "ELIXIRSCOPE_RETENTION_HOURS", default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=87_600))]
    retention_hours: u64,
    /// Memory of the store, MiB: block cache, memtables, open index, waiting frames.
    #[arg(long, env = "ELIXIRSCOPE_MEMORY_MIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(32..=1_048_576))]
    memory_mib: u64,
    /// Disk for events and spans, MiB; above it the oldest are dropped. 0 = as much as the retention keeps.
    #[arg(long, env = "ELIXIRSCOPE_DISK_MIB", default_value_t = 0)]
    disk_mib: u64,
    #[command(flatten)]
    copying: CopyingArgs,
    #[command(flatten)]
    pub(crate) export: ExportArgs,
    /// OTLP over gRPC (TCP).
    #[arg(long, env = "ELIXIRSCOPE_OTLP_GRPC", default_value = "127.0.0.1:4317")]
    otlp_grpc: SocketAddr,
    /// OTLP over HTTP (TCP).
    #[arg(long, env = "ELIXIRSCOPE_OTLP_HTTP", default_value = "127.0.0.1:4318")]
    otlp_http: SocketAddr,
    /// No OTLP doors.
    #[arg(long)]
    no_otlp: bool,
    #[command(flatten)]
    span_metrics: SpanMetricsArgs,
}

/// How shards are copied to other members (`docs/replication.md`). Say the same to all members.
#[derive(Clone, Copy, Debug, clap::Args)]
struct CopyingArgs {
    /// Acknowledge a batch only when members of two zones have it on disk, if its shard has holders in two: while all zones but one are away,
    /// nothing more is taken of it. Without it a second zone is waited for 200 ms (`acked_one_zone` counts).
    #[arg(long, env = "ELIXIRSCOPE_REQUIRE_ZONES")]
    require_zones: bool,
    /// Disk for batches that wait for one member that is away, MiB; beyond it the member gets them by comparing, later.
    #[arg(long, env = "ELIXIRSCOPE_HINT_MIB", default_value_t = Copying::default().hint_bytes_max >> 20, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    hint_mib: u64,
    /// Memory for frames that wait until enough members have them on disk, MiB; beyond it agents are put off. One frame has up to 16.
    #[arg(long, env = "ELIXIRSCOPE_FRONT_MIB", default_value_t = Copying::default().front_bytes_max >> 20, value_parser = clap::value_parser!(u64).range(16..=65_536))]
    front_mib: u64,
    /// What is read for other members that lack it, MiB a second, while agents send. While none does there is no limit.
    #[arg(long, env = "ELIXIRSCOPE_COPY_MIB_PER_SECOND", default_value_t = Copying::default().copy_bytes_per_second >> 20, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    copy_mib_per_second: u64,
}

impl CopyingArgs {
    fn copying(self) -> Copying {
        Copying {
            require_zones: self.require_zones,
            hint_bytes_max: self.hint_mib << 20,
            front_bytes_max: self.front_mib << 20,
            copy_bytes_per_second: self.copy_mib_per_second << 20,
        }
    }
}

/// What is counted of spans that come over OTLP (`docs/span-metrics.md`).
#[derive(Debug, clap::Args)]
struct SpanMetricsArgs {
    /// No service graph and span metrics.
    #[arg(long, env = "ELIXIRSCOPE_NO_SPAN_METRICS")]
    no_span_metrics: bool,
    /// Attributes of resources that become labels of span metrics, such as `deployment.environment`.
    #[arg(long, env = "ELIXIRSCOPE_SPAN_METRICS_DIMENSIONS", value_delimiter = ',')]
    span_metrics_dimensions: Vec<String>,
    /// Make what was said of a status a label of span metrics.
    #[arg(long, env = "ELIXIRSCOPE_SPAN_METRICS_STATUS_MESSAGE")]
    span_metrics_status_message: bool,
    /// Series of span metrics at most; spans of more are counted in one.
    #[arg(long, env = "ELIXIRSCOPE_SPAN_METRICS_SERIES", default_value_t = SpanMetrics::default().series_max)]
    span_metrics_series: usize,
}

impl SpanMetricsArgs {
    fn settings(&self) -> Option<SpanMetrics> {
        (!self.no_span_metrics).then(|| SpanMetrics {
            dimensions: self.span_metrics_dimensions.clone(),
            status_message: self.span_metrics_status_message,
            series_max: self.span_metrics_series,
            ..SpanMetrics::default()
        })
    }
}

impl CollectingArgs {
    /// Says so if an address may not be listened on.
    pub(crate) fn may_listen(&self, access: &Access) -> Result<()> {
        if !self.no_otlp {
            access.may_listen("OTLP gRPC", self.otlp_grpc)?;
            access.may_listen("OTLP HTTP", self.otlp_http)?;
        }
        Ok(())
    }

    /// Starts the collector of the member whose coordinator and door these are.
    pub(crate) async fn start(
        &self,
        data: &Path,
        (door, ways): (&Door, Ways),
        coordinator: &Coordinator,
        access: &Access,
        registry: &Registry,
    ) -> Result<CollectorHandle> {
        let config = CollectorConfig {
            data_dir: data.join("collector"),
            door: door.stats(),
            ways,
            memory_bytes: self.memory_mib << 20,
            retention: Duration::from_secs(self.retention_hours * 3_600),
            disk_bytes_max: self.disk_mib << 20,
            hold_buckets: self.export.holds(),
            otlp: (!self.no_otlp).then(|| OtlpConfig {
                grpc: self.otlp_grpc,
                http: self.otlp_http,
                limits: OtlpLimits::default(),
            }),
            access: access.clone(),
            copying: self.copying.copying(),
            span_metrics: self.span_metrics.settings(),
        };
        let control = Arc::new(InProcess::new(coordinator.clone(), data)?);
        Ok(Collector::start(config, control, registry.clone(), host::now).await?)
    }
}
