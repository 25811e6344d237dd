//! What storing and sealing spans costs: processor time of this process and bytes on the disk a span. Frames are cut before it is measured.
//!
//! `cargo run -p store --example bench_spans -- 1000000 5000` (spans, spans a frame)
#![allow(clippy::print_stdout, reason = "it is what it is for")]

use event::{
    Bucket, Epoch, Hlc, KeyValue, Micros, Producer, Resource, Seq, Shard, Span, SpanId, SpanKind, TraceId,
    Value,
};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::Arc;
use store::{SpanFrameToStore, Store, StoreOptions};
use wire::otlp::encode_traces;
use wire::spans::{Cut, Packer, Skim, SpanBuilder};

type Failure = Box<dyn std::error::Error>;

/// Clock ticks a second of `/proc/self/stat`.
const TICKS: f64 = 100.0;
/// Spans of a trace, as the load generator's.
const TRACE_SPANS: u64 = 20;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn cpu_seconds() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    Ok(ticks.filter_map(|n| n.parse::<f64>().ok()).sum::<f64>() / TICKS)
}

fn bytes_of(folder: &Path) -> Result<u64, Failure> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|ext| ext == "sst") {
            sum += entry.metadata()?.len();
        }
    }
    Ok(sum)
}

fn span(random: &mut Random, trace: u128, id: u64, resource: &Arc<Resource>) -> Span {
    let start_ns = 1_700_000_000_000_000_000 + random.next() % 10_000_000_000;
    let pair = |key: &str, value: Value| KeyValue {
        key: key.to_owned(),
        value,
    };
    Span {
        trace: TraceId(trace),
        id: SpanId(random.next() | 1),
        name: format!("function {}", random.next() % 500),
        kind: [SpanKind::Server, SpanKind::Internal][(id % 2) as usize],
        start_ns,
        end_ns: start_ns + random.next() % 1_000_000,
        attributes: vec![
            pair("pid", Value::Int((random.next() % 6000) as i64)),
            pair("node", Value::String(format!("node-{}", random.next() % 3))),
            pair("line", Value::Int((random.next() % 2000) as i64)),
        ],
        resource: Arc::clone(resource),
        ..Span::blank()
    }
}

fn frames(spans: u64, of_frame: u64) -> Result<Vec<SpanFrameToStore>, Failure> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let resource = Arc::new(Resource::default());
    let shards = NonZeroU16::new(64).unwrap_or(NonZeroU16::MIN);
    let mut seqs = vec![0u64; 64];
    let mut builder = SpanBuilder::new(7);
    let mut packer = Packer::quick();
    let mut frames = Vec::new();
    for frame in 0..spans / of_frame {
        let mut of_this = Vec::new();
        for _ in 0..of_frame / TRACE_SPANS {
            let trace = u128::from(random.next()) << 64 | u128::from(random.next());
            of_this.extend((0..TRACE_SPANS).map(|id| span(&mut random, trace, id, &resource)));
        }
        builder.clear();
        Skim::new(&encode_traces(&of_this)).fill(&mut builder, usize::MAX)?;
        let cut = Cut {
            producer: Producer(1),
            epoch: Epoch(1),
            hlc: Hlc(frame),
            bucket: Bucket(1),
        };
        let seq_of = |shard: Shard| {
            let seq = seqs.get_mut(usize::from(shard.0));
            seq.map_or(Seq(1), |seq| {
                *seq += 1;
                Seq(*seq)
            })
        };
        let bytes = builder.finish(
            cut,
            |trace| placement::shard_of(trace, shards),
            seq_of,
            &mut packer,
        )?;
        frames.push(SpanFrameToStore::new(bytes)?);
    }
    Ok(frames)
}

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u64>());
    let spans = args.next().unwrap_or(Ok(1_000_000))?;
    let of_frame = args.next().unwrap_or(Ok(5_000))?.max(TRACE_SPANS);
    let folder = tempfile::tempdir()?;
    let mut options = StoreOptions::new(Arc::new(|| Micros(1 << 50)));
    options.upkeep_interval_ms = 0;
    options.retention_seconds = 1 << 40;
    let store = Store::open(folder.path(), options)?;
    let frames = frames(spans, of_frame)?;
    let count = frames.len();
    let before = cpu_seconds()?;
    for frame in frames {
        store.append_spans(vec![frame])?;
    }
    let stored = cpu_seconds()?;
    store.seal_spans(Micros(1 << 50))?;
    let sealed = cpu_seconds()?;
    drop(store);
    let mut options = StoreOptions::new(Arc::new(|| Micros(1 << 50)));
    options.retention_seconds = 1 << 40;
    options.upkeep_interval_ms = 50;
    // Its log goes to files while it rests.
    let store = Store::open(folder.path(), options)?;
    std::thread::sleep(std::time::Duration::from_millis(700));
    let stats = store.span_stats();
    drop(store);
    let million = spans as f64 / 1e6;
    println!(
        "{count} frames, {} spans in {} runs: storing {:.3} and sealing {:.3} CPU s a million; {:.2} bytes a span in files, {:.2} in blocks",
        stats.sealed_rows,
        stats.runs,
        (stored - before) / million,
        (sealed - stored) / million,
        bytes_of(folder.path())? as f64 / spans as f64,
        stats.sealed_bytes as f64 / spans as f64,
    );
    Ok(())
}
