use std::path::PathBuf;

use codegraph::clones::CloneType;
use repo_sync::lower::Lowerer;

use crate::plant::{Planted, plant};
use crate::source::corpus;

/// Scenario: clones of each type planted in the BEAM library, one of a clause of each file, at places that two seeds
/// choose. Guarantee: recall of 100 %, 99 % and 90 %; and of the pairs that a planted piece is in, at least 90 % are with
/// its origin or with what was a clone of that before.
#[test]
fn planted_clones_are_found() {
    let mut lowerer = Lowerer::new().unwrap();
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../beam");
    let files = corpus(&root, &mut lowerer);
    for (kind, recall_min) in [
        (CloneType::One, 1.0),
        (CloneType::Two, 0.99),
        (CloneType::Three, 0.9),
    ] {
        let (mut planted, mut found, mut pairs, mut right) = (0, 0, 0, 0);
        for seed in 1..=2 {
            let part: Planted = plant(&files, kind, seed, &mut lowerer);
            println!("{kind:?} seed {seed}: {part:#?}");
            planted += part.count;
            found += part.found;
            pairs += part.pairs;
            right += part.right;
        }
        assert!(planted > 20, "{kind:?}: {planted} planted");
        let (recall, precision) = (
            f64::from(found) / f64::from(planted),
            f64::from(right) / f64::from(pairs),
        );
        assert!(recall >= recall_min, "{kind:?}: {found} of {planted} found");
        assert!(precision >= 0.9, "{kind:?}: {right} of {pairs} pairs are right");
    }
}
