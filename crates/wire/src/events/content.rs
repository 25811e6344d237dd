//! What a batch says, as one number: the same however its frame was laid out, different if any field of any event differs.

use event::Event;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::names::Names;
use super::row::Row;

/// Numbers of an event that are hashed.
const NUMBERS: usize = 17;
/// Bytes that wait before they are hashed together: event by event, keeping the state took as long as hashing. Most batches fit, and
/// are hashed in one go.
const WAITING_BYTES: usize = 8 << 10;

/// xxh3-64 over the events of a batch in the order of its rows: of each its numbers, u64 little-endian (id; kind, class << 8, flags << 16,
/// site << 32; HLC; time; node key; pid; ordinal; trace, low half first; parent; remote node; remote time; module; linked
/// trace, low half first; length of the shape; length of the payload), its shape, its payload.
#[derive(Clone, Default)]
pub struct ContentHash {
    /// Of what came before `waiting`.
    state: Xxh3,
    /// Anything?
    started: bool,
    waiting: Vec<u8>,
}

impl std::fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ContentHash").field(&self.digest()).finish()
    }
}

impl ContentHash {
    /// Of no events.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next event.
    pub fn add(&mut self, e: &Event) {
        let codes = codes(e.kind.code(), e.class.code(), e.flags.0, e.site.0);
        let shape = e.shape.as_bytes();
        self.put(
            &[
                e.id.0,
                codes,
                e.hlc.0,
                e.time.0,
                e.node.0,
                e.pid.0,
                u64::from(e.ordinal),
                e.trace.0 as u64,
                (e.trace.0 >> 64) as u64,
                e.parent.0,
                e.remote_node.0,
                e.remote_time.0,
                e.module.0,
                e.linked.0 as u64,
                (e.linked.0 >> 64) as u64,
                shape.len() as u64,
                e.payload.len() as u64,
            ],
            shape,
            &e.payload,
        );
    }

    #[inline]
    pub(super) fn row(&mut self, trace: u128, row: &Row, names: &Names<'_>) {
        let (module, site) = names.site(row.site);
        let (shape, linked) = (names.shape(row.shape), names.linked(row.linked));
        self.put(
            &[
                row.id,
                codes(row.kind, row.class, row.flags, site),
                row.hlc,
                row.time,
                names.key(row.node),
                row.pid,
                u64::from(row.ordinal),
                trace as u64,
                (trace >> 64) as u64,
                row.parent,
                names.key(row.remote),
                row.remote_time,
                module,
                linked as u64,
                (linked >> 64) as u64,
                shape.len() as u64,
                u64::from(row.payload_len),
            ],
            shape,
            names.payload(row),
        );
    }

    #[inline]
    fn put(&mut self, numbers: &[u64; NUMBERS], shape: &[u8], payload: &[u8]) {
        let mut bytes = [0u8; NUMBERS * 8];
        let (chunks, _) = bytes.as_chunks_mut::<8>();
        for (to, number) in chunks.iter_mut().zip(numbers) {
            *to = number.to_le_bytes();
        }
        self.waiting.extend_from_slice(&bytes);
        self.waiting.extend_from_slice(shape);
        if payload.len() >= WAITING_BYTES {
            self.hash_waiting();
            self.state.update(payload);
        } else {
            self.waiting.extend_from_slice(payload);
        }
        if self.waiting.len() >= WAITING_BYTES {
            self.hash_waiting();
        }
    }

    fn hash_waiting(&mut self) {
        self.state.update(&self.waiting);
        self.waiting.clear();
        self.started = true;
    }

    /// The hash of all that was added.
    pub fn digest(&self) -> u64 {
        if !self.started {
            return xxh3_64(&self.waiting);
        }
        let mut state = self.state.clone();
        state.update(&self.waiting);
        state.digest()
    }
    /// Back to no events.
    pub fn clear(&mut self) {
        if self.started {
            self.state.reset();
        }
        self.started = false;
        self.waiting.clear();
    }
}

#[inline]
fn codes(kind: u8, class: u8, flags: u8, site: u32) -> u64 {
    u64::from(kind) | u64::from(class) << 8 | u64::from(flags) << 16 | u64::from(site) << 32
}

/// The hash of a batch.
pub fn content_hash<'e>(events: impl IntoIterator<Item = &'e Event>) -> u64 {
    let mut hash = ContentHash::new();
    for event in events {
        hash.add(event);
    }
    hash.digest()
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::{EventId, EventKind, NodeKey};

    /// Scenario: batches of 0 to 400 events, with payloads around the length that waits and above. Guarantee: the hash is that of all
    /// bytes one after the other, as the format says, whatever was hashed before with the same memory.
    #[test]
    fn what_waits_does_not_show() {
        let mut hash = ContentHash::new();
        for events in [0usize, 1, 59, 60, 61, 400] {
            for payload in [0, 100, WAITING_BYTES - 1, WAITING_BYTES, 3 * WAITING_BYTES] {
                hash.clear();
                let mut whole = Vec::new();
                for number in 0..events {
                    let event = Event {
                        id: EventId(number as u64),
                        shape: "shape".repeat(number % 3),
                        payload: vec![number as u8; if number % 50 == 7 { payload } else { number % 5 }],
                        ..Event::blank(EventKind::Call, NodeKey(7))
                    };
                    hash.add(&event);
                    let codes = codes(event.kind.code(), event.class.code(), event.flags.0, event.site.0);
                    let mut numbers = [0u64; NUMBERS];
                    (numbers[0], numbers[1], numbers[4]) = (event.id.0, codes, 7);
                    (numbers[15], numbers[16]) = (event.shape.len() as u64, event.payload.len() as u64);
                    whole.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
                    whole.extend(event.shape.as_bytes());
                    whole.extend(&event.payload);
                }
                assert_eq!(
                    hash.digest(),
                    xxh3_64(&whole),
                    "{events} events, payload {payload}"
                );
            }
        }
    }
}
