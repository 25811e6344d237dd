//! `&(...)` and what follows it.
//!
//! The grammar of the concrete tree reads `&(f)` as a whole, Elixir reads `&` over all operators that bind tighter:
//! `&(&1).name` is `&((&1).name)`, `&(f/1) |> g` is `&((f/1) |> g)`.

use codegraph::quoted::Flags;

use super::flat::Flat;
use super::grammar::Syntax;
use super::infix::weight;
use super::machine::{Machine, Task};

/// Captures whose `&` belongs over a larger node: that node, and the `&` node at its beginning; ascending.
#[derive(Debug, Default)]
pub(super) struct Captures {
    wide: Vec<(u32, u32)>,
}

impl Captures {
    /// Finds them.
    pub(super) fn new(flat: &Flat, text: &str) -> Self {
        let mut wide = Vec::new();
        for inner in &flat.parenthesized_captures {
            let start = flat.node(*inner).start;
            let mut top = *inner;
            // The nodes that begin with this one lie right before it.
            while let Some(before) = top.checked_sub(1)
                && flat.node(before).start == start
                && binds_tighter(flat, before, text)
            {
                top = before;
            }
            if top != *inner {
                wide.push((top, *inner));
            }
        }
        wide.sort_unstable();
        Self { wide }
    }

    fn over(&self, top: u32) -> Option<u32> {
        let at = self.wide.binary_search_by_key(&top, |(top, _)| *top).ok()?;
        self.wide.get(at).map(|(_, inner)| *inner)
    }
}

/// Whether a node that begins with a capture is what the capture is of.
fn binds_tighter(flat: &Flat, index: u32, text: &str) -> bool {
    match flat.syntax(index) {
        Syntax::Dot | Syntax::Call | Syntax::AccessCall => true,
        Syntax::BinaryOperator => flat.token(index).is_some_and(|operator| {
            let operator = flat.node(operator);
            let name = text.get(operator.start as usize..operator.end as usize);
            weight(name.unwrap_or_default()).0 == 0
        }),
        _ => false,
    }
}

impl Machine<'_> {
    /// Schedules a node that a capture at its beginning is of. False for all others.
    pub(super) fn open_wide_capture(&mut self, index: u32) -> bool {
        let Some(inner) = self.captures.over(index) else {
            return false;
        };
        let operator = self.flat.token(inner).unwrap_or(inner);
        let place = self.anchored(operator, index);
        self.tasks.push(Task::LowerInner(index));
        self.call("&", Flags::default(), place, 1);
        true
    }

    /// Whether the `&` of this node is made elsewhere.
    pub(super) fn is_captured(&self, index: u32) -> bool {
        // Both halves of the pairs ascend: a capture ends the chain of nodes that begin with it.
        let wide = &self.captures.wide;
        wide.binary_search_by_key(&index, |(_, inner)| *inner).is_ok()
    }
}
