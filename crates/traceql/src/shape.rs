//! The tree of a trace's spans with nested-set numbers: a walk over the tree numbers each span when it comes and when it
//! leaves, from 1, so that `b` is below `a` if and only if its numbers lie within `a`'s.
//!
//! Parents are found by id (of several spans with one id the first in the slice). Children come by start, id, place. First
//! walked are spans without a parent, then orphans (their parent is not among the spans), then what is left: cycles, each cut at
//! its first span. Nothing recurses: 100,000 spans in one chain are a loop.

use event::{Span, SpanId};

const NONE: u32 = u32::MAX;

/// The tree. All lists are by the span's place in the slice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    parent: Vec<u32>,
    left: Vec<i64>,
    right: Vec<i64>,
    nested_parent: Vec<i64>,
    child_count: Vec<u32>,
    walk: Vec<u32>,
}

fn at<T: Copy + Default>(list: &[T], place: u32) -> T {
    list.get(place as usize).copied().unwrap_or_default()
}

fn set<T>(list: &mut [T], place: u32, value: T) {
    if let Some(slot) = list.get_mut(place as usize) {
        *slot = value;
    }
}

impl Shape {
    /// The tree of these spans.
    pub(crate) fn of(spans: &[Span]) -> Self {
        let count = spans.len();
        let mut order: Vec<u32> = (0..count as u32).collect();
        order.sort_unstable_by_key(|place| {
            let span = spans.get(*place as usize);
            (span.map(|s| s.start_ns), span.map(|s| s.id), *place)
        });
        let mut builder = Builder {
            shape: Self {
                parent: parents(spans),
                left: vec![0; count],
                right: vec![0; count],
                nested_parent: vec![0; count],
                child_count: vec![0; count],
                walk: Vec::with_capacity(count),
            },
            children: Vec::new(),
            first_child: Vec::new(),
            number: 0,
        };
        builder.children_of(&order);
        let is_root = |place: u32| spans.get(place as usize).is_some_and(|s| s.parent == SpanId(0));
        for place in order.iter().copied().filter(|place| is_root(*place)) {
            builder.walk_from(place, -1);
        }
        for place in order.iter().copied().filter(|place| !is_root(*place)) {
            if at(&builder.shape.parent, place) == NONE {
                builder.walk_from(place, 0);
            }
        }
        builder.cut_cycles(&order);
        builder.shape
    }

    /// The parent's place.
    pub fn parent(&self, place: u32) -> Option<u32> {
        self.parent
            .get(place as usize)
            .copied()
            .filter(|parent| *parent != NONE)
    }

    /// Number when the walk comes to the span.
    pub fn left(&self, place: u32) -> i64 {
        at(&self.left, place)
    }

    /// Number when the walk leaves it.
    pub fn right(&self, place: u32) -> i64 {
        at(&self.right, place)
    }

    /// The parent's left number; -1 of a span without a parent, 0 if the parent is not there.
    pub fn nested_parent(&self, place: u32) -> i64 {
        at(&self.nested_parent, place)
    }

    /// Spans of which it is the parent.
    pub fn child_count(&self, place: u32) -> u32 {
        at(&self.child_count, place)
    }

    /// All places, parents before their children.
    pub fn walk(&self) -> &[u32] {
        &self.walk
    }
}

/// Places of the parents by their ids; a span is not its own parent.
fn parents(spans: &[Span]) -> Vec<u32> {
    let mut by_id: Vec<(SpanId, u32)> = spans
        .iter()
        .zip(0..)
        .map(|(span, place)| (span.id, place))
        .collect();
    by_id.sort_unstable();
    let find = |place: u32, span: &Span| {
        let first = by_id.partition_point(|(id, _)| *id < span.parent);
        let found = by_id
            .get(first)
            .filter(|(id, other)| *id == span.parent && *other != place);
        found.map_or(NONE, |(_, parent)| *parent)
    };
    let found = spans.iter().zip(0..).map(|(span, place)| match span.parent {
        SpanId(0) => NONE,
        _ => find(place, span),
    });
    found.collect()
}

struct Builder {
    shape: Shape,
    /// Children of all spans, those of one span adjacent.
    children: Vec<u32>,
    /// Where the children of a span begin; one more than spans.
    first_child: Vec<u32>,
    number: i64,
}

impl Builder {
    fn children_of(&mut self, order: &[u32]) {
        for place in order {
            let parent = at(&self.shape.parent, *place);
            if let Some(count) = self.shape.child_count.get_mut(parent as usize) {
                *count += 1;
            }
        }
        let mut next = 0;
        self.first_child = self
            .shape
            .child_count
            .iter()
            .map(|count| {
                next += count;
                next - count
            })
            .collect();
        self.children = vec![NONE; next as usize];
        let mut free = self.first_child.clone();
        for place in order {
            let parent = at(&self.shape.parent, *place);
            if let Some(slot) = free.get_mut(parent as usize) {
                set(&mut self.children, *slot, *place);
                *slot += 1;
            }
        }
    }

    fn come(&mut self, place: u32, nested_parent: i64) {
        self.number += 1;
        set(&mut self.shape.left, place, self.number);
        set(&mut self.shape.nested_parent, place, nested_parent);
        self.shape.walk.push(place);
    }

    /// Numbers a span and all below it.
    fn walk_from(&mut self, top: u32, nested_parent: i64) {
        self.come(top, nested_parent);
        let mut stack = vec![(top, 0)];
        while let Some((place, done)) = stack.last_mut() {
            let place = *place;
            if *done < at(&self.shape.child_count, place) {
                let child = at(&self.children, at(&self.first_child, place) + *done);
                *done += 1;
                // A child that was walked is the top of a cycle.
                if at(&self.shape.left, child) == 0 {
                    self.come(child, at(&self.shape.left, place));
                    stack.push((child, 0));
                }
            } else {
                self.number += 1;
                set(&mut self.shape.right, place, self.number);
                stack.pop();
            }
        }
    }

    /// What was not walked is a cycle or hangs below one. The cycle is cut above its first span.
    fn cut_cycles(&mut self, order: &[u32]) {
        if self.shape.walk.len() == order.len() {
            return;
        }
        let mut rank = vec![0_u32; order.len()];
        for (number, place) in order.iter().enumerate() {
            set(&mut rank, *place, number as u32);
        }
        let mut seen = vec![false; order.len()];
        for start in order {
            if at(&self.shape.left, *start) != 0 {
                continue;
            }
            let mut place = *start;
            while !at(&seen, place) {
                set(&mut seen, place, true);
                place = at(&self.shape.parent, place);
            }
            let (first, mut top) = (place, place);
            loop {
                place = at(&self.shape.parent, place);
                if place == first {
                    break;
                }
                if at(&rank, place) < at(&rank, top) {
                    top = place;
                }
            }
            let above = at(&self.shape.parent, top);
            set(&mut self.shape.parent, top, NONE);
            self.walk_from(top, 0);
            if let Some(count) = self.shape.child_count.get_mut(above as usize) {
                *count -= 1;
            }
        }
    }
}
