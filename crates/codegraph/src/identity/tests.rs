//! Content ids change with what the code says, and with nothing else; ids are minted alike everywhere.

use proptest::prelude::*;

use super::{Born, Contents, Identities, NodeHashes, RepositoryId};
use crate::definitions::Outline;
use crate::quoted::Quoted;
use crate::sample::sample;
use crate::{ContentHash, VersionId};

fn contents(text: &str) -> (Quoted, Outline, Contents) {
    let tree = sample(text);
    let outline = Outline::of(&tree);
    let contents = Contents::of(&tree, &outline);
    (tree, outline, contents)
}

fn module(name: &str, body: &str) -> String {
    format!("(defmodule {name} [{{:do (__block__ (@ (limit 3)) {body})}}])")
}

const SUM: &str =
    "(def (sum list by) [{:do (= total (+ by (sum list 1)))} {:after (|> list (sum 2))} {:x (& (/ sum 2))}])";

/// Scenario: a function whose locals, name and module are renamed. Guarantee: `exact` differs, `alpha` does not, on any
/// level.
#[test]
fn a_renaming_keeps_the_alpha_id() {
    let (_, _, before) = contents(&module("Shop", SUM));
    let renamed = SUM
        .replace("list", "items")
        .replace("by", "start")
        .replace("total", "t")
        .replace("sum", "add");
    let (_, _, after) = contents(&module("Store", &renamed));
    assert_ne!(before.functions[0].exact, after.functions[0].exact);
    assert_eq!(before.functions[0].alpha, after.functions[0].alpha);
    assert_ne!(before.modules[0].exact, after.modules[0].exact);
    assert_eq!(before.modules[0].alpha, after.modules[0].alpha);
    assert_eq!(before.attributes, after.attributes);
}

/// Scenario: changes that are no renaming: two locals become one, a called name, a literal, a local's name that is a
/// free name. Guarantee: `alpha` differs for each.
#[test]
fn what_is_no_renaming_changes_the_alpha_id() {
    let id = |text: &str| contents(text).2.functions[0].alpha;
    let base = id("(def (f a b) [{:do (g a b c 1)}])");
    for other in [
        "(def (f a a) [{:do (g a a c 1)}])",
        "(def (f a b) [{:do (g b a c 1)}])",
        "(def (f a b) [{:do (h a b c 1)}])",
        "(def (f a b) [{:do (g a b d 1)}])",
        "(def (f a b) [{:do (g a b c 2)}])",
        "(def (f a b) [{:do (g a b (@ c) 1)}])",
        "(defp (f a b) [{:do (g a b c 1)}])",
        "(def (f a b) [{:do (f a b c 1)}])",
    ] {
        assert_ne!(base, id(other), "{other}");
    }
    assert_eq!(base, id("(def (k x y) [{:do (g x y c 1)}])"));
}

/// Scenario: fixed code. Guarantee: its ids are these on every machine: they are stored, so a change of the canonical
/// bytes must come with a new format version.
#[test]
fn content_ids_are_golden() {
    let (_, _, contents) = contents(&module("Shop", SUM));
    assert_eq!(
        contents.functions[0].exact.to_string(),
        "5416016d64c888ab118f13dc27ec7d86"
    );
    assert_eq!(
        contents.functions[0].alpha.to_string(),
        "ab1f0085e10fbd0039c09ae56b5a4888"
    );
    assert_eq!(
        contents.file.exact.to_string(),
        "2ec2b7e0ca9ad11bf88335e8532fa95b"
    );
}

/// Scenario: the same subtree in two trees with other symbols before it. Guarantee: equal hashes; `blind` also if a
/// local has another name.
#[test]
fn node_hashes_do_not_depend_on_the_tree() {
    let (a, b) = (sample("(f (g x 1))"), sample("(zzz \"q\" (g y 1))"));
    let (a, b) = (NodeHashes::of(&a), NodeHashes::of(&b));
    assert_eq!(a.blind[2], b.blind[3]);
    assert_ne!(a.exact[2], b.exact[3]);
    assert_eq!(a.exact[1], b.exact[2]);
}

/// Scenario: ids of a file, twice, in the same and in another version. Guarantee: equal in the same version, all
/// different in another; each node has its own id, owned by the innermost function, module or file.
#[test]
fn ids_are_minted_alike_everywhere() {
    let text = module(
        "Shop",
        "(def (f x) [{:do x}]) (def (f y) [{:do y}]) (@ (type (:: (t) 1)))",
    );
    let (tree, outline, _) = contents(&text);
    let ids = |version: u8| {
        let mut born = Born::new(RepositoryId([7; 16]), VersionId(ContentHash([version; 32])));
        Identities::new(&mut born, "lib/shop.ex", &tree, &outline)
    };
    let (first, again, other) = (ids(1), ids(1), ids(2));
    assert_eq!(first, again);
    assert_ne!(first.functions, other.functions);
    let mut all: Vec<_> = first.nids.iter().collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), tree.nodes().len());
    let clause = outline.clauses[1];
    assert_eq!(
        first.nids.get(clause.node.index()).unwrap().entity,
        first.functions[0].entity
    );
    assert_ne!(first.clauses[0], first.clauses[1]);
    assert_eq!(first.nids.find(first.nids.get(5).unwrap()), Some(5));
    assert_eq!(Identities::decode(&first.encode()).unwrap(), first);
}

proptest! {
    /// Scenario: any bytes, and written ids with a byte changed or missing. Guarantee: an answer, never a panic; what
    /// is read is written back alike.
    #[test]
    fn decoding_is_total(noise in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..400, byte: u8) {
        let _ = Identities::decode(&noise);
        let (tree, outline, _) = contents(&module("Shop", SUM));
        let mut born = Born::new(RepositoryId([7; 16]), VersionId(ContentHash([1; 32])));
        let mut bytes = Identities::new(&mut born, "lib/shop.ex", &tree, &outline).encode();
        let at = at % bytes.len();
        prop_assert!(Identities::decode(&bytes[..at]).is_err());
        bytes[at] = byte;
        if let Ok(read) = Identities::decode(&bytes) {
            prop_assert!(Identities::decode(&read.encode()).is_ok_and(|again| again == read));
        }
    }
}
