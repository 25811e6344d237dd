//! Structural operators: which spans of the right side lie so to one of the left side. One pass over the tree each, so that
//! the cost is that of the trace's spans, not of pairs.

use crate::Trace;
use crate::ast::{Relation, SpansOp};

/// Places in both or either list; both ascending.
pub(crate) fn union(left: &[u32], right: &[u32]) -> Vec<u32> {
    let mut both = Vec::with_capacity(left.len() + right.len());
    both.extend_from_slice(left);
    both.extend_from_slice(right);
    both.sort_unstable();
    both.dedup();
    both
}

/// The spans that an operator selects; all lists ascending.
pub(crate) fn related(op: SpansOp, trace: &Trace<'_>, left: &[u32], right: &[u32]) -> Vec<u32> {
    match op {
        SpansOp::And if left.is_empty() || right.is_empty() => Vec::new(),
        SpansOp::And | SpansOp::Or => union(left, right),
        SpansOp::Related(relation) => keep(relation, trace, left, right, true),
        SpansOp::NotRelated(relation) => keep(relation, trace, left, right, false),
        SpansOp::UnionRelated(relation) => {
            let found = keep(relation, trace, left, right, true);
            union(&keep(turned(relation), trace, right, left, true), &found)
        }
    }
}

fn turned(relation: Relation) -> Relation {
    match relation {
        Relation::Child => Relation::Parent,
        Relation::Parent => Relation::Child,
        Relation::Descendant => Relation::Ancestor,
        Relation::Ancestor => Relation::Descendant,
        Relation::Sibling => Relation::Sibling,
    }
}

fn keep(relation: Relation, trace: &Trace<'_>, left: &[u32], right: &[u32], so: bool) -> Vec<u32> {
    if right.is_empty() || so && left.is_empty() {
        return Vec::new();
    }
    let near = Near::of(relation, trace, left);
    right
        .iter()
        .copied()
        .filter(|place| near.lies_so(trace, *place) == so)
        .collect()
}

/// What is known of the left side, by place.
enum Near {
    /// Spans that lie so.
    Marked(Vec<bool>),
    /// How many children of a span are of the left side, and which spans are.
    Children(Vec<u32>, Vec<bool>),
}

fn is(marks: &[bool], place: u32) -> bool {
    marks.get(place as usize).copied().unwrap_or(false)
}

fn mark(marks: &mut [bool], place: u32) {
    if let Some(mark) = marks.get_mut(place as usize) {
        *mark = true;
    }
}

impl Near {
    fn of(relation: Relation, trace: &Trace<'_>, left: &[u32]) -> Self {
        let (shape, count) = (trace.shape(), trace.spans().len());
        let mut of_left = vec![false; count];
        for place in left {
            mark(&mut of_left, *place);
        }
        let mut so = vec![false; count];
        match relation {
            Relation::Child | Relation::Descendant => {
                let all = relation == Relation::Descendant;
                for place in shape.walk() {
                    let above = shape.parent(*place);
                    if above.is_some_and(|above| is(&of_left, above) || all && is(&so, above)) {
                        mark(&mut so, *place);
                    }
                }
            }
            Relation::Parent | Relation::Ancestor => {
                let all = relation == Relation::Ancestor;
                for place in shape.walk().iter().rev() {
                    if is(&of_left, *place) || all && is(&so, *place) {
                        shape.parent(*place).inspect(|above| mark(&mut so, *above));
                    }
                }
            }
            Relation::Sibling => {
                let mut children = vec![0; count];
                for parent in left.iter().filter_map(|place| shape.parent(*place)) {
                    if let Some(number) = children.get_mut(parent as usize) {
                        *number += 1;
                    }
                }
                return Self::Children(children, of_left);
            }
        }
        Self::Marked(so)
    }

    fn lies_so(&self, trace: &Trace<'_>, place: u32) -> bool {
        match self {
            Self::Marked(so) => is(so, place),
            Self::Children(children, of_left) => {
                let parent = trace.shape().parent(place);
                let number = parent
                    .and_then(|parent| children.get(parent as usize))
                    .copied()
                    .unwrap_or(0);
                number > u32::from(is(of_left, place))
            }
        }
    }
}
