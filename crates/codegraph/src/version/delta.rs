//! A value written as what it shares with another one: most versions of a file share nearly all of it.
//!
//! A stored value is whole, or a patch: a mark, how many patches follow until a whole value, the key of the value that
//! it is based on, and steps that copy from that or insert. Copies are found as rsync finds them (Tridgell, "Efficient
//! Algorithms for Sorting and Synchronization", 1999, chapter 3): blocks of the base by a rolling hash, at every byte of
//! the new value, extended both ways.

use std::collections::HashMap;

use crate::Malformed;
use crate::bytes::{Reader, Writer};

/// Most patches until a whole value.
pub const DEPTH_MAX: u8 = 16;
/// Largest value, in bytes.
const VALUE_BYTES_MAX: usize = 1 << 28;
/// How a patch begins. No UTF-8 text and no record of ids begins so; who reads other texts compares their hash first.
const MARK: &[u8] = b"\xffESP\x01";
const BLOCK: usize = 16;
/// The rolling hash: a polynomial in this odd number, modulo 2^64.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// A value as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored<'a> {
    /// The value itself.
    Whole(&'a [u8]),
    /// A patch.
    Patch(Patch<'a>),
}

/// What is to be done with another value to get this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch<'a> {
    /// How many patches there are until a whole value, this one among them.
    pub depth: u8,
    /// The key of the value that this one is based on.
    pub key: &'a [u8],
    steps: &'a [u8],
}

impl<'a> Stored<'a> {
    /// Looks at a stored value.
    #[must_use]
    pub fn of(value: &'a [u8]) -> Self {
        Self::patch(value).map_or(Self::Whole(value), Self::Patch)
    }

    /// The patch that a value is, if it is one.
    fn patch(value: &'a [u8]) -> Option<Patch<'a>> {
        let rest = value.strip_prefix(MARK)?;
        let (depth, rest) = rest.split_first()?;
        let (len, rest) = rest.split_first()?;
        let (key, steps) = rest.split_at_checked(usize::from(*len))?;
        (1..=DEPTH_MAX).contains(depth).then_some(Patch {
            depth: *depth,
            key,
            steps,
        })
    }
}

/// The patch that makes `value` from `base`, which has this key; `None` if it is not at most half as long as the value,
/// or would be one too many. `base_depth` is 0 if the base is stored whole.
#[must_use]
pub fn patch(value: &[u8], base: &[u8], key: &[u8], base_depth: u8) -> Option<Vec<u8>> {
    let depth = base_depth.checked_add(1).filter(|depth| *depth <= DEPTH_MAX)?;
    let mut to = Writer::default();
    to.raw(MARK);
    to.byte(depth);
    to.byte(u8::try_from(key.len()).ok()?);
    to.raw(key);
    write_steps(&mut to, base, value);
    (to.bytes.len() <= value.len() / 2).then_some(to.bytes)
}

impl Patch<'_> {
    /// The value that this patch makes of its base.
    pub fn apply(&self, base: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut from = Reader::new(self.steps, VALUE_BYTES_MAX)?;
        let len = from.number("the length")? as usize;
        if len > VALUE_BYTES_MAX {
            return Err(from.invalid("the length"));
        }
        // No capacity by what is claimed: the steps say what there is.
        let mut value = Vec::new();
        while value.len() < len {
            let step = from.number("a step")?;
            let count = (step >> 1) as usize;
            if count == 0 || value.len() + count > len {
                return Err(from.invalid("a step's length"));
            }
            if step & 1 == 0 {
                value.extend_from_slice(from.raw(count, "what is inserted")?);
            } else {
                let start = from.number("where a copy starts")? as usize;
                let copied = base.get(start..start.saturating_add(count));
                value.extend_from_slice(copied.ok_or_else(|| from.invalid("a copy"))?);
            }
        }
        from.finish()?;
        Ok(value)
    }
}

fn write_steps(to: &mut Writer, base: &[u8], value: &[u8]) {
    to.count(value.len());
    let blocks = blocks(base);
    // Up to where the value is written; where the hash's block begins.
    let (mut done, mut at) = (0, 0);
    let mut hash = value.get(..BLOCK).map(hash);
    while let Some(sum) = hash {
        let block = value.get(at..at + BLOCK).unwrap_or_default();
        let found = blocks.get(&sum).map(|start| *start as usize);
        let found = found.filter(|start| base.get(*start..*start + BLOCK) == Some(block));
        let Some(start) = found else {
            hash = roll(sum, value, at);
            at += 1;
            continue;
        };
        let back = base.get(..start).unwrap_or_default().iter().rev();
        let back = back
            .zip(value.get(done..at).unwrap_or_default().iter().rev())
            .take_while(|(a, b)| a == b)
            .count();
        let ahead = base.get(start..).unwrap_or_default().iter();
        let ahead = ahead
            .zip(value.get(at..).unwrap_or_default())
            .take_while(|(a, b)| a == b)
            .count();
        insert(to, value.get(done..at - back).unwrap_or_default());
        step(to, back + ahead, true);
        to.count(start - back);
        at += ahead;
        done = at;
        hash = value.get(at..at + BLOCK).map(self::hash);
    }
    insert(to, value.get(done..).unwrap_or_default());
}

fn insert(to: &mut Writer, bytes: &[u8]) {
    if !bytes.is_empty() {
        step(to, bytes.len(), false);
        to.raw(bytes);
    }
}

fn step(to: &mut Writer, len: usize, copies: bool) {
    to.count(len << 1 | usize::from(copies));
}

/// Where each block of the base begins, by its hash; the first of equal ones.
fn blocks(base: &[u8]) -> HashMap<u64, u32> {
    let mut blocks = HashMap::with_capacity(base.len() / BLOCK);
    for (index, block) in base.chunks_exact(BLOCK).enumerate() {
        if let Ok(start) = u32::try_from(index * BLOCK) {
            blocks.entry(hash(block)).or_insert(start);
        }
    }
    blocks
}

fn hash(block: &[u8]) -> u64 {
    block.iter().fold(0, |hash: u64, byte| {
        hash.wrapping_mul(BASE).wrapping_add(u64::from(*byte))
    })
}

/// The hash of the block that begins one byte later; `None` behind the last.
fn roll(hash: u64, value: &[u8], at: usize) -> Option<u64> {
    const FIRST: u64 = BASE.wrapping_pow(BLOCK as u32);
    let (gone, next) = (value.get(at)?, value.get(at + BLOCK)?);
    let next = hash.wrapping_mul(BASE).wrapping_add(u64::from(*next));
    Some(next.wrapping_sub(FIRST.wrapping_mul(u64::from(*gone))))
}
