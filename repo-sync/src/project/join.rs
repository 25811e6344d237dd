//! Puts the facts of all files together: numbers for modules and functions, edges between them. Linear in the facts; no
//! text is compared but those of functions outside, because names are numbers.
//!
//! A join is kept. As long as the files that changed define the same names and call nothing outside that is new, only
//! their own places and calls are made again ([`Joined::patch`]); the result is the same as that of a new join.

use codegraph::fact::{Confidence, Mark, Provenance};
use codegraph::graph::{Edge, EdgeKind, Graph};
use codegraph::link::otp::{self, Facts};
use codegraph::link::{Call, How};
use codegraph::quoted::Symbol;
use rustc_hash::FxHashMap;

use super::expansion::rows;
use super::interner::Interner;
use super::moved::Moved;
use super::numbers::{Key, Numbers};
use super::state::FileState;
use super::{CallSite, Reading};

/// What one file calls.
#[derive(Debug, Default)]
pub(super) struct FileCalls {
    // Ascending.
    pub(super) sites: Vec<CallSite>,
    dynamic: Vec<(String, u8)>,
    calls: u64,
}

/// All files together.
#[derive(Debug, Default)]
pub(super) struct Joined {
    pub(super) numbers: Numbers,
    calls: Vec<FileCalls>,
    // Connections that no call says, by the file that they come from; ascending.
    inferred: Vec<Vec<CallSite>>,
    // Functions outside, and how many sites lead to each.
    outside: Vec<Key>,
    uses: Vec<u32>,
}

/// A function outside, while its number is not known.
const OUTSIDE: u32 = 1 << 31;

/// Functions outside, while all files are put together: numbered as they are met, and how many sites lead to each.
#[derive(Debug, Default)]
struct Outside {
    known: FxHashMap<Key, u32>,
    keys: Vec<Key>,
    uses: Vec<u32>,
}

impl Outside {
    fn number(&mut self, key: Key) -> u32 {
        let next = self.keys.len() as u32;
        let at = *self.known.entry(key).or_insert(next);
        if at == next {
            self.keys.push(key);
            self.uses.push(0);
        }
        OUTSIDE + at
    }
}

impl Joined {
    /// A join of these files, by path.
    pub(super) fn new(interner: &mut Interner, files: &[(&str, &FileState)]) -> Self {
        let all: Vec<usize> = (0..files.len()).collect();
        Self::default().renumber(interner, files, &all)
    }

    /// A join of the same files, of which some (ascending) changed: what the others call is kept, under the numbers that
    /// hold now.
    pub(super) fn renumber(
        self,
        interner: &mut Interner,
        files: &[(&str, &FileState)],
        changed: &[usize],
    ) -> Self {
        let mut joined = Self {
            numbers: Numbers::of(interner, files),
            ..Self::default()
        };
        let is_changed = |file: usize| changed.binary_search(&file).is_ok();
        let moved = Moved::new(&self.numbers, &self.outside, &joined.numbers, &is_changed);
        let mut old = self.calls.into_iter();
        let mut outside = Outside::default();
        for (file, (_, state)) in files.iter().enumerate() {
            let kept = old.next().filter(|_| !is_changed(file));
            let kept = kept.and_then(|kept| {
                let moved = moved.as_ref()?;
                moved.calls(file, kept, &mut |key| outside.number(key))
            });
            let found = kept.or_else(|| {
                let mut found = joined.file_calls(file, state, &mut |key| Some(outside.number(key)))?;
                found.sites.sort_unstable();
                Some(found)
            });
            let found = found.unwrap_or_default();
            for site in &found.sites {
                if let Some(at) = site.to.checked_sub(OUTSIDE) {
                    outside.uses[at as usize] += 1;
                }
            }
            joined.calls.push(found);
        }
        let used: Vec<usize> = (0..outside.keys.len())
            .filter(|at| outside.uses[*at] > 0)
            .collect();
        let keys: Vec<Key> = used.iter().map(|at| outside.keys[*at]).collect();
        let indices = joined.numbers.add_outside(interner, &keys);
        let (defined, first) = (
            joined.numbers.defined,
            joined.numbers.node_of(joined.numbers.defined),
        );
        joined.uses = vec![0; keys.len()];
        joined.outside = vec![Key::default(); keys.len()];
        let mut numbers = vec![0; outside.keys.len()];
        for (at, index) in used.iter().zip(&indices) {
            numbers[*at] = index - defined;
            joined.uses[(index - defined) as usize] = outside.uses[*at];
            joined.outside[(index - defined) as usize] = outside.keys[*at];
        }
        for file in &mut joined.calls {
            for site in &mut file.sites {
                if let Some(at) = site.to.checked_sub(OUTSIDE) {
                    site.to = first + numbers[at as usize];
                }
            }
            if !file.sites.is_sorted() {
                file.sites.sort_unstable();
            }
        }
        joined.inferred = joined.infer(files);
        joined
    }

    /// Takes in files that changed; `None` if that takes a new join. Says whether the graph's edges are others than
    /// before.
    pub(super) fn patch(
        &mut self,
        interner: &Interner,
        files: &[(&str, &FileState)],
        changed: &[usize],
    ) -> Option<bool> {
        if files.len() != self.calls.len() {
            return None;
        }
        let first = self.numbers.node_of(self.numbers.defined);
        let mut are_others = false;
        for file in changed {
            let (_, state) = files.get(*file)?;
            if !self.numbers.redefine(interner, *file as u32, state) {
                return None;
            }
            let mut found = self.file_calls(*file, state, &mut |_| None)?;
            found.sites.sort_unstable();
            for (sites, step) in [(&self.calls[*file].sites, -1), (&found.sites, 1)] {
                for site in sites {
                    let at = site.to.checked_sub(first).map(|at| at as usize);
                    if let Some(uses) = at.and_then(|at| self.uses.get_mut(at)) {
                        *uses = uses.wrapping_add_signed(step);
                    }
                }
            }
            are_others |= !same_edges(&self.calls[*file].sites, &found.sites);
            self.calls[*file] = found;
        }
        // What nobody calls any more has no number.
        if self.uses.contains(&0) {
            return None;
        }
        let inferred = self.infer(files);
        let both = self.inferred.iter().zip(&inferred);
        are_others |= both.into_iter().any(|(old, new)| !same_edges(old, new));
        self.inferred = inferred;
        Some(are_others)
    }

    /// What a file calls; `None` if a function outside has no number.
    fn file_calls(
        &self,
        file: usize,
        state: &FileState,
        outside: &mut dyn FnMut(Key) -> Option<u32>,
    ) -> Option<FileCalls> {
        let mut found = FileCalls {
            sites: Vec::with_capacity(state.linked.links.calls.len() / 2),
            ..FileCalls::default()
        };
        for call in &state.linked.links.calls {
            self.call(file, state, call, outside, &mut found)?;
        }
        Some(found)
    }

    fn call(
        &self,
        file: usize,
        state: &FileState,
        call: &Call,
        outside: &mut dyn FnMut(Key) -> Option<u32>,
        found: &mut FileCalls,
    ) -> Option<()> {
        found.calls += 1;
        let name = |symbol: Symbol| {
            let known = state.names.links.get(symbol.index());
            known.copied().unwrap_or(Symbol::NONE)
        };
        if call.how == How::Dynamic {
            let text = state.linked.links.text(call.name).to_owned();
            found.dynamic.push((text, call.arity));
            return Some(());
        }
        let kind = match call.how {
            _ if call.is_captured => EdgeKind::REFERENCES,
            How::Delegated => EdgeKind::DELEGATES,
            _ if call.is_macro => EdgeKind::EXPANDS,
            _ => EdgeKind::CALLS,
        };
        let called = name(call.name);
        for from in self.numbers.callers(file, state, call.module, call.clause) {
            let target = if call.how == How::Local {
                self.numbers.module_of(from)
            } else {
                name(call.target)
            };
            let key = |arity| (target, called, arity);
            let known = self.numbers.by_key.get(&key(call.defined_arity));
            let known = known.or_else(|| self.numbers.by_key.get(&key(call.arity)));
            let to = match known {
                Some(index) => self.numbers.node_of(*index),
                None if self.numbers.is_silent(target) => continue,
                None => outside(key(call.arity))?,
            };
            found.sites.push(CallSite {
                from,
                to,
                kind,
                line: state.places.line(call.node),
                clause_line: 0,
                mark: call.mark,
                how: if call.is_captured {
                    "captured"
                } else {
                    call.how.name()
                },
            });
        }
        Some(())
    }

    /// Connections that no call says.
    fn infer(&self, files: &[(&str, &FileState)]) -> Vec<Vec<CallSite>> {
        let mut inferred = vec![Vec::new(); files.len()];
        let facts: Vec<&Facts> = files.iter().map(|(_, state)| &state.linked.facts).collect();
        for edge in otp::connect(&facts) {
            self.connect(files, &edge, &mut inferred);
        }
        self.dispatch(files, &mut inferred);
        for sites in &mut inferred {
            sites.sort_unstable();
        }
        inferred
    }

    /// A protocol's function leads to those of its implementations: to one of them, so each is possible.
    fn dispatch(&self, files: &[(&str, &FileState)], inferred: &mut [Vec<CallSite>]) {
        for (file, (_, state)) in files.iter().enumerate() {
            let numbers = &self.numbers.files[file];
            if state.names.protocols.iter().all(Option::is_none) {
                continue;
            }
            for (function, module) in numbers.of_functions().enumerate() {
                let protocol =
                    module.and_then(|module| state.names.protocols.get(module as usize).copied().flatten());
                let (Some(protocol), Some(name)) = (protocol, state.names.functions.get(function)) else {
                    continue;
                };
                for index in numbers.functions(function as u32) {
                    let arity = self.numbers.functions[index as usize].arity;
                    let Some(called) = self.numbers.by_key.get(&(protocol, *name, arity)) else {
                        continue;
                    };
                    let definition = |index: u32| self.numbers.functions[index as usize].definition.as_ref();
                    let (Some(at), Some(own)) = (definition(*called), definition(index)) else {
                        continue;
                    };
                    inferred[at.file as usize].push(CallSite {
                        from: self.numbers.node_of(*called),
                        to: self.numbers.node_of(index),
                        kind: EdgeKind::CALLS,
                        line: at.line,
                        clause_line: own.line,
                        mark: Mark::new(Provenance::Inferred, Confidence::Possible),
                        how: "dispatch",
                    });
                }
            }
        }
    }

    fn connect(&self, files: &[(&str, &FileState)], edge: &otp::Edge, inferred: &mut [Vec<CallSite>]) {
        let (from_file, node, clause) = edge.from;
        let (to_file, to_module) = edge.to;
        let ends = (files.get(from_file as usize), files.get(to_file as usize));
        let (Some((_, from)), Some((_, to))) = ends else {
            return;
        };
        let kind = match edge.kind {
            otp::Kind::Call | otp::Kind::Cast | otp::Kind::Info | otp::Kind::Broadcast => EdgeKind::SENDS,
            otp::Kind::Start | otp::Kind::Task => EdgeKind::SPAWNS,
            otp::Kind::Child => EdgeKind::SUPERVISES,
        };
        let module = clause
            .and_then(|clause| from.local.clauses.get(clause as usize))
            .and_then(|clause| from.local.functions.get(clause.function as usize))
            .and_then(|function| function.module);
        let line = from.places.line(node);
        let numbers = &self.numbers.files[to_file as usize];
        let (ends, clause_line) = if let Some(clause) = edge.clause {
            let Some(found) = to.local.clauses.get(clause as usize) else {
                return;
            };
            let functions = numbers.functions(found.function);
            let place = to.places.clauses.get(clause as usize);
            let (start, end) = (functions.start, functions.end);
            let nodes = self.numbers.node_of(start)..self.numbers.node_of(end);
            (nodes, place.map_or(0, |place| place.line))
        } else {
            (numbers.modules(to_module), 0)
        };
        // A supervisor is its module, whichever function lists the children.
        let clause = clause.filter(|_| kind != EdgeKind::SUPERVISES);
        for from in self.numbers.callers(from_file as usize, from, module, clause) {
            inferred[from_file as usize].extend(ends.clone().map(|to| CallSite {
                from,
                to,
                kind,
                line,
                clause_line,
                mark: edge.mark,
                how: edge.kind.name(),
            }));
        }
    }

    /// All sites in order. A file's numbers follow one another, so what is sorted by file is sorted.
    pub(super) fn sites(&self) -> Vec<CallSite> {
        let lists = || self.calls.iter().map(|file| &file.sites).zip(&self.inferred);
        let total = lists()
            .map(|(calls, inferred)| calls.len() + inferred.len())
            .sum();
        let mut sorted: Vec<CallSite> = Vec::with_capacity(total);
        let modules = self.numbers.modules.len() as u32;
        for of_functions in [false, true] {
            for lists in lists() {
                let [calls, inferred] = [lists.0, lists.1].map(|sites: &Vec<CallSite>| {
                    let cut = sites.partition_point(|site| site.from < modules);
                    if of_functions {
                        &sites[cut..]
                    } else {
                        &sites[..cut]
                    }
                });
                merge(&mut sorted, calls, inferred);
            }
        }
        sorted
    }

    /// The graph of these sites.
    pub(super) fn graph(&self, sites: &[CallSite]) -> Graph {
        rows(&self.numbers.modules, &self.numbers.functions, sites)
    }

    /// Names and numbers of arguments of calls whose module is not known, ascending.
    pub(super) fn dynamic(&self) -> Vec<(String, u8)> {
        let all = self.calls.iter().flat_map(|file| &file.dynamic);
        let mut dynamic: Vec<_> = all.cloned().collect();
        dynamic.sort();
        dynamic.dedup();
        dynamic
    }

    /// Counts.
    pub(super) fn reading(&self, files: &[(&str, &FileState)]) -> Reading {
        let sum = |of: &dyn Fn(&FileCalls) -> u64| self.calls.iter().map(of).sum();
        let not_dispatch = |site: &&CallSite| site.how != "dispatch";
        Reading {
            calls: sum(&|file| file.calls),
            dynamic_calls: sum(&|file| file.dynamic.len() as u64),
            otp_edges: self.inferred.iter().flatten().filter(not_dispatch).count() as u64,
            lines: files.iter().map(|(_, state)| u64::from(state.places.lines)).sum(),
            bytes: files.iter().map(|(_, state)| u64::from(state.places.bytes)).sum(),
            ..Reading::default()
        }
    }
}

fn edge(site: &CallSite) -> Edge {
    Edge {
        from: site.from,
        to: site.to,
        kind: site.kind,
        mark: site.mark,
    }
}

/// Whether two lists of sites, both ascending, make the same edges.
fn same_edges(old: &[CallSite], new: &[CallSite]) -> bool {
    let edges = |sites: &[CallSite]| {
        let mut edges: Vec<Edge> = sites.iter().map(edge).collect();
        edges.sort_unstable();
        edges.dedup();
        edges
    };
    edges(old) == edges(new)
}

/// Appends two ascending lists as one, each site once.
fn merge<'a>(into: &mut Vec<CallSite>, mut a: &'a [CallSite], mut b: &'a [CallSite]) {
    loop {
        let from_a = match (a.first(), b.first()) {
            (Some(left), Some(right)) => left <= right,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return,
        };
        let list = if from_a { &mut a } else { &mut b };
        if let Some((next, rest)) = list.split_first() {
            *list = rest;
            if into.last() != Some(next) {
                into.push(*next);
            }
        }
    }
}
