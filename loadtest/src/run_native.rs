//! One measurement of native frames over QUIC, from its beginning to its report.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;
use transport::{Identity, Role};

use crate::args::QuicArgs;
use crate::audit::audit;
use crate::load::now_ns;
use crate::load::sent::{Batch, Content};
use crate::measure::progress::Progress;
use crate::measure::yardstick::Yardstick;
use crate::native::acks::Acks;
use crate::native::events::node_name;
use crate::native::quic::QuicLoad;
use crate::native::session::Target;
use crate::report::Report;
use crate::run::{Surroundings, pace, rate_of};

/// Our counter of stored events.
const EVENTS_STORED: &str = r#"elixirscope_store_totals{what="events"}"#;
/// Traces of the sample that the machine is measured with.
const SAMPLE_TRACES: usize = 50;

/// Events over QUIC. The report, and whether it shows that nothing was lost.
pub(crate) fn quic(args: &QuicArgs) -> Result<(String, bool)> {
    let run = &args.run;
    let seed = run.seed.unwrap_or_else(now_ns);
    let identity = Identity::from_dir(&args.tls, Role::Agent)
        .with_context(|| format!("no agent's certificate in {}", args.tls.display()))?;
    let load = QuicLoad {
        target: Target {
            collectors: args.collector.clone(),
            server_name: args.server_name.clone(),
            identity,
            retry: Duration::from_secs(args.retry_seconds),
        },
        shape: args.shape,
        value_bytes: args.value_bytes as usize,
        producers: usize::from(args.producers),
        run: seed,
        next: AtomicUsize::new(0),
        stored: Arc::default(),
        acks: args.acks.as_deref().map(Acks::create).transpose()?,
    };
    let batch = Batch {
        number: 0,
        base_ns: now_ns(),
    };
    let yardstick = Yardstick::measure(&Content::new(seed, SAMPLE_TRACES, false).body(batch, 0));
    let headers = run.headers(&[])?;
    let around = Surroundings::before(run, &headers, EVENTS_STORED)?;
    let server = around.server.as_ref();
    let total = Progress::default();
    let (rate, steps) = rate_of(run, |pace, progress| {
        let ended = load.run(pace, progress, server)?;
        total.add(&progress.counts());
        Ok(ended)
    })?;
    let ended = load.run(&pace(run, rate), &total, server)?;
    let stored = around.stored(total.counts().acked)?;
    let server = around.server(ended.seen.rss_anon_peak_bytes)?;
    let disk = around.disk();
    // Reading everything comes last: it is no part of what the load cost.
    let prefix = node_name(seed, 0, "");
    let prefix = prefix.split('-').next().unwrap_or_default();
    let audited = args
        .audit
        .as_ref()
        .map(|url| audit(url, prefix, &headers))
        .transpose()?;
    let shape = args.shape.to_possible_value();
    let report = Report {
        name: shape.map(|v| v.get_name().to_owned()).unwrap_or_default(),
        target: format!("quic://{}", names(&args.collector)),
        item: "event",
        rate,
        connections: usize::from(args.producers),
        seed,
        steps,
        counts: total.counts(),
        stored,
        server,
        disk,
        behind: ended.behind,
        latency_us: ended.seen.latency_us()?,
        seen: ended.seen,
        queried: None,
        searched_under_load: None,
        verified: None,
        searched: None,
        audited,
        yardstick,
    };
    report.finish(run)
}

/// Addresses, with commas.
fn names(addresses: &[SocketAddr]) -> String {
    let names: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
    names.join(",")
}
