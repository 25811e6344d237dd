//! Rules on small trees.

use super::*;
use crate::definitions::Outline;
use crate::quoted::{Kind, NodeId, Quoted};
use crate::sample::sample;

fn flow(text: &str) -> (Quoted, FunctionFlow) {
    let tree = sample(text);
    let outline = Outline::of(&tree);
    let found = analyze(&tree, &outline, 0).unwrap();
    (tree, found)
}

fn variables(tree: &Quoted, name: &str) -> Vec<NodeId> {
    (0..tree.nodes().len())
        .map(NodeId::new)
        .filter(|node| tree.node(*node).kind == Kind::Variable && tree.text(*node) == name)
        .collect()
}

/// Scenario: `x = 1; x = x + 1; x`. Guarantee: two versions; each reading means the version before it.
#[test]
fn a_rebinding_is_a_new_version() {
    let (tree, flow) = flow("(def (f) [{:do (__block__ (= x 1) (= x (+ x 1)) x)}])");
    let versions: Vec<u32> = flow.dfg.bindings.iter().map(|binding| binding.version).collect();
    assert_eq!(versions, [0, 1]);
    let x = variables(&tree, "x");
    let uses: Vec<(NodeId, Option<u32>)> = flow
        .dfg
        .uses
        .iter()
        .map(|read| (read.node, read.binding))
        .collect();
    assert_eq!(uses, [(x[2], Some(0)), (x[3], Some(1))]);
}

/// Scenario: a binding inside an arm of `if`. Guarantee: after the `if` the name means what it did before.
#[test]
fn a_binding_does_not_leave_an_arm() {
    let (tree, flow) =
        flow("(def (f a) [{:do (__block__ (= x 1) (if a [{:do (= x 2)} {:else (= x 3)}]) x)}])");
    let last = *variables(&tree, "x").last().unwrap();
    let read = flow.dfg.uses.iter().find(|read| read.node == last).unwrap();
    assert_eq!(read.binding, Some(1));
}

/// Scenario: statements after `raise`, and after an `if` one arm of which raises. Guarantee: only the first are
/// unreachable.
#[test]
fn nothing_follows_a_raise() {
    let (tree, flow) = flow(
        "(def (f a) [{:do (__block__ (if a [{:do (__block__ (raise \"no\") (dead))}]) (alive) (raise \"end\") (dead))}])",
    );
    let dead: Vec<&str> = flow.cfg.unreachable().map(|node| tree.text(node)).collect();
    assert_eq!(dead, ["dead", "dead"]);
}
