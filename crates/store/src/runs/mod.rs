//! What runs of events and runs of spans have in common: how much goes into one, their keys, the file that they come in, the
//! filter over their traces.

pub(crate) mod batches;
mod file;
pub(crate) mod filter;
pub(crate) mod keys;

pub(crate) use file::{SortedFile, file_options};

use std::sync::Arc;

/// Rows that are merged into one run. What that takes in memory, some 150 bytes an event and 200 a span, bounds it.
pub(crate) const RUN_ROWS: u64 = 256 << 10;
/// Frames of one run at most: of small ones there are many.
pub(crate) const RUN_FRAMES: usize = 4096;
/// Frames' bytes of one run at most.
pub(crate) const RUN_BYTES: u64 = 32 << 20;
/// What sealing reads was taken in before: nobody chooses texts against it that were not stored already.
pub(crate) const SEED: u64 = 0x5ea1;

/// A frame that is not sealed yet.
pub(crate) trait Sealable {
    /// Its rows and bytes.
    fn size(&self) -> (u32, u32);
}

/// The oldest frames, as many as one run takes.
pub(crate) fn first_frames<F: Sealable>(frames: &[Arc<F>]) -> Vec<Arc<F>> {
    let (mut all_rows, mut all_bytes) = (0u64, 0u64);
    let fits = |frame: &&Arc<F>| {
        let room = all_rows < RUN_ROWS && all_bytes < RUN_BYTES;
        let (rows, bytes) = frame.size();
        all_rows += u64::from(rows);
        all_bytes += u64::from(bytes);
        room
    };
    let some = frames.iter().take(RUN_FRAMES).take_while(fits);
    some.map(Arc::clone).collect()
}
