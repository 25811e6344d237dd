//! The numbers of a project's modules and functions: modules first, then functions, both in the order of the files; then
//! the functions outside that are called, by name.

use std::ops::Range;
use std::sync::Arc;

use codegraph::complexity::Complexity;
use codegraph::quoted::Symbol;
use rustc_hash::FxHashMap;

use super::interner::Interner;
use super::state::FileState;
use super::{CodeFunction, CodeModule, Definition};

/// A module whose name the source computes.
const COMPUTED: &str = "Elixir.<computed>";
/// Calls of this module are left out unless it is indexed: operators, `if`, `def` would drown the rest.
const KERNEL: &str = "Elixir.Kernel";

/// A function's key: its module, its name, its parameters.
pub(super) type Key = (Symbol, Symbol, u8);

/// Where the numbers of what one file defines begin; one more than there are. A module that is defined under several
/// names is several, and so is each of its functions.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FileNumbers {
    modules: Vec<u32>,
    functions: Vec<u32>,
    /// Module, name and parameters of each function: with the names of the modules all that numbers rest on.
    keys: Vec<(Option<u32>, Symbol, u8)>,
}

impl FileNumbers {
    pub(super) fn modules(&self, module: u32) -> Range<u32> {
        range(&self.modules, module)
    }

    /// Indices of functions.
    pub(super) fn functions(&self, function: u32) -> Range<u32> {
        range(&self.functions, function)
    }

    /// Indices of all of its functions.
    pub(super) fn all_functions(&self) -> Range<u32> {
        let ends = (self.functions.first(), self.functions.last());
        ends.0.copied().unwrap_or_default()..ends.1.copied().unwrap_or_default()
    }

    /// Where its modules and its functions begin.
    pub(super) fn starts(&self) -> (u32, u32) {
        let first = |starts: &[u32]| starts.first().copied().unwrap_or_default();
        (first(&self.modules), first(&self.functions))
    }

    /// The keys of its functions, in the order of their indices.
    pub(super) fn keys_in<'a>(&'a self, numbers: &'a Numbers) -> impl Iterator<Item = Key> + 'a {
        self.keys.iter().flat_map(move |(module, name, arity)| {
            let module = module.filter(|_| *name != Symbol::NONE);
            let modules = module.map_or(0..0, |module| self.modules(module));
            modules.map(move |module| {
                let of = numbers.names.get(module as usize).copied();
                (of.unwrap_or(Symbol::NONE), *name, *arity)
            })
        })
    }

    /// The module of each function in the outline.
    pub(super) fn of_functions(&self) -> impl Iterator<Item = Option<u32>> + '_ {
        self.keys.iter().map(|(module, _, _)| *module)
    }
}

fn range(starts: &[u32], index: u32) -> Range<u32> {
    let at = index as usize;
    match (starts.get(at), starts.get(at + 1)) {
        (Some(start), Some(end)) => *start..*end,
        _ => 0..0,
    }
}

/// All numbers, and what has them.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) files: Vec<FileNumbers>,
    pub(super) modules: Vec<CodeModule>,
    pub(super) functions: Vec<CodeFunction>,
    /// Of modules.
    pub(super) names: Vec<Symbol>,
    pub(super) by_key: FxHashMap<Key, u32>,
    /// Functions that the sources define; those behind them are outside.
    pub(super) defined: u32,
    kernel: Symbol,
    computed: Symbol,
}

impl Numbers {
    /// Numbers what all files define.
    pub(super) fn of(interner: &mut Interner, files: &[(&str, &FileState)]) -> Self {
        let count = files.iter().map(|(_, file)| file.local.functions.len()).sum();
        let mut numbers = Self {
            files: Vec::with_capacity(files.len()),
            functions: Vec::with_capacity(count),
            by_key: FxHashMap::with_capacity_and_hasher(count * 2, rustc_hash::FxBuildHasher),
            kernel: interner.intern(KERNEL),
            computed: interner.intern(COMPUTED),
            ..Self::default()
        };
        for (file, (_, state)) in files.iter().enumerate() {
            numbers.define(interner, file as u32, state);
        }
        numbers.defined = numbers.functions.len() as u32;
        numbers
    }

    fn define(&mut self, interner: &Interner, file: u32, state: &FileState) {
        let (first_module, first_function) = (self.modules.len() as u32, self.functions.len() as u32);
        let found = Self::file_numbers(state, first_module, first_function);
        for name in self.module_names(state) {
            self.names.push(name);
        }
        self.modules
            .extend(self.modules_of(interner, file, state, &found));
        let functions = self.functions_of(interner, file, state, &found);
        for (index, function) in (first_function..).zip(&functions) {
            if let Some(definition) = &function.definition {
                let module = self.names[definition.module as usize];
                let name = state.names.functions[definition.in_outline as usize];
                // Of two with one name the first counts.
                self.by_key.entry((module, name, function.arity)).or_insert(index);
            }
        }
        self.functions.extend(functions);
        self.files.push(found);
    }

    /// The names of a file's modules, one for each number.
    fn module_names(&self, state: &FileState) -> Vec<Symbol> {
        let mut names = state.names.modules.as_slice();
        let mut all = Vec::with_capacity(names.len());
        for module in &state.local.modules {
            let (own, rest) = names.split_at_checked(module.names.len()).unwrap_or_default();
            names = rest;
            all.extend_from_slice(if own.is_empty() {
                std::slice::from_ref(&self.computed)
            } else {
                own
            });
        }
        all
    }

    fn file_numbers(state: &FileState, mut module_at: u32, mut function_at: u32) -> FileNumbers {
        let mut found = FileNumbers::default();
        for module in &state.local.modules {
            found.modules.push(module_at);
            module_at += module.names.len().max(1) as u32;
        }
        found.modules.push(module_at);
        for (function, name) in state.local.functions.iter().zip(&state.names.functions) {
            found.functions.push(function_at);
            let module = function.module.filter(|_| *name != Symbol::NONE);
            function_at += module.map_or(0, |module| found.modules(module).len() as u32);
            found.keys.push((function.module, *name, function.arity));
        }
        found.functions.push(function_at);
        found
    }

    fn modules_of(
        &self,
        interner: &Interner,
        file: u32,
        state: &FileState,
        numbers: &FileNumbers,
    ) -> Vec<CodeModule> {
        let names = self.module_names(state);
        let mut names = names.iter();
        let mut all = Vec::with_capacity(names.len());
        for (at, module) in state.local.modules.iter().enumerate() {
            let (line, end_line) = state.places.modules.get(at).copied().unwrap_or((1, 1));
            let kinds = state.linked.facts.kinds.get(at);
            for _ in numbers.modules(at as u32) {
                let name = names.next().copied().unwrap_or(self.computed);
                all.push(CodeModule {
                    name: interner.text(name),
                    file,
                    line,
                    end_line,
                    kind: module.kind,
                    kinds: kinds.map(|kinds| kinds.kinds.clone()).unwrap_or_default(),
                    behaviours: kinds.map(|kinds| kinds.behaviours.clone()).unwrap_or_default(),
                });
            }
        }
        all
    }

    fn functions_of(
        &self,
        interner: &Interner,
        file: u32,
        state: &FileState,
        numbers: &FileNumbers,
    ) -> Vec<CodeFunction> {
        let mut spans = vec![(u32::MAX, 0, 0); state.local.functions.len()];
        for (clause, place) in state.local.clauses.iter().zip(&state.places.clauses) {
            if let Some((line, end_line, lines)) = spans.get_mut(clause.function as usize) {
                *line = place.line.min(*line);
                *end_line = place.end_line.max(*end_line);
                *lines += place.lines;
            }
        }
        let callbacks = state.linked.facts.kinds.iter().flat_map(|kinds| &kinds.callbacks);
        let mut called_back = vec![false; state.local.functions.len()];
        for function in callbacks {
            if let Some(called_back) = called_back.get_mut(*function as usize) {
                *called_back = true;
            }
        }
        let mut all = Vec::new();
        let found = state
            .local
            .functions
            .iter()
            .zip(&state.names.functions)
            .zip(spans);
        for (in_outline, ((function, name), (line, end_line, lines))) in found.enumerate() {
            let module = function.module.filter(|_| *name != Symbol::NONE);
            for module in module.map_or(0..0, |module| numbers.modules(module)) {
                let of = self.names.get(module as usize).copied().unwrap_or(self.computed);
                all.push(CodeFunction {
                    module: interner.text(of),
                    name: interner.text(*name),
                    arity: function.arity,
                    definition: Some(Definition {
                        module,
                        file,
                        in_outline: in_outline as u32,
                        line: line.min(end_line.max(1)),
                        end_line: end_line.max(1),
                        kind: function.kind,
                        defaults: function.defaults,
                        is_callback: called_back[in_outline],
                        is_damaged: function.is_damaged,
                        complexity: Complexity {
                            lines,
                            ..function.complexity
                        },
                        content: function.content,
                    }),
                    made: None,
                });
            }
        }
        all
    }

    /// A file defines what it did before, if under the same names: then its numbers stay, and what they stand for is
    /// brought up to date. Otherwise nothing is changed.
    pub(super) fn redefine(&mut self, interner: &Interner, file: u32, state: &FileState) -> bool {
        let Some(old) = self.files.get(file as usize) else {
            return false;
        };
        let (module, function) = old.starts();
        let found = Self::file_numbers(state, module, function);
        let names = self.module_names(state);
        let known = self.names.get(module as usize..module as usize + names.len());
        if found != *old || known != Some(names.as_slice()) {
            return false;
        }
        for (at, new) in (module as usize..).zip(self.modules_of(interner, file, state, &found)) {
            self.modules[at] = new;
        }
        for (at, new) in (function as usize..).zip(self.functions_of(interner, file, state, &found)) {
            self.functions[at] = new;
        }
        true
    }

    /// The node of a function by its index.
    pub(super) fn node_of(&self, function: u32) -> u32 {
        self.modules.len() as u32 + function
    }

    /// The nodes that call: the functions of the clause, or the modules whose body it is.
    pub(super) fn callers(
        &self,
        file: usize,
        state: &FileState,
        module: Option<u32>,
        clause: Option<u32>,
    ) -> Range<u32> {
        let numbers = &self.files[file];
        let clause = clause.and_then(|clause| state.local.clauses.get(clause as usize));
        let functions = clause.map_or(0..0, |clause| numbers.functions(clause.function));
        if functions.is_empty() {
            module.map_or(0..0, |module| numbers.modules(module))
        } else {
            self.node_of(functions.start)..self.node_of(functions.end)
        }
    }

    /// The name of the module that a node is or belongs to.
    pub(super) fn module_of(&self, node: u32) -> Symbol {
        let function = node.checked_sub(self.modules.len() as u32);
        let module = match function {
            None => Some(node),
            Some(function) => {
                let function = self.functions.get(function as usize);
                function.and_then(|function| Some(function.definition.as_ref()?.module))
            }
        };
        module.map_or(Symbol::NONE, |module| self.names[module as usize])
    }

    /// Whether calls of this module are left out if it is not indexed.
    pub(super) fn is_silent(&self, module: Symbol) -> bool {
        module == Symbol::NONE || module == self.kernel || module == self.computed
    }

    /// Gives numbers to functions outside, by name. Returns the index of each.
    pub(super) fn add_outside(&mut self, interner: &Interner, keys: &[Key]) -> Vec<u32> {
        type Text = (Arc<str>, Arc<str>, u8);
        let text = |(module, name, arity): Key| (interner.text(module), interner.text(name), arity);
        let mut sorted: Vec<(Text, usize)> = keys.iter().map(|key| text(*key)).zip(0..).collect();
        sorted.sort_unstable();
        let mut indices = vec![0; keys.len()];
        for ((module, name, arity), at) in sorted {
            let index = self.functions.len() as u32;
            indices[at] = index;
            self.by_key.insert(keys[at], index);
            self.functions.push(CodeFunction {
                module,
                name,
                arity,
                definition: None,
                made: None,
            });
        }
        indices
    }
}
