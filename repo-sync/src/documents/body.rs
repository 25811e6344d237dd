//! The words of a body: names, texts and atoms, and what it calls; each once, because how often a variable is used says
//! nothing about what a function is for. A text with blanks in it is a message to a person: prose.

use std::collections::BTreeSet;
use std::ops::Range;

use codegraph::definitions::Outline;
use codegraph::quoted::{Kind, NodeId, Quoted, Symbol};
use search::{Document, SEPARATOR};

/// Most bytes of one text of a body; longer ones are data.
const LITERAL_BYTES_MAX: usize = 4096;

/// Names that are syntax: they stand in nearly every body.
const SYNTAX: &[&str] = &[
    "__aliases__",
    "__block__",
    "def",
    "defdelegate",
    "defguard",
    "defguardp",
    "defimpl",
    "defmacro",
    "defmacrop",
    "defmodule",
    "defp",
    "defprotocol",
    "do",
];

/// Collects words.
pub(super) struct Body<'a> {
    tree: &'a Quoted,
    outline: &'a Outline,
    identifiers: Vec<Symbol>,
    literals: Vec<Symbol>,
    calls: Vec<(Option<NodeId>, Symbol)>,
}

/// The words that were collected.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    identifiers: String,
    literals: String,
    messages: String,
    calls: String,
}

impl Words {
    /// Puts them into a document, with its comments.
    pub(super) fn put(self, comments: &str, document: &mut Document) {
        comments.clone_into(&mut document.comments);
        if !self.messages.is_empty() {
            add(&mut document.comments, &self.messages, SEPARATOR);
        }
        document.identifiers = self.identifiers;
        document.literals = self.literals;
        document.calls = self.calls;
    }
}

impl<'a> Body<'a> {
    pub(super) fn new(tree: &'a Quoted, outline: &'a Outline) -> Self {
        Self {
            tree,
            outline,
            identifiers: Vec::new(),
            literals: Vec::new(),
            calls: Vec::new(),
        }
    }

    pub(super) fn identifier(&mut self, name: Symbol) {
        self.identifiers.push(name);
    }

    /// A clause: its parameters, guard and body.
    pub(super) fn clause(&mut self, node: NodeId) {
        for index in self.tree.subtree(node) {
            self.node(NodeId::new(index));
        }
    }

    /// A module's body without its functions, the modules inside it, and what is said about them.
    pub(super) fn module(&mut self, body: NodeId) {
        let tree = self.tree;
        let inside = tree.subtree(body);
        let clauses = self.outline.clauses.iter().map(|clause| clause.node);
        let modules = self.outline.modules.iter().map(|module| module.node);
        let attributes = self.outline.attributes.iter();
        let attributes = attributes.filter(|attribute| is_prose(tree.symbols().text(attribute.name)));
        let mut left_out: Vec<Range<usize>> = clauses
            .chain(modules)
            .chain(attributes.map(|attribute| attribute.node))
            .map(|node| tree.subtree(node))
            .filter(|range| range.start >= inside.start && range.end <= inside.end)
            .collect();
        left_out.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
        let mut at = inside.start;
        for range in left_out
            .into_iter()
            .chain(std::iter::once(inside.end..inside.end))
        {
            for index in at..range.start {
                self.node(NodeId::new(index));
            }
            at = at.max(range.end);
        }
    }

    fn node(&mut self, id: NodeId) {
        let tree = self.tree;
        let node = tree.node(id);
        match node.kind {
            Kind::Variable => self.identifiers.push(node.symbol),
            Kind::Call if node.symbol != Symbol::NONE => self.calls.push((None, node.symbol)),
            Kind::Atom | Kind::String | Kind::Charlist => self.literals.push(node.symbol),
            Kind::Apply => {
                let Some((callee, _)) = tree.kids(id).split_first() else {
                    return;
                };
                if let Some((module, _, _)) = tree.remote_call(id)
                    && let Some(name) = tree.kid(*callee, 1)
                {
                    self.calls.push((Some(module), tree.node(name).symbol));
                }
            }
            _ => {}
        }
    }

    pub(super) fn finish(mut self) -> Words {
        let mut words = Words::default();
        let tree = self.tree;
        self.identifiers.sort_unstable();
        self.identifiers.dedup();
        for name in self.identifiers {
            let text = tree.symbols().text(name);
            if is_word(text) {
                add(&mut words.identifiers, text, ' ');
            }
        }
        self.literals.sort_unstable();
        self.literals.dedup();
        for literal in self.literals {
            let text = tree.symbols().text(literal);
            if text.len() <= LITERAL_BYTES_MAX && is_word(text) {
                let is_message = text.contains(char::is_whitespace);
                let to = if is_message {
                    &mut words.messages
                } else {
                    &mut words.literals
                };
                add(to, text, SEPARATOR);
            }
        }
        let mut calls = BTreeSet::new();
        for (module, name) in self.calls {
            let name = tree.symbols().text(name);
            if !is_word(name) {
                continue;
            }
            let module = module.and_then(|module| self.outline.expand(tree, module));
            calls.insert(match module {
                Some(module) => format!("{}.{name}", module.strip_prefix("Elixir.").unwrap_or(&module)),
                None => name.to_owned(),
            });
        }
        for call in &calls {
            add(&mut words.calls, call, ' ');
        }
        words
    }
}

fn add(to: &mut String, text: &str, separator: char) {
    if !to.is_empty() {
        to.push(separator);
    }
    to.push_str(text);
}

fn is_word(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric) && SYNTAX.binary_search(&text).is_err()
}

/// What is in a field of its own.
fn is_prose(attribute: &str) -> bool {
    matches!(
        attribute,
        "moduledoc" | "doc" | "typedoc" | "spec" | "type" | "typep" | "opaque" | "callback" | "macrocallback"
    )
}

#[cfg(test)]
mod tests {
    use super::SYNTAX;

    /// Scenario: the list that is searched by halves. Guarantee: it is sorted.
    #[test]
    fn syntax_is_sorted() {
        assert!(SYNTAX.is_sorted());
    }
}
