//! Names of modules, as the VM has them, from how they are written and where.

use super::aliases::{Aliases, expand, last};
use super::flat::FlatTree;

/// A part of the file with its own module and aliases. Indices are into the flat tree.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// After its last node.
    pub(super) end: u32,
    /// The innermost module's index, and its name without `Elixir.` if that is known.
    pub(super) module: Option<(u32, Option<String>)>,
    /// Inside `quote`: what is defined here is defined elsewhere.
    pub(super) quoted: bool,
    pub(super) aliases: Aliases,
}

/// A module's name as it is written.
enum Written {
    /// `Shop.Stock`, without blanks.
    Alias(String),
    /// The full name, without `Elixir.`: `__MODULE__.Stock`.
    Full(String),
    /// `:shop`, an Erlang name.
    Atom(String),
}

/// Longest name, in characters: an atom's limit. What is longer does not compile; and names that grow with their nesting
/// must not fill the memory.
const NAME_CHARS_MAX: usize = 255;
/// Most types of one `defimpl`.
const TYPES_MAX: usize = 256;
/// Most dots after `__MODULE__`.
const DOTS_MAX: usize = 32;

fn is_name(name: &str) -> bool {
    name.chars().count() <= NAME_CHARS_MAX
}

/// The VM's name.
fn vm(name: &str) -> String {
    format!("Elixir.{name}")
}

fn aliases(scopes: &[Scope]) -> impl DoubleEndedIterator<Item = &Aliases> {
    scopes.iter().map(|scope| &scope.aliases)
}

fn module_of(scopes: &[Scope]) -> Option<&str> {
    scopes.last()?.module.as_ref()?.1.as_deref()
}

fn written(flat: &FlatTree<'_>, scopes: &[Scope], node: u32, dots_max: usize) -> Option<Written> {
    let text = flat.text_of(node);
    match flat.node(node).kind {
        "alias" => Some(Written::Alias(text.split_whitespace().collect())),
        "atom" => Some(Written::Atom(text.strip_prefix(':')?.to_owned())),
        "quoted_atom" => {
            let content = flat.child(node, "quoted_content")?;
            Some(Written::Atom(flat.text_of(content).to_owned()))
        }
        "identifier" if text == "__MODULE__" => Some(Written::Full(module_of(scopes)?.to_owned())),
        // `__MODULE__.Stock` is a call without arguments, or a bare dot, of an alias.
        "call" => written(
            flat,
            scopes,
            flat.field(node, "target")?,
            dots_max.checked_sub(1)?,
        ),
        "dot" => {
            let (left, right) = (flat.field(node, "left")?, flat.field(node, "right")?);
            let Written::Full(left) = written(flat, scopes, left, dots_max.checked_sub(1)?)? else {
                return None;
            };
            let Written::Alias(right) = written(flat, scopes, right, 0)? else {
                return None;
            };
            Some(Written::Full(format!("{left}.{right}")))
        }
        _ => None,
    }
}

/// An alias, `__MODULE__` or an atom, outside of a definition: the name without `Elixir.`.
fn reference(flat: &FlatTree<'_>, scopes: &[Scope], node: u32) -> Option<String> {
    let name = match written(flat, scopes, node, DOTS_MAX)? {
        Written::Alias(name) => expand(aliases(scopes), &name),
        Written::Full(name) | Written::Atom(name) => name,
    };
    Some(name).filter(|name| is_name(name))
}

/// The name of `defmodule` or `defprotocol`, and the name without `Elixir.` for what is inside. A nested module with an
/// alias for a name belongs to the one around it, and its first segment becomes an alias there
/// (`Kernel.defmodule/2`).
pub(super) fn defined(flat: &FlatTree<'_>, scopes: &mut [Scope], node: u32) -> Option<(String, String)> {
    let both = match written(flat, scopes, node, DOTS_MAX)? {
        Written::Atom(name) => (name.clone(), name),
        Written::Full(name) => (vm(&name), name),
        Written::Alias(name) => {
            let full = match (scopes.last()?.module.is_some(), name.strip_prefix("Elixir.")) {
                (_, Some(absolute)) => absolute.to_owned(),
                (true, None) => {
                    let outer = module_of(scopes)?.to_owned();
                    let first = name.split('.').next().unwrap_or(&name);
                    let inner = format!("{outer}.{first}");
                    if let Some(scope) = scopes.last_mut() {
                        scope.aliases.add(first, &inner);
                    }
                    format!("{outer}.{name}")
                }
                (false, None) => expand(aliases(scopes), &name),
            };
            (vm(&full), full)
        }
    };
    Some(both).filter(|(name, _)| is_name(name))
}

/// The names of `defimpl`: the protocol's followed by each type's.
pub(super) fn implemented(flat: &FlatTree<'_>, scopes: &[Scope], call: u32, protocol: u32) -> Vec<String> {
    let Some(protocol) = reference(flat, scopes, protocol) else {
        return Vec::new();
    };
    let types: Vec<Option<String>> = match flat.keyword(call, "for") {
        None => vec![module_of(scopes).map(str::to_owned)],
        Some(list) if flat.node(list).kind == "list" => flat
            .terms(list)
            .map(|item| reference(flat, scopes, item))
            .collect(),
        Some(single) => vec![reference(flat, scopes, single)],
    };
    types
        .into_iter()
        .flatten()
        .take(TYPES_MAX)
        .map(|kind| vm(&format!("{protocol}.{kind}")))
        .filter(|name| is_name(name))
        .collect()
}

/// Takes an `alias` directive into the innermost scope.
pub(super) fn take_alias(flat: &FlatTree<'_>, scopes: &mut [Scope], call: u32) {
    let Some(&what) = flat.arguments(call).first() else {
        return;
    };
    let mut found = Vec::new();
    let dot = if flat.node(what).kind == "call" {
        flat.field(what, "target").unwrap_or(what)
    } else {
        what
    };
    let group = flat
        .field(dot, "right")
        .filter(|right| flat.node(*right).kind == "tuple");
    if let (Some(group), Some(left)) = (group, flat.field(dot, "left")) {
        let Some(left) = reference(flat, scopes, left) else {
            return;
        };
        for item in flat.terms(group).filter(|item| flat.node(*item).kind == "alias") {
            let item: String = flat.text_of(item).split_whitespace().collect();
            found.push((last(&item).to_owned(), format!("{left}.{item}")));
        }
    } else if let Some(full) = reference(flat, scopes, what) {
        let renamed = flat
            .keyword(call, "as")
            .map(|short| flat.text_of(short).to_owned());
        found.push((renamed.unwrap_or_else(|| last(&full).to_owned()), full));
    }
    if let Some(scope) = scopes.last_mut() {
        let fitting = found.iter().filter(|(_, full)| is_name(full));
        fitting.for_each(|(short, full)| scope.aliases.add(short, full));
    }
}
