//! One measurement from its beginning to its report.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::args::{Choice, OtlpArgs, RunArgs};
use crate::ask::TraceDoor;
use crate::find_max::{Search, Step};
use crate::load::otlp::{Ended, OtlpLoad};
use crate::load::sent::{Batch, Content, Sent};
use crate::load::way::{Compression, Protocol, Target};
use crate::load::{Pace, now_ns};
use crate::measure::disk;
use crate::measure::process::{Process, Usage};
use crate::measure::progress::Progress;
use crate::measure::scrape::Gauge;
use crate::measure::yardstick::Yardstick;
use crate::otlp::values::TRACE_SPANS;
use crate::query::Queried;
use crate::report::{Disk, Report, Server};
use crate::search::Searched;
use crate::{search, verify};

/// Our counter of stored spans.
const SPANS_STORED: &str = r#"elixirscope_store_totals{what="spans"}"#;
/// The server's processor time at rest is looked at for this long.
const REST: Duration = Duration::from_secs(2);
/// Between two looks at it.
const STORED_LOOK: Duration = Duration::from_millis(250);

/// Server and machine around a load: what they were before it, what they are after.
pub(crate) struct Surroundings<'a> {
    args: &'a RunArgs,
    /// The server's process.
    pub(crate) server: Option<Process>,
    at_rest: f64,
    before: Usage,
    disk_before: u64,
    stored: Option<Gauge>,
    stored_before: f64,
}

impl<'a> Surroundings<'a> {
    /// Looks before the load.
    pub(crate) fn before(args: &'a RunArgs, headers: &[String], metric: &str) -> Result<Self> {
        let server = args.server_pid.map(Process::new);
        let at_rest = server
            .as_ref()
            .map(|s| s.share(REST))
            .transpose()?
            .unwrap_or_default();
        if let Some(server) = &server {
            server.forget_peak();
        }
        let stored = match &args.metrics {
            Some(url) => Some(Gauge::new(
                url,
                args.stored_metric.as_deref().unwrap_or(metric),
                headers,
            )?),
            None => None,
        };
        Ok(Self {
            args,
            at_rest,
            before: server
                .as_ref()
                .map(Process::usage)
                .transpose()?
                .unwrap_or_default(),
            server,
            disk_before: args.data_folder.as_deref().map(disk::bytes).unwrap_or_default(),
            stored_before: stored.as_ref().map(Gauge::read).transpose()?.unwrap_or_default(),
            stored,
        })
    }

    /// Items that the server says it stored since then; waits until it has all that it acknowledged.
    pub(crate) fn stored(&self, acked: u64) -> Result<Option<u64>> {
        let Some(gauge) = &self.stored else {
            return Ok(None);
        };
        let end = Instant::now() + Duration::from_secs(self.args.stored_seconds);
        loop {
            let stored = (gauge.read()? - self.stored_before).max(0.0) as u64;
            if stored >= acked || Instant::now() >= end {
                return Ok(Some(stored));
            }
            thread::sleep(STORED_LOOK);
        }
    }

    /// Waits for rest, then says what the server used.
    pub(crate) fn server(&self, rss_anon_peak_bytes: u64) -> Result<Option<Server>> {
        let Some(server) = &self.server else {
            return Ok(None);
        };
        thread::sleep(Duration::from_secs(self.args.settle_seconds));
        let idle = server.wait_idle(self.at_rest, Duration::from_secs(self.args.idle_seconds))?;
        let after = server.usage()?;
        Ok(Some(Server {
            cpu_s: after.cpu_s - self.before.cpu_s,
            rss_peak_bytes: after.rss_peak_bytes,
            rss_anon_peak_bytes: rss_anon_peak_bytes.max(after.rss_anon_bytes),
            idle,
        }))
    }

    /// Bytes of its data folder.
    pub(crate) fn disk(&self) -> Option<Disk> {
        let folder = self.args.data_folder.as_deref()?;
        Some(Disk {
            before: self.disk_before,
            after: disk::bytes(folder),
        })
    }
}

/// Spans over OTLP. The report, and whether it shows that nothing was lost.
pub(crate) fn otlp(args: &OtlpArgs) -> Result<(String, bool)> {
    let run = &args.run;
    let seed = run.seed.unwrap_or_else(now_ns);
    let headers = run.headers(&args.headers)?;
    let connections = usize::from(args.connections) * usize::from(args.outstanding);
    if args.spread && connections < 3 {
        bail!("--spread needs at least three connections, not {connections}");
    }
    let load = OtlpLoad {
        target: Target {
            endpoint: args.protocol.endpoint(args.endpoint.as_ref()),
            headers: headers.clone(),
            protocol: args.protocol,
            compression: args.compression,
        },
        connections,
        content: Content::new(seed, traces_of(args), args.spread),
        sent: Sent::default(),
        next_batch: AtomicU64::new(0),
        retry: Duration::from_secs(args.retry_seconds),
    };
    let sample = load.content.body(
        Batch {
            number: 0,
            base_ns: now_ns(),
        },
        0,
    );
    let yardstick = Yardstick::measure(&sample);
    let around = Surroundings::before(run, &headers, SPANS_STORED)?;
    let server = around.server.as_ref();
    let total = Progress::default();
    let (rate, steps) = rate_of(run, |pace, progress| {
        let ended = load.run(pace, progress, server)?;
        total.add(&progress.counts());
        Ok(ended)
    })?;
    let pace = pace(run, rate);
    let door = args.query.as_ref().map(|url| TraceDoor::new(url, &headers));
    let (ended, asked) = under_questions(args, &load, door.as_ref(), || load.run(&pace, &total, server))?;
    let stored = around.stored(total.counts().acked)?;
    // What the load cost is read before questions cost something.
    let (server, disk) = (around.server(ended.seen.rss_anon_peak_bytes)?, around.disk());
    let verified = match &door {
        Some(door) if args.verify != Choice::Some(0) => {
            let deadline = Instant::now() + Duration::from_secs(run.stored_seconds);
            let verified = verify::verify(door, &load.content, &load.sent, args.verify, deadline);
            Some(verified.context("reading back")?)
        }
        _ => None,
    };
    let search = args.search.as_ref();
    let searched = search.map(|url| search::search(url, &headers, args.searches));
    let report = Report {
        name: name(args),
        target: format!(
            "http://{}{}",
            load.target.endpoint.authority, load.target.endpoint.path
        ),
        item: "span",
        rate,
        connections,
        seed,
        steps,
        counts: total.counts(),
        stored,
        server,
        disk,
        behind: ended.behind,
        latency_us: ended.seen.latency_us()?,
        seen: ended.seen,
        queried: asked.queried,
        searched_under_load: asked.searched,
        verified,
        searched: searched.transpose()?,
        audited: None,
        yardstick,
    };
    report.finish(run)
}

/// What questions under a load have shown.
#[derive(Default)]
struct Asked {
    queried: Option<Queried>,
    searched: Option<Searched>,
}

/// Runs a load, and asks for traces meanwhile if that is wanted.
fn under_questions(
    args: &OtlpArgs,
    load: &OtlpLoad,
    door: Option<&TraceDoor>,
    run: impl FnOnce() -> Result<Ended>,
) -> Result<(Ended, Asked)> {
    let stop = &AtomicBool::new(false);
    thread::scope(|scope| {
        let asking = door.zip(args.query_rate).map(|(door, rate)| {
            scope.spawn(move || crate::query::ask(door, &load.content, &load.sent, rate, stop))
        });
        let searching = args.search.as_ref().zip(args.search_rate).map(|(url, rate)| {
            scope.spawn(move || search::under_load(url, &load.target.headers, rate, stop))
        });
        let ended = run();
        stop.store(true, Ordering::Release);
        let asked = Asked {
            queried: asking.map(joined).transpose()?,
            searched: searching.map(joined).transpose()?,
        };
        Ok((ended?, asked))
    })
}

fn joined<T>(asking: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    match asking.join() {
        Ok(asked) => asked,
        Err(_) => bail!("an asking thread failed"),
    }
}

fn name(args: &OtlpArgs) -> String {
    let mut name = "otlp-spans".to_owned();
    for (word, said) in [
        (", gRPC", args.protocol == Protocol::Grpc),
        (", gzip", args.compression == Compression::Gzip),
        (", zstd", args.compression == Compression::Zstd),
        (", spread", args.spread),
    ] {
        if said {
            name.push_str(word);
        }
    }
    name
}

fn traces_of(args: &OtlpArgs) -> usize {
    let traces = args.batch as usize / TRACE_SPANS;
    // A part of a spread trace is a third of it, and requests stay as long.
    (if args.spread { traces * 3 } else { traces }).max(1)
}

/// How fast and how long, at this rate.
pub(crate) fn pace(run: &RunArgs, rate: Option<f64>) -> Pace {
    Pace {
        rate,
        warmup: Duration::from_secs(run.warmup),
        length: Duration::from_secs(run.seconds),
        count: run.count,
    }
}

/// The rate to measure at: as asked, or as found.
pub(crate) fn rate_of(
    run: &RunArgs,
    load: impl FnMut(&Pace, &Progress) -> Result<Ended>,
) -> Result<(Option<f64>, Vec<Step>)> {
    if !run.find_max {
        return Ok((run.rate, Vec::new()));
    }
    let search = Search {
        step: Duration::from_secs(run.step_seconds),
        p99_max_ms: run.p99_max_ms,
    };
    let (rate, steps) = search.find(run.rate, load)?;
    Ok((Some(rate), steps))
}
