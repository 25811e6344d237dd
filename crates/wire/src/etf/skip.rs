//! Finding the end of a term: one pass, no recursion, no allocation.

use super::token::{Token, VERSION};
use super::{DEPTH_MAX, EtfError};
use crate::bytes::Reader;

/// The length of the term at the beginning of `data`, in bytes, its leading 131 included if it is there. What
/// follows is not looked at. Terms deeper than [`DEPTH_MAX`] and compressed ones are refused.
pub fn skip_term(data: &[u8]) -> Result<usize, EtfError> {
    let mut r = Reader::new(data);
    if data.first() == Some(&VERSION) {
        r.u8()?;
    }
    // Terms that are still to come, at this depth and, in the stack, at those above.
    let mut waiting = [0u64; DEPTH_MAX];
    let mut depth = 0usize;
    let mut left = 1u64;
    loop {
        while left == 0 {
            let Some(above) = depth.checked_sub(1) else {
                return Ok(r.position());
            };
            depth = above;
            left = waiting.get(depth).copied().unwrap_or_default();
        }
        left -= 1;
        let children = Token::read(&mut r)?.children();
        if children > 0 {
            *waiting.get_mut(depth).ok_or(EtfError::Depth)? = left;
            depth += 1;
            left = children;
        }
    }
}
