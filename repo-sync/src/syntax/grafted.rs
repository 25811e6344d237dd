//! Parts of a text that were parsed on their own, put into the list of all nodes.

use codegraph::NONE;

use super::flat::{FlatNode, FlatTree, Grammar};
use crate::lower::{Graft, SiteKind};

/// Where a part goes: the node that has it, and the nodes that it replaces.
struct Place {
    parent: u32,
    first: u32,
    until: u32,
}

/// Nodes of a part, as they stand in the tree of it alone.
struct Part<'s> {
    nodes: Vec<FlatNode<'s>>,
    first: u32,
    until: u32,
}

impl<'s> FlatTree<'s> {
    /// Puts parts, in the order of the text, in the places of what the tree has there.
    pub(super) fn graft(&mut self, parts: &[Graft], grammar: &Grammar<'s>) {
        let mut grafts = Vec::with_capacity(parts.len());
        let mut index = 0;
        for graft in parts {
            let place = loop {
                if index >= self.nodes.len() as u32 {
                    break None;
                }
                index += 1;
                if let Some(place) = self.place(index - 1, graft) {
                    break Some(place);
                }
            };
            // What the flat list of lowering had, this list has too; a part without a place would end the search.
            let Some(place) = place else { break };
            index = place.until;
            if let Some(part) = self.part(graft, grammar) {
                grafts.push((place, part));
            }
        }
        if !grafts.is_empty() {
            self.splice(&grafts);
        }
    }

    /// The place of a part, if this node has it.
    fn place(&self, index: u32, graft: &Graft) -> Option<Place> {
        let node = self.node(index);
        let place = |first, until| Place {
            parent: index,
            first,
            until,
        };
        match graft.kind {
            SiteKind::Hole if node.kind == "interpolation" && node.start + 2 == graft.start => {
                let opens = self.children(index).next()?;
                let closes = self.children(index).last().filter(|last| {
                    let last = self.node(*last);
                    last.kind == "}" && last.start == graft.end
                })?;
                (closes > self.node(opens).next).then(|| place(self.node(opens).next, closes))
            }
            SiteKind::Access if node.kind == "access_call" && node.end == graft.end => {
                let bracket = self.child(index, "[")?;
                let bracket = Some(self.node(bracket)).filter(|bracket| bracket.start == graft.start)?;
                (bracket.next < node.next).then(|| place(bracket.next, node.next))
            }
            _ => None,
        }
    }

    /// The nodes of a part: all of a sequence; of a list what stands behind its bracket.
    fn part(&self, graft: &Graft, grammar: &Grammar<'s>) -> Option<Part<'s>> {
        let tree = Self::new(&graft.tree, grammar, self.text);
        let (first, until) = match graft.kind {
            SiteKind::Hole => (1, tree.nodes.len() as u32),
            SiteKind::Access => {
                let list = tree.terms(0).next()?;
                let bracket = tree.child(list, "[")?;
                (tree.node(bracket).next, tree.node(list).next)
            }
        };
        Some(Part {
            nodes: tree.nodes,
            first,
            until,
        })
    }

    fn splice(&mut self, grafts: &[(Place, Part<'s>)]) {
        // Where each place ends, and how far what follows moves.
        let mut moves: Vec<(u32, i64)> = Vec::with_capacity(grafts.len());
        let mut moved = 0;
        for (place, part) in grafts {
            moved += i64::from(part.until) - i64::from(part.first) - i64::from(place.until)
                + i64::from(place.first);
            moves.push((place.until, moved));
        }
        let shift = |index: u32| {
            let passed = moves.partition_point(|(until, _)| *until <= index);
            let by = passed.checked_sub(1).and_then(|at| moves.get(at));
            (i64::from(index) + by.map_or(0, |(_, by)| *by)) as u32
        };
        let old = std::mem::take(&mut self.nodes);
        let copy = |nodes: &mut Vec<FlatNode<'s>>, from: u32, until: u32| {
            let piece = old.get(from as usize..until as usize).unwrap_or_default();
            nodes.extend(piece.iter().map(|node| FlatNode {
                next: shift(node.next),
                parent: if node.parent == NONE {
                    NONE
                } else {
                    shift(node.parent)
                },
                ..*node
            }));
        };
        let mut at = 0;
        for (place, part) in grafts {
            copy(&mut self.nodes, at, place.first);
            at = place.until;
            let (base, parent) = (self.nodes.len() as u32, shift(place.parent));
            let piece = part.nodes.get(part.first as usize..part.until as usize);
            self.nodes
                .extend(piece.unwrap_or_default().iter().map(|node| FlatNode {
                    next: node.next - part.first + base,
                    parent: match node.parent.checked_sub(part.first) {
                        Some(inside) if node.parent < part.until => inside + base,
                        _ => parent,
                    },
                    ..*node
                }));
        }
        copy(&mut self.nodes, at, old.len() as u32);
        let named = self.nodes.iter_mut().filter(|node| node.named != NONE);
        for (node, number) in named.zip(0..) {
            node.named = number;
        }
    }
}
