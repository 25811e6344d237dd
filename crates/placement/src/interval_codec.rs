//! Bytes of an [`IntervalSet`]: varint count, then per interval the distance from the end of the one before and its
//! length minus one, as varints. Unsigned LEB128, at most ten bytes each.

use crate::{Interval, IntervalSet};
use std::fmt;

/// Why bytes are no interval set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalError {
    /// They end in the middle.
    Truncated,
    /// A varint of more than ten bytes, or beyond 64 bits.
    Varint,
    /// More intervals than bytes can hold, or numbers that overflow or touch.
    NotCanonical,
}

impl fmt::Display for IntervalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "interval set is cut off",
            Self::Varint => "interval set has a number beyond 64 bits",
            Self::NotCanonical => "interval set is not in canonical form",
        })
    }
}
impl std::error::Error for IntervalError {}

/// Appends the bytes of a set.
pub fn interval_set_encode(set: &IntervalSet, out: &mut Vec<u8>) {
    put_varint(set.parts() as u64, out);
    let mut next = 0u64;
    for p in set.iter() {
        put_varint(p.first - next, out);
        put_varint(p.last - p.first, out);
        next = p.last.saturating_add(1);
    }
}

/// Reads a set from the front of `bytes`; returns it and what follows. Total.
pub fn interval_set_decode(bytes: &[u8]) -> Result<(IntervalSet, &[u8]), IntervalError> {
    let (count, mut rest) = get_varint(bytes)?;
    // Each interval takes two bytes at least.
    if count > rest.len() as u64 / 2 {
        return Err(IntervalError::Truncated);
    }
    let mut set = IntervalSet::new();
    let mut next = Some(0u64);
    for i in 0..count {
        let (skip, r) = get_varint(rest)?;
        let (len, r) = get_varint(r)?;
        rest = r;
        if i > 0 && skip == 0 {
            return Err(IntervalError::NotCanonical);
        }
        let interval = next.and_then(|n| n.checked_add(skip)).and_then(|first| {
            let last = first.checked_add(len)?;
            Some(Interval { first, last })
        });
        let Interval { first, last } = interval.ok_or(IntervalError::NotCanonical)?;
        set.insert_range(first, last);
        next = last.checked_add(1);
    }
    Ok((set, rest))
}

fn put_varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn get_varint(bytes: &[u8]) -> Result<(u64, &[u8]), IntervalError> {
    let mut n = 0u64;
    for (i, b) in bytes.iter().take(10).enumerate() {
        let part = u64::from(b & 0x7f);
        let shift = 7 * i as u32;
        if i == 9 && part > 1 {
            return Err(IntervalError::Varint);
        }
        n |= part << shift;
        if b & 0x80 == 0 {
            return Ok((n, bytes.get(i + 1..).unwrap_or_default()));
        }
    }
    Err(if bytes.len() < 10 {
        IntervalError::Truncated
    } else {
        IntervalError::Varint
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any set, followed by any bytes. Guarantee: it comes back, and so does what follows.
        #[test]
        fn round_trip(ranges in prop::collection::vec((any::<u64>(), 0..1_000u64), 0..30), tail in prop::collection::vec(any::<u8>(), 0..5)) {
            let set: IntervalSet =
                ranges.iter().map(|&(first, n)| Interval { first, last: first.saturating_add(n) }).collect();
            let mut bytes = Vec::new();
            interval_set_encode(&set, &mut bytes);
            bytes.extend(&tail);
            let (back, rest) = interval_set_decode(&bytes).unwrap();
            prop_assert_eq!(back, set);
            prop_assert_eq!(rest, &tail[..]);
        }

        /// Scenario: any bytes. Guarantee: a set or an error, never a panic.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = interval_set_decode(&bytes);
        }
    }
}
