//! Spans while a frame is filled: rows as they came, texts by number, attributes as cells whose columns a shape names.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::rest;
use super::shape::{CellKind, Shapes};
use crate::bytes::Put;
use crate::columns::Interner;
use crate::otlp::Reject;
use crate::otlp::proto::{ProtoError, Reader};

/// What one span takes besides its texts and attributes, in bytes, at most.
const ROW_BYTES: usize = 64;
/// What one cell takes, in bytes, at most.
const CELL_BYTES: usize = 9;

/// One span. Texts are numbers of the builder's dictionaries.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Row {
    pub(super) trace: u32,
    pub(super) name: u32,
    pub(super) id: u64,
    pub(super) parent: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) resource: u32,
    pub(super) scope: u32,
    pub(super) shape: u32,
    /// Its first cell.
    pub(super) cells: u32,
    pub(super) message: u32,
    pub(super) rest: u32,
    pub(super) flags: u32,
    pub(super) kind: u8,
    pub(super) status: u8,
    /// Length of the span as it came, as far as that fits; 0 of one that was read back.
    pub(super) bytes: u16,
}

/// Where a builder stood, to go back to.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    rows: usize,
    cells: usize,
}

/// Collects spans and makes one frame of them. Can be used again after each frame: what it has allocated is kept.
#[derive(Debug)]
pub struct SpanBuilder {
    seed: u64,
    pub(super) rows: Vec<Row>,
    pub(super) cells: Vec<u64>,
    pub(super) traces: Vec<u128>,
    trace_index: HashTable<u32>,
    last_trace: u32,
    pub(super) names: Interner,
    pub(super) messages: Interner,
    pub(super) resources: Interner,
    pub(super) scopes: Interner,
    /// Fields that have no column, as OTLP has them; 0 is none.
    pub(super) rests: Interner,
    pub(super) shapes: Shapes,
    scratch: Vec<u8>,
}

impl SpanBuilder {
    /// An empty one. `seed` should be random: it keeps senders from choosing texts that collide.
    pub fn new(seed: u64) -> Self {
        let mut builder = Self {
            seed,
            rows: Vec::new(),
            cells: Vec::new(),
            traces: Vec::new(),
            trace_index: HashTable::new(),
            last_trace: 0,
            names: Interner::new(seed),
            messages: Interner::new(seed),
            resources: Interner::new(seed),
            scopes: Interner::new(seed),
            rests: Interner::new(seed),
            shapes: Shapes::new(seed),
            scratch: Vec::new(),
        };
        builder.clear();
        builder
    }

    /// Forgets all spans.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.cells.clear();
        self.traces.clear();
        self.trace_index.clear();
        self.last_trace = 0;
        for texts in [
            &mut self.names,
            &mut self.messages,
            &mut self.resources,
            &mut self.scopes,
            &mut self.rests,
        ] {
            texts.clear();
        }
        // What most spans have none of is number 0.
        self.messages.intern(&[]);
        self.rests.intern(&[]);
        self.shapes.clear();
    }

    /// Spans in it.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// None?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What the frame's payload will take, in bytes, at most.
    pub fn byte_len(&self) -> usize {
        let texts = [
            &self.names,
            &self.messages,
            &self.resources,
            &self.scopes,
            &self.rests,
        ];
        let texts: usize = texts.iter().map(|t| t.byte_len() + t.len() * 4).sum();
        self.rows.len() * ROW_BYTES + self.cells.len() * CELL_BYTES + texts + self.shapes.byte_len()
    }

    /// Where it stands.
    pub fn mark(&self) -> Mark {
        Mark {
            rows: self.rows.len(),
            cells: self.cells.len(),
        }
    }

    /// Forgets the spans that were added since `mark`.
    pub fn back_to(&mut self, mark: Mark) {
        self.rows.truncate(mark.rows);
        self.cells.truncate(mark.cells);
    }

    /// The number of a trace.
    #[inline]
    pub(super) fn trace(&mut self, trace: u128) -> u32 {
        if self.traces.get(self.last_trace as usize) == Some(&trace) {
            return self.last_trace;
        }
        let hash = xxh3_64_with_seed(&trace.to_le_bytes(), self.seed);
        let (traces, seed) = (&self.traces, self.seed);
        let entry = self.trace_index.entry(
            hash,
            |at| traces.get(*at as usize) == Some(&trace),
            |at| {
                let known = traces.get(*at as usize).copied().unwrap_or_default();
                xxh3_64_with_seed(&known.to_le_bytes(), seed)
            },
        );
        let number = match entry {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let number = self.traces.len() as u32;
                free.insert(number);
                self.traces.push(trace);
                number
            }
        };
        self.last_trace = number;
        number
    }

    /// The number of a resource, or of a scope, with the URL of its schema.
    pub(super) fn origin(&mut self, resource: bool, message: &[u8], schema_url: &[u8]) -> u32 {
        self.scratch.clear();
        self.scratch.put_u32(message.len() as u32);
        self.scratch.put(message);
        self.scratch.put(schema_url);
        let texts = if resource {
            &mut self.resources
        } else {
            &mut self.scopes
        };
        texts.intern(&self.scratch).0
    }

    /// The number of the fields of a span that have no column, its attributes among them if so asked; none if a value in
    /// them is nested too deeply,
    /// or a link has wrong ids.
    pub(super) fn rest(
        &mut self,
        span: Reader<'_>,
        attributes: bool,
    ) -> Result<Result<u32, Reject>, ProtoError> {
        self.scratch.clear();
        let collected = rest::collect(span, attributes, &mut self.scratch)?;
        Ok(collected.map(|()| self.rests.intern(&self.scratch).0))
    }

    /// Begins a row's cells; its first one.
    #[inline]
    pub(super) fn begin(&mut self) -> u32 {
        self.shapes.begin();
        self.cells.len() as u32
    }

    /// Forgets the cells of the row that was begun.
    pub(super) fn begin_again(&mut self, first: u32) {
        self.cells.truncate(first as usize);
        self.shapes.begin();
    }

    /// Adds an attribute that is a number or nothing; `false` if it has no column.
    #[inline]
    pub(super) fn number(&mut self, key: &[u8], kind: CellKind, value: u64) -> bool {
        let column = self.shapes.column(key, kind).is_some();
        if column {
            self.cells.push(value);
        }
        column
    }

    /// Adds an attribute whose value is text or bytes; `false` if it has no column.
    #[inline]
    pub(super) fn text(&mut self, key: &[u8], kind: CellKind, value: &[u8]) -> bool {
        let Some(column) = self.shapes.column(key, kind) else {
            return false;
        };
        self.cells.push(u64::from(column.texts.intern(value).0));
        true
    }

    /// Ends a row.
    #[inline]
    pub(super) fn push(&mut self, mut row: Row) {
        row.shape = self.shapes.end();
        self.rows.push(row);
    }
}
