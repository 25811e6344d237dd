//! Tables of places against the rule that they stand for, which walks all definitions.

use proptest::prelude::*;

use super::cover::Cover;
use super::{Alias, Outline, aliases};
use crate::quoted::{NodeId, Quoted};
use crate::sample::sample;

/// The innermost module around a node: a module comes after the one around it.
fn module_at(outline: &Outline, tree: &Quoted, node: NodeId) -> Option<u32> {
    let found = outline.modules.iter().rposition(|module| {
        tree.contains(module.node, node) && module.body.is_some_and(|body| tree.contains(body, node))
    });
    found.map(|index| index as u32)
}

fn clause_at(outline: &Outline, tree: &Quoted, node: NodeId) -> Option<u32> {
    let index = outline
        .clauses
        .iter()
        .rposition(|clause| tree.contains(clause.node, node))?;
    let function = outline.clauses[index].function as usize;
    (outline.functions[function].module == module_at(outline, tree, node)).then_some(index as u32)
}

fn expand(outline: &Outline, tree: &Quoted, node: NodeId) -> Option<String> {
    let holds = |alias: &&Alias| alias.from as usize <= node.index() && tree.contains(alias.scope, node);
    let known = |short: &str| {
        let mut named = outline.aliases.iter().rev().filter(|alias| alias.short == short);
        named.find(holds)
    };
    let module = module_at(outline, tree, node).map(|index| &outline.modules[index as usize]);
    let name = module.and_then(|module| module.names.first()).map(String::as_str);
    aliases::expand(tree, known, name, node)
}

/// Definitions and aliases in one another, as the text of a sample.
fn forms() -> impl Strategy<Value = String> {
    let name = "[ABC]";
    let leaf = prop_oneof![
        (name, name).prop_map(|(a, b)| format!("(alias {a}.{b})")),
        (name, name).prop_map(|(a, b)| format!("(alias {a} [{{:as {b}}}])")),
        (name, name).prop_map(|(a, b)| format!("(g {a} {a}.{b})")),
        Just("(@ (behaviour A))".to_owned()),
    ];
    leaf.prop_recursive(5, 60, 5, move |inner| {
        let body =
            prop::collection::vec(inner, 0..5).prop_map(|forms| format!("(__block__ {})", forms.join(" ")));
        prop_oneof![
            (name, body.clone()).prop_map(|(a, body)| format!("(defmodule {a} [{{:do {body}}}])")),
            (name, name, body.clone())
                .prop_map(|(a, b, body)| format!("(defimpl {a} [{{:for {b}}}] [{{:do {body}}}])")),
            ("[fg]", body.clone()).prop_map(|(f, body)| format!("(def ({f} x) [{{:do {body}}}])")),
            (name, body.clone()).prop_map(|(a, body)| format!("(if {a} [{{:do {body}}} {{:else {body}}}])")),
            body.prop_map(|body| format!("(quote [{{:do {body}}}])")),
        ]
    })
}

proptest! {
    /// Scenario: any ranges, nested or not, asked at every place. Guarantee: the answer is the last range that covers
    /// the place.
    #[test]
    fn the_last_range_covers(ranges in prop::collection::vec((0usize..40, 0usize..20), 0..12)) {
        let ranges: Vec<_> = ranges.into_iter().map(|(start, length)| start..start + length).collect();
        let cover = Cover::of(ranges.iter().cloned());
        for place in 0..64 {
            let last = ranges.iter().rposition(|range| range.contains(&place));
            prop_assert_eq!(cover.last_at(place), last.map(|index| index as u32), "{}", place);
        }
    }

    /// Scenario: files with modules, clauses, quotes and aliases nested at random, asked at every node. Guarantee:
    /// module, clause and meaning of an alias are those that a walk over all definitions finds.
    #[test]
    fn tables_answer_as_a_walk_does(forms in prop::collection::vec(forms(), 1..4)) {
        let tree = sample(&format!("(__block__ {})", forms.join(" ")));
        let outline = Outline::of(&tree);
        for node in (0..tree.nodes().len() + 2).map(NodeId::new) {
            prop_assert_eq!(outline.module_at(&tree, node), module_at(&outline, &tree, node));
            prop_assert_eq!(outline.clause_at(&tree, node), clause_at(&outline, &tree, node));
            prop_assert_eq!(outline.expand(&tree, node), expand(&outline, &tree, node));
        }
    }
}
