//! What a file asks of other files while it is linked, and what it is answered: the traces by which links are known to
//! hold still ("verifying traces", Mokhov, Mitchell, Peyton Jones, "Build Systems a la Carte", ICFP 2018, section 4.2.2).
//!
//! Questions and answers are kept as hashes (the first 64 bits of BLAKE3): a file asks a hundred. That one question
//! meets the answer of another has a chance of 2 in 10^9 in a project of 200,000 exports.

use super::codec;
use super::exports::{Export, Exports};
use super::otp::forward::Forward;
use super::using::Using;
use crate::bytes::{Malformed, Reader, Writer};
use crate::identity::ContentId;

/// Something that was asked: whether the project has a module, what a function of it is, what `use` of it brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question(u64);

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Answer(u64);

fn first(hash: &blake3::Hash) -> u64 {
    hash.as_bytes()
        .first_chunk::<8>()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

impl Question {
    fn of(kind: u8, module: &str, name: &str, arity: u8) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[kind, arity]);
        hasher.update(module.as_bytes());
        hasher.update(&[0xff]);
        hasher.update(name.as_bytes());
        Self(first(&hasher.finalize()))
    }

    pub(super) fn knows(module: &str) -> Self {
        Self::of(0, module, "", 0)
    }

    pub(super) fn using(module: &str) -> Self {
        Self::of(1, module, "", 0)
    }

    pub(super) fn item(module: &str, name: &str, arity: u8) -> Self {
        Self::of(2, module, name, arity)
    }
}

impl Answer {
    pub(super) const YES: Self = Self(1);

    fn of(to: &Writer) -> Self {
        Self(first(&blake3::hash(&to.bytes)))
    }

    pub(super) fn of_item(export: Option<&Export>, forward: Option<&Forward>) -> Self {
        let mut to = Writer::default();
        codec::write_export(&mut to, export);
        codec::write_forward(&mut to, forward);
        Self::of(&to)
    }

    pub(super) fn of_using(using: &Using) -> Self {
        let mut to = Writer::default();
        codec::write_using(&mut to, using);
        Self::of(&to)
    }
}

/// What a file asked when it was linked, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    questions: Vec<Question>,
}

/// The format of [`Trace::encode`].
const FORMAT: u8 = 1;
/// Most bytes of a file's trace.
const BYTES_MAX: usize = 1 << 26;

impl Trace {
    pub(super) fn new(mut questions: Vec<Question>) -> Self {
        questions.sort_unstable();
        questions.dedup();
        Self { questions }
    }

    /// Whether one of these (ascending) was asked.
    #[must_use]
    pub fn asked_any(&self, of: &[Question]) -> bool {
        of.iter()
            .any(|question| self.questions.binary_search(question).is_ok())
    }

    /// All that is answered now, in one hash: equal hashes, equal links.
    #[must_use]
    pub fn answers(&self, exports: &Exports) -> ContentId {
        let mut bytes = Vec::with_capacity(self.questions.len() * 8);
        for question in &self.questions {
            let answer = exports.answer(*question).map_or(0, |answer| answer.0);
            bytes.extend_from_slice(&answer.to_le_bytes());
        }
        ContentId::of("answers", &bytes)
    }

    /// How many questions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.questions.len()
    }

    /// Whether nothing was asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.questions.is_empty()
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.byte(FORMAT);
        to.count(self.questions.len());
        for question in &self.questions {
            to.raw(&question.0.to_le_bytes());
        }
        to.bytes
    }

    /// Reads what [`Trace::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader::new(bytes, BYTES_MAX)?;
        let found = from.byte("the format")?;
        if found != FORMAT {
            return Err(Malformed::Version { found, known: FORMAT });
        }
        let count = from.count(8, "a question")?;
        let mut questions = Vec::with_capacity(count);
        for _ in 0..count {
            let mut eight = [0; 8];
            eight.copy_from_slice(from.raw(8, "a question")?);
            questions.push(Question(u64::from_le_bytes(eight)));
        }
        from.finish()?;
        if !questions.is_sorted() {
            return Err(from.invalid("the order of questions"));
        }
        Ok(Self { questions })
    }
}

/// Most traces of one list.
const LIST_MAX: usize = 255;

impl Trace {
    /// The bytes of several, at most 255.
    #[must_use]
    pub fn encode_list(traces: &[Self]) -> Vec<u8> {
        let mut to = Writer::default();
        let traces = traces.get(..LIST_MAX).unwrap_or(traces);
        to.count(traces.len());
        for trace in traces {
            to.slice(&trace.encode());
        }
        to.bytes
    }

    /// Reads what [`Trace::encode_list`] wrote.
    pub fn decode_list(bytes: &[u8]) -> Result<Vec<Self>, Malformed> {
        let mut from = Reader::new(bytes, BYTES_MAX)?;
        let count = from.count(3, "traces")?;
        let traces = (0..count)
            .map(|_| Self::decode(from.slice("a trace")?))
            .collect::<Result<_, _>>()?;
        from.finish()?;
        Ok(traces)
    }
}
