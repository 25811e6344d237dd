//! One seed from beginning to end.

use crate::faults::Fired;
use crate::invariants::{conservation, digests_equal, no_phantoms};
use crate::oracle::Violation;
use crate::plant::Plant;
use crate::world::{HEALED_BY, SECOND, World};
use std::collections::BTreeMap;

/// Batches that a seed must make to count.
pub const BATCHES_MIN: u64 = 1_000;
/// Kinds of fault that must fire in it.
pub const KINDS_MIN: usize = 3;

/// What a seed showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What did not hold, if anything.
    pub violation: Option<Violation>,
    /// Virtual time, microseconds.
    pub time: u64,
    /// Happenings.
    pub steps: u64,
    /// Hash of all that happened.
    pub log: u64,
    /// Batches on agents' disks.
    pub batches: u64,
    /// Batches acknowledged.
    pub acked: u64,
    /// Slices sealed.
    pub sealed: u64,
    /// Moves that ended, and that were abandoned.
    pub moves: [u64; 2],
    /// Reads: complete, not complete.
    pub reads: [u64; 2],
    /// Packets lost, doubled, stopped by cut links.
    pub packets: [u64; 3],
    /// Faults that fired.
    pub fired: Fired,
    /// Other counts, of the processes' last lives.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Outcome {
    /// Was enough tried for the seed to count?
    pub fn counts(&self) -> bool {
        self.batches >= BATCHES_MIN && self.fired.kinds() >= KINDS_MIN && self.sealed > 0 && self.moves[0] > 0
    }
}

/// Runs a seed.
pub fn run(seed: u64, plant: Option<Plant>) -> Outcome {
    let mut world = World::new(seed, plant);
    let violation = until_end(&mut world).err();
    outcome(seed, &world, violation)
}

/// Runs a seed, and says what happened.
pub fn run_in_words(seed: u64, plant: Option<Plant>) -> (Outcome, Vec<String>) {
    let mut world = World::new(seed, plant);
    world.words = Some(Vec::new());
    let violation = until_end(&mut world).err();
    let words = world.words.take().unwrap_or_default();
    (outcome(seed, &world, violation), words)
}

fn until_end(world: &mut World) -> Result<(), Violation> {
    let mut next_look = 0;
    while let Some(stepped) = world.step() {
        stepped?;
        if world.now < next_look {
            continue;
        }
        next_look = world.now + SECOND / 2;
        let late = world.now >= HEALED_BY;
        if world.is_quiet() {
            let equal = digests_equal::of(world);
            if equal.is_ok() {
                world.sweep()?;
                no_phantoms::stored(world)?;
                return conservation::in_the_end(world);
            }
            if late {
                return equal;
            }
        } else if late {
            let seen = format!("not quiet after healing: {}", world.unrest());
            return crate::oracle::violated("digests_equal", seen);
        }
    }
    Ok(())
}

fn outcome(seed: u64, world: &World, violation: Option<Violation>) -> Outcome {
    Outcome {
        seed,
        violation,
        time: world.now,
        steps: world.steps,
        log: world.log,
        batches: world.oracle.emitted.len() as u64,
        acked: world.oracle.acked.len() as u64,
        sealed: world.oracle.sealed,
        moves: world.coordinator.ended,
        reads: world.oracle.reads,
        packets: world.net.counts,
        fired: world.fired.clone(),
        counts: world.counts(),
    }
}
