//! Places where the grammar has one expression and Elixir has more: the sequence between `#{` and `}`, and keywords or a
//! last comma in `x[a: 1]`. What is there is parsed on its own, in place, and put into the flat list; the trees of these
//! parts are kept for who reads the whole tree.

use std::collections::BTreeSet;

use tree_sitter::{Point, Range, Tree};

use super::flat::{Flat, FlatNode};
use super::grammar::{Grammar, Syntax};
use crate::parser::Parser;

/// Most levels of such places inside one another.
const PASSES_MAX: usize = 8;
/// Most places of one file.
const PLACES_MAX: usize = 1000;

/// A place: nodes to be replaced, and the bytes that are parsed instead of them.
#[derive(Clone, Copy, Debug)]
struct Site {
    /// The node that has them.
    parent: u32,
    /// The first that is replaced; all that follow in the parent are too.
    first: u32,
    start: u32,
    end: u32,
    kind: SiteKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SiteKind {
    /// What is between `#{` and `}`: any number of expressions.
    Hole,
    /// The brackets of access, parsed as a list of one element.
    Access,
}

/// A part of a text that was parsed on its own, and used.
#[derive(Clone, Debug)]
pub(crate) struct Graft {
    /// First byte of the part.
    pub(crate) start: u32,
    /// Byte after the last.
    pub(crate) end: u32,
    pub(crate) kind: SiteKind,
    /// Its tree, with places as in the whole text.
    pub(crate) tree: Tree,
}

/// Finds the places of a tree and puts them right. `bytes` is what the grammar has seen. Returns the parts, those of one
/// pass in the order of the text; parts of a pass may lie in those of the one before.
pub(super) fn apply(
    flat: &mut Flat,
    parser: &mut Parser,
    grammar: &Grammar,
    bytes: &[u8],
    text: &str,
) -> Vec<Vec<Graft>> {
    let mut done = BTreeSet::new();
    let mut passes = Vec::new();
    for _ in 0..PASSES_MAX {
        let (mut grafts, mut parts, before) = (Vec::new(), Vec::new(), done.len());
        for site in sites(flat, bytes, &done) {
            if done.len() >= PLACES_MAX {
                break;
            }
            done.insert(site.start);
            let Some(tree) = parser.parse_part(bytes, range(flat, site, bytes)) else {
                continue;
            };
            let part = Flat::new(&tree, grammar, text);
            if let Some(from) = useful(flat, site, &part) {
                grafts.push((site, part, from));
                parts.push(Graft {
                    start: site.start,
                    end: site.end,
                    kind: site.kind,
                    tree,
                });
            }
        }
        if done.len() == before {
            break;
        }
        splice(flat, grafts);
        if !parts.is_empty() {
            passes.push(parts);
        }
    }
    passes
}

/// Outermost places that may be misread and are not done, in order.
fn sites(flat: &Flat, bytes: &[u8], done: &BTreeSet<u32>) -> Vec<Site> {
    let mut sites = Vec::new();
    let mut index = 0;
    while let Some(node) = flat.nodes.get(index as usize) {
        let site = match node.syntax {
            Syntax::Interpolation => hole(flat, index, bytes),
            Syntax::AccessCall => access(flat, index, bytes),
            _ => None,
        };
        let site = site.filter(|site| !done.contains(&site.start));
        // What is inside of it is looked at in the next pass, in its new form.
        index = site.map_or(index + 1, |_| node.next);
        sites.extend(site);
    }
    sites
}

fn hole(flat: &Flat, index: u32, bytes: &[u8]) -> Option<Site> {
    let node = flat.node(index);
    let first = index + 2;
    let (start, end) = (node.start + 2, node.end.checked_sub(1)?);
    let inside = bytes.get(start as usize..end as usize)?;
    let opens = bytes.get(node.start as usize..start as usize) == Some(b"#{");
    let closes = bytes.get(end as usize) == Some(&b'}');
    let many = inside.iter().any(|byte| matches!(byte, b'\n' | b';'));
    (opens && closes && many && first < node.next).then_some(Site {
        parent: index,
        first,
        start,
        end,
        kind: SiteKind::Hole,
    })
}

fn access(flat: &Flat, index: u32, bytes: &[u8]) -> Option<Site> {
    let node = flat.node(index);
    let bracket = flat.child(index, Syntax::Bracket)?;
    let (start, end) = (flat.node(bracket).start, node.end);
    let closes = end > start + 2 && bytes.get(end as usize - 1) == Some(&b']');
    (closes && bracket + 1 < node.next && errors_in(flat, start, end) > 0).then_some(Site {
        parent: index,
        first: bracket + 1,
        start,
        end,
        kind: SiteKind::Access,
    })
}

/// How many errors lie in these bytes.
fn errors_in(flat: &Flat, start: u32, end: u32) -> usize {
    // Errors are in the order of the text.
    let from = flat.errors.partition_point(|error| error.start < start);
    let errors = flat.errors.get(from..).unwrap_or_default();
    errors.iter().take_while(|error| error.start < end).count()
}

fn range(flat: &Flat, site: Site, bytes: &[u8]) -> Range {
    let parent = flat.node(site.parent);
    let before = match site.kind {
        SiteKind::Hole => parent,
        SiteKind::Access => flat.node(site.first - 1),
    };
    let start = Point {
        row: before.row as usize,
        column: (before.offset + site.start - before.start) as usize,
    };
    let inside = bytes
        .get(site.start as usize..site.end as usize)
        .unwrap_or_default();
    let mut end = start;
    for byte in inside {
        end.column += 1;
        if *byte == b'\n' {
            end.row += 1;
            end.column = 0;
        }
    }
    Range {
        start_byte: site.start as usize,
        end_byte: site.end as usize,
        start_point: start,
        end_point: end,
    }
}

/// From which node on a part is to be used; `None` if it is no better than what is there.
fn useful(flat: &Flat, site: Site, part: &Flat) -> Option<u32> {
    let (before, after) = (errors_in(flat, site.start, site.end), part.errors.len());
    let mut terms = part.terms(0);
    let first = terms.next()?;
    let alone = terms.next().is_none();
    match site.kind {
        SiteKind::Hole => (after < before || (after == 0 && !alone)).then_some(1),
        // What is inside may be of these places itself, and is put right later.
        SiteKind::Access if after >= before => None,
        SiteKind::Access => {
            let element = part.term(first)?;
            let one = part.terms(first).count() == 1;
            (alone && one && part.syntax(first) == Syntax::List).then_some(element)
        }
    }
}

/// Puts parts in the places of what they replace, all in one pass.
fn splice(flat: &mut Flat, grafts: Vec<(Site, Flat, u32)>) {
    // Where each place ends, and how far what follows moves.
    let mut moves: Vec<(u32, i64)> = Vec::with_capacity(grafts.len());
    let mut moved = 0;
    for (site, part, from) in &grafts {
        let until = flat.node(site.parent).next;
        moved += (part.nodes.len() as i64 - i64::from(*from)) - (i64::from(until) - i64::from(site.first));
        moves.push((until, moved));
    }
    let shift = |index: u32| {
        let passed = moves.partition_point(|(until, _)| *until <= index);
        let by = passed.checked_sub(1).and_then(|at| moves.get(at));
        (i64::from(index) + by.map_or(0, |(_, by)| *by)) as u32
    };
    let old = std::mem::take(&mut flat.nodes);
    let captures = std::mem::take(&mut flat.parenthesized_captures);
    let mut kept = captures.into_iter().peekable();
    let mut at = 0;
    let copy = |nodes: &mut Vec<FlatNode>, from: u32, until: u32| {
        let piece = old.get(from as usize..until as usize).unwrap_or_default();
        nodes.extend(piece.iter().map(|node| FlatNode {
            next: shift(node.next),
            ..*node
        }));
    };
    for (site, part, from) in grafts {
        copy(&mut flat.nodes, at, site.first);
        let parent = shift(site.parent);
        if let Some(parent) = flat.nodes.get_mut(parent as usize) {
            parent.broken = false;
        }
        while let Some(capture) = kept.next_if(|index| *index < site.first) {
            flat.parenthesized_captures.push(shift(capture));
        }
        at = old.get(site.parent as usize).map_or(site.first, |node| node.next);
        while kept.next_if(|index| *index < at).is_some() {}
        let base = flat.nodes.len() as u32;
        let nodes = part.nodes.get(from as usize..).unwrap_or_default();
        flat.nodes.extend(nodes.iter().map(|node| FlatNode {
            next: node.next - from + base,
            ..*node
        }));
        let captures = part.parenthesized_captures.iter();
        flat.parenthesized_captures
            .extend(captures.map(|index| index - from + base));
        flat.errors
            .retain(|error| error.start < site.start || error.start >= site.end);
        let place = flat.errors.partition_point(|error| error.start < site.start);
        flat.errors.splice(place..place, part.errors);
        flat.quoted.replace(site.start, site.end, part.quoted);
    }
    let end = old.len() as u32;
    copy(&mut flat.nodes, at, end);
    flat.parenthesized_captures.extend(kept.map(shift));
}
