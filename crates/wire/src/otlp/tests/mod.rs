//! Round trips, golden bytes, hostile input.

mod primitives;
