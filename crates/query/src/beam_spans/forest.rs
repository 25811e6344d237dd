//! Entries that continued a W3C trace: below the span that they name, if it is there and that makes no circle.

use std::collections::{HashMap, HashSet};

use event::{Span, SpanId};

use super::Made;

/// Makes each of the `continued` spans (place, W3C parent) a child of that parent. What no one has stays a root.
pub(super) fn continue_spans(spans: &mut [Made], continued: &[(usize, SpanId)], others: &[Span]) {
    if continued.is_empty() {
        return;
    }
    let others: HashSet<SpanId> = others.iter().map(|span| span.id).collect();
    let trees = trees(spans);
    // Which tree hangs below which: of a tree, the place of its root.
    let mut above: HashMap<usize, usize> = HashMap::new();
    for (at, parent) in continued {
        let is_root = spans.get(*at).is_some_and(|made| made.span.parent.0 == 0);
        if !is_root {
            continue;
        }
        let fits = match trees.get(parent) {
            Some(tree) if top(*tree, &above) == *at => false,
            Some(tree) => {
                above.insert(*at, *tree);
                true
            }
            None => others.contains(parent),
        };
        if let Some(made) = spans.get_mut(*at).filter(|_| fits) {
            made.span.parent = *parent;
            made.span.flags |= super::IS_REMOTE;
        }
    }
}

/// The place of the root above each span. Parents come before children.
fn trees(spans: &[Made]) -> HashMap<SpanId, usize> {
    let mut trees = HashMap::with_capacity(spans.len());
    for (at, made) in spans.iter().enumerate() {
        let root = trees.get(&made.span.parent).copied().unwrap_or(at);
        trees.insert(made.span.id, root);
    }
    trees
}

/// The tree at the top; without circles by construction.
fn top(mut tree: usize, above: &HashMap<usize, usize>) -> usize {
    while let Some(next) = above.get(&tree) {
        tree = *next;
    }
    tree
}
