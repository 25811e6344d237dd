//! Looking for a pattern.

use super::{Part, Pattern, equal};
use crate::quoted::{Kind, NodeId, Quoted};

/// Steps that one place of the code may cost: patterns with many `...` have many ways to fit.
const STEPS_MAX: u32 = 10_000;

/// What a variable of the pattern stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The variable's name.
    pub name: String,
    /// The expression.
    pub node: NodeId,
}

/// A place that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The expression.
    pub node: NodeId,
    /// What the pattern's variables stand for, in the order in which they were met.
    pub captures: Vec<Capture>,
}

impl Pattern {
    /// The places of a tree that match, in post-order: inner ones before outer ones. An expression that is piped into
    /// the next matches as the call that it is; the `|>` node is the place.
    #[must_use]
    pub fn find(&self, code: &Quoted) -> Vec<Found> {
        let mut found = Vec::new();
        // The right side of a pipe is no call by itself: its first argument stands on the left.
        let mut piped_into = vec![false; code.nodes().len()];
        for index in 0..code.nodes().len() {
            let id = NodeId::new(index);
            if let (true, [_, call]) = (code.is_call(id, "|>", 2), code.kids(id))
                && let Some(mark) = piped_into.get_mut(call.index())
            {
                *mark = true;
            }
        }
        for (index, piped) in piped_into.iter().enumerate() {
            let node = NodeId::new(index);
            let mut attempt = Attempt {
                code,
                captures: Vec::new(),
                steps: STEPS_MAX,
            };
            if !piped && attempt.fits(&self.root, node) {
                found.push(Found {
                    node,
                    captures: attempt.captures,
                });
            }
        }
        found
    }
}

struct Attempt<'a> {
    code: &'a Quoted,
    captures: Vec<Capture>,
    steps: u32,
}

impl Attempt<'_> {
    /// No deeper than the pattern, which is bounded.
    fn fits(&mut self, part: &Part, id: NodeId) -> bool {
        let Some(left) = self.steps.checked_sub(1) else {
            return false;
        };
        self.steps = left;
        let code = self.code;
        let (node, kids) = (code.node(id), code.kids(id));
        match part {
            Part::Any | Part::Rest => true,
            Part::Capture(name) => self.capture(name, id),
            Part::Leaf(kind, bytes) => node.kind == *kind && code.bytes(id) == bytes.as_slice(),
            Part::List(parts) => node.kind == Kind::List && self.all(parts, kids),
            Part::Tuple(parts) => {
                let tuple = node.kind == Kind::Pair || (node.kind == Kind::Call && code.text(id) == "{}");
                tuple && self.all(parts, kids)
            }
            Part::Entries(parts) => {
                node.kind == Kind::Call && code.text(id) == "%{}" && self.entries(parts, kids)
            }
            Part::Call(name, parts) => {
                let (id, args) = self.unpiped(id);
                code.node(id).kind == Kind::Call && code.text(id) == name && self.all(parts, &args)
            }
            Part::Apply(callee, parts) => {
                let (id, args) = self.unpiped(id);
                match (code.node(id).kind, code.kid(id, 0)) {
                    (Kind::Apply, Some(found)) => self.fits(callee, found) && self.all(parts, &args),
                    _ => false,
                }
            }
        }
    }

    /// The call that an expression is, with its arguments: of `a |> f(b)`, `f` with `a` and `b`.
    fn unpiped(&self, id: NodeId) -> (NodeId, Vec<NodeId>) {
        let args = |id| {
            let kids = self.code.kids(id);
            match self.code.node(id).kind {
                Kind::Apply => kids.get(1..).unwrap_or_default(),
                _ => kids,
            }
        };
        if self.code.is_call(id, "|>", 2)
            && let [value, call] = self.code.kids(id)
            && matches!(self.code.node(*call).kind, Kind::Call | Kind::Apply)
        {
            let all = std::iter::once(value).chain(args(*call)).copied().collect();
            return (*call, all);
        }
        (id, args(id).to_vec())
    }

    fn capture(&mut self, name: &str, node: NodeId) -> bool {
        if let Some(known) = self.captures.iter().find(|capture| capture.name == name) {
            return equal(self.code, known.node, self.code, node);
        }
        self.captures.push(Capture {
            name: name.to_owned(),
            node,
        });
        true
    }

    /// In order; a `...` takes as few as fit.
    fn all(&mut self, parts: &[Part], nodes: &[NodeId]) -> bool {
        let Some((part, rest)) = parts.split_first() else {
            return nodes.is_empty();
        };
        let kept = self.captures.len();
        if *part == Part::Rest {
            for skipped in 0..=nodes.len() {
                if self.all(rest, nodes.get(skipped..).unwrap_or_default()) {
                    return true;
                }
                self.captures.truncate(kept);
                if self.steps == 0 {
                    return false;
                }
            }
            return false;
        }
        match nodes.split_first() {
            Some((node, others)) => self.fits(part, *node) && self.all(rest, others),
            None => false,
        }
    }

    /// Each of the parts, in any order; the first that fits is taken.
    fn entries(&mut self, parts: &[Part], nodes: &[NodeId]) -> bool {
        parts.iter().all(|part| {
            *part == Part::Rest
                || nodes.iter().any(|node| {
                    let kept = self.captures.len();
                    let fits = self.fits(part, *node);
                    if !fits {
                        self.captures.truncate(kept);
                    }
                    fits
                })
        })
    }
}
