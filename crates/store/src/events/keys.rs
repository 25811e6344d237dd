//! The families of sealed events. Their keys are those of runs.

pub(crate) use crate::runs::keys::{block, read_run, run};

/// Blocks of runs: bucket u32, run u32, block u32. Value: a block of events (`docs/wire-format.md`).
pub(crate) const BLOCKS: &str = "event_blocks";
/// Runs: bucket, run. Value: `run.rs`.
pub(crate) const RUNS: &str = "event_runs";
/// Batches of runs: bucket, run, then `runs/batches.rs`.
pub(crate) const BATCHES: &str = "event_batches";

/// All of them.
pub(crate) const BUCKET_MAJOR: [&str; 3] = [BLOCKS, RUNS, BATCHES];
