//! Dominators and post-dominators: Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm" (2001). Several
//! disjoint graphs at once, each with its root.

use super::rows::Rows;

/// No dominator: a root, or a node that no root reaches.
pub const NONE: u32 = u32::MAX;

/// The nodes that the roots reach, each after all that it leads to except over back edges.
fn postorder(successors: &Rows, roots: &[u32]) -> Vec<u32> {
    let mut order = Vec::with_capacity(successors.len());
    let mut seen = vec![false; successors.len()];
    let mut stack: Vec<(u32, usize)> = Vec::new();
    for root in roots {
        match seen.get_mut(*root as usize) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        stack.push((*root, 0));
        while let Some((node, next)) = stack.last_mut() {
            if let Some(target) = successors.of(*node).get(*next) {
                *next += 1;
                if !seen[*target as usize] {
                    seen[*target as usize] = true;
                    stack.push((*target, 0));
                }
            } else {
                order.push(*node);
                stack.pop();
            }
        }
    }
    order
}

/// The immediate dominator of each node; [`NONE`] for roots and for what no root reaches.
#[must_use]
pub fn dominators(successors: &Rows, predecessors: &Rows, roots: &[u32]) -> Vec<u32> {
    let order = postorder(successors, roots);
    let mut number = vec![NONE; successors.len()];
    for (at, node) in order.iter().enumerate() {
        number[*node as usize] = at as u32;
    }
    // Indexed by number in post-order; a root is its own until the end.
    let mut found = vec![NONE; order.len()];
    for root in roots {
        if let Some(at) = number.get(*root as usize).filter(|at| **at != NONE) {
            found[*at as usize] = *at;
        }
    }
    loop {
        let mut changed = false;
        for at in (0..order.len()).rev() {
            if found[at] == at as u32 {
                continue;
            }
            let mut best = NONE;
            // The last first: arms end in the order of their clauses, whose tests form a chain, so that each meeting is
            // one step up that chain.
            for from in predecessors.of(order[at]).iter().rev() {
                let from = number[*from as usize];
                if from == NONE || found[from as usize] == NONE {
                    continue;
                }
                best = if best == NONE {
                    from
                } else {
                    meet(&found, best, from)
                };
            }
            if found[at] != best {
                found[at] = best;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let mut result = vec![NONE; successors.len()];
    for (at, node) in order.iter().enumerate() {
        let above = found[at];
        if above != at as u32 && above != NONE {
            result[*node as usize] = order[above as usize];
        }
    }
    result
}

/// The nearest common ancestor. In post-order an ancestor has the greater number. Nodes of two graphs have none: the
/// greater root then, which cannot happen where the graphs are disjoint.
fn meet(found: &[u32], mut a: u32, mut b: u32) -> u32 {
    while a != b {
        let (low, high) = (a.min(b), a.max(b));
        let up = found[low as usize];
        if up == low || up == NONE {
            return high;
        }
        (a, b) = (up, high);
    }
    a
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By definition: `a` dominates `b` if `b` cannot be reached without `a`. The nearest strict dominator is the one
    /// that all others dominate.
    fn oracle(successors: &Rows, root: u32) -> Vec<u32> {
        let nodes = successors.len() as u32;
        let reach = |without: u32| {
            let mut seen = vec![false; nodes as usize];
            let mut work = vec![root];
            while let Some(node) = work.pop() {
                if node != without && !seen[node as usize] {
                    seen[node as usize] = true;
                    work.extend(successors.of(node));
                }
            }
            seen
        };
        let all = reach(NONE);
        let dominates = |a: u32, b: u32| all[b as usize] && !reach(a)[b as usize];
        (0..nodes)
            .map(|node| {
                let strict: Vec<u32> = (0..nodes).filter(|a| *a != node && dominates(*a, node)).collect();
                strict
                    .iter()
                    .copied()
                    .find(|a| strict.iter().all(|b| b == a || dominates(*b, *a)))
                    .unwrap_or(NONE)
            })
            .collect()
    }

    proptest! {
        /// Scenario: random graphs, with loops and unreachable parts. Guarantee: each node's immediate dominator is the
        /// one that the definition gives.
        #[test]
        fn they_are_those_of_the_definition(edges in proptest::collection::vec((0u32..12, 0u32..12), 0..40)) {
            let rows = Rows::new(12, edges.iter().copied());
            prop_assert_eq!(dominators(&rows, &rows.reversed(), &[0]), oracle(&rows, 0));
        }
    }

    /// Scenario: a chain of 200,000 tests whose arms all meet at the end, as a generated table of clauses. Guarantee:
    /// the meeting point's dominator is the first test, found without quadratic work.
    #[test]
    fn a_long_table_of_clauses_is_linear() {
        let tests = 200_000u32;
        let end = 2 * tests;
        let chain = (0..tests - 1).map(|at| (at, at + 1));
        let arms = (0..tests).flat_map(|at| [(at, tests + at), (tests + at, end)]);
        let rows = Rows::new(end as usize + 1, chain.chain(arms));
        let found = dominators(&rows, &rows.reversed(), &[0]);
        assert_eq!((found[end as usize], found[tests as usize + 7]), (0, 7));
    }
}
