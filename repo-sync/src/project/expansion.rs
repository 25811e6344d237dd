//! A build's modules put into a project's graph: functions that macros made, calls that the source does not show, and
//! answers where the source leaves open what is called.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::SystemTime;

use codegraph::compiled::{AddedCall, AddedFunction, Merged, Sources as _, merge};
use codegraph::fact::{Confidence, Mark, Provenance};
use codegraph::graph::{Builder, Edge, EdgeKind, Graph};

use super::seen::{Index, Seen, arities};
use super::{CallSite, CodeFunction, CodeModule, CodeProject};
use crate::compiled::{BuiltFault, Compiled, SourceFunction, SourceModule, Standing, standing};

/// From the compiler: nothing is surer.
const COMPILED: Mark = Mark::new(Provenance::Expansion, Confidence::Certain);
/// How calls that only the compiled module has are named in answers.
const EXPANDED: &str = "expanded";

/// A function that a macro made: written nowhere, but its macro is called somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacroMade {
    /// Index of its module in [`CodeProject::modules`].
    pub module: u32,
    /// Index of the file in [`CodeProject::files`].
    pub file: u32,
    /// Line of the macro's call.
    pub line: u32,
    /// It is private.
    pub is_private: bool,
    /// It is a macro.
    pub is_macro: bool,
    /// The module whose macro made it, as the VM names it, if that is known.
    pub by: Option<String>,
}

/// What a compiled module of the project added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedModule {
    /// As the VM names it.
    pub name: String,
    /// Its `.beam` file.
    pub path: PathBuf,
    /// What it is to the source.
    pub standing: Standing,
    /// Functions that macros made.
    pub functions: u32,
    /// Calls that the source does not show.
    pub calls: u32,
    /// Calls of the source that were open and are answered.
    pub answered: u32,
}

/// What a build added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The build: `_build/dev`.
    pub folder: PathBuf,
    /// The project's modules, by name.
    pub modules: Vec<ImportedModule>,
    /// How many modules of dependencies are known.
    pub libraries: usize,
    /// Files of the build that are no modules.
    pub faults: Vec<BuiltFault>,
    // How many functions there were without it.
    known: usize,
}

impl CodeProject {
    /// Puts a build into the graph. Only modules of the source as it lies there add calls and functions; what the others
    /// are is said in the answer and by [`CodeProject::imported`]. A project takes one build.
    pub fn import(&mut self, compiled: &Compiled) -> &Imported {
        let known = self.functions.len();
        let mut index = Index::of(self);
        let mut written = HashMap::new();
        let mut modules = Vec::with_capacity(compiled.modules().len());
        let mut all = Vec::new();
        for built in compiled.modules() {
            let node = index.modules.get(built.record.name.as_str()).copied();
            let module = node.and_then(|node| Some((node, self.module(node)?)));
            let source = module.map(|(node, module)| {
                let newest = written
                    .entry(module.file)
                    .or_insert_with(|| self.written_at(module.file));
                self.source_module(module, index.of_module(node), *newest > built.written)
            });
            let standing = standing(&built.record, source.as_ref());
            let seen = Seen {
                project: self,
                index: &index,
            };
            let merged = match (&standing, node) {
                (Standing::Matches, Some(node)) => Some((node, merge(&built.record, &seen))),
                _ => None,
            };
            let counts = merged.as_ref().map(|(_, merged)| {
                let answered = merged.replaced.len() + merged.confirmed.len();
                (merged.functions.len(), merged.calls.len(), answered)
            });
            let (functions, calls, answered) = counts.unwrap_or_default();
            modules.push(ImportedModule {
                name: built.record.name.clone(),
                path: built.path.clone(),
                standing,
                functions: functions as u32,
                calls: calls as u32,
                answered: answered as u32,
            });
            all.extend(merged);
        }
        for (module, merged) in &all {
            for function in &merged.functions {
                self.add_made(&mut index, *module, function);
            }
        }
        let mut new = Vec::new();
        for (module, merged) in &all {
            self.answer(&mut index, merged);
            for call in &merged.calls {
                new.extend(self.added_site(&mut index, *module, call));
            }
        }
        self.sites.extend(new);
        self.know_macros(compiled);
        self.sites.sort_unstable();
        self.sites.dedup();
        self.graph = rows(&self.modules, &self.functions, &self.sites);
        self.imported.insert(Imported {
            folder: compiled.folder().to_owned(),
            modules,
            libraries: compiled.libraries().len(),
            faults: compiled.faults().to_vec(),
            known,
        })
    }

    /// The build that was put into the graph.
    #[must_use]
    pub fn imported(&self) -> Option<&Imported> {
        self.imported.as_ref()
    }

    /// Takes the functions of a build out again; sites and graph are of no use afterwards.
    pub(super) fn forget_build(&mut self) {
        if let Some(imported) = self.imported.take() {
            self.functions.truncate(imported.known);
            for function in &mut self.functions {
                function.made = None;
            }
        }
    }

    fn path(&self, file: u32) -> &str {
        self.files
            .get(file as usize)
            .map_or("", |file| file.path.as_str())
    }

    /// When a file was written; long ago in a version.
    fn written_at(&self, file: u32) -> SystemTime {
        let folder = self.texts.folder();
        let found = folder.and_then(|root| std::fs::metadata(root.join(self.path(file))).ok());
        let written = found.and_then(|found| found.modified().ok());
        written.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// The sites whose caller is a node.
    pub(super) fn sites_of(&self, from: u32) -> impl Iterator<Item = (usize, &CallSite)> {
        let start = self.sites.partition_point(|site| site.from < from);
        let here = self.sites.get(start..).unwrap_or_default().iter();
        here.take_while(move |site| site.from == from)
            .enumerate()
            .map(move |(at, site)| (start + at, site))
    }

    fn source_module<'a>(
        &'a self,
        module: &'a CodeModule,
        functions: &'a [u32],
        is_newer: bool,
    ) -> SourceModule<'a> {
        let here = functions.iter().filter_map(|index| {
            let function = self.functions.get(*index as usize)?;
            Some((*index as usize, function, function.definition.as_ref()?))
        });
        let functions = here.map(|(index, function, definition)| {
            let sites = self.sites_of(self.node_of(index)).filter_map(|(_, site)| {
                let called = self.function(site.to)?;
                let is_sure = site.kind == EdgeKind::CALLS && site.mark == Mark::default();
                let is_sure = is_sure && matches!(site.how, "remote" | "local");
                is_sure.then(|| (site.line, &*called.module, &*called.name, arities(called)))
            });
            SourceFunction {
                name: &function.name,
                arities: arities(function),
                lines: (definition.line, definition.end_line),
                calls: sites.collect(),
            }
        });
        SourceModule {
            file: self.path(module.file),
            line: module.line,
            functions: functions.collect(),
            is_newer,
        }
    }

    /// A function that a macro made gets a number, or the one that its callers gave it.
    fn add_made(&mut self, index: &mut Index, module: u32, added: &AddedFunction) {
        use codegraph::compiled::DefinedBy;
        let Some(at) = self.modules.get(module as usize) else {
            return;
        };
        let made = MacroMade {
            module,
            file: at.file,
            line: added.line,
            is_private: matches!(added.defined_by, DefinedBy::Defp | DefinedBy::Defmacrop),
            is_macro: matches!(added.defined_by, DefinedBy::Defmacro | DefinedBy::Defmacrop),
            by: added.made_by.clone().filter(|by| !by.is_empty()),
        };
        let name = at.name.clone();
        let at = self.outside(index, &name, &added.name, added.arity);
        if let Some(function) = self.functions.get_mut(at as usize)
            && function.definition.is_none()
        {
            function.made = Some(made);
        }
    }

    /// The index of a function; one that is not known gets one.
    fn outside(&mut self, index: &mut Index, module: &str, name: &str, arity: u8) -> u32 {
        if let Some(known) = index.function(module, name, arity) {
            return known;
        }
        let new = self.functions.len() as u32;
        let function = CodeFunction {
            module: module.into(),
            name: name.into(),
            arity,
            definition: None,
            made: None,
        };
        index.add(&function, new);
        self.functions.push(function);
        new
    }

    /// The node that is called with so many arguments.
    fn called(&mut self, index: &mut Index, module: &str, name: &str, arity: u8) -> u32 {
        let seen = Seen { project: self, index };
        if let Some(known) = seen.function(module, name, arity) {
            return known.number;
        }
        let at = self.outside(index, module, name, arity);
        self.node_of(at as usize)
    }

    fn answer(&mut self, index: &mut Index, merged: &Merged) {
        for number in &merged.confirmed {
            if let Some(site) = self.sites.get_mut(*number as usize) {
                site.mark = COMPILED;
            }
        }
        for replaced in &merged.replaced {
            let to = self.called(index, &replaced.module, &replaced.name, replaced.arity);
            if let Some(site) = self.sites.get_mut(replaced.site as usize) {
                site.to = to;
                site.mark = COMPILED;
            }
        }
    }

    fn added_site(&mut self, index: &mut Index, module: u32, call: &AddedCall) -> Option<CallSite> {
        let name = self.modules.get(module as usize)?.name.clone();
        let from = self.called(index, &name, &call.caller, call.caller_arity);
        let to = self.called(index, &call.module, &call.name, call.arity);
        let kind = if call.is_captured {
            EdgeKind::REFERENCES
        } else {
            EdgeKind::CALLS
        };
        Some(CallSite {
            from,
            to,
            kind,
            line: call.line,
            clause_line: 0,
            mark: COMPILED,
            how: EXPANDED,
        })
    }

    /// Calls of what a dependency exports as a macro are expansions.
    fn know_macros(&mut self, compiled: &Compiled) {
        let mut macros = Vec::new();
        for (index, function) in self.functions.iter().enumerate() {
            if function.definition.is_none()
                && compiled.is_macro(&function.module, &function.name, function.arity)
            {
                macros.push(self.node_of(index));
            }
        }
        for site in &mut self.sites {
            if site.kind == EdgeKind::CALLS && macros.binary_search(&site.to).is_ok() {
                site.kind = EdgeKind::EXPANDS;
            }
        }
    }
}

/// The rows of a graph of these nodes and sites.
pub(super) fn rows(modules: &[CodeModule], functions: &[CodeFunction], sites: &[CallSite]) -> Graph {
    let mut builder = Builder::new((modules.len() + functions.len()) as u32);
    for (index, function) in functions.iter().enumerate() {
        let module = match (&function.definition, &function.made) {
            (Some(definition), _) => definition.module,
            (None, Some(made)) => made.module,
            (None, None) => continue,
        };
        builder.add(Edge {
            from: module,
            to: (modules.len() + index) as u32,
            kind: EdgeKind::CONTAINS,
            mark: Mark::default(),
        });
    }
    builder.extend(sites.iter().map(|site| Edge {
        from: site.from,
        to: site.to,
        kind: site.kind,
        mark: site.mark,
    }));
    // Every number was given out above, and 32 bits hold them: a source file is at most 64 MiB.
    builder.build().unwrap_or_default()
}
