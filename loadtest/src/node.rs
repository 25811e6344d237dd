//! A synthetic BEAM node: HELLO, WELCOME, then chunks at a fixed rate, until all are confirmed.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use event::{EventId, EventKind, Flags, Hlc, Micros, ModuleKey, NodeKey, Pid, ResultClass, SiteId, TraceId};
use hdrhistogram::Histogram;
use sha2::{Digest, Sha256};
use wire::node_socket::{AgentMessage, Chunk, Hello, NodeMessage, Record, message_len, with_length};

use crate::args::NodeArgs;
use crate::node_report::Report;

/// Events of a chunk, at most; about 48 KiB.
const CHUNK_EVENTS_MAX: u64 = 500;
/// Events of a trace: ten calls and their returns.
const TRACE_EVENTS: u64 = 20;
/// Creation of the node: an incarnation is told by its start.
const CREATION: u32 = 1;
/// How long confirmations may take after the last event.
const DRAIN: Duration = Duration::from_secs(30);

fn now() -> Micros {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros::from_unix_us(unix.as_micros() as u64)
}

/// The key of a node incarnation: the first 59 bits of SHA-256 (`docs/node-socket.md`).
fn node_key(name: &str, creation: u32, vm_start: Micros) -> NodeKey {
    let text = format!("elixirscope node 1\n{name}\n{creation}\n{}\n", vm_start.0);
    let digest = Sha256::digest(text.as_bytes());
    NodeKey(u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default()) >> 5)
}

/// Plays the node.
pub(crate) fn run(args: &NodeArgs) -> Result<Report> {
    let mut stream = UnixStream::connect(&args.socket)
        .with_context(|| format!("cannot connect to {}", args.socket.display()))?;
    let started = now();
    let name = format!("loadtest-{}@127.0.0.1", std::process::id());
    let node = node_key(&name, CREATION, started);
    let hello = Hello {
        node,
        creation: CREATION,
        vm_start: started,
        name,
        otp_release: String::new(),
        elixir_version: String::new(),
        os_pid: std::process::id(),
    };
    stream.write_all(&with_length(&NodeMessage::Hello(hello).encode()))?;
    let answers = listen(stream.try_clone()?);
    match answers.recv_timeout(DRAIN) {
        Ok(Ok(AgentMessage::Welcome { .. })) => {}
        Ok(Ok(other)) => bail!("expected WELCOME, got {other:?}"),
        Ok(Err(error)) => return Err(error),
        Err(_) => bail!("the agent did not answer HELLO within {} s", DRAIN.as_secs()),
    }
    Sender {
        stream,
        answers,
        node,
        due: VecDeque::new(),
        stored: 0,
        latency_us: Histogram::new(3)?,
    }
    .send(args)
}

/// Reads the agent's messages in a thread of its own.
fn listen(mut stream: UnixStream) -> Receiver<Result<AgentMessage>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        loop {
            let message = read(&mut stream);
            let failed = message.is_err();
            if sender.send(message).is_err() || failed {
                return;
            }
        }
    });
    receiver
}

fn read(stream: &mut UnixStream) -> Result<AgentMessage> {
    let mut length = [0; 4];
    stream
        .read_exact(&mut length)
        .context("the agent closed the connection")?;
    let mut message = vec![0; message_len(length)?];
    stream.read_exact(&mut message)?;
    Ok(AgentMessage::decode(&message)?)
}

struct Sender {
    stream: UnixStream,
    answers: Receiver<Result<AgentMessage>>,
    node: NodeKey,
    /// Last number of each chunk sent, and when its last event was due.
    due: VecDeque<(u64, Instant)>,
    stored: u64,
    latency_us: Histogram<u64>,
}

impl Sender {
    fn send(mut self, args: &NodeArgs) -> Result<Report> {
        let begin = Instant::now();
        let total = args.rate.saturating_mul(args.seconds);
        let due_at = |number: u64| begin + Duration::from_secs_f64(number as f64 / args.rate as f64);
        let mut sent = 0;
        while sent < total {
            let elapsed = begin.elapsed().as_secs_f64();
            let due = ((elapsed * args.rate as f64) as u64).min(total);
            if due == sent {
                self.confirmed(Duration::from_millis(1))?;
                continue;
            }
            let count = (due - sent).min(CHUNK_EVENTS_MAX);
            let chunk = self.chunk(sent + 1, count);
            self.stream.write_all(&with_length(&chunk))?;
            sent += count;
            self.due.push_back((sent, due_at(sent)));
            self.confirmed(Duration::ZERO)?;
        }
        let end = Instant::now() + DRAIN;
        while self.stored < sent && Instant::now() < end {
            self.confirmed(Duration::from_millis(20))?;
        }
        Ok(Report {
            sent,
            stored: self.stored,
            elapsed: begin.elapsed(),
            latency_us: self.latency_us,
        })
    }

    /// Takes what the agent has confirmed, waiting at most `wait` for the first message.
    fn confirmed(&mut self, wait: Duration) -> Result<()> {
        let mut wait = wait;
        loop {
            let message = match self.answers.recv_timeout(wait) {
                Ok(message) => message?,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => return Ok(()),
                Err(error) => return Err(anyhow!(error)),
            };
            wait = Duration::ZERO;
            if let AgentMessage::Stored { number, .. } = message {
                self.stored = self.stored.max(number);
                while let Some((last, due)) =
                    self.due.front().copied().filter(|(last, _)| *last <= self.stored)
                {
                    self.latency_us
                        .saturating_record(due.elapsed().as_micros() as u64);
                    debug_assert!(last <= self.stored);
                    self.due.pop_front();
                }
            }
        }
    }

    fn chunk(&self, first: u64, count: u64) -> Vec<u8> {
        let time = now();
        let records = (first..first + count)
            .map(|number| self.record(number, time))
            .collect();
        let chunk = Chunk {
            writer: 1,
            first_number: first,
            sent_at: time,
            emitted: first + count - 1,
            dropped: [0; 8],
            records,
        };
        NodeMessage::Chunk(chunk).encode()
    }

    /// Event `number`: ten nested calls, then their returns.
    fn record(&self, number: u64, time: Micros) -> Record<'static> {
        let (trace, step) = ((number - 1) / TRACE_EVENTS, (number - 1) % TRACE_EVENTS);
        let calls = TRACE_EVENTS / 2;
        let id = |n: u64| EventId(n << 10 | 1);
        let first = trace * TRACE_EVENTS + 1;
        let (kind, class, parent) = if step < calls {
            (
                EventKind::Call,
                ResultClass::Other,
                if step == 0 { EventId(0) } else { id(number - 1) },
            )
        } else {
            (
                EventKind::Return,
                ResultClass::OkTuple,
                id(first + TRACE_EVENTS - 1 - step),
            )
        };
        Record {
            id: id(number),
            kind,
            class,
            flags: Flags(0),
            site: SiteId((step + 1) as u32),
            shape: 0,
            hlc: Hlc(Hlc::from_micros(time).0 + (number % 1024)),
            time,
            module: ModuleKey(self.node.0 & 0xffff | 1),
            trace: TraceId(u128::from(self.node.0) << 64 | u128::from(trace + 1)),
            ordinal: (number & 0x7ff_ffff) as u32,
            pid: Pid(100 + trace % 1_000),
            parent,
            remote_node: NodeKey(0),
            remote_time: Micros(0),
            linked: TraceId(0),
            payload: &[],
        }
    }
}
