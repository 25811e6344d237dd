//! Round trips, golden bytes, hostile input.
