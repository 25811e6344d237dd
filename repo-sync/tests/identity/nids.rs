use std::path::PathBuf;

use codegraph::identity::Identities;
use repo_sync::lower::Lowerer;

use crate::edit::Edited;
use crate::measure::{Count, measure, versions};
use crate::mutate::Refactoring;
use crate::source::{Dice, Source, corpus};

#[expect(clippy::expect_used, reason = "a test")]
fn own_source() -> (Lowerer, Vec<Source>) {
    let mut lowerer = Lowerer::new().expect("the grammar loads");
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../beam");
    let files = corpus(&root, &mut lowerer);
    assert!(files.len() > 10, "{} files", files.len());
    (lowerer, files)
}

/// Scenario: every refactoring, done to each file of the BEAM library at places that two seeds choose. Guarantee: of
/// the nodes of the functions it touched that still exist, at least the goal's part has the nid that it had; counted over
/// all files.
#[test]
fn refactorings_keep_nids() {
    let (mut lowerer, files) = own_source();
    for kind in Refactoring::ALL {
        let mut count = Count::default();
        for seed in 1..=2u64 {
            for (index, file) in files.iter().enumerate() {
                measure(
                    file,
                    kind,
                    seed * 1_000_003 + index as u64,
                    &mut lowerer,
                    &mut count,
                );
            }
        }
        assert!(count.files > 10, "{kind:?} found no place: {count:?}");
        assert!(
            count.part() >= kind.goal(),
            "{kind:?} keeps {:.4}: {count:?}",
            count.part()
        );
    }
}

/// Scenario: all files other than in layout and comments. Guarantee: equal content ids, so that nothing is computed anew.
#[test]
fn layout_changes_no_content_id() {
    let (mut lowerer, files) = own_source();
    let mut changed = 0;
    for kind in [Refactoring::Reformat, Refactoring::Comment] {
        for (index, file) in files.iter().enumerate() {
            let edits = kind.edits(file, &mut Dice(index as u64)).unwrap();
            let edited = Edited::new(&file.text, edits);
            changed += usize::from(edited.text != file.text);
            let new = Source::read(&mut lowerer, &file.path, edited.text).unwrap();
            assert_eq!(new.contents, file.contents, "{} seed {index}", file.path);
        }
    }
    assert!(changed > files.len(), "{changed} texts changed");
}

/// Scenario: a chain of refactorings of one file, each on the result of the one before. Guarantee: no two nodes of a
/// version share a nid, no nid that died comes back, a second run gives the same bytes, and the ids survive being stored.
#[test]
fn a_long_history_stays_consistent() {
    let (mut lowerer, files) = own_source();
    for (index, file) in files
        .iter()
        .enumerate()
        .filter(|(_, file)| file.tree.nodes().len() > 300)
    {
        let mut dice = Dice(77 + index as u64);
        let (ids, _) = versions(&[file], &[file]);
        let (mut now, mut ids) = (file.clone(), ids[0].clone());
        let (mut alive, mut dead) = (
            ids.nids.iter().collect::<std::collections::BTreeSet<_>>(),
            std::collections::BTreeSet::new(),
        );
        for version in 2..8u8 {
            let kind = Refactoring::ALL[dice.roll(Refactoring::ALL.len())];
            let Some(edits) = kind.edits(&now, &mut dice) else {
                continue;
            };
            let Some(new) = Source::read(&mut lowerer, &now.path, Edited::new(&now.text, edits).text) else {
                continue;
            };
            let follow = || {
                let mut born = crate::measure::born(version);
                codegraph::lineage::succeed(
                    &[now.file()],
                    std::slice::from_ref(&ids),
                    &[new.file()],
                    &mut born,
                )
            };
            let after = follow();
            assert_eq!(after, follow());
            let after = after.identities[0].clone();
            assert_eq!(Identities::decode(&after.encode()).unwrap(), after);
            let next: std::collections::BTreeSet<_> = after.nids.iter().collect();
            assert_eq!(
                next.len(),
                new.tree.nodes().len(),
                "{} version {version}: a nid twice",
                file.path
            );
            assert!(
                next.is_disjoint(&dead),
                "{} version {version}: a dead nid came back",
                file.path
            );
            dead.extend(alive.difference(&next).copied());
            (alive, now, ids) = (next, new, after);
        }
    }
}
