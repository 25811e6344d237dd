//! Puts the facts of all files together: numbers for modules and functions, edges between them. Linear in the facts; no
//! text is compared, because names are numbers.

use std::path::Path;

use codegraph::complexity::Complexity;
use codegraph::fact::{Confidence, Mark, Provenance};
use codegraph::graph::{Builder, Edge, EdgeKind};
use codegraph::link::otp;
use codegraph::link::{Call, How};
use codegraph::quoted::Symbol;
use rustc_hash::FxHashMap;

use super::interner::Interner;
use super::state::FileState;
use super::{CallSite, CodeFile, CodeFunction, CodeModule, CodeProject, Definition, Reading};
use crate::FileFault;

/// A module whose name the source computes.
const COMPUTED: &str = "Elixir.<computed>";
/// Calls of this module are left out unless it is indexed: operators, `if`, `def` would drown the rest.
const KERNEL: &str = "Elixir.Kernel";

/// Where the numbers of what one file's outline lists begin; one more than there are. A module that is defined under
/// several names is several, and so is each of its functions.
#[derive(Debug, Default)]
struct Numbers {
    modules: Vec<u32>,
    functions: Vec<u32>,
    /// The module of each function.
    of_functions: Vec<Option<u32>>,
}

impl Numbers {
    fn modules(&self, module: u32) -> std::ops::Range<u32> {
        range(&self.modules, module)
    }

    fn functions(&self, function: u32) -> std::ops::Range<u32> {
        range(&self.functions, function)
    }
}

fn range(starts: &[u32], index: u32) -> std::ops::Range<u32> {
    let at = index as usize;
    match (starts.get(at), starts.get(at + 1)) {
        (Some(start), Some(end)) => *start..*end,
        _ => 0..0,
    }
}

/// A function's key: its module, its name, its parameters.
type Key = (Symbol, Symbol, u8);

pub(super) struct Join<'a> {
    interner: &'a mut Interner,
    files: Vec<(&'a str, &'a FileState)>,
    numbers: Vec<Numbers>,
    out_files: Vec<CodeFile>,
    modules: Vec<CodeModule>,
    module_names: Vec<Symbol>,
    functions: Vec<CodeFunction>,
    by_name: FxHashMap<Key, u32>,
    // By file.
    sites: Vec<Vec<CallSite>>,
    dynamic: Vec<(String, u8)>,
    kernel: Symbol,
    computed: Symbol,
    reading: Reading,
}

impl<'a> Join<'a> {
    /// Numbers what all files define. Files come by path.
    pub(super) fn of(
        interner: &'a mut Interner,
        files: impl Iterator<Item = (&'a str, &'a FileState)>,
    ) -> Self {
        let (kernel, computed) = (interner.intern(KERNEL), interner.intern(COMPUTED));
        let files: Vec<_> = files.collect();
        let functions = files.iter().map(|(_, file)| file.local.functions.len()).sum();
        let mut join = Self {
            interner,
            numbers: Vec::with_capacity(files.len()),
            out_files: Vec::with_capacity(files.len()),
            modules: Vec::new(),
            module_names: Vec::new(),
            functions: Vec::with_capacity(functions),
            by_name: FxHashMap::with_capacity_and_hasher(functions * 2, Default::default()),
            sites: Vec::new(),
            dynamic: Vec::new(),
            kernel,
            computed,
            reading: Reading::default(),
            files,
        };
        for index in 0..join.files.len() {
            join.define(index);
        }
        join
    }

    fn define(&mut self, index: usize) {
        let Some((path, state)) = self.files.get(index).copied() else {
            return;
        };
        let file = index as u32;
        self.out_files.push(CodeFile {
            path: path.to_owned(),
            lines: state.places.lines,
            bytes: state.places.bytes,
        });
        self.reading.lines += u64::from(state.places.lines);
        self.reading.bytes += u64::from(state.places.bytes);
        let mut numbers = Numbers::default();
        let mut names = state.names.modules.as_slice();
        for (at, module) in state.local.modules.iter().enumerate() {
            numbers.modules.push(self.modules.len() as u32);
            let computed = [self.computed];
            let (named, rest) = names.split_at_checked(module.names.len()).unwrap_or_default();
            names = rest;
            let named = if named.is_empty() { &computed[..] } else { named };
            let (line, end_line) = state.places.modules.get(at).copied().unwrap_or((1, 1));
            let kinds = state.linked.facts.kinds.get(at);
            for name in named {
                self.module_names.push(*name);
                self.modules.push(CodeModule {
                    name: self.interner.text(*name),
                    file,
                    line,
                    end_line,
                    kind: module.kind,
                    kinds: kinds.map(|kinds| kinds.kinds.clone()).unwrap_or_default(),
                    behaviours: kinds.map(|kinds| kinds.behaviours.clone()).unwrap_or_default(),
                });
            }
        }
        numbers.modules.push(self.modules.len() as u32);
        self.define_functions(file, state, &mut numbers);
        self.numbers.push(numbers);
    }

    fn define_functions(&mut self, file: u32, state: &FileState, numbers: &mut Numbers) {
        let mut spans = vec![(u32::MAX, 0, 0); state.local.functions.len()];
        for (clause, place) in state.local.clauses.iter().zip(&state.places.clauses) {
            if let Some((line, end_line, lines)) = spans.get_mut(clause.function as usize) {
                *line = place.line.min(*line);
                *end_line = place.end_line.max(*end_line);
                *lines += place.lines;
            }
        }
        let found = state
            .local
            .functions
            .iter()
            .zip(&state.names.functions)
            .zip(spans);
        for (in_outline, ((function, name), (line, end_line, lines))) in found.enumerate() {
            numbers.functions.push(self.functions.len() as u32);
            numbers.of_functions.push(function.module);
            let modules = function
                .module
                .filter(|_| !function.name.is_empty())
                .map_or(0..0, |module| numbers.modules(module));
            for module in modules {
                let index = self.functions.len() as u32;
                let of = self.module_names[module as usize];
                self.functions.push(CodeFunction {
                    module: self.interner.text(of),
                    name: self.interner.text(*name),
                    arity: function.arity,
                    definition: Some(Definition {
                        module,
                        file,
                        in_outline: in_outline as u32,
                        line: line.min(end_line.max(1)),
                        end_line: end_line.max(1),
                        kind: function.kind,
                        defaults: function.defaults,
                        is_callback: false,
                        is_damaged: function.is_damaged,
                        complexity: Complexity {
                            lines,
                            ..function.complexity
                        },
                        content: function.content,
                    }),
                });
                // Of two with one name the first counts.
                self.by_name.entry((of, *name, function.arity)).or_insert(index);
            }
        }
        numbers.functions.push(self.functions.len() as u32);
        for function in state.linked.facts.kinds.iter().flat_map(|kinds| &kinds.callbacks) {
            for index in numbers.functions(*function) {
                if let Some(definition) = &mut self.functions[index as usize].definition {
                    definition.is_callback = true;
                }
            }
        }
    }

    fn node_of(&self, function: u32) -> u32 {
        self.modules.len() as u32 + function
    }

    /// The nodes that call: the functions of the clause, or the modules whose body it is.
    fn callers(&self, file: usize, module: Option<u32>, clause: Option<u32>) -> std::ops::Range<u32> {
        let (numbers, (_, state)) = (&self.numbers[file], self.files[file]);
        let clause = clause.and_then(|clause| state.local.clauses.get(clause as usize));
        let functions = clause.map_or(0..0, |clause| numbers.functions(clause.function));
        if functions.is_empty() {
            module.map_or(0..0, |module| numbers.modules(module))
        } else {
            self.node_of(functions.start)..self.node_of(functions.end)
        }
    }

    /// The name of the module that a calling node is or belongs to.
    fn module_of(&self, node: u32) -> Symbol {
        let function = node.checked_sub(self.modules.len() as u32);
        let module = match function {
            None => Some(node),
            Some(function) => {
                let function = self.functions.get(function as usize);
                function.and_then(|function| Some(function.definition.as_ref()?.module))
            }
        };
        module.map_or(Symbol::NONE, |module| self.module_names[module as usize])
    }

    fn call(&mut self, file: usize, state: &FileState, call: &Call, found: &mut Vec<CallSite>) {
        self.reading.calls += 1;
        let name = |symbol: Symbol| {
            let known = state.names.links.get(symbol.index());
            known.copied().unwrap_or(Symbol::NONE)
        };
        let called = name(call.name);
        if call.how == How::Dynamic {
            self.reading.dynamic_calls += 1;
            let text = state.linked.links.text(call.name).to_owned();
            self.dynamic.push((text, call.arity));
            return;
        }
        let kind = match call.how {
            _ if call.is_captured => EdgeKind::REFERENCES,
            How::Delegated => EdgeKind::DELEGATES,
            _ if call.is_macro => EdgeKind::EXPANDS,
            _ => EdgeKind::CALLS,
        };
        for from in self.callers(file, call.module, call.clause) {
            let target = if call.how == How::Local {
                self.module_of(from)
            } else {
                name(call.target)
            };
            let Some(to) = self.called(target, called, call) else {
                continue;
            };
            found.push(CallSite {
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
    }

    /// The called node; one that the sources do not define gets a number here.
    fn called(&mut self, module: Symbol, name: Symbol, call: &Call) -> Option<u32> {
        let known = self.by_name.get(&(module, name, call.defined_arity));
        let known = known.or_else(|| self.by_name.get(&(module, name, call.arity)));
        if let Some(index) = known {
            return Some(self.node_of(*index));
        }
        if module == Symbol::NONE || module == self.kernel || module == self.computed {
            return None;
        }
        let index = self.functions.len() as u32;
        self.functions.push(CodeFunction {
            module: self.interner.text(module),
            name: self.interner.text(name),
            arity: call.arity,
            definition: None,
        });
        self.by_name.insert((module, name, call.arity), index);
        Some(self.node_of(index))
    }

    /// The graph.
    pub(super) fn finish(mut self, root: &Path, faults: Vec<FileFault>) -> CodeProject {
        let mut sites: Vec<Vec<CallSite>> = Vec::with_capacity(self.files.len());
        for (file, (_, state)) in self.files.clone().into_iter().enumerate() {
            let mut found = Vec::with_capacity(state.linked.links.calls.len() / 2);
            for call in &state.linked.links.calls {
                self.call(file, state, call, &mut found);
            }
            sites.push(found);
        }
        self.sites = sites;
        let facts: Vec<_> = self.files.iter().map(|(_, state)| &state.linked.facts).collect();
        for edge in otp::connect(&facts) {
            self.connect(&edge);
        }
        self.dispatch();
        let sites = self.sorted_sites();
        let nodes = (self.modules.len() + self.functions.len()) as u32;
        let mut builder = Builder::new(nodes);
        for (index, function) in self.functions.iter().enumerate() {
            if let Some(definition) = &function.definition {
                builder.add(Edge {
                    from: definition.module,
                    to: self.node_of(index as u32),
                    kind: EdgeKind::CONTAINS,
                    mark: Mark::default(),
                });
            }
        }
        builder.extend(sites.iter().map(|site| Edge {
            from: site.from,
            to: site.to,
            kind: site.kind,
            mark: site.mark,
        }));
        self.dynamic.sort();
        self.dynamic.dedup();
        CodeProject {
            root: root.to_owned(),
            files: self.out_files,
            modules: self.modules,
            functions: self.functions,
            faults,
            // Every number was given out above, and 32 bits hold them: a source file is at most 64 MiB.
            graph: builder.build().unwrap_or_default(),
            sites,
            dynamic: self.dynamic,
            reading: self.reading,
        }
    }

    /// All sites in order. A file's numbers follow one another, so what is sorted by file is sorted.
    fn sorted_sites(&mut self) -> Vec<CallSite> {
        let total = self.sites.iter().map(Vec::len).sum();
        let mut sorted = Vec::with_capacity(total);
        let modules = self.modules.len() as u32;
        for sites in &mut self.sites {
            sites.sort_unstable();
            let cut = sites.partition_point(|site| site.from < modules);
            sorted.extend_from_slice(&sites[..cut]);
        }
        for sites in &self.sites {
            let cut = sites.partition_point(|site| site.from < modules);
            sorted.extend_from_slice(&sites[cut..]);
        }
        sorted.dedup();
        sorted
    }

    /// A protocol's function leads to those of its implementations: to one of them, so each is possible.
    fn dispatch(&mut self) {
        let mut found = Vec::new();
        for (file, (_, state)) in self.files.iter().enumerate() {
            let numbers = &self.numbers[file];
            for (function, module) in numbers.of_functions.iter().enumerate() {
                let protocol =
                    module.and_then(|module| state.names.protocols.get(module as usize).copied().flatten());
                let (Some(protocol), Some(name)) = (protocol, state.names.functions.get(function)) else {
                    continue;
                };
                for index in numbers.functions(function as u32) {
                    let arity = self.functions[index as usize].arity;
                    let Some(called) = self.by_name.get(&(protocol, *name, arity)) else {
                        continue;
                    };
                    let definition = |index: u32| self.functions[index as usize].definition.as_ref();
                    let (Some(at), Some(own)) = (definition(*called), definition(index)) else {
                        continue;
                    };
                    found.push((
                        at.file as usize,
                        CallSite {
                            from: self.node_of(*called),
                            to: self.node_of(index),
                            kind: EdgeKind::CALLS,
                            line: at.line,
                            clause_line: own.line,
                            mark: Mark::new(Provenance::Inferred, Confidence::Possible),
                            how: "dispatch",
                        },
                    ));
                }
            }
        }
        for (file, site) in found {
            self.sites[file].push(site);
        }
    }

    fn connect(&mut self, edge: &otp::Edge) {
        let (from_file, node, clause) = edge.from;
        let (to_file, to_module) = edge.to;
        let ends = (
            self.files.get(from_file as usize),
            self.files.get(to_file as usize),
        );
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
        let numbers = &self.numbers[to_file as usize];
        let (ends, clause_line) = if let Some(clause) = edge.clause {
            let Some(found) = to.local.clauses.get(clause as usize) else {
                return;
            };
            let functions = numbers.functions(found.function);
            let line = to
                .places
                .clauses
                .get(clause as usize)
                .map_or(0, |place| place.line);
            (self.node_of(functions.start)..self.node_of(functions.end), line)
        } else {
            (numbers.modules(to_module), 0)
        };
        // A supervisor is its module, whichever function lists the children.
        let clause = clause.filter(|_| kind != EdgeKind::SUPERVISES);
        for from in self.callers(from_file as usize, module, clause) {
            for to in ends.clone() {
                self.reading.otp_edges += 1;
                self.sites[from_file as usize].push(CallSite {
                    from,
                    to,
                    kind,
                    line,
                    clause_line,
                    mark: edge.mark,
                    how: edge.kind.name(),
                });
            }
        }
    }
}
