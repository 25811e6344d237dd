//! The functions that a slice may touch: found over the call graph, nearest first, then parsed and analysed.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use codegraph::DefinitionKind;
use codegraph::fact::Confidence;
use codegraph::flow::{Analyzer, Call, Callee, FunctionFlow};
use codegraph::graph::{Direction, EdgeKind, KindSet, View as _};
use codegraph::quoted::Quoted;

use crate::FileFault;
use crate::lower::Lowerer;
use crate::project::{CallSite, CodeProject, Definition, FileSource};

/// Edges by which a value or a decision may go from one function to another.
const WAYS: KindSet = KindSet::of(&[
    EdgeKind::CALLS,
    EdgeKind::DELEGATES,
    EdgeKind::SENDS,
    EdgeKind::SPAWNS,
]);

/// A function as its file's outline has it: file, index.
pub(in crate::project) type Written = (u32, u32);

/// Parsed files and analysed functions of a project.
#[derive(Debug)]
pub(in crate::project) struct Loaded {
    pub(super) sources: BTreeMap<u32, FileSource>,
    pub(super) flows: Vec<FunctionFlow>,
    pub(super) written: Vec<Written>,
    pub(super) by_written: HashMap<Written, u32>,
    /// For each flow a node of the project's graph; of a function whose module has several names the first.
    pub(super) nodes: Vec<u32>,
    /// There were more functions than allowed.
    pub(super) is_cut: bool,
}

impl CodeProject {
    pub(in crate::project) fn definition(&self, node: u32) -> Option<&Definition> {
        self.function(node)?.definition.as_ref()
    }

    /// Where a node's function is written.
    pub(in crate::project) fn written(&self, node: u32) -> Option<Written> {
        let definition = self.definition(node)?;
        Some((definition.file, definition.in_outline))
    }

    /// All call sites of a node.
    pub(in crate::project) fn sites_from(&self, node: u32) -> &[CallSite] {
        let start = self.sites.partition_point(|site| site.from < node);
        let end = self.sites.partition_point(|site| site.from <= node);
        self.sites.get(start..end).unwrap_or_default()
    }

    /// The node that a call of a function calls, as the call graph has it: by name, number of arguments and line; where
    /// the line is not the one that was noted, by name alone, if that is one function's.
    pub(in crate::project) fn called_by(
        &self,
        from: u32,
        tree: &Quoted,
        call: &Call,
    ) -> Option<(u32, Confidence)> {
        let (Callee::Local(name) | Callee::Remote(_, name)) = call.callee else {
            return None;
        };
        let (name, arity) = (tree.symbols().text(name), u8::try_from(call.arity).ok()?);
        let fits = |site: &&CallSite| {
            let function = self.function(site.to);
            site.how != "dispatch"
                && matches!(site.kind, EdgeKind::CALLS | EdgeKind::REFERENCES)
                && function.is_some_and(|function| {
                    let defaults = function
                        .definition
                        .as_ref()
                        .map_or(0, |definition| definition.defaults);
                    &*function.name == name
                        && (function.arity.saturating_sub(defaults)..=function.arity).contains(&arity)
                })
        };
        let line = tree.node(call.node).line;
        let mut sites = self.sites_from(from).iter().filter(fits);
        let site = if let Some(site) = sites.clone().find(|site| site.line == line) {
            site
        } else {
            let first = sites.next()?;
            sites.all(|site| site.to == first.to).then_some(first)?
        };
        self.delegate(site.to, site.mark.confidence())
    }

    /// What stands behind a delegate.
    fn delegate(&self, node: u32, sure: Confidence) -> Option<(u32, Confidence)> {
        let is_delegate = self
            .definition(node)
            .is_some_and(|definition| definition.kind == DefinitionKind::Defdelegate);
        if !is_delegate {
            return Some((node, sure));
        }
        let mut sites = self
            .sites_from(node)
            .iter()
            .filter(|site| site.kind == EdgeKind::DELEGATES);
        let site = sites.next()?;
        Some((site.to, sure.min(site.mark.confidence())))
    }

    /// The functions that a slice which begins in one of these may touch. From where it begins a way may lead to
    /// callers; into what is called only downwards; a process's state leads to all callbacks of its module.
    pub(super) fn load_around(&self, start: Written, functions_max: usize) -> Result<Loaded, FileFault> {
        let mut callbacks: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut nodes_of: HashMap<Written, Vec<u32>> = HashMap::new();
        for index in 0..self.functions.len() {
            let node = self.node_of(index);
            let (Some(definition), Some(written)) = (self.definition(node), self.written(node)) else {
                continue;
            };
            nodes_of.entry(written).or_default().push(node);
            if definition.is_callback {
                callbacks.entry(definition.module).or_default().push(node);
            }
        }
        let mut chosen: Vec<Written> = Vec::new();
        let mut seen: BTreeSet<(Written, bool)> = BTreeSet::new();
        let mut known: BTreeSet<Written> = BTreeSet::new();
        let mut work = VecDeque::from([(start, true)]);
        let mut is_cut = false;
        while let Some((written, is_free)) = work.pop_front() {
            if seen.contains(&(written, true)) || !seen.insert((written, is_free)) {
                continue;
            }
            if known.insert(written) {
                if chosen.len() >= functions_max {
                    is_cut = true;
                    break;
                }
                chosen.push(written);
            }
            for node in nodes_of.get(&written).into_iter().flatten() {
                let mut ways = vec![(Direction::Out, false)];
                if is_free {
                    ways.push((Direction::Back, true));
                }
                for (direction, free) in ways {
                    for kind in WAYS.iter() {
                        let row = self.graph.row(*node, kind, direction);
                        work.extend(
                            row.targets
                                .iter()
                                .filter_map(|to| Some((self.written(*to)?, free))),
                        );
                    }
                }
                let definition = self.definition(*node).filter(|definition| definition.is_callback);
                let others = definition.and_then(|definition| callbacks.get(&definition.module));
                work.extend(
                    others
                        .into_iter()
                        .flatten()
                        .filter_map(|node| Some((self.written(*node)?, true))),
                );
            }
        }
        self.load(chosen, is_cut)
    }

    /// Parses and analyses functions.
    pub(in crate::project) fn load(
        &self,
        mut chosen: Vec<Written>,
        is_cut: bool,
    ) -> Result<Loaded, FileFault> {
        chosen.sort_unstable();
        let mut lowerer = Lowerer::new().map_err(|kind| FileFault {
            path: String::new(),
            kind: crate::FileFaultKind::Source(kind),
        })?;
        let mut loaded = Loaded {
            sources: BTreeMap::new(),
            flows: Vec::new(),
            written: Vec::new(),
            by_written: HashMap::new(),
            nodes: Vec::new(),
            is_cut,
        };
        let mut first_nodes: HashMap<Written, u32> = HashMap::new();
        for index in 0..self.functions.len() {
            let node = self.node_of(index);
            if let Some(written) = self.written(node) {
                first_nodes.entry(written).or_insert(node);
            }
        }
        for group in chosen.chunk_by(|a, b| a.0 == b.0) {
            let Some((file, _)) = group.first() else {
                continue;
            };
            let source = self.source_by(&mut lowerer, *file)?;
            let mut analyzer = Analyzer::new(&source.tree, &source.outline);
            for written in group {
                // A function whose name is computed has no node; nothing calls it by name.
                let node = first_nodes.get(written).copied().unwrap_or(u32::MAX);
                if let Some(flow) = analyzer.function(written.1) {
                    loaded.by_written.insert(*written, loaded.flows.len() as u32);
                    loaded.flows.push(flow);
                    loaded.written.push(*written);
                    loaded.nodes.push(node);
                }
            }
            loaded.sources.insert(*file, source);
        }
        Ok(loaded)
    }
}

impl Loaded {
    /// The file of a flow.
    pub(in crate::project) fn source(&self, flow: u32) -> Option<&FileSource> {
        self.sources.get(&self.written.get(flow as usize)?.0)
    }

    /// The flow of a node's function, if it has a body.
    pub(super) fn flow_of(&self, project: &CodeProject, node: u32) -> Option<u32> {
        let flow = *self.by_written.get(&project.written(node)?)?;
        let source = self.source(flow)?;
        let function = source
            .outline
            .functions
            .get(self.written.get(flow as usize)?.1 as usize)?;
        let mut clauses = function.clauses.iter();
        clauses
            .any(|clause| {
                let clause = source.outline.clauses.get(*clause as usize);
                clause.is_some_and(|clause| clause.body.is_some())
            })
            .then_some(flow)
    }
}
