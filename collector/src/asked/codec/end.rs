//! The last message of an answer: what it is worth.

use event::{Bucket, Shard};
use wire::bytes::{Put, Reader};

use super::Malformed;
use super::pack::pack;
use super::values::{count, put_shards, put_text, shards, text, truth};

/// What such a message is.
pub(super) const END: u8 = 0;
/// The same, said before the first part: what the answer will be worth. Outcome, costs and what is missing come at the end.
pub(super) const HEAD: u8 = 10;
/// Texts of what is missing, at most, and the length of each in characters.
const MISSING_MAX: usize = 64;
const CHARS_MAX: usize = 1_000;

/// How the question ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All that this member has was said.
    #[default]
    Answered,
    /// It cannot be answered in this way: ask for candidates.
    Cannot,
    /// Not now.
    Busy(String),
    /// It never will be, or reading failed.
    Failed(String),
}

/// What an answer is worth, and what it cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    /// Epoch of the answering member's map.
    pub(crate) epoch: u64,
    /// Shards that changed since the asker's epoch: of these the answer does not count.
    pub(crate) stale: Vec<Shard>,
    /// Its disk never lost what it held.
    pub(crate) whole: bool,
    /// Buckets before this it has dropped.
    pub(crate) floor: Bucket,
    /// Traces read, and bytes.
    pub(crate) traces: u64,
    pub(crate) bytes: u64,
    /// Frames and blocks that could not be read.
    pub(crate) damaged: u64,
    /// Is there more than one answer may hold?
    pub(crate) cut: bool,
    /// What else is missing, in words.
    pub(crate) missing: Vec<String>,
}

impl End {
    /// The message that ends an answer.
    pub(crate) fn encode(&self) -> Vec<u8> {
        self.put(END)
    }

    /// The message before the first part.
    pub(crate) fn encode_head(&self) -> Vec<u8> {
        self.put(HEAD)
    }

    fn put(&self, what: u8) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        let (code, text) = match &self.outcome {
            Outcome::Answered => (0, ""),
            Outcome::Cannot => (1, ""),
            Outcome::Busy(why) => (2, why.as_str()),
            Outcome::Failed(why) => (3, why.as_str()),
        };
        out.put_u8(code);
        put_text(&mut out, shortened(text));
        out.put_u64(self.epoch);
        put_shards(&mut out, &self.stale);
        out.put_u8(self.whole.into());
        out.put_u32(self.floor.0);
        out.put_varint(self.traces);
        out.put_varint(self.bytes);
        out.put_varint(self.damaged);
        out.put_u8(self.cut.into());
        let missing = self.missing.get(..MISSING_MAX).unwrap_or(&self.missing);
        out.put_varint(missing.len() as u64);
        for text in missing {
            put_text(&mut out, shortened(text));
        }
        // Never longer than a message: 64 texts of a thousand characters and 65,536 shards.
        pack(what, &out).unwrap_or_default()
    }

    /// Reads the body of one.
    pub(super) fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let (code, why) = (r.u8()?, text(&mut r)?);
        let outcome = match code {
            0 => Outcome::Answered,
            1 => Outcome::Cannot,
            2 => Outcome::Busy(why),
            3 => Outcome::Failed(why),
            other => return Err(Malformed::Unknown("outcome", other.into())),
        };
        let end = Self {
            outcome,
            epoch: r.u64()?,
            stale: shards(&mut r)?,
            whole: truth(&mut r)?,
            floor: Bucket(r.u32()?),
            traces: r.varint()?,
            bytes: r.varint()?,
            damaged: r.varint()?,
            cut: truth(&mut r)?,
            missing: {
                let n = count(&mut r, 1)?;
                let texts: Result<Vec<String>, Malformed> = (0..n).map(|_| text(&mut r)).collect();
                texts?
            },
        };
        r.finish()?;
        Ok(end)
    }
}

fn shortened(text: &str) -> &str {
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => text.get(..end).unwrap_or_default(),
        None => text,
    }
}
