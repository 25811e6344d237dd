//! Edges of both sides, and how they are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use codegraph::definitions::Outline;
use codegraph::fact::Provenance;
use codegraph::link::{Asking, Call, Exports, How, Links};
use codegraph::quoted::{Kind, NodeId, Quoted, Symbol};
use repo_sync::beam::{Beam, DebugInfo};
use repo_sync::lower::Lowerer;

/// A call edge. A caller without a name is a module's body; `*`: a function whose name the source computes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub(crate) module: String,
    pub(crate) caller: String,
    pub(crate) called: String,
    pub(crate) line: u32,
    pub(crate) file: String,
}

impl Edge {
    /// A file that is nothing but modules is compiled without expanding their `defmodule`s, so the tracer hears nothing
    /// of these.
    fn is_outermost(&self) -> bool {
        self.module.is_empty() && self.called == "Elixir.Kernel.defmodule/2"
    }
}

/// What the tracer reported.
#[derive(Default)]
pub(crate) struct Oracle {
    pub(crate) visible: BTreeSet<Edge>,
    /// Macro-made: functions called in functions; in modules' bodies; macros called.
    pub(crate) functions: BTreeSet<Edge>,
    pub(crate) bodies: usize,
    pub(crate) steps: usize,
    pub(crate) files: BTreeSet<String>,
    pub(crate) modules: BTreeSet<String>,
}

impl Oracle {
    pub(crate) fn read(events: &str) -> Self {
        let mut oracle = Self::default();
        for line in events.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [
                file,
                seen,
                kind,
                module,
                function,
                function_arity,
                line,
                _column,
                called,
                name,
                arity,
            ] = fields.as_slice()
            else {
                continue;
            };
            let edge = Edge {
                module: (*module).to_owned(),
                caller: if function.is_empty() {
                    String::new()
                } else {
                    format!("{function}/{function_arity}")
                },
                // What stands for `Kernel` while `Kernel` is compiled.
                called: format!("{called}.{name}/{arity}").replace("elixir_bootstrap.", "Elixir.Kernel."),
                line: line.parse().unwrap_or_default(),
                file: (*file).to_owned(),
            };
            if edge.is_outermost() {
                continue;
            }
            oracle.files.insert((*file).to_owned());
            oracle.modules.insert((*module).to_owned());
            match (*seen == "1", kind.ends_with("macro"), edge.caller.is_empty()) {
                (true, _, _) => {
                    oracle.visible.insert(edge);
                }
                (false, true, _) => oracle.steps += 1,
                (false, false, true) => oracle.bodies += 1,
                (false, false, false) => {
                    oracle.functions.insert(edge);
                }
            }
        }
        oracle
    }
}

/// What we found in source.
pub(crate) struct Source {
    pub(crate) edges: BTreeSet<Edge>,
    /// Inferred ones (`apply`, delegates).
    pub(crate) inferred: BTreeSet<Edge>,
    /// Where modules are defined.
    pub(crate) modules: BTreeSet<(String, String)>,
}

pub(crate) struct Seen {
    pub(crate) oracle: usize,
    pub(crate) ours: usize,
    pub(crate) both: usize,
    /// The tracer's edges that one of ours meets: more than `both` where a computed caller meets several.
    pub(crate) met: usize,
    pub(crate) wrong: Vec<Edge>,
    pub(crate) missed: Vec<Edge>,
}

impl Seen {
    pub(crate) fn precision(&self) -> f64 {
        self.both as f64 / self.ours.max(1) as f64
    }
    pub(crate) fn recall(&self) -> f64 {
        self.met as f64 / self.oracle.max(1) as f64
    }
}

struct File {
    path: String,
    quoted: Quoted,
    outline: Outline,
}

/// Links all files.
pub(crate) fn source(files: &[PathBuf]) -> Result<Source, repo_sync::SourceFault> {
    let mut lowerer = Lowerer::new()?;
    let (mut read, mut exports) = (Vec::new(), Exports::new());
    for path in files {
        let Ok(text) = std::fs::read_to_string(path) else {
            continue;
        };
        let lowered = lowerer.lower(&text);
        let outline = Outline::of(&lowered.quoted);
        exports.learn(&lowered.quoted, &outline);
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        read.push(File {
            path: path.display().to_string(),
            quoted: lowered.quoted,
            outline,
        });
    }
    let mut source = Source {
        edges: BTreeSet::new(),
        inferred: BTreeSet::new(),
        modules: BTreeSet::new(),
    };
    let started = std::time::Instant::now();
    for file in &read {
        let links = Links::of(&file.quoted, &file.outline, &Asking::new(&exports));
        for name in file.outline.modules.iter().flat_map(|module| &module.names) {
            source.modules.insert((name.clone(), file.path.clone()));
        }
        for call in &links.calls {
            add(&mut source, file, &links, call);
        }
    }
    println!("linked {} files in {:?}", read.len(), started.elapsed());
    Ok(source)
}

fn add(source: &mut Source, file: &File, links: &Links, call: &Call) {
    if call.how == How::Dynamic {
        return;
    }
    let outline = &file.outline;
    let caller = call.clause.and_then(|clause| {
        let clause = outline.clauses.get(clause as usize)?;
        let function = outline.functions.get(clause.function as usize)?;
        if function.name == Symbol::NONE {
            return Some("*".to_owned());
        }
        Some(format!(
            "{}/{}",
            file.quoted.symbols().text(function.name),
            function.arity
        ))
    });
    let names = call
        .module
        .and_then(|module| outline.modules.get(module as usize))
        .map_or(&[][..], |module| module.names.as_slice());
    let none = [String::new()];
    for module in if names.is_empty() { &none[..] } else { names } {
        let target = links.text(call.target);
        // A local call of a module of several names is one of each.
        let target = if call.how == How::Local {
            module.as_str()
        } else {
            target
        };
        let edge = Edge {
            module: module.clone(),
            caller: caller.clone().unwrap_or_default(),
            called: format!("{target}.{}/{}", links.text(call.name), call.arity),
            line: call.line,
            file: file.path.clone(),
        };
        if call.mark.provenance() == Provenance::Source {
            source.edges.insert(edge);
        } else {
            source.inferred.insert(edge);
        }
    }
}

impl Source {
    /// Only files that the compiler took count. A caller whose name the source computes meets any caller of the line.
    pub(crate) fn compare(&self, oracle: &Oracle) -> Seen {
        // A module's event in another module's file is of a `quote location: :keep`: macro-made.
        let at_home = |edge: &&Edge| {
            edge.module.is_empty() || self.modules.contains(&(edge.module.clone(), edge.file.clone()))
        };
        let theirs: &BTreeSet<Edge> = &oracle.visible.iter().filter(at_home).cloned().collect();
        let mut anonymous: BTreeMap<(&str, u32, &str), Vec<&Edge>> = BTreeMap::new();
        for edge in theirs {
            let key = (edge.file.as_str(), edge.line, edge.called.as_str());
            anonymous.entry(key).or_default().push(edge);
        }
        let mut met: BTreeSet<&Edge> = BTreeSet::new();
        let (mut ours, mut both, mut wrong) = (0, 0, Vec::new());
        for edge in self
            .edges
            .iter()
            .filter(|edge| oracle.files.contains(&edge.file) && !edge.is_outermost())
        {
            ours += 1;
            let found: Vec<&Edge> = if edge.caller == "*" {
                let key = (edge.file.as_str(), edge.line, edge.called.as_str());
                anonymous.get(&key).cloned().unwrap_or_default()
            } else {
                theirs.get(edge).into_iter().collect()
            };
            if found.is_empty() {
                wrong.push(edge.clone());
            } else {
                both += 1;
                met.extend(found);
            }
        }
        let missed: Vec<Edge> = theirs
            .iter()
            .filter(|edge| !met.contains(edge))
            .cloned()
            .collect();
        Seen {
            met: met.len(),
            oracle: theirs.len(),
            ours,
            both,
            wrong,
            missed,
        }
    }
}

pub(crate) struct Made {
    pub(crate) functions: usize,
    pub(crate) found: usize,
    pub(crate) bodies: usize,
    pub(crate) steps: usize,
    pub(crate) missed: Vec<Edge>,
}

impl Made {
    pub(crate) fn recall(&self) -> f64 {
        self.found as f64 / self.functions.max(1) as f64
    }
}

/// Compares macro-made calls with the calls in the compiled modules' expanded definitions.
pub(crate) fn expanded(out: &Path, oracle: &Oracle, source: &Source) -> Made {
    let mut found: BTreeSet<(String, String, String, u32)> = BTreeSet::new();
    let mut beams: Vec<PathBuf> = std::fs::read_dir(out)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "beam"))
        .collect();
    beams.sort();
    for path in beams {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let info = Beam::read(&bytes).and_then(|beam| beam.debug_info());
        let Ok(DebugInfo::Elixir(expanded)) = info else {
            println!("  no definitions in {}", path.display());
            continue;
        };
        for function in &expanded.functions {
            let caller = format!("{}/{}", function.name, function.arity);
            for clause in &function.clauses {
                for index in expanded.tree.subtree(clause.node) {
                    let node = NodeId::new(index);
                    if let Some((called, line)) =
                        calls_of(&expanded.tree, node, &expanded.module, clause.line)
                    {
                        found.insert((expanded.module.clone(), caller.clone(), called, line));
                    }
                }
            }
        }
    }
    let is_found = |edge: &&Edge| {
        source.inferred.contains(*edge)
            || found.contains(&(
                edge.module.clone(),
                edge.caller.clone(),
                edge.called.clone(),
                edge.line,
            ))
    };
    let missed: Vec<Edge> = oracle
        .functions
        .iter()
        .filter(|edge| !is_found(edge))
        .cloned()
        .collect();
    Made {
        functions: oracle.functions.len(),
        found: oracle.functions.len() - missed.len(),
        bodies: oracle.bodies,
        steps: oracle.steps,
        missed,
    }
}

fn calls_of(tree: &Quoted, node: NodeId, module: &str, line: u32) -> Option<(String, u32)> {
    let at = tree.node(node);
    let line = if at.line == 0 { line } else { at.line };
    match at.kind {
        Kind::Call => Some((
            format!("{module}.{}/{}", tree.text(node), at_arity(tree, node)),
            line,
        )),
        Kind::Apply => {
            let (target, name, args) = tree.remote_call(node)?;
            Some((format!("{}.{name}/{}", tree.text(target), args.len()), line))
        }
        _ => None,
    }
}

fn at_arity(tree: &Quoted, node: NodeId) -> usize {
    tree.kids(node).len()
}

/// Misses by what is called, the most frequent first, each with an example.
pub(crate) fn classes(edges: &[Edge]) -> Vec<(String, usize, String)> {
    let mut classes: BTreeMap<&str, (usize, &Edge)> = BTreeMap::new();
    for edge in edges {
        classes.entry(&edge.called).or_insert((0, edge)).0 += 1;
    }
    let mut classes: Vec<_> = classes
        .into_iter()
        .map(|(called, (count, edge))| {
            let file = edge.file.rsplit('/').next().unwrap_or_default();
            let example = format!("{} {} {file}:{}", edge.module, edge.caller, edge.line);
            (called.to_owned(), count, example)
        })
        .collect();
    classes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    classes
}
