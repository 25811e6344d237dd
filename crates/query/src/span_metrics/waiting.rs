//! Calls of which one side was seen: kept for the other side for a while, so many at most.

use std::collections::{HashMap, VecDeque};

use event::TraceId;

use super::quick::{Seed, fold};

/// What tells a call: its trace and the span of who calls, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct CallKey(u64);

impl CallKey {
    /// Of the calling span's id, which is the parent's of who answers.
    #[inline]
    pub(super) fn new(seed: Seed, trace: TraceId, caller: u64) -> Self {
        let upper = fold(seed.0, (trace.0 >> 64) as u64);
        Self(fold(fold(upper, trace.0 as u64), caller))
    }

    /// Of the answer after so many others to the same caller.
    fn nth(self, others: u32) -> Self {
        if others == 0 {
            self
        } else {
            Self(fold(self.0, others.into()))
        }
    }
}

/// One side of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Half {
    /// Number of its service.
    pub(super) service: u32,
    /// Number of whom it says it calls; [`super::names::NOBODY`] if it does not.
    pub(super) peer: u32,
    /// Its duration, nanoseconds.
    pub(super) duration_ns: u64,
    /// When it ended.
    pub(super) end_ns: u64,
    /// Did it end with an error?
    pub(super) failed: bool,
    /// Over a messaging system?
    pub(super) messaging: bool,
    /// Was an other side found already? Others may come: one message, many who receive it.
    pub(super) paired: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// Answers that wait for one caller.
const ANSWERS_MAX: u32 = 16;

/// Those that wait.
#[derive(Debug)]
pub(super) struct Waiting {
    clients: HashMap<CallKey, Half, Seed>,
    servers: HashMap<CallKey, Half, Seed>,
    /// By time: until when, who.
    order: VecDeque<(u64, CallKey, Side)>,
    max: usize,
}

/// One whose time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expired {
    /// Nobody answered it.
    Client(Half),
    /// Nobody is known to have called it.
    Server(Half),
}

impl Waiting {
    /// None yet.
    pub(super) fn new(max: usize, seed: Seed) -> Self {
        Self {
            clients: HashMap::with_hasher(seed),
            servers: HashMap::with_hasher(seed),
            order: VecDeque::new(),
            max,
        }
    }

    /// How many entries the bound counts.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// No more room?
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.order.len() >= self.max
    }

    /// Does no server wait?
    #[inline]
    pub(super) fn no_servers(&self) -> bool {
        self.servers.is_empty()
    }

    /// Lets a caller wait, if there is room.
    pub(super) fn add_client(&mut self, key: CallKey, half: Half, until_ns: u64) -> bool {
        let room = !self.is_full();
        if room && self.clients.insert(key, half).is_none() {
            self.order.push_back((until_ns, key, Side::Client));
        }
        room
    }

    /// Lets one who answers wait, if there is room.
    pub(super) fn add_server(&mut self, key: CallKey, half: Half, until_ns: u64) -> bool {
        if self.is_full() {
            return false;
        }
        let mut keys = (0..ANSWERS_MAX).map(|others| key.nth(others));
        let Some(key) = keys.find(|key| !self.servers.contains_key(key)) else {
            return false;
        };
        self.servers.insert(key, half);
        self.order.push_back((until_ns, key, Side::Server));
        true
    }

    /// Takes who waits for this caller, after so many others.
    pub(super) fn take_server(&mut self, key: CallKey, others: u32) -> Option<Half> {
        self.servers.remove(&key.nth(others))
    }

    /// The caller that waits for this answer; it goes on waiting, and is known to have had one.
    pub(super) fn answered(&mut self, key: CallKey) -> Option<Half> {
        let half = self.clients.get_mut(&key)?;
        let before = *half;
        half.paired = true;
        Some(before)
    }

    /// The next one whose time is over.
    pub(super) fn expired(&mut self, now_ns: u64) -> Option<Expired> {
        while let Some((until_ns, key, side)) = self.order.front().copied() {
            if until_ns > now_ns {
                return None;
            }
            self.order.pop_front();
            let found = match side {
                Side::Client => self.clients.remove(&key).map(Expired::Client),
                Side::Server => self.servers.remove(&key).map(Expired::Server),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Is a name in use?
    pub(super) fn names(&self) -> impl Iterator<Item = u32> {
        let halves = self.clients.values().chain(self.servers.values());
        halves.flat_map(|half| [half.service, half.peer])
    }
}
