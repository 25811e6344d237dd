//! Series of spans found by numbers, across frames: texts of names, resources and messages are looked up once a frame, and labels
//! are made once, when a combination is first seen. A cache: all that is in it can be found again by labels, so that it is
//! emptied when it is large, and when series are forgotten.

use std::collections::HashMap;

use hashbrown::HashTable;
use wire::spans::{Glance, SpanBuilder};

use super::quick::{Seed, fold};

/// Texts of one kind that are kept, at most, and a frame's more.
const TEXTS_MAX: usize = 16_384;
/// Their bytes.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// Combinations that are kept, 16 bytes each.
const COMBINATIONS_MAX: usize = 65_536;

const UNKNOWN: u32 = u32::MAX;

/// What tells a span's series: numbers of its texts here, with kind and status; and the number of what was said of its status.
pub(super) type Key = (u64, u32);

/// What is known.
#[derive(Debug)]
pub(super) struct Known {
    seed: Seed,
    names: Texts,
    resources: Texts,
    messages: Texts,
    combinations: HashTable<Combination>,
    combinations_max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Combination {
    what: u64,
    message: u32,
    series: u32,
}

impl Known {
    /// Nothing yet.
    pub(super) fn new(seed: Seed) -> Self {
        Self::bounded(seed, TEXTS_MAX, COMBINATIONS_MAX)
    }

    /// The same with other bounds.
    pub(super) fn bounded(seed: Seed, texts_max: usize, combinations_max: usize) -> Self {
        Self {
            seed,
            names: Texts::new(seed, texts_max),
            resources: Texts::new(seed, texts_max),
            messages: Texts::new(seed, texts_max),
            combinations: HashTable::new(),
            combinations_max,
        }
    }

    /// Before the spans of a builder. What it takes in memory is bounded here: a frame adds what it has itself, at most.
    pub(super) fn begin(&mut self) {
        let texts = [&self.names, &self.resources, &self.messages];
        let full = self.combinations.len() > self.combinations_max;
        if full || texts.iter().any(|texts| texts.is_full()) {
            self.clear();
        }
        for texts in [&mut self.names, &mut self.resources, &mut self.messages] {
            texts.of_frame.clear();
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.combinations.clear();
        for texts in [&mut self.names, &mut self.resources, &mut self.messages] {
            texts.clear();
        }
    }

    /// What tells the series of a span of the builder; its message only if it is a label.
    #[inline]
    pub(super) fn key(&mut self, builder: &SpanBuilder, span: &Glance, with_message: bool) -> Key {
        let name = self.names.number(span.name, || builder.name(span.name));
        let resource = self
            .resources
            .number(span.resource, || builder.resource_bytes(span.resource));
        let message = if with_message {
            self.messages
                .number(span.message, || builder.status_message(span.message))
        } else {
            0
        };
        let codes = u64::from(span.kind & 7) << 2 | u64::from(span.status & 3);
        (u64::from(name) << 32 | u64::from(resource) << 5 | codes, message)
    }

    /// The number of a series.
    #[inline]
    pub(super) fn series(&self, key: Key) -> Option<u32> {
        let same = |known: &Combination| known.what == key.0 && known.message == key.1;
        let found = self.combinations.find(hash(self.seed, key), same)?;
        Some(found.series)
    }

    /// Adds one that is not there.
    pub(super) fn insert(&mut self, key: Key, series: u32) {
        let seed = self.seed;
        let combination = Combination {
            what: key.0,
            message: key.1,
            series,
        };
        self.combinations
            .insert_unique(hash(seed, key), combination, |known| {
                hash(seed, (known.what, known.message))
            });
    }
}

#[inline]
fn hash(seed: Seed, key: Key) -> u64 {
    fold(fold(seed.0, key.0), key.1.into())
}

/// Texts by number: those of all frames, and where those of the frame at hand are among them.
#[derive(Debug)]
struct Texts {
    numbers: HashMap<Box<[u8]>, u32, Seed>,
    bytes: usize,
    max: usize,
    /// By the builder's number.
    of_frame: Vec<u32>,
}

impl Texts {
    fn new(seed: Seed, max: usize) -> Self {
        Self {
            numbers: HashMap::with_hasher(seed),
            bytes: 0,
            max,
            of_frame: Vec::new(),
        }
    }

    fn is_full(&self) -> bool {
        self.numbers.len() > self.max || self.bytes > TEXT_BYTES_MAX
    }

    fn clear(&mut self) {
        self.numbers.clear();
        self.of_frame.clear();
        self.bytes = 0;
    }

    #[inline]
    fn number<'t>(&mut self, of_builder: u32, text: impl FnOnce() -> &'t [u8]) -> u32 {
        match self.of_frame.get(of_builder as usize) {
            Some(known) if *known != UNKNOWN => *known,
            _ => self.look_up(of_builder, text()),
        }
    }

    #[cold]
    fn look_up(&mut self, of_builder: u32, text: &[u8]) -> u32 {
        let number = self.numbers.get(text).copied().unwrap_or_else(|| {
            let number = self.numbers.len() as u32;
            self.bytes += text.len();
            self.numbers.insert(text.into(), number);
            number
        });
        let at = of_builder as usize;
        if self.of_frame.len() <= at {
            self.of_frame.resize(at + 1, UNKNOWN);
        }
        if let Some(place) = self.of_frame.get_mut(at) {
            *place = number;
        }
        number
    }
}
