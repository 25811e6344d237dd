//! What becomes of functions and nodes between two versions.

use super::{Evidence, LineageKind, SourceFile, Succession, succeed};
use crate::definitions::Outline;
use crate::identity::{Born, Contents, Identities, RepositoryId};
use crate::quoted::Quoted;
use crate::sample::sample;
use crate::{ContentHash, VersionId};

struct File {
    path: &'static str,
    tree: Quoted,
    outline: Outline,
    contents: Contents,
}

fn file(path: &'static str, text: &str) -> File {
    let tree = sample(text);
    let outline = Outline::of(&tree);
    let contents = Contents::of(&tree, &outline);
    File {
        path,
        tree,
        outline,
        contents,
    }
}

impl File {
    fn source(&self) -> SourceFile<'_> {
        SourceFile {
            path: self.path,
            tree: &self.tree,
            outline: &self.outline,
            contents: &self.contents,
        }
    }
}

fn born(version: u8) -> Born {
    Born::new(RepositoryId([1; 16]), VersionId(ContentHash([version; 32])))
}

fn follow(old: &[File], new: &[File]) -> (Vec<Identities>, Succession) {
    let mut first = born(1);
    let ids: Vec<Identities> = old
        .iter()
        .map(|file| Identities::new(&mut first, file.path, &file.tree, &file.outline))
        .collect();
    let old: Vec<_> = old.iter().map(File::source).collect();
    let new: Vec<_> = new.iter().map(File::source).collect();
    let succession = succeed(&old, &ids, &new, &mut born(2));
    (ids, succession)
}

fn module(name: &str, body: &str) -> String {
    format!("(defmodule {name} [{{:do (__block__ (@ (limit 3)) {body})}}])")
}

const TAKE: &str = "(def (take n list) [{:do (__block__ (= left (- (length list) n)) (check left 0) (store :stock left) \
                    (log \"took\" n) {:ok left})}])";
const SHOW: &str = "(def (show item) [{:do (render (name item) (price item))}])";

fn kinds(succession: &Succession, of: crate::identity::EntityKind) -> Vec<(LineageKind, Evidence)> {
    let edges = succession.edges.iter().filter(|edge| edge.entity == of);
    edges.map(|edge| (edge.kind, edge.evidence)).collect()
}

use crate::identity::EntityKind::{Function, Module};

/// Scenario: a function moves to another module, another is renamed with its locals. Guarantee: entities and nodes keep
/// their ids, and lineage says moved and renamed.
#[test]
fn moved_and_renamed_functions_keep_their_ids() {
    let old = [
        file("a.ex", &module("A", &format!("{TAKE} {SHOW}"))),
        file("b.ex", &module("B", "(def (other x) [{:do (+ x 1)}])")),
    ];
    let renamed = SHOW.replace("show", "present").replace("item", "thing");
    let new = [
        file("a.ex", &module("A", &renamed)),
        file(
            "b.ex",
            &module("B", &format!("{TAKE} (def (other x) [{{:do (+ x 1)}}])")),
        ),
    ];
    let (ids, after) = follow(&old, &new);
    assert_eq!(after.identities[1].functions[0], ids[0].functions[0]);
    assert_eq!(after.identities[0].functions[0], ids[0].functions[1]);
    assert_eq!(after.identities[1].functions[1], ids[1].functions[0]);
    assert_eq!(after.identities[1].clauses[0], ids[0].clauses[0]);
    let found = kinds(&after, Function);
    assert!(
        found.contains(&(LineageKind::Moved, Evidence::Content)),
        "{found:?}"
    );
    assert!(
        found.contains(&(LineageKind::Renamed, Evidence::Alpha)),
        "{found:?}"
    );
    assert!(
        !found.iter().any(|(kind, _)| *kind == LineageKind::Edited),
        "{found:?}"
    );
    let kept = new[1].outline.clauses[0].node;
    let before = old[0].outline.clauses[0].node;
    assert_eq!(
        after.identities[1].nids.get(kept.index()),
        ids[0].nids.get(before.index())
    );
}

/// Scenario: statements become a function of their own. Guarantee: the old function goes on with its id, the new one
/// has an `extracted` edge, and the moved nodes keep the ids that they were born with.
#[test]
fn extracted_nodes_keep_their_ids() {
    let old = [file("a.ex", &module("A", TAKE))];
    let rest =
        "(def (take n list) [{:do (__block__ (= left (- (length list) n)) (after n left) {:ok left})}])";
    let part =
        "(defp (after n left) [{:do (__block__ (check left 0) (store :stock left) (log \"took\" n))}])";
    let new = [file("a.ex", &module("A", &format!("{rest} {part}")))];
    let (ids, after) = follow(&old, &new);
    let ids_after = &after.identities[0];
    assert_eq!(ids_after.functions[0].entity, ids[0].functions[0].entity);
    let edge = after
        .edges
        .iter()
        .find(|edge| edge.kind == LineageKind::Extracted)
        .unwrap();
    assert_eq!(
        (edge.from, edge.to),
        (ids[0].functions[0].entity, ids_after.functions[1].entity)
    );
    let store = |file: &File| {
        (0..file.tree.nodes().len())
            .find(|n| file.tree.is_call(crate::quoted::NodeId::new(*n), "store", 2))
            .unwrap()
    };
    assert_eq!(
        ids_after.nids.get(store(&new[0])),
        ids[0].nids.get(store(&old[0]))
    );
}

/// Scenario: a function is deleted and another written, then a third version. Guarantee: new nodes get numbers above all
/// before; no id is given to two nodes.
#[test]
fn numbers_are_never_used_again() {
    let with = |body: &str| {
        file(
            "a.ex",
            &module("A", &format!("(def (f x) [{{:do (__block__ (keep x) {body})}}])")),
        )
    };
    let (first, second, third) = (with("(one x 1 2)"), with(""), with("{:two [x x]}"));
    let (ids, after) = follow(std::slice::from_ref(&first), std::slice::from_ref(&second));
    let after = after.identities;
    assert_eq!(after[0].functions[0].next, ids[0].functions[0].next);
    let last = succeed(&[second.source()], &after, &[third.source()], &mut born(3)).identities;
    let mut seen: Vec<_> = last[0].nids.iter().collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), third.tree.nodes().len());
    let before: Vec<_> = ids[0].nids.iter().collect();
    let reborn = last[0]
        .nids
        .iter()
        .filter(|nid| before.contains(nid) && !after[0].nids.iter().any(|kept| kept == *nid));
    assert_eq!(reborn.count(), 0);
}

/// Scenario: a module gets another name in another file and a copy of one of its functions goes elsewhere. Guarantee:
/// the module and its functions keep their ids; the copy is a new entity that says where it comes from.
#[test]
fn a_renamed_module_keeps_its_functions() {
    let old = [file("a.ex", &module("Shop.Stock", &format!("{TAKE} {SHOW}")))];
    let new = [
        file("copy.ex", &module("Copy", TAKE)),
        file("lib/store.ex", &module("Shop.Store", &format!("{SHOW} {TAKE}"))),
    ];
    let (ids, after) = follow(&old, &new);
    assert_eq!(after.identities[1].modules[0].entity, ids[0].modules[0].entity);
    assert_eq!(
        after.identities[1].functions[0].entity,
        ids[0].functions[1].entity
    );
    assert_eq!(
        after.identities[1].functions[1].entity,
        ids[0].functions[0].entity
    );
    let found = kinds(&after, Module);
    assert!(
        found.iter().any(|(kind, _)| *kind == LineageKind::Renamed),
        "{found:?}"
    );
    let copy = after
        .edges
        .iter()
        .find(|edge| edge.kind == LineageKind::Copied)
        .unwrap();
    assert_eq!(
        (copy.from, copy.to),
        (
            ids[0].functions[0].entity,
            after.identities[0].functions[0].entity
        )
    );
}

/// Scenario: the same two versions, twice; hash maps are seeded anew each time. Guarantee: the same bytes.
#[test]
fn the_result_is_the_same_everywhere() {
    let body = |n: usize| {
        (0..40).fold(String::new(), |text, i| {
            format!(
                "{text} (def (f{i} x) [{{:do (g{} (h x {}) [x {n}])}}])",
                i % 7,
                i % 3
            )
        })
    };
    let (old, new) = (
        [file("a.ex", &module("A", &body(1)))],
        [file("b.ex", &module("B", &body(2)))],
    );
    let first = follow(&old, &new).1;
    for _ in 0..5 {
        assert_eq!(follow(&old, &new).1, first);
    }
}

/// Scenario: calls nested 20,000 deep, before and after an edit at the bottom, and a list of 20,000 numbers, before and
/// after one in the middle is missing. Guarantee: an answer, without a stack overflow and in bounded time; what is the
/// same keeps its ids.
#[test]
fn deep_and_wide_code_is_matched() {
    use crate::quoted::{Builder, Flags, Kind, NodeId, Place, Symbol};
    let file = |deep: bool, last: &str| {
        let (mut b, no, at) = (Builder::new(), Flags::default(), Place::default());
        let mut node = b.named(Kind::Variable, last, no, at, &[]);
        if deep {
            for _ in 0..20_000 {
                node = b.named(Kind::Call, "f", no, at, &[node]);
            }
        } else {
            let mut all: Vec<NodeId> = Vec::new();
            for number in 0..20_000 {
                if number != 10_000 || last == "a" {
                    all.push(b.named(Kind::Integer, &number.to_string(), no, at, &[]));
                }
            }
            node = b.add(Kind::List, Symbol::NONE, no, at, &all);
        }
        let head = b.named(Kind::Call, "g", no, at, &[]);
        let key = b.named(Kind::Atom, "do", no, at, &[]);
        let pair = b.add(Kind::Pair, Symbol::NONE, no, at, &[key, node]);
        let list = b.add(Kind::List, Symbol::NONE, no, at, &[pair]);
        let root = b.named(Kind::Call, "def", no, at, &[head, list]);
        let tree = b.finish(Some(root));
        let outline = Outline::of(&tree);
        let contents = Contents::of(&tree, &outline);
        File {
            path: "a.ex",
            tree,
            outline,
            contents,
        }
    };
    for deep in [true, false] {
        let (old, new) = ([file(deep, "a")], [file(deep, "@b")]);
        let (ids, after) = follow(&old, &new);
        let kept = after.identities[0]
            .nids
            .iter()
            .filter(|nid| ids[0].nids.find(*nid).is_some());
        assert!(kept.count() >= new[0].tree.nodes().len() - 1);
        let sources = [old[0].source(), new[0].source()];
        let found = crate::clones::find(&sources, crate::clones::Options::default());
        assert!(!found.fragments.is_empty());
    }
}
