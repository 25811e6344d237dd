//! Two looks at the sources. The first finds what is defined, measures it and learns what modules export; the second,
//! which needs the first of all files, finds what is called. Both in parallel, a batch of files at a time, with results
//! in the order of the files. Trees stay from one look to the other as far as their bound allows.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use codegraph::DefinitionKind;
use codegraph::complexity::{Complexity, Meter};
use codegraph::definitions::Outline;
use codegraph::identity::{BothIds, Contents};
use codegraph::link::otp::Facts;
use codegraph::link::{Asking, Exports, Links};
use codegraph::quoted::{NodeId, Quoted};

use super::join::Join;
use super::{CodeProject, ProjectOptions};
use crate::index::read;
use crate::lower::Lowerer;
use crate::syntax::{checked, line_starts};
use crate::walk::{SourceFile, source_files};
use crate::{FileFault, FileFaultKind, IndexFault, SourceFault};

/// Files that are read before their results are put together.
const BATCH_FILES: usize = 128;
/// Bytes that a node of a tree takes, with its place among children and its share of the names.
const NODE_BYTES: usize = 56;

/// What the first look keeps of a file.
#[derive(Debug)]
pub(super) struct First {
    pub(super) lines: u32,
    pub(super) bytes: u32,
    pub(super) outline: Outline,
    pub(super) functions: Vec<FunctionFacts>,
    /// First and last line.
    pub(super) modules: Vec<(u32, u32)>,
    /// Of each `defimpl`: its protocol, as the VM names it.
    pub(super) protocols: Vec<Option<String>>,
    /// Lines of the clauses.
    pub(super) clauses: Vec<u32>,
    /// Names and arities of the functions, which the tree held.
    pub(super) names: Vec<String>,
    tree: Option<Quoted>,
    fault: Option<FileFaultKind>,
}

/// What the first look finds of a function.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FunctionFacts {
    pub(super) line: u32,
    pub(super) end_line: u32,
    pub(super) is_damaged: bool,
    pub(super) complexity: Complexity,
    pub(super) content: BothIds,
}

/// What the second look finds in a file.
#[derive(Debug)]
pub(super) struct Second {
    pub(super) links: Links,
    pub(super) facts: Facts,
    /// Lines of the nodes that send, by node.
    pub(super) send_lines: Vec<(NodeId, u32)>,
}

pub(super) fn open(
    root: &Path,
    options: &ProjectOptions,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<CodeProject, IndexFault> {
    let started = Instant::now();
    let (sources, mut faults) = source_files(root, options.tests).map_err(|fault| IndexFault::Root {
        root: root.to_owned(),
        fault,
    })?;
    let mut lowerers = lowerers(options.threads)?;
    let (done, total) = (AtomicUsize::new(0), sources.len() * 2);
    let tell = || progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);

    let mut exports = Exports::new();
    let mut kept: Vec<(&SourceFile, First)> = Vec::with_capacity(sources.len());
    let mut tree_bytes_left = options.trees_bytes_max;
    for batch in sources.chunks(BATCH_FILES) {
        let looks = in_parallel(&mut lowerers, batch, |lowerer, file| {
            let found = first(lowerer, file);
            tell();
            found
        });
        for (file, found) in batch.iter().zip(looks) {
            let mut fault = |kind| {
                faults.push(FileFault {
                    path: file.relative.clone(),
                    kind,
                });
            };
            match found {
                Ok(mut found) => {
                    found.fault.take().into_iter().for_each(&mut fault);
                    if let Some(tree) = &found.tree {
                        exports.learn(tree, &found.outline);
                        let bytes = tree.nodes().len() * NODE_BYTES;
                        match tree_bytes_left.checked_sub(bytes) {
                            Some(left) => tree_bytes_left = left,
                            None => found.tree = None,
                        }
                    }
                    kept.push((file, found));
                }
                Err(kind) => fault(kind),
            }
        }
    }
    faults.sort_by(|a, b| a.path.cmp(&b.path));

    let mut join = Join::of(kept.iter().map(|(file, first)| (file.relative.as_str(), first)));
    let mut batch_at = 0;
    while batch_at < kept.len() {
        let end = kept.len().min(batch_at + BATCH_FILES);
        let batch = kept.get(batch_at..end).unwrap_or_default();
        let looks = in_parallel(&mut lowerers, batch, |lowerer, (file, first)| {
            let found = second(lowerer, file, first, &exports);
            tell();
            found
        });
        for (at, (found, twice)) in looks.into_iter().enumerate() {
            join.reading.parsed_twice += u64::from(twice);
            if let Some((_, first)) = kept.get_mut(batch_at + at) {
                join.add(batch_at + at, first, found);
                first.tree = None;
                first.outline = Outline::default();
            }
        }
        batch_at = end;
    }
    drop((kept, exports));
    let mut project = join.finish(root, faults);
    project.reading.seconds = started.elapsed().as_secs_f64();
    Ok(project)
}

/// Applies `work` to all items, by as many threads as there are states; results in the order of the items.
pub(super) fn in_parallel<S: Send, T: Sync, R: Send>(
    states: &mut [S],
    items: &[T],
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let (next, work) = (AtomicUsize::new(0), &work);
    let take = |state: &mut S| {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else {
                return done;
            };
            done.push((at, work(state, item)));
        }
    };
    let take = &take;
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let threads: Vec<_> = states
            .iter_mut()
            .map(|state| scope.spawn(move || take(state)))
            .collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect()
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, found)| found).collect()
}

/// The text of a source file.
pub(super) fn text_of(path: &Path) -> Result<String, FileFaultKind> {
    let bytes = read(path)?;
    checked(&bytes).map_err(FileFaultKind::Source)?;
    String::from_utf8(bytes).map_err(|fault| {
        FileFaultKind::Source(SourceFault::NotUtf8 {
            at: fault.utf8_error().valid_up_to(),
        })
    })
}

/// A parser for each of so many threads; 0: as many as the machine has processors.
pub(super) fn lowerers(threads: usize) -> Result<Vec<Lowerer>, SourceFault> {
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    (0..threads).map(|_| Lowerer::new()).collect()
}

/// The line of a byte, from 1.
pub(super) fn line_at(starts: &[u32], byte: u32) -> u32 {
    starts.partition_point(|start| *start <= byte) as u32
}

fn first(lowerer: &mut Lowerer, file: &SourceFile) -> Result<First, FileFaultKind> {
    let text = text_of(&file.path)?;
    let lowered = lowerer.lower(&text);
    let (tree, starts) = (lowered.quoted, line_starts(text.as_bytes()));
    let outline = Outline::of(&tree);
    let contents = Contents::of(&tree, &outline);
    let meter = Meter::new(&tree, &outline);
    let span = |node: NodeId| {
        let node = tree.node(node);
        let last = node.end.saturating_sub(1).max(node.start);
        (line_at(&starts, node.start), line_at(&starts, last))
    };
    let functions = outline.functions.iter().enumerate().map(|(index, function)| {
        let clauses = || {
            let clauses = function.clauses.iter();
            clauses.filter_map(|clause| outline.clauses.get(*clause as usize))
        };
        FunctionFacts {
            line: clauses().map(|clause| span(clause.node).0).min().unwrap_or(1),
            end_line: clauses().map(|clause| span(clause.node).1).max().unwrap_or(1),
            is_damaged: clauses().any(|clause| clause.damaged),
            complexity: meter.function(index as u32).unwrap_or_default(),
            content: contents.functions.get(index).copied().unwrap_or_default(),
        }
    });
    let functions: Vec<FunctionFacts> = functions.collect();
    let damaged = outline.clauses.iter().filter(|clause| clause.damaged).count();
    let fault = lowered.errors.first().map(|error| FileFaultKind::Syntax {
        errors: lowered.errors.len(),
        line: error.line,
        damaged,
    });
    let name = |function: &codegraph::definitions::Function| tree.symbols().text(function.name).to_owned();
    Ok(First {
        lines: text.lines().count() as u32,
        bytes: text.len() as u32,
        functions,
        modules: outline.modules.iter().map(|module| span(module.node)).collect(),
        clauses: outline.clauses.iter().map(|clause| span(clause.node).0).collect(),
        names: outline.functions.iter().map(name).collect(),
        protocols: outline
            .modules
            .iter()
            .map(|module| {
                let is_implementation = module.kind == DefinitionKind::Defimpl;
                is_implementation
                    .then(|| outline.expand(&tree, module.name))
                    .flatten()
            })
            .collect(),
        outline,
        tree: Some(tree),
        fault,
    })
}

/// The calls of a file, and whether it had to be parsed again. A file that changed since the first look has none.
fn second(
    lowerer: &mut Lowerer,
    file: &SourceFile,
    first: &First,
    exports: &Exports,
) -> (Option<Second>, bool) {
    let again = match &first.tree {
        Some(_) => None,
        None => match text_of(&file.path) {
            Ok(text) => {
                let tree = lowerer.lower(&text).quoted;
                if Outline::of(&tree) != first.outline {
                    return (None, true);
                }
                Some(tree)
            }
            Err(_) => return (None, true),
        },
    };
    let Some(tree) = first.tree.as_ref().or(again.as_ref()) else {
        return (None, true);
    };
    let asking = Asking::new(exports);
    let links = Links::of(tree, &first.outline, &asking);
    let facts = Facts::of(tree, &first.outline, &links, &asking);
    let mut send_lines: Vec<(NodeId, u32)> = facts
        .sends
        .iter()
        .map(|sent| (sent.node, tree.node(sent.node).line))
        .collect();
    send_lines.dedup();
    let found = Second {
        links,
        facts,
        send_lines,
    };
    (Some(found), again.is_some())
}
