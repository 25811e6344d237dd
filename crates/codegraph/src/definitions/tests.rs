//! What a file defines, and what it only quotes.

use super::{DirectiveKind, Outline};
use crate::DefinitionKind;
use crate::quoted::Symbol;
use crate::sample::sample;

const SHOP: &str = r#"
(defmodule Shop [{:do (__block__
  (alias Lib.Money)
  (alias (apply! (. Lib :!) Rate Tax.Vat))
  (@ (moduledoc "sells"))
  (defstruct [:id {:count 0}])
  (@ (doc "takes"))
  (@ (spec (:: (take (integer) (integer)) (integer))))
  (def (take n (\\ by 1)))
  (def (when (take 0 by) (> by 1)) [{:do by}])
  (def (take n by) [{:do (__block__ (alias Money [{:as M}]) (+ n by))} {:rescue []}])
  (defp helper [{:do 1}])
  (def (apply! (unquote name) x) [{:do x}])
  (defguard (when (is_small n) (< n 9)))
  (defdelegate (rate x) [{:to Rate}])
  (defmodule Stock [{:do (defimpl Money [{:for [Stock Tuple]}] [{:do (def (f x) [{:do (Money)}])}])}])
  (quote [{:do (def (made x) [{:do x}])}])
)}])"#;

/// Scenario: a module with all that a module holds. Guarantee: names as the VM has them, by nesting and aliases; one
/// function per name and arity, heads without body uncounted; nothing from inside `quote`.
#[test]
fn a_module_is_read() {
    let tree = sample(SHOP);
    let out = Outline::of(&tree);
    let names: Vec<&[String]> = out.modules.iter().map(|module| module.names.as_slice()).collect();
    assert_eq!(names[0], ["Elixir.Shop"]);
    assert_eq!(names[1], ["Elixir.Shop.Stock"]);
    assert_eq!(
        names[2],
        ["Elixir.Lib.Money.Shop.Stock", "Elixir.Lib.Money.Tuple"]
    );
    assert_eq!(
        (out.modules[2].kind, out.modules[2].parent),
        (DefinitionKind::Defimpl, Some(1))
    );
    let functions: Vec<(&str, u8, u8, usize)> = out
        .functions
        .iter()
        .map(|f| (tree.symbols().text(f.name), f.arity, f.defaults, f.clauses.len()))
        .collect();
    assert_eq!(
        functions,
        [
            ("take", 2, 1, 3),
            ("helper", 0, 0, 1),
            ("", 1, 0, 1),
            ("is_small", 1, 0, 1),
            ("rate", 1, 0, 1),
            ("f", 1, 0, 1)
        ]
    );
    assert_eq!(out.functions[2].name, Symbol::NONE);
    assert_eq!(out.functions[5].module, Some(2));
    let indices: Vec<Option<u32>> = out.clauses.iter().map(|clause| clause.index).collect();
    assert_eq!(indices[..4], [None, Some(0), Some(1), Some(0)]);
    let fields: Vec<&str> = out.modules[0]
        .fields
        .as_ref()
        .unwrap()
        .1
        .iter()
        .map(|s| tree.symbols().text(*s))
        .collect();
    assert_eq!(fields, ["id", "count"]);
}

/// Scenario: guard, body and sections of clauses. Guarantee: each is the node that was written.
#[test]
fn parts_of_clauses_are_found() {
    let tree = sample(SHOP);
    let out = Outline::of(&tree);
    let guarded = &out.clauses[1];
    assert_eq!(tree.show(guarded.guard.unwrap()), "{:>, [], [{:by, [], nil}, 1]}");
    assert_eq!(guarded.parameters(&tree).len(), 2);
    assert_eq!(tree.kids(out.clauses[2].sections.unwrap()).len(), 2);
    assert_eq!(tree.text(out.clauses[5].body.unwrap()), "<");
    assert_eq!(out.clauses[5].guard, None);
}

/// Scenario: attributes and directives. Guarantee: `@doc` and `@spec` know their function, an alias holds only where
/// it was written.
#[test]
fn attributes_and_aliases_know_their_place() {
    let tree = sample(SHOP);
    let out = Outline::of(&tree);
    let attributes: Vec<(&str, Option<u32>)> = out
        .attributes
        .iter()
        .map(|a| (tree.symbols().text(a.name), a.function))
        .collect();
    assert_eq!(
        attributes,
        [("moduledoc", None), ("doc", Some(0)), ("spec", Some(0))]
    );
    let about = out.attributes[2].about.unwrap();
    assert_eq!((tree.symbols().text(about.0), about.1), ("take", 2));
    let targets: Vec<&str> = out
        .directives
        .iter()
        .flat_map(|d| d.targets.iter().map(String::as_str))
        .collect();
    assert_eq!(
        targets,
        [
            "Elixir.Lib.Money",
            "Elixir.Lib.Rate",
            "Elixir.Lib.Tax.Vat",
            "Elixir.Lib.Money"
        ]
    );
    assert_eq!(out.directives[2].kind, DirectiveKind::Alias);
    assert_eq!(out.directives[2].clause, Some(2));
    let short: Vec<&str> = out.aliases.iter().map(|alias| alias.short.as_str()).collect();
    assert_eq!(short, ["Money", "Rate", "Vat", "M", "Stock"]);
    let inside = out.clauses[2].body.unwrap();
    assert!(tree.contains(out.aliases[3].scope, inside));
    assert!(!tree.contains(out.aliases[3].scope, out.clauses[3].node));
    assert_eq!(out.clause_at(&tree, inside), Some(2));
    assert_eq!(out.module_at(&tree, inside), Some(0));
}
