//! Who uses the cluster meanwhile: nodes behind agents, somebody who asks each second, an operator.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::faults::programs;

/// Seconds of one node's life; then another one is started.
const LIFE_SECONDS: u32 = 8;

/// Counts of both, and their end.
#[derive(Default)]
struct Seen {
    ends: AtomicBool,
    stored: AtomicU64,
    unconfirmed: AtomicU64,
    nodes: AtomicU64,
    questions: AtomicU64,
    unwhole: AtomicU64,
    again: AtomicU64,
}

/// All of them.
pub struct Clients {
    seen: Arc<Seen>,
    threads: Vec<JoinHandle<Result<()>>>,
}

/// What they saw.
pub struct Told {
    pub stored: u64,
    pub unconfirmed: u64,
    pub nodes: u64,
    pub questions: u64,
    pub unwhole: u64,
    pub again: u64,
}

impl Clients {
    /// Nodes at these sockets, with so many events a second each; questions to these addresses.
    pub fn begin(sockets: Vec<PathBuf>, rate: u32, addresses: &Arc<Mutex<Vec<String>>>, token: &str) -> Self {
        let seen = Arc::new(Seen::default());
        let mut threads: Vec<JoinHandle<Result<()>>> = Vec::new();
        for socket in sockets {
            let seen = Arc::clone(&seen);
            threads.push(thread::spawn(move || {
                while !seen.ends.load(Ordering::Acquire) {
                    node(&socket, rate, &seen)?;
                }
                Ok(())
            }));
        }
        let (asking, addresses, token) = (Arc::clone(&seen), Arc::clone(addresses), token.to_owned());
        threads.push(thread::spawn(move || {
            let mut turn = 0;
            while !asking.ends.load(Ordering::Acquire) {
                question(&addresses, &token, &mut turn, &asking);
                thread::sleep(Duration::from_secs(1));
            }
            Ok(())
        }));
        Self { seen, threads }
    }

    /// Lets the last nodes end.
    pub fn end(self) -> Result<Told> {
        self.seen.ends.store(true, Ordering::Release);
        for thread in self.threads {
            thread.join().map_err(|_| anyhow!("a client's thread failed"))??;
        }
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Ok(Told {
            stored: of(&self.seen.stored),
            unconfirmed: of(&self.seen.unconfirmed),
            nodes: of(&self.seen.nodes),
            questions: of(&self.seen.questions),
            unwhole: of(&self.seen.unwhole),
            again: of(&self.seen.again),
        })
    }
}

/// One node's life.
fn node(socket: &PathBuf, rate: u32, seen: &Seen) -> Result<()> {
    let mut command = Command::new(programs::path("loadtest"));
    command.args(["node", "--json", "--rate", &rate.to_string()]);
    command
        .args(["--seconds", &LIFE_SECONDS.to_string(), "--socket"])
        .arg(socket);
    let output = command.stdin(Stdio::null()).output().context("loadtest node")?;
    if !output.status.success() {
        bail!(
            "loadtest node: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let of = |name: &str| {
        report[name]
            .as_u64()
            .with_context(|| format!("no {name} in {report}"))
    };
    let (sent, stored) = (of("sent")?, of("stored")?);
    seen.nodes.fetch_add(1, Ordering::Relaxed);
    seen.stored.fetch_add(stored, Ordering::Relaxed);
    seen.unconfirmed.fetch_add(sent - stored, Ordering::Relaxed);
    Ok(())
}

/// One question to the next address; if nobody is there, to the one after it, as a client behind a service would ask again.
fn question(addresses: &Mutex<Vec<String>>, token: &str, turn: &mut usize, seen: &Seen) {
    seen.questions.fetch_add(1, Ordering::Relaxed);
    let mut why = String::new();
    for attempt in 0..3 {
        let all = addresses.lock().map(|all| all.clone()).unwrap_or_default();
        *turn += 1;
        let Some(address) = all.get(*turn % all.len().max(1)) else {
            "no collector is ready".clone_into(&mut why);
            continue;
        };
        seen.again.fetch_add(u64::from(attempt > 0), Ordering::Relaxed);
        match get(address, "/api/v1/traces?limit=20&since_s=600", token) {
            Ok(answer) => {
                let missing = answer["missing"]
                    .as_array()
                    .is_some_and(|missing| !missing.is_empty());
                if !missing && answer.is_object() {
                    return;
                }
                why = format!("not whole, from {address}: {}", answer["missing"]);
                break;
            }
            Err(error) => why = format!("{address}: {error:#}"),
        }
    }
    eprintln!("a question: {why}");
    seen.unwhole.fetch_add(1, Ordering::Relaxed);
}

/// `GET` of a member's door, with a token.
pub fn get(address: &str, path: &str, token: &str) -> Result<Value> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail-with-body", "--max-time", "20"]);
    curl.args([
        "--connect-timeout",
        "3",
        "--header",
        &format!("authorization: Bearer {token}"),
    ]);
    curl.arg(format!("http://{address}:7480{path}"));
    let output = curl.stdin(Stdio::null()).output().context("curl")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("{} {text}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_str(&text).with_context(|| format!("GET {path}: {text}"))
}

/// A command of an operator, at a member.
pub fn operator(address: &str, token: &str, args: &[&str]) -> Result<Value> {
    let mut command = Command::new(programs::path("elixirscope"));
    command
        .args(args)
        .args(["--json", "--url", &format!("http://{address}:7480")]);
    let output = command
        .env("ELIXIRSCOPE_TOKEN", token)
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        bail!("{args:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
}
