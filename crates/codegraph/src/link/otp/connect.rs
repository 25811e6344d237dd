//! What is sent meets what handles it.

use std::collections::BTreeMap;

use super::{Facts, Handler, Kind, Sent, Shape, To};
use crate::fact::{Confidence, Mark, Provenance};
use crate::quoted::NodeId;

/// Most clauses that one message of unknown receiver is connected with.
const RIVALS_MAX: usize = 8;

/// A connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Which kind.
    pub kind: Kind,
    /// Index of the sending file, the sending node, the clause around it.
    pub from: (u32, NodeId, Option<u32>),
    /// Index of the handling file, and of its module there.
    pub to: (u32, u32),
    /// The handling clause; of a child none: the module itself.
    pub clause: Option<u32>,
    /// Inferred; certain only of the rule, never of the receiver.
    pub mark: Mark,
}

#[derive(Default)]
struct Known<'a> {
    modules: BTreeMap<&'a str, (u32, u32)>,
    // By module, in the order of the source.
    handlers: BTreeMap<(u32, u32), Vec<&'a Handler>>,
    // Handlers of tagged messages of all modules, by kind and shape.
    tagged: BTreeMap<(Kind, &'a Shape), Vec<(u32, &'a Handler)>>,
}

/// The connections of all files, in the order of files and sends. Time: sends times the handlers of one module.
#[must_use]
pub fn connect(files: &[&Facts]) -> Vec<Edge> {
    let mut known = Known::default();
    for (file, facts) in files.iter().enumerate() {
        let file = u32::try_from(file).unwrap_or(u32::MAX);
        for (module, name) in facts.modules.iter().enumerate() {
            if !name.is_empty() {
                let module = u32::try_from(module).unwrap_or(u32::MAX);
                known.modules.entry(name).or_insert((file, module));
            }
        }
        for handler in &facts.handlers {
            known
                .handlers
                .entry((file, handler.module))
                .or_default()
                .push(handler);
            if handler.shape.is_tagged() {
                known
                    .tagged
                    .entry((handler.kind, &handler.shape))
                    .or_default()
                    .push((file, handler));
            }
        }
    }
    let mut edges = Vec::new();
    for (file, facts) in files.iter().enumerate() {
        let file = u32::try_from(file).unwrap_or(u32::MAX);
        for sent in &facts.sends {
            known.one(files, file, sent, &mut edges);
        }
    }
    edges
}

impl Known<'_> {
    fn one(&self, files: &[&Facts], file: u32, sent: &Sent, edges: &mut Vec<Edge>) {
        let mut add = |to: (u32, u32), clause: Option<u32>, confidence: Confidence| {
            edges.push(Edge {
                kind: sent.kind,
                from: (file, sent.node, sent.clause),
                to,
                clause,
                mark: Mark::new(Provenance::Inferred, confidence),
            });
        };
        let named = match &sent.to {
            To::Module(name) => self.modules.get(name.as_str()).copied(),
            To::Own => sent.module.map(|module| (file, module)),
            To::Unknown => None,
        };
        match (sent.kind, named) {
            (Kind::Child, Some(to)) => add(to, None, Confidence::Likely),
            (Kind::Task, Some(to)) => {
                if let Shape::Tuple(Some(name), arity) = &sent.shape
                    && let Some(facts) = files.get(to.0 as usize)
                {
                    let found = facts
                        .functions
                        .iter()
                        .find(|(module, n, a, _)| *module == to.1 && n == name && a == arity);
                    if let Some((_, _, _, clause)) = found {
                        add(to, Some(*clause), Confidence::Likely);
                    }
                }
            }
            (Kind::Child | Kind::Task, None) => {}
            (_, Some(to)) => {
                for (clause, confidence) in self.taking(to, sent) {
                    add(to, Some(clause), confidence);
                }
            }
            // A client function beside its server is the idiom: the own module first.
            (_, None) => {
                let own = sent.module.map(|module| (file, module));
                let mine = own.map(|to| self.taking(to, sent)).unwrap_or_default();
                if let Some(to) = own.filter(|_| sent.shape.is_tagged() && !mine.is_empty()) {
                    for (clause, confidence) in mine {
                        add(to, Some(clause), confidence.min(Confidence::Possible));
                    }
                    return;
                }
                let kind = handled(sent.kind);
                let rivals = self
                    .tagged
                    .get(&(kind, &sent.shape))
                    .map_or(&[][..], Vec::as_slice);
                let confidence = if rivals.len() == 1 {
                    Confidence::Possible
                } else {
                    Confidence::Guess
                };
                for (file, handler) in rivals.iter().take(RIVALS_MAX) {
                    add((*file, handler.module), Some(handler.clause), confidence);
                }
            }
        }
    }

    /// The clauses of a module that may take it: up to the first that surely does.
    fn taking(&self, to: (u32, u32), sent: &Sent) -> Vec<(u32, Confidence)> {
        let kind = handled(sent.kind);
        let mut found = Vec::new();
        for handler in self.handlers.get(&to).into_iter().flatten() {
            if handler.kind != kind || !handler.shape.takes(&sent.shape) {
                continue;
            }
            let same = handler.shape == sent.shape;
            let confidence = if same || kind == Kind::Start {
                Confidence::Likely
            } else {
                Confidence::Possible
            };
            found.push((handler.clause, confidence));
            if handler.shape == Shape::Any && sent.shape.is_tagged() {
                break;
            }
        }
        // A catch-all behind a clause of the very shape is no rival.
        if found
            .iter()
            .any(|(_, confidence)| *confidence == Confidence::Likely)
            && sent.shape.is_tagged()
        {
            found.retain(|(_, confidence)| *confidence == Confidence::Likely);
        }
        found
    }
}

fn handled(kind: Kind) -> Kind {
    if kind == Kind::Broadcast { Kind::Info } else { kind }
}
