//! A project's code graph, made from its sources as they lie there: modules, functions, who calls whom, with the
//! connections that OTP makes. In memory, one process, no server.
//!
//! [`CodeProject::open`] reads it; [`CodeProject::graph`] is what is asked. A node of the graph is a module or a
//! function: modules first, then functions, both by number. Syntax trees are not kept: [`CodeProject::source`] makes a
//! file's again.

mod ahead;
mod clones;
mod dead;
mod effects;
mod expansion;
mod head;
mod interner;
mod join;
mod live;
mod matching;
mod memo;
mod moved;
mod names;
mod numbers;
mod read;
mod seen;
mod since;
mod slice;
mod source;
mod state;
mod texts;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use codegraph::complexity::Complexity;
use codegraph::fact::Mark;
use codegraph::graph::{EdgeKind, Graph, KindSet, Rank, Selection};
use codegraph::identity::BothIds;
use codegraph::link::otp::ModuleKind;
use codegraph::{DefinitionKind, SourceHash, VersionId};

pub use ahead::{FactsAhead, FactsMade};
pub use clones::{ClonePiece, CodeClone};
pub use dead::{Dead, DeadReason};
pub use effects::FunctionEffects;
pub use expansion::{Imported, ImportedModule, MacroMade};
pub use head::Head;
pub use live::{LiveProject, Refreshed};
pub use matching::{PatternMatch, PatternRefused, pattern};
pub use names::{Asked, Unknown};
pub use since::{Changed, ChangedFunction};
pub use slice::{
    FunctionSlice, ProjectSlice, SliceBudget, SliceDirection, SliceLine, SlicePart, SliceRefused,
};
pub use source::FileSource;

use crate::{FileFault, IndexFault};
use texts::Texts;

/// How to read a project.
#[derive(Clone, Copy, Debug)]
pub struct ProjectOptions {
    /// Also the `test` folders.
    pub tests: bool,
    /// Threads that read; 0: as many as the machine has processors.
    pub threads: usize,
    /// Bytes of syntax trees that are kept from the first look at the sources to the second; files beyond are parsed
    /// twice.
    pub trees_bytes_max: usize,
}

impl Default for ProjectOptions {
    fn default() -> Self {
        Self {
            tests: false,
            threads: 0,
            trees_bytes_max: 128 << 20,
        }
    }
}

/// A source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeFile {
    /// Relative to the root, with `/`.
    pub path: String,
    /// Lines.
    pub lines: u32,
    /// Bytes.
    pub bytes: u32,
    /// The hash of its text.
    pub source: SourceHash,
}

/// A module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeModule {
    /// As the VM names it: `Elixir.Shop.Stock`, `maps`.
    pub name: Arc<str>,
    /// Its file, an index into [`CodeProject::files`].
    pub file: u32,
    /// First line, from 1.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// The word that defines it.
    pub kind: DefinitionKind,
    /// What it is.
    pub kinds: Vec<ModuleKind>,
    /// Behaviours that it names or uses, as the VM names them.
    pub behaviours: Vec<String>,
}

/// Where a function is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Index of its module in [`CodeProject::modules`].
    pub module: u32,
    /// Index of its file in [`CodeProject::files`].
    pub file: u32,
    /// Its index in the file's outline.
    pub in_outline: u32,
    /// Line of its first clause, from 1.
    pub line: u32,
    /// Last line of its last clause.
    pub end_line: u32,
    /// The word that defines it.
    pub kind: DefinitionKind,
    /// How many of its parameters have defaults.
    pub defaults: u8,
    /// Whether a behaviour, a protocol or a library calls it.
    pub is_callback: bool,
    /// A syntax error is inside.
    pub is_damaged: bool,
    /// Its measures.
    pub complexity: Complexity,
    /// What it says.
    pub content: BothIds,
}

/// A function or macro: of the project, or one that it calls.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeFunction {
    /// Its module, as the VM names it.
    pub module: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Parameters, those with defaults included.
    pub arity: u8,
    /// Where it is written; `None`: not in this project's sources (a library's, or made by a macro).
    pub definition: Option<Definition>,
    /// A macro made it, as a compiled module says.
    pub made: Option<MacroMade>,
}

/// One place from which one node reaches another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallSite {
    /// The calling node.
    pub from: u32,
    /// The called node.
    pub to: u32,
    /// What the edge says.
    pub kind: EdgeKind,
    /// Line of the call, from 1, in the caller's file.
    pub line: u32,
    /// Of a message: the line of the clause that handles it; else 0.
    pub clause_line: u32,
    /// Where it was read and how sure it is.
    pub mark: Mark,
    /// Its name in answers: `call`, `cast`, `remote`, `local`, ...
    pub how: &'static str,
}

/// Counts and times of what a project was made of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Calls found, those that lead out of the project included.
    pub calls: u64,
    /// Calls whose module is known only when they run.
    pub dynamic_calls: u64,
    /// Connections that OTP makes.
    pub otp_edges: u64,
    /// Lines of all files.
    pub lines: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Files that were parsed, those that were parsed twice counted twice.
    pub parsed: u64,
    /// Files whose local facts were computed, not found.
    pub measured: u64,
    /// Files whose calls were resolved, not found.
    pub linked: u64,
    /// Seconds it took.
    pub seconds: f64,
}

/// A project and its code graph.
#[derive(Clone, Debug)]
pub struct CodeProject {
    root: PathBuf,
    texts: Texts,
    tests: bool,
    files: Vec<CodeFile>,
    modules: Vec<CodeModule>,
    functions: Vec<CodeFunction>,
    faults: Vec<FileFault>,
    graph: Graph,
    sites: Vec<CallSite>,
    // Names and numbers of arguments of calls whose module is not known.
    dynamic: Vec<(String, u8)>,
    reading: Reading,
    imported: Option<Imported>,
}

/// Edges by which code reaches code: calls, captures, messages, processes.
pub const REACHES: KindSet = KindSet::CALLS.with(KindSet::of(&[EdgeKind::REFERENCES]));

impl CodeProject {
    /// Reads a project's sources: which files these are is said in `docs/code.md`. A file with a fault does not disturb
    /// the others. `progress` is told files done and files in all, twice (once a look).
    pub fn open(
        root: &Path,
        options: &ProjectOptions,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Self, IndexFault> {
        Ok(LiveProject::open(root, options, None, progress)?.into_project())
    }

    fn empty(root: &Path, texts: &Texts, tests: bool) -> Self {
        Self {
            root: root.to_owned(),
            texts: texts.clone(),
            tests,
            files: Vec::new(),
            modules: Vec::new(),
            functions: Vec::new(),
            faults: Vec::new(),
            graph: Graph::default(),
            sites: Vec::new(),
            dynamic: Vec::new(),
            reading: Reading::default(),
            imported: None,
        }
    }

    /// The project's folder. Sources are read from it unless [`CodeProject::version`] says another place.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The version in the code store that it is; `None`: what lies in the folder.
    #[must_use]
    pub fn version(&self) -> Option<VersionId> {
        self.texts.version()
    }

    /// Whether the sources under `test` are in it.
    #[must_use]
    pub fn with_tests(&self) -> bool {
        self.tests
    }

    /// Its files, by path.
    #[must_use]
    pub fn files(&self) -> &[CodeFile] {
        &self.files
    }

    /// Its modules, in the order of the files. Node `n` of the graph is module `n`.
    #[must_use]
    pub fn modules(&self) -> &[CodeModule] {
        &self.modules
    }

    /// Its functions, in the order of the files, then those outside that it calls. Node `modules + n` is function `n`.
    #[must_use]
    pub fn functions(&self) -> &[CodeFunction] {
        &self.functions
    }

    /// What could not be read, or only partly, by path.
    #[must_use]
    pub fn faults(&self) -> &[FileFault] {
        &self.faults
    }

    /// The graph.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Counts and times.
    #[must_use]
    pub fn reading(&self) -> Reading {
        self.reading
    }

    /// All call sites, by caller, called and line.
    #[must_use]
    pub fn sites(&self) -> &[CallSite] {
        &self.sites
    }

    /// The places from which one node reaches another, by line.
    #[must_use]
    pub fn sites_between(&self, from: u32, to: u32) -> &[CallSite] {
        let start = self
            .sites
            .partition_point(|site| (site.from, site.to) < (from, to));
        let end = self
            .sites
            .partition_point(|site| (site.from, site.to) <= (from, to));
        self.sites.get(start..end).unwrap_or_default()
    }

    /// The function that a node is.
    #[must_use]
    pub fn function(&self, node: u32) -> Option<&CodeFunction> {
        self.functions
            .get((node as usize).checked_sub(self.modules.len())?)
    }

    /// The module that a node is.
    #[must_use]
    pub fn module(&self, node: u32) -> Option<&CodeModule> {
        self.modules.get(node as usize)
    }

    /// The node of a function by its index.
    #[must_use]
    pub fn node_of(&self, function: usize) -> u32 {
        u32::try_from(self.modules.len() + function).unwrap_or(u32::MAX)
    }

    /// File and line where a node is written, or where the macro is called that made it; `None` of what is not in the
    /// project.
    #[must_use]
    pub fn place(&self, node: u32) -> Option<(&str, u32)> {
        let (file, line) = if let Some(module) = self.module(node) {
            (module.file, module.line)
        } else {
            let function = self.function(node)?;
            match (&function.definition, &function.made) {
                (Some(definition), _) => (definition.file, definition.line),
                (None, Some(made)) => (made.file, made.line),
                (None, None) => return None,
            }
        };
        Some((self.files.get(file as usize)?.path.as_str(), line))
    }

    /// `PageRank` of all nodes over calls, captures and messages.
    #[must_use]
    pub fn ranks(&self) -> Vec<f64> {
        Rank::default().of(&self.graph, Selection::of(REACHES)).scores
    }
}
