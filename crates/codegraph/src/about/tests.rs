//! What is read of a module's attributes, and text that a quoted form becomes.

use super::{About, Doc, Implements, TypeKind, render};
use crate::definitions::Outline;
use crate::quoted::NodeId;
use crate::sample::sample;

const SHOP: &str = r#"
(defmodule Shop [{:do (__block__
  (@ (moduledoc "sells"))
  (@ (moduledoc [{:since "1.2"}]))
  (@ (behaviour GenServer))
  (use Lib.Base [{:only :x}])
  (@ (enforce_keys [:id]))
  (defstruct [:id {:count 0}])
  (@ (typedoc "a count"))
  (@ (opaque (:: (count a) (list a))))
  (@ (doc "starts"))
  (@ (callback (:: (init term) state)))
  (@ (optional_callbacks [{:init 1}]))
  (@ (timeout 5000))
  (@ (doc "takes"))
  (@ (doc [{:deprecated "no more"}]))
  (@ (spec (:: (take (integer) by) (| (integer) nil))))
  (@ (impl GenServer))
  (def (take n (\\ by 1)) [{:do n}])
  (def (next x) [{:do x}])
  (@ (doc :false))
  (def (made x) [{:do x}])
)}])"#;

/// Scenario: a module that says everything of itself. Guarantee: each piece is found where it belongs: the document
/// before a callback is not the next function's, fields know what is enforced.
#[test]
fn a_module_says_what_it_is() {
    let tree = sample(SHOP);
    let outline = Outline::of(&tree);
    let about = About::of(&tree, &outline);
    let module = &about.modules[0];
    assert_eq!(module.doc, Doc::Text("sells".to_owned()));
    assert_eq!(module.metadata, [("since".to_owned(), "1.2".to_owned())]);
    assert_eq!(module.behaviours, ["Elixir.GenServer"]);
    let fields: Vec<(&str, Option<&str>, bool)> = module
        .fields
        .iter()
        .map(|field| (field.name.as_str(), field.default.as_deref(), field.is_enforced))
        .collect();
    assert_eq!(fields, [("id", None, true), ("count", Some("0"), false)]);
    let kind = &module.types[0];
    assert_eq!(
        (kind.kind, kind.arity, kind.text.as_str()),
        (TypeKind::Opaque, 1, "count(a) :: list(a)")
    );
    assert_eq!(kind.doc.text(), Some("a count"));
    let callback = &module.callbacks[0];
    assert_eq!(
        (
            callback.name.as_str(),
            callback.is_optional,
            callback.doc.text(),
            callback.specs[0].text.as_str()
        ),
        ("init", true, Some("starts"), "init(term) :: state")
    );
    assert_eq!(
        (
            module.attributes[0].name.as_str(),
            module.attributes[0].value.as_str()
        ),
        ("timeout", "5000")
    );
    assert_eq!(module.directives[0].targets, ["Elixir.Lib.Base"]);
    assert_eq!(module.directives[0].options.as_deref(), Some("[only: :x]"));
    let [take, next, made] = about.functions.as_slice() else {
        panic!("three functions");
    };
    assert_eq!(take.doc.text(), Some("takes"));
    assert_eq!(take.deprecated.as_deref(), Some("no more"));
    assert_eq!(
        take.implements,
        Implements::Behaviour("Elixir.GenServer".to_owned())
    );
    assert_eq!(take.specs[0].text, "take(integer(), by) :: integer() | nil");
    assert_eq!(*next, super::FunctionAbout::default());
    assert_eq!(made.doc, Doc::Hidden);
}

/// Scenario: operators inside of one another, against and along their precedence. Guarantee: parentheses where they are
/// needed, and nowhere else.
#[test]
fn operators_get_the_parentheses_that_they_need() {
    let text = |form: &str| {
        let tree = sample(form);
        render(&tree, tree.root().unwrap_or_else(|| NodeId::new(0)), 1000).text
    };
    assert_eq!(text("(* (+ a b) c)"), "(a + b) * c");
    assert_eq!(text("(+ (* a b) c)"), "a * b + c");
    assert_eq!(text("(- a (- b c))"), "a - (b - c)");
    assert_eq!(text("(- (- a b) c)"), "a - b - c");
    assert_eq!(text("(<> a (<> b c))"), "a <> b <> c");
    assert_eq!(text("(<> (<> a b) c)"), "(a <> b) <> c");
    assert_eq!(text("(not (in a b))"), "a not in b");
    assert_eq!(text("(! (== a b))"), "!(a == b)");
    assert_eq!(text("(& (+ (& 1) 2))"), "&(&1 + 2)");
    assert_eq!(text("(& (/ (apply! (. Lib.Money :of)) 2))"), "&Lib.Money.of/2");
    assert_eq!(text("(f [{:a 1} {:b (| x y)}])"), "f(a: 1, b: x | y)");
    assert_eq!(text("[(-> [a b] c)]"), "(a, b -> c)");
    assert_eq!(text("(apply! (. f) 1)"), "f.(1)");
    assert_eq!(text("(.. 1 (+ n 1))"), "1..n + 1");
    assert_eq!(text("(- (- 1))"), "- -1");
}

/// Scenario: a subtree whose text is longer than what is asked for, and one nested 100,000 deep. Guarantee: the text ends
/// at the limit and says so; depth costs no stack.
#[test]
fn text_is_bounded() {
    let tree = sample("[100 200 300]");
    let cut = render(&tree, tree.root().unwrap_or_else(|| NodeId::new(0)), 7);
    assert_eq!((cut.text.as_str(), cut.is_cut), ("[100, 2...", true));
    let mut builder = crate::quoted::Builder::new();
    let (no, at) = (crate::quoted::Flags::default(), crate::quoted::Place::default());
    let mut node = builder.named(crate::quoted::Kind::Integer, "1", no, at, &[]);
    for _ in 0..100_000 {
        node = builder.named(crate::quoted::Kind::Call, "-", no, at, &[node]);
    }
    let tree = builder.finish(Some(node));
    let whole = render(&tree, node, 1 << 20);
    assert!(!whole.is_cut && whole.text.ends_with("- -1"));
}
