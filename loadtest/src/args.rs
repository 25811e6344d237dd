//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

use crate::http::Url;
use crate::load::way::{Compression, Protocol};
use crate::native::events::Shape;

/// Open-loop and closed-loop load with HDR histograms, for ElixirScope and for any OTLP endpoint beside it.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play a BEAM node: call and return events in traces of twenty, through an agent's socket.
    Node(NodeArgs),
    /// Send spans as OTLP over HTTP or gRPC, to us or to any other OTLP endpoint.
    Otlp(Box<OtlpArgs>),
    /// Send events of BEAM nodes as agents do: encoded into frames, over QUIC.
    Quic(Box<QuicArgs>),
}

/// Arguments of `node`.
#[derive(Clone, Debug, Args)]
pub(crate) struct NodeArgs {
    /// The agent's socket.
    #[arg(long, env = "ELIXIRSCOPE_SOCKET")]
    pub(crate) socket: PathBuf,
    /// Events a second.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    pub(crate) rate: u64,
    /// Seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: u64,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `otlp`.
#[derive(Clone, Debug, Args)]
pub(crate) struct OtlpArgs {
    /// OTLP over what.
    #[arg(long, value_enum, default_value = "http")]
    pub(crate) protocol: Protocol,
    /// Where spans are sent; by default this machine's `http://127.0.0.1:4318/v1/traces`, of gRPC `http://127.0.0.1:4317`.
    #[arg(long)]
    pub(crate) endpoint: Option<Url>,
    /// Of each request.
    #[arg(long, value_enum, default_value = "none")]
    pub(crate) compression: Compression,
    /// Connections.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub(crate) connections: u16,
    /// Requests under way on each connection. HTTP/1.1 carries one at a time, so more means more TCP connections.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) outstanding: u16,
    /// Spans of a request, in traces of twenty.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(20..=20_000))]
    pub(crate) batch: u32,
    /// Spread every trace over at least three connections and two seconds, instead of one request for the whole of it.
    #[arg(long)]
    pub(crate) spread: bool,
    /// Seconds after which a request that is put off (429, 503, no answer) is given up.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub(crate) retry_seconds: u64,
    /// One more header of every request: `authorization: Bearer ...`. May come several times.
    #[arg(long = "header", value_parser = header)]
    pub(crate) headers: Vec<String>,
    /// Traces are asked for here by id, while the load runs and after it: a Tempo path (`.../tempo/api/v2/traces/`) or a Jaeger path
    /// (`.../jaeger/api/traces/`).
    #[arg(long)]
    pub(crate) query: Option<Url>,
    /// Traces asked for a second while the load runs, sent at least two seconds before.
    #[arg(long, requires = "query", value_parser = rate)]
    pub(crate) query_rate: Option<f64>,
    /// Traces read back after the load and compared with what was sent, span by span: so many at random, or `all`.
    #[arg(long, default_value = "0", value_parser = traces)]
    pub(crate) verify: Choice,
    /// Traces are searched for here after the load: a Tempo path (`.../tempo/api/search`).
    #[arg(long)]
    pub(crate) search: Option<Url>,
    /// Searches a second while the load runs.
    #[arg(long, requires = "search", value_parser = rate)]
    pub(crate) search_rate: Option<f64>,
    /// Searches.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) searches: u32,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Arguments of `quic`.
#[derive(Clone, Debug, Args)]
pub(crate) struct QuicArgs {
    /// QUIC doors of collectors, with commas: producers are spread over them, and go to the next when one breaks off or is silent.
    #[arg(
        long,
        default_value = "127.0.0.1:7481",
        value_delimiter = ',',
        required = false
    )]
    pub(crate) collector: Vec<SocketAddr>,
    /// Folder with `ca.pem`, `agent.pem`, `agent.key`: `<data>/tls` of `elixirscope up`.
    #[arg(long)]
    pub(crate) tls: PathBuf,
    /// Name in the collector's certificate.
    #[arg(long, default_value = transport::tls::DEV_SERVER_NAME)]
    pub(crate) server_name: String,
    /// What the events tell of.
    #[arg(long, value_enum, default_value = "beam-calls")]
    pub(crate) shape: Shape,
    /// Random bytes in each captured value, beyond the 60 or so of an order (with `--shape values`): for much data in few events.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=65_536))]
    pub(crate) value_bytes: u32,
    /// Producers, each with a connection of its own and three nodes; `--rate` is that of all together.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) producers: u16,
    /// Seconds without an acknowledgement after which frames are given up.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) retry_seconds: u64,
    /// After the load, have the member read everything it stored and count the events of our nodes (`.../api/v1/audit`; slow).
    #[arg(long)]
    pub(crate) audit: Option<Url>,
    /// Write a line for each frame that was acknowledged: when (Unix, us), how long after it was due (us), its events, its producer.
    #[arg(long, value_name = "FILE")]
    pub(crate) acks: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// What all loads have in common.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    /// Items (spans or events) a second, in an open loop; without it as fast as answers come (closed loop).
    #[arg(long, value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: u64,
    /// Seconds of load before them.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub(crate) warmup: u64,
    /// End after so many items, if that is sooner; the warm-up counts.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// First find the greatest rate that is sustained without loss and within `--p99-max-ms`, then measure at it.
    #[arg(long)]
    pub(crate) find_max: bool,
    /// Greatest 99th percentile of the acknowledgement's latency while searching.
    #[arg(long, default_value_t = 200.0, value_parser = rate)]
    pub(crate) p99_max_ms: f64,
    /// Seconds of one step of the search.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) step_seconds: u64,
    /// Process id of the server: its processor time and memory are measured.
    #[arg(long)]
    pub(crate) server_pid: Option<u32>,
    /// Data folder of the server: bytes an item are measured by the length of its files.
    #[arg(long)]
    pub(crate) data_folder: Option<PathBuf>,
    /// Prometheus door of the server.
    #[arg(long)]
    pub(crate) metrics: Option<Url>,
    /// Counter of stored items there, if the server is not ours: `name{label="value"}`.
    #[arg(long)]
    pub(crate) stored_metric: Option<String>,
    /// Seconds that this counter, and traces that are read back, may lag behind the last acknowledgement.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub(crate) stored_seconds: u64,
    /// Seconds waited for after the load at least, before memory, disk and processor time are read (a bucket that seals).
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub(crate) settle_seconds: u64,
    /// Longest wait for the server to come to rest.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub(crate) idle_seconds: u64,
    /// Of what is random; equal seeds make equal loads. Taken from the clock if it is not said.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// A file that holds the token of each request (`authorization: Bearer ...`), of those to `--query`, `--metrics` and `--audit` too.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write an HdrHistogram interval log, a line a second.
    #[arg(long, value_name = "FILE")]
    pub(crate) hgrm: Option<PathBuf>,
    /// Write a plot of latency by percentile and of throughput over time.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// Which of the traces that were acknowledged are read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// So many, at random.
    Some(u32),
    /// Every one that is remembered.
    All,
}

fn traces(text: &str) -> Result<Choice, String> {
    match text.parse::<u32>() {
        Ok(count) if count <= 1_000_000 => Ok(Choice::Some(count)),
        _ if text == "all" => Ok(Choice::All),
        _ => Err("a number up to 1000000, or all".to_owned()),
    }
}

impl RunArgs {
    /// The headers of each request: as given, and the token.
    pub(crate) fn headers(&self, given: &[String]) -> anyhow::Result<Vec<String>> {
        let mut headers = given.to_vec();
        if let Some(path) = &self.token_file {
            let token = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the token in {}", path.display()))?;
            let line = format!("authorization: Bearer {}", token.trim());
            headers.push(header(&line).map_err(anyhow::Error::msg)?);
        }
        Ok(headers)
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1e9 => Ok(rate),
        _ => Err("a number above 0, at most 1e9".to_owned()),
    }
}

fn header(text: &str) -> Result<String, String> {
    let printable = text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    match text.split_once(':') {
        Some((name, _)) if printable && !name.is_empty() && !name.contains(' ') => Ok(text.to_owned()),
        _ => Err("a header as name: value".to_owned()),
    }
}
