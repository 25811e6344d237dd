//! Clones of small samples: what is one, of which type, and what is none.

use super::{CloneType, Clones, Options, find};
use crate::definitions::Outline;
use crate::identity::Contents;
use crate::lineage::SourceFile;
use crate::sample::sample;

const BODY: &str = "(__block__ (= left (- (length list) n)) (check left 0) (apply! (. Repo :insert) {:stock left} \
                    [{:log true} {:wait 5}]) (log \"took\" n) (and (ready left) (open list)))";

fn clones(texts: &[&str]) -> Clones {
    let files: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let tree = sample(&format!(
                "(defmodule M{index} [{{:do (__block__ (use X) {text})}}])"
            ));
            let outline = Outline::of(&tree);
            let contents = Contents::of(&tree, &outline);
            (tree, outline, contents)
        })
        .collect();
    let files: Vec<_> = files
        .iter()
        .map(|(tree, outline, contents)| SourceFile {
            path: "m.ex",
            tree,
            outline,
            contents,
        })
        .collect();
    find(&files, Options::default())
}

fn only(texts: &[&str]) -> Option<(CloneType, usize)> {
    let found = clones(texts);
    assert!(found.groups.len() <= 1, "{:?}", found.groups);
    found
        .groups
        .first()
        .map(|group| (group.kind, group.members.len()))
}

/// Scenario: a function, and the same with one difference. Guarantee: the type that the difference makes.
#[test]
fn differences_make_types() {
    let f = format!("(def (take n list) [{{:do {BODY}}}])");
    let same = |other: &str| only(&[&f, other]);
    assert_eq!(same(&f), Some((CloneType::One, 2)));
    let renamed = f
        .replace("take", "get")
        .replace("list", "items")
        .replace("left", "rest");
    assert_eq!(same(&renamed), Some((CloneType::Two, 2)));
    assert_eq!(
        same(&f.replace("\"took\"", "\"gone\"").replace(" 5", " 6")),
        Some((CloneType::Two, 2))
    );
    assert_eq!(
        same(&f.replace("{:log true} {:wait 5}", "{:wait 5} {:log true}")),
        Some((CloneType::Two, 2))
    );
    let piped = f
        .replace("(length list)", "(|> list (length))")
        .replace("(and (ready left) (open list))", "(&& (open list) (ready left))");
    assert_eq!(same(&piped), Some((CloneType::Two, 2)));
    let piped = f.replace(
        "(apply! (. Repo :insert) {:stock left}",
        "(|> {:stock left} (apply! (. Repo :insert)",
    );
    let piped = piped.replace("{:wait 5}])", "{:wait 5}]))");
    assert_eq!(same(&piped), Some((CloneType::Two, 2)));
    // Two locals become one: no renaming any more.
    assert_eq!(
        same(&f.replace("log \"took\" n", "log \"took\" list")).map(|found| found.0),
        None
    );
    let longer = f.replace("(check left 0)", "(check left 0) (notify list)");
    assert_eq!(same(&longer), Some((CloneType::Three, 2)));
    assert_eq!(
        same(
            "(def (other a) [{:do (__block__ (start a) (stop (b a)) {:ok [a a 1 2 3 4 5]} (x (y (z (w a 1) 2) 3) 4))}])"
        ),
        None
    );
}

/// Scenario: equal code with `__MODULE__` in two modules, and in one. Guarantee: type II with a note across modules,
/// type I within one.
#[test]
fn code_of_a_module_is_not_the_same_elsewhere() {
    let f = format!(
        "(def (take n list) [{{:do {}}}])",
        BODY.replace("\"took\"", "__MODULE__")
    );
    let found = clones(&[&f, &f]);
    assert_eq!(found.groups[0].kind, CloneType::Two);
    assert!(found.groups[0].module_dependent);
    let within = clones(&[&format!("{f} {}", f.replace("take n list", "get n list more"))]);
    assert!(
        within.groups.iter().any(|group| group.kind == CloneType::One),
        "{:?}",
        within.groups
    );
}

/// Scenario: blocks that are equal in functions that are not. Guarantee: the largest equal block is found, once.
#[test]
fn blocks_are_found_in_other_functions() {
    let a = format!("(def (a n list) [{{:do (__block__ (one n) (case list [{{:do [(-> [1] {BODY})]}}]))}}])");
    let b = format!(
        "(def (b n list x) [{{:do (foo (if (bar x 1 2 3 4 5 6 7 8 9 (baz 1 (q 2))) [{{:do {BODY}}}]) (z (y (w 1 2) 3) 4) [5 6 (v 7)])}}])"
    );
    let found = clones(&[&a, &b]);
    let one: Vec<_> = found
        .groups
        .iter()
        .filter(|group| group.kind == CloneType::One)
        .collect();
    assert_eq!(one.len(), 1, "{:?}", found.groups);
    let nodes: Vec<u32> = one[0]
        .members
        .iter()
        .map(|member| found.fragments[*member as usize].nodes)
        .collect();
    assert_eq!(nodes, [sample(BODY).nodes().len() as u32; 2]);
}
