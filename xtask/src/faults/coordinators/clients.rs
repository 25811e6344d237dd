//! Clients of the coordinators: each writes and reads weights of members through any of the three, and says what it did and when.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use testbed::{Door, wait_for};

use super::super::chance::Chance;
use super::SOON;
use super::check::{Did, Op};

/// Clients at a time.
const CLIENTS: u64 = 5;
/// Members whose weights are the registers.
pub const KEYS: u64 = 3;

/// How a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// What the group has agreed by then.
    Current,
    /// Planted: what the member has applied so far, taken for what the group has agreed.
    Watched,
}

impl Reads {
    fn path(self) -> &'static str {
        match self {
            Self::Current => "/api/v1/cluster?current=true",
            Self::Watched => "/api/v1/cluster",
        }
    }
}

/// Running clients.
pub struct Clients {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    doors: Vec<Door>,
    began: Instant,
    stop: AtomicBool,
    next: AtomicU32,
    done: Mutex<Vec<Op>>,
}

impl Clients {
    /// Starts them; they write values from `first` on.
    pub fn start(doors: Vec<Door>, reads: Reads, seed: u64, first: u32) -> Self {
        let shared = Arc::new(Shared {
            doors,
            began: Instant::now(),
            stop: AtomicBool::new(false),
            next: AtomicU32::new(first),
            done: Mutex::default(),
        });
        let one = |n: u64| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.run(reads, Chance::new(seed ^ (n << 32))))
        };
        let threads = (1..=CLIENTS).map(one).collect();
        Self { shared, threads }
    }

    /// Ends them, reads once more through each member, and gives what was done and the next value that was not written.
    pub fn end(self) -> Result<(Vec<Op>, u32)> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            let _ = thread.join();
        }
        for door in &self.shared.doors {
            // There may be no leader yet after the last kill.
            wait_for("the last read", SOON, || {
                Ok(self.shared.read(door, Reads::Current).ok())
            })?;
        }
        let mut done = self.shared.done.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((
            std::mem::take(&mut *done),
            self.shared.next.load(Ordering::Relaxed),
        ))
    }
}

impl Shared {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn run(&self, reads: Reads, mut chance: Chance) {
        while !self.stop.load(Ordering::Relaxed) {
            let at = chance.within(0, self.doors.len() as u64);
            let door = &self.doors[usize::try_from(at).unwrap_or_default()];
            let done = if chance.within(0, 2) == 0 {
                self.write(door, 1 + chance.within(0, KEYS))
            } else {
                self.read(door, reads)
            };
            match done {
                Ok(()) => chance.sleep_ms(1, 15),
                Err(_) => chance.sleep_ms(30, 80),
            }
        }
    }

    fn write(&self, door: &Door, key: u64) -> Result<()> {
        let value = self.next.fetch_add(1, Ordering::Relaxed);
        let called = self.now();
        let path = format!("/api/v1/cluster/members/{key}/weight/{value}");
        let outcome = door.post_json(&path, &json!({}));
        // Whatever went wrong, it may have been done, or be done yet.
        let returned = outcome.is_ok().then(|| self.now());
        self.did(vec![Op {
            key,
            did: Did::Write(value),
            called,
            returned,
        }]);
        outcome
    }

    fn read(&self, door: &Door, reads: Reads) -> Result<()> {
        let called = self.now();
        let status = door.json(reads.path())?;
        let returned = Some(self.now());
        let op = |(key, value)| Op {
            key,
            did: Did::Read(value),
            called,
            returned,
        };
        self.did(weights(&status)?.into_iter().map(op).collect());
        Ok(())
    }

    fn did(&self, ops: Vec<Op>) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.extend(ops);
    }
}

/// The registers, by key.
pub fn weights(status: &Value) -> Result<Vec<(u64, u32)>> {
    let members = status["members"].as_array().context("no members")?;
    let weight = |m: &Value| Some((m["id"].as_u64()?, u32::try_from(m["weight"].as_u64()?).ok()?));
    let weights = members.iter().map(weight).collect::<Option<Vec<_>>>();
    weights.context("a member without a weight")
}
