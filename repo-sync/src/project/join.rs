//! Puts the facts of all files together: numbers for modules and functions, edges between them.

use std::path::Path;

use codegraph::fact::{Confidence, Mark, Provenance};
use codegraph::graph::{Builder, Edge, EdgeKind};
use codegraph::link::otp::{self, Facts};
use codegraph::link::{Call, How, Links};
use codegraph::quoted::{NodeId, Symbol};

use super::names::ByName;
use super::read::{First, Second};
use super::{CallSite, CodeFile, CodeFunction, CodeModule, CodeProject, Definition, Reading};
use crate::FileFault;

/// A module whose name the source computes.
const COMPUTED: &str = "Elixir.<computed>";
/// Calls of this module are left out unless it is indexed: operators, `if`, `def` would drown the rest.
const KERNEL: &str = "Elixir.Kernel";

/// Nodes of what one file's outline lists.
#[derive(Debug, Default)]
struct Numbers {
    // A module that is defined under several names is several.
    modules: Vec<Vec<u32>>,
    // By outline function, one for each name of its module; indices into `functions`.
    functions: Vec<Vec<u32>>,
    // By clause: its function and its line.
    clauses: Vec<(u32, u32)>,
    // By clause: its module.
    clause_modules: Vec<Option<u32>>,
    send_lines: Vec<(NodeId, u32)>,
}

#[derive(Debug, Default)]
pub(super) struct Join {
    files: Vec<CodeFile>,
    modules: Vec<CodeModule>,
    functions: Vec<CodeFunction>,
    by_name: ByName,
    numbers: Vec<Numbers>,
    facts: Vec<Facts>,
    sites: Vec<CallSite>,
    dynamic: Vec<(String, u8)>,
    // By module: its protocol, if it is an implementation.
    protocols: Vec<Option<String>>,
    pub(super) reading: Reading,
}

impl Join {
    /// Numbers what all files define.
    pub(super) fn of<'a>(files: impl Iterator<Item = (&'a str, &'a First)>) -> Self {
        let mut join = Self::default();
        for (path, first) in files {
            join.define(path, first);
        }
        join
    }

    fn define(&mut self, path: &str, first: &First) {
        let file = self.files.len() as u32;
        self.files.push(CodeFile {
            path: path.to_owned(),
            lines: first.lines,
            bytes: first.bytes,
        });
        self.reading.lines += u64::from(first.lines);
        self.reading.bytes += u64::from(first.bytes);
        let mut numbers = Numbers::default();
        let found = first.outline.modules.iter().zip(&first.modules);
        for ((module, (line, end_line)), protocol) in found.zip(&first.protocols) {
            let computed = [COMPUTED.to_owned()];
            let names: &[String] = if module.names.is_empty() {
                &computed
            } else {
                &module.names
            };
            let mut nodes = Vec::with_capacity(names.len());
            for name in names {
                let node = self.modules.len() as u32;
                if name != COMPUTED {
                    self.by_name.add_module(name, node);
                }
                self.modules.push(CodeModule {
                    name: name.clone(),
                    file,
                    line: *line,
                    end_line: *end_line,
                    kind: module.kind,
                    kinds: Vec::new(),
                    behaviours: Vec::new(),
                });
                self.protocols.push(protocol.clone());
                nodes.push(node);
            }
            numbers.modules.push(nodes);
        }
        let found = first
            .outline
            .functions
            .iter()
            .zip(&first.functions)
            .zip(&first.names);
        for (in_outline, ((function, facts), name)) in found.enumerate() {
            let modules = function
                .module
                .and_then(|module| numbers.modules.get(module as usize))
                .filter(|_| function.name != Symbol::NONE);
            let mut indices = Vec::new();
            for module in modules.into_iter().flatten() {
                let index = self.functions.len() as u32;
                let added = CodeFunction {
                    module: self.modules[*module as usize].name.clone(),
                    name: name.clone(),
                    arity: function.arity,
                    definition: Some(Definition {
                        module: *module,
                        file,
                        in_outline: in_outline as u32,
                        line: facts.line,
                        end_line: facts.end_line,
                        kind: function.kind,
                        defaults: function.defaults,
                        is_callback: false,
                        is_damaged: facts.is_damaged,
                        complexity: facts.complexity,
                        content: facts.content,
                    }),
                };
                self.by_name.add_function(&added, index);
                self.functions.push(added);
                indices.push(index);
            }
            numbers.functions.push(indices);
        }
        for (clause, line) in first.outline.clauses.iter().zip(&first.clauses) {
            numbers.clauses.push((clause.function, *line));
            let function = first.outline.functions.get(clause.function as usize);
            numbers
                .clause_modules
                .push(function.and_then(|function| function.module));
        }
        self.numbers.push(numbers);
    }

    /// Adds what a file calls.
    pub(super) fn add(&mut self, file: usize, _first: &First, found: Option<Second>) {
        let Some(Second {
            links,
            facts,
            send_lines,
        }) = found
        else {
            self.facts.push(Facts::default());
            return;
        };
        for call in &links.calls {
            self.call(file, &links, call);
        }
        for (module, kinds) in facts.kinds.iter().enumerate() {
            let nodes = self.numbers[file]
                .modules
                .get(module)
                .cloned()
                .unwrap_or_default();
            for node in nodes {
                let module = &mut self.modules[node as usize];
                module.kinds.clone_from(&kinds.kinds);
                module.behaviours.clone_from(&kinds.behaviours);
            }
            for function in &kinds.callbacks {
                let indices = self.numbers[file].functions.get(*function as usize).cloned();
                for index in indices.unwrap_or_default() {
                    if let Some(definition) = &mut self.functions[index as usize].definition {
                        definition.is_callback = true;
                    }
                }
            }
        }
        self.numbers[file].send_lines = send_lines;
        self.facts.push(facts);
    }

    fn node_of(&self, function: u32) -> u32 {
        self.modules.len() as u32 + function
    }

    /// The nodes that call: the functions of the clause, or the modules whose body it is; each with its module's name.
    fn callers(&self, file: usize, module: Option<u32>, clause: Option<u32>) -> Vec<(u32, String)> {
        let numbers = &self.numbers[file];
        let clause = clause.and_then(|clause| numbers.clauses.get(clause as usize));
        let functions = clause.and_then(|(function, _)| numbers.functions.get(*function as usize));
        if let Some(functions) = functions.filter(|functions| !functions.is_empty()) {
            return functions
                .iter()
                .map(|function| {
                    let name = self.functions[*function as usize].module.clone();
                    (self.node_of(*function), name)
                })
                .collect();
        }
        let modules = module.and_then(|module| numbers.modules.get(module as usize));
        modules
            .into_iter()
            .flatten()
            .map(|module| (*module, self.modules[*module as usize].name.clone()))
            .collect()
    }

    fn call(&mut self, file: usize, links: &Links, call: &Call) {
        self.reading.calls += 1;
        let name = links.text(call.name);
        if call.how == How::Dynamic {
            self.reading.dynamic_calls += 1;
            self.dynamic.push((name.to_owned(), call.arity));
            return;
        }
        let kind = match call.how {
            _ if call.is_captured => EdgeKind::REFERENCES,
            How::Delegated => EdgeKind::DELEGATES,
            _ if call.is_macro => EdgeKind::EXPANDS,
            _ => EdgeKind::CALLS,
        };
        for (from, module) in self.callers(file, call.module, call.clause) {
            let target = if call.how == How::Local {
                module.as_str()
            } else {
                links.text(call.target)
            };
            let Some(to) = self.called(target, name, call) else {
                continue;
            };
            self.sites.push(CallSite {
                from,
                to,
                kind,
                line: call.line,
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
    fn called(&mut self, module: &str, name: &str, call: &Call) -> Option<u32> {
        let known = self
            .by_name
            .function(module, name, call.defined_arity)
            .or_else(|| self.by_name.function(module, name, call.arity));
        if let Some(index) = known {
            return Some(self.node_of(index));
        }
        if module.is_empty() || module == KERNEL || module == COMPUTED {
            return None;
        }
        let index = self.functions.len() as u32;
        let outside = CodeFunction {
            module: module.to_owned(),
            name: name.to_owned(),
            arity: call.arity,
            definition: None,
        };
        self.by_name.add_function(&outside, index);
        self.functions.push(outside);
        Some(self.node_of(index))
    }

    /// The graph.
    pub(super) fn finish(mut self, root: &Path, faults: Vec<FileFault>) -> CodeProject {
        let facts = std::mem::take(&mut self.facts);
        for edge in otp::connect(&facts.iter().collect::<Vec<_>>()) {
            self.connect(&edge);
        }
        drop(facts);
        self.dispatch();
        self.sites.sort_unstable();
        self.sites.dedup();
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
        builder.extend(self.sites.iter().map(|site| Edge {
            from: site.from,
            to: site.to,
            kind: site.kind,
            mark: site.mark,
        }));
        self.dynamic.sort();
        self.dynamic.dedup();
        CodeProject {
            root: root.to_owned(),
            files: self.files,
            modules: self.modules,
            functions: self.functions,
            faults,
            // Every number was given out above, and 32 bits hold them: a source file is at most 64 MiB.
            graph: builder.build().unwrap_or_default(),
            sites: self.sites,
            dynamic: self.dynamic,
            by_name: self.by_name,
            reading: self.reading,
        }
    }

    /// A protocol's function leads to those of its implementations: to one of them, so each is possible.
    fn dispatch(&mut self) {
        for (index, function) in self.functions.iter().enumerate() {
            let Some(definition) = &function.definition else {
                continue;
            };
            let protocol = self.protocols.get(definition.module as usize).cloned().flatten();
            let called = protocol
                .and_then(|protocol| self.by_name.function(&protocol, &function.name, function.arity))
                .and_then(|called| Some((called, self.functions.get(called as usize)?.definition.as_ref()?)));
            if let Some((called, at)) = called {
                self.sites.push(CallSite {
                    from: self.node_of(called),
                    to: self.node_of(index as u32),
                    kind: EdgeKind::CALLS,
                    line: at.line,
                    clause_line: definition.line,
                    mark: Mark::new(Provenance::Inferred, Confidence::Possible),
                    how: "dispatch",
                });
            }
        }
    }

    fn connect(&mut self, edge: &otp::Edge) {
        let (from_file, node, clause) = edge.from;
        let (to_file, to_module) = edge.to;
        let (Some(from), Some(to)) = (
            self.numbers.get(from_file as usize),
            self.numbers.get(to_file as usize),
        ) else {
            return;
        };
        let kind = match edge.kind {
            otp::Kind::Call | otp::Kind::Cast | otp::Kind::Info | otp::Kind::Broadcast => EdgeKind::SENDS,
            otp::Kind::Start | otp::Kind::Task => EdgeKind::SPAWNS,
            otp::Kind::Child => EdgeKind::SUPERVISES,
        };
        let module = clause.and_then(|clause| from.clause_modules.get(clause as usize).copied().flatten());
        let line = from
            .send_lines
            .binary_search_by_key(&node, |(node, _)| *node)
            .ok()
            .and_then(|at| from.send_lines.get(at))
            .map_or(0, |(_, line)| *line);
        let (ends, clause_line): (Vec<u32>, u32) = if let Some(clause) = edge.clause {
            let Some((function, line)) = to.clauses.get(clause as usize) else {
                return;
            };
            let functions = to.functions.get(*function as usize).into_iter().flatten();
            (functions.map(|function| self.node_of(*function)).collect(), *line)
        } else {
            (to.modules.get(to_module as usize).cloned().unwrap_or_default(), 0)
        };
        // A supervisor is its module, whichever function lists the children.
        let clause = clause.filter(|_| kind != EdgeKind::SUPERVISES);
        for (from, _) in self.callers(from_file as usize, module, clause) {
            for to in &ends {
                self.reading.otp_edges += 1;
                self.sites.push(CallSite {
                    from,
                    to: *to,
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
