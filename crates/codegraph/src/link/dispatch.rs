//! Calls whose target is chosen when they run: a protocol's function reaches its implementations, a call of a module in a
//! variable the modules of a behaviour that has such a callback. All candidates, as far as the project's source has them.

use std::collections::{BTreeMap, BTreeSet};

use super::{How, Links};
use crate::DefinitionKind;
use crate::definitions::{DirectiveKind, Outline};
use crate::fact::{Confidence, Mark, Provenance};
use crate::quoted::Quoted;

/// Most candidates of one call.
const CANDIDATES_MAX: usize = 64;

/// What one file gives.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Its quoted form.
    pub tree: &'a Quoted,
    /// Its definitions.
    pub outline: &'a Outline,
    /// Its calls.
    pub links: &'a Links,
}

/// A call and a function that it may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dispatch {
    /// Index of the calling file, and of the call in its [`Links::calls`].
    pub from: (u32, u32),
    /// Index of the called file, and of the function in its outline.
    pub to: (u32, u32),
    /// Inferred: possible if there is one candidate, else a guess.
    pub mark: Mark,
}

type Candidates<'a> = BTreeMap<(String, &'a str, u8), Vec<(u32, u32)>>;

/// The dispatches of all files, in the order of files and calls.
#[must_use]
pub fn dispatch(files: &[Source<'_>]) -> Vec<Dispatch> {
    let mut implementations = Candidates::new();
    let mut callbacks: BTreeSet<(String, &str, u8)> = BTreeSet::new();
    let mut behaving = Candidates::new();
    for (file, source) in files.iter().enumerate() {
        let file = number(file);
        collect(file, source, &mut implementations, &mut behaving, &mut callbacks);
    }
    // Of a behaviour's modules only what are its callbacks, by name and arity alone: a variable says no behaviour.
    let mut called: BTreeMap<(&str, u8), Vec<(u32, u32)>> = BTreeMap::new();
    for ((behaviour, name, arity), functions) in behaving {
        if callbacks.contains(&(behaviour, name, arity)) {
            called.entry((name, arity)).or_default().extend(functions);
        }
    }
    let mut found = Vec::new();
    for (file, source) in files.iter().enumerate() {
        for (index, call) in source.links.calls.iter().enumerate() {
            let name = source.links.text(call.name);
            let candidates = match call.how {
                How::Remote => {
                    let target = source.links.text(call.target).to_owned();
                    implementations.get(&(target, name, call.arity))
                }
                How::Dynamic => called.get(&(name, call.arity)),
                _ => None,
            };
            let candidates = candidates.map(Vec::as_slice).unwrap_or_default();
            let confidence = if candidates.len() == 1 {
                Confidence::Possible
            } else {
                Confidence::Guess
            };
            found.extend(candidates.iter().take(CANDIDATES_MAX).map(|to| Dispatch {
                from: (number(file), number(index)),
                to: *to,
                mark: Mark::new(Provenance::Inferred, confidence),
            }));
        }
    }
    found
}

fn collect<'a>(
    file: u32,
    source: &Source<'a>,
    implementations: &mut Candidates<'a>,
    behaving: &mut Candidates<'a>,
    callbacks: &mut BTreeSet<(String, &'a str, u8)>,
) {
    let (tree, outline) = (source.tree, source.outline);
    let mut behaviours: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for attribute in &outline.attributes {
        let Some(module) = attribute.module else {
            continue;
        };
        match (tree.symbols().text(attribute.name), attribute.about) {
            ("callback", Some((name, arity))) => {
                let names = outline.modules.get(module as usize).map(|module| &module.names);
                for behaviour in names.into_iter().flatten() {
                    callbacks.insert((behaviour.clone(), tree.symbols().text(name), arity));
                }
            }
            ("behaviour", _) => {
                let named = outline.expand(tree, attribute.value);
                behaviours.entry(module).or_default().extend(named);
            }
            _ => {}
        }
    }
    for directive in outline
        .directives
        .iter()
        .filter(|one| one.kind == DirectiveKind::Use)
    {
        if let Some(module) = directive.module {
            behaviours
                .entry(module)
                .or_default()
                .extend(directive.targets.iter().cloned());
        }
    }
    for (index, function) in outline.functions.iter().enumerate() {
        let Some(module) = function.module.filter(|_| function.kind == DefinitionKind::Def) else {
            continue;
        };
        let name = tree.symbols().text(function.name);
        let place = (file, number(index));
        let outer = outline.modules.get(module as usize);
        if let Some(outer) = outer.filter(|outer| outer.kind == DefinitionKind::Defimpl)
            && let Some(protocol) = outline.expand(tree, outer.name)
        {
            let key = (protocol, name, function.arity);
            implementations.entry(key).or_default().push(place);
        }
        for behaviour in behaviours.get(&module).into_iter().flatten() {
            let key = (behaviour.clone(), name, function.arity);
            behaving.entry(key).or_default().push(place);
        }
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
