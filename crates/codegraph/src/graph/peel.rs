//! A graph taken apart into what lies before its cycles, what lies behind them, and the rest.

use super::Flat;

/// The three parts; every edge leads from an earlier part to a later one, or within a part.
#[derive(Debug)]
pub(super) struct Peeled {
    /// Nodes that no cycle leads to, the start of an edge before its end.
    pub(super) before: Vec<u32>,
    /// The others that lead to a cycle: all cycles and what lies between them, ascending.
    pub(super) core: Vec<u32>,
    /// The others: behind all cycles, the start of an edge before its end.
    pub(super) after: Vec<u32>,
}

impl Peeled {
    /// By taking away what nothing leads to, and then what leads nowhere, until there is no such (Kahn 1962). Costs the
    /// edges of what is taken away.
    pub(super) fn of(out: &Flat<'_>, back: &Flat<'_>) -> Self {
        let nodes = out.node_count();
        let mut gone = vec![false; nodes as usize];
        let before = strip(out, back, &mut gone);
        let mut after = strip(back, out, &mut gone);
        after.reverse();
        let core = (0..nodes).filter(|node| !gone[*node as usize]).collect();
        Self { before, core, after }
    }
}

/// Takes away nodes without an edge in `back` until all that are left have one.
fn strip(out: &Flat<'_>, back: &Flat<'_>, gone: &mut [bool]) -> Vec<u32> {
    let nodes = out.node_count();
    // Nothing that is left has an edge here from what was taken away at the other end, or it would be gone, too.
    let mut waits: Vec<u32> = (0..nodes).map(|node| back.degree(node)).collect();
    let free = |node: &u32| waits[*node as usize] == 0 && !gone[*node as usize];
    let mut taken: Vec<u32> = (0..nodes).filter(free).collect();
    let mut at = 0;
    while let Some(node) = taken.get(at).copied() {
        at += 1;
        gone[node as usize] = true;
        for to in out.row(node) {
            let wait = &mut waits[*to as usize];
            *wait -= 1;
            if *wait == 0 && !gone[*to as usize] {
                taken.push(*to);
            }
        }
    }
    taken
}
