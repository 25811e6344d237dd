//! What the fuzz targets share: a count of the heap, seeds, sample values. A decoder is held to three things on any
//! bytes: it ends without a panic, it allocates no more than a fixed multiple of what it was given ([`heap::within`]),
//! and what it accepts comes back when it is written and read again.

pub mod event_frames;
pub mod frames;
pub mod heap;
pub mod otlp;
pub mod samples;
pub mod seeds;
