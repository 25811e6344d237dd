//! The simulation itself: short, the same twice, and not blind.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use replication::Bug;
use simulation::plant::Plant;
use simulation::{Outcome, run};

/// Scenario: twenty seeds of everything breaking. Guarantee: no invariant breaks, and nine of ten seeds tried enough to count.
#[test]
fn twenty_seeds() {
    let (mut kinds, mut idle) = ([0; 16], Vec::new());
    for seed in 1..=20 {
        let outcome = run(seed, None);
        assert_eq!(outcome.violation, None, "seed {seed}");
        if !outcome.counts() {
            idle.push(seed);
        }
        for (sum, n) in kinds.iter_mut().zip(outcome.fired.0) {
            *sum += n;
        }
    }
    assert!(idle.len() <= 2, "seeds {idle:?} tried too little");
    assert!(
        kinds.iter().all(|n| *n > 0),
        "a kind of fault never fired: {kinds:?}"
    );
}

/// Scenario: a seed twice. Guarantee: the same happenings in the same order, to the last count; another seed differs.
#[test]
fn the_same_seed_is_the_same_run() {
    let [first, again, other]: [Outcome; 3] = [7, 7, 8].map(|seed| run(seed, None));
    assert_eq!(first, again);
    assert_ne!(first.log, other.log);
}

/// Scenario: mistakes that any seed should show soon. Guarantee: each is found, by the invariant that speaks of it.
#[test]
fn plain_mistakes_are_found_at_once() {
    let plain = [
        (Plant::Core(Bug::OneIsEnough), "acked_is_durable"),
        (Plant::Core(Bug::AckBeforeSync), "acked_is_durable"),
        (Plant::SpoolFreedBeforeAck, "spool_freed"),
        (Plant::Core(Bug::HintDropped), "hints_are_kept"),
        (Plant::DedupeLostAfterSeal, "no_duplicates"),
        (Plant::SeqReused, "no_phantoms"),
    ];
    for (plant, invariant) in plain {
        let found = (1..=40).find_map(|seed| run(seed, Some(plant)).violation);
        assert_eq!(found.map(|v| v.invariant), Some(invariant), "{plant:?}");
    }
}
