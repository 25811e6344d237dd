//! Round trips, hostile input.
