//! Clones planted in a project: how many are found, and how much else is taken for one.

use std::ops::Range;

use codegraph::clones::{CloneType, Clones, Fragment, Options, find};
use codegraph::definitions::Clause;
use codegraph::quoted::{Kind, NodeId};
use repo_sync::lower::Lowerer;

use crate::edit::{Edit, Edited, Piece};
use crate::source::{Dice, Source};

/// Smallest clause that is copied, in nodes; the search's own minimum.
const NODES_MIN: u32 = 30;
/// Least part of a planted clause, in percent of its nodes, that must be in the clone that is found.
const COVERED_PERCENT: u32 = 70;

/// What was planted and found, of one type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Planted {
    /// How many were planted.
    pub(crate) count: u32,
    /// How many were found, with their origin.
    pub(crate) found: u32,
    /// How many were found as that type or a stronger one.
    pub(crate) typed: u32,
    /// Pairs of a planted piece with another.
    pub(crate) pairs: u32,
    /// Of these, with its origin, or with what was a clone of that before.
    pub(crate) right: u32,
    /// Some that were not found.
    pub(crate) missed: Vec<String>,
    /// Some that were found as a weaker type.
    pub(crate) weak: Vec<String>,
    /// Some that are wrong.
    pub(crate) wrong: Vec<String>,
}

#[derive(Clone, Debug)]
struct Origin {
    file: usize,
    range: Range<usize>,
}

/// Plants a clone of one clause of each file, of this type.
pub(crate) fn plant(files: &[Source], kind: CloneType, seed: u64, lowerer: &mut Lowerer) -> Planted {
    let mut result = Planted::default();
    let (mut copies, mut origins) = (Vec::new(), Vec::new());
    for (index, file) in files.iter().enumerate() {
        let mut dice = Dice(seed.wrapping_mul(1_000_003) + index as u64);
        let Some((clause, text)) = copy(file, kind, &mut dice) else {
            continue;
        };
        let text = format!("defmodule Planted{index} do\n  {text}\nend\n");
        if let Some(source) = Source::read(lowerer, &format!("planted/{index}.ex"), text) {
            copies.push(source);
            origins.push(Origin {
                file: index,
                range: file.tree.subtree(clause.node),
            });
        }
    }
    let before = find(
        &files.iter().map(Source::file).collect::<Vec<_>>(),
        Options::default(),
    );
    let all: Vec<_> = files.iter().chain(&copies).map(Source::file).collect();
    let after = find(&all, Options::default());
    for (number, (source, origin)) in copies.iter().zip(&origins).enumerate() {
        let file = (files.len() + number) as u32;
        count(
            &before,
            &after,
            source,
            file,
            origin,
            &origins,
            files,
            kind,
            &mut result,
        );
    }
    result
}

fn range(source: &Source, fragment: &Fragment) -> Range<usize> {
    let ranges = || fragment.roots.iter().map(|root| source.tree.subtree(*root));
    let start = ranges().map(|range| range.start).min();
    let end = ranges().map(|range| range.end).max();
    start.unwrap_or_default()..end.unwrap_or_default()
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> usize {
    a.end.min(b.end).saturating_sub(a.start.max(b.start))
}

#[expect(clippy::too_many_arguments, reason = "the whole scene")]
fn count(
    before: &Clones,
    after: &Clones,
    source: &Source,
    file: u32,
    origin: &Origin,
    origins: &[Origin],
    files: &[Source],
    kind: CloneType,
    result: &mut Planted,
) {
    result.count += 1;
    let planted = source.tree.node(source.outline.clauses[0].node).size;
    // Whether that was a clone of the origin before, or a part of one.
    let natural = |at: &Origin| {
        before.groups.iter().any(|group| {
            let touches = |at: &Origin| {
                group.members.iter().any(|member| {
                    let member = &before.fragments[*member as usize];
                    member.file as usize == at.file && overlap(&range(&files[at.file], member), &at.range) > 0
                })
            };
            touches(at) && touches(origin)
        })
    };
    let (mut found, mut typed) = (false, false);
    for group in &after.groups {
        let fragments = || {
            group
                .members
                .iter()
                .map(|member| &after.fragments[*member as usize])
        };
        for own in fragments().filter(|fragment| fragment.file == file) {
            for other in fragments().filter(|fragment| fragment.file != file) {
                result.pairs += 1;
                // A clone of another planted clone: as right as one of that one's origin.
                let at = match (other.file as usize).checked_sub(files.len()) {
                    Some(plant) => origins[plant].clone(),
                    None => Origin {
                        file: other.file as usize,
                        range: range(&files[other.file as usize], other),
                    },
                };
                let is_origin = at.file == origin.file && overlap(&at.range, &origin.range) > 0;
                if is_origin && own.nodes * 100 >= planted * COVERED_PERCENT {
                    found = true;
                    typed |= group.kind <= kind;
                }
                let is_right = is_origin || natural(&at);
                result.right += u32::from(is_right);
                if !is_right && result.wrong.len() < 8 {
                    let line = files
                        .get(other.file as usize)
                        .map(|file| file.tree.node(other.roots[0]).line);
                    result.wrong.push(format!(
                        "{:?} {} of {}: {}:{line:?}",
                        group.kind,
                        group.likeness,
                        files[origin.file].path,
                        files
                            .get(other.file as usize)
                            .map_or("planted", |file| &file.path)
                    ));
                }
            }
        }
    }
    result.found += u32::from(found);
    result.typed += u32::from(typed);
    if found && !typed && result.weak.len() < 6 {
        result.weak.push(source.text.clone());
    }
    if !found && result.missed.len() < 5 {
        result
            .missed
            .push(format!("{}\n{}", files[origin.file].path, source.text));
    }
}

/// A clause, and its text as a clone of the type.
fn copy<'a>(source: &'a Source, kind: CloneType, dice: &mut Dice) -> Option<(&'a Clause, String)> {
    let tree = &source.tree;
    let fitting: Vec<&Clause> = source
        .outline
        .clauses
        .iter()
        .filter(|clause| {
            let function = source.outline.functions.get(clause.function as usize);
            let statements = clause.body.map_or(0, |body| match tree.text(body) {
                "__block__" => tree.kids(body).len(),
                _ => 1,
            });
            function.is_some_and(|function| function.clauses.len() == 1)
                && tree.node(clause.node).size >= NODES_MIN
                && (kind != CloneType::Three || statements >= 4)
        })
        .collect();
    let clause = *fitting.get(dice.roll(fitting.len()))?;
    let node = tree.node(clause.node);
    let mut edits = Vec::new();
    if kind >= CloneType::Two {
        edits.extend(names_and_literals(source, clause, dice));
    }
    if kind == CloneType::Three {
        edits.retain(|edit: &Edit| {
            edit.range.start < tree.node(clause.body.unwrap_or(clause.node)).end as usize
        });
        let statements = tree.kids(clause.body?);
        let at = tree.node(statements[dice.roll(statements.len() - 1)]);
        let range = at.start as usize..at.end as usize;
        edits.retain(|edit| edit.range.end <= range.start || range.end <= edit.range.start);
        let text = ["", "inspect(:planted)", "note = Planted.note(:here)"][dice.roll(3)];
        if dice.roll(2) == 0 {
            edits.push(Edit {
                range: range.start..range.start,
                pieces: vec![Piece::Fresh("IO.puts(\"planted\")\n".to_owned())],
            });
        } else {
            edits.push(Edit {
                range,
                pieces: vec![Piece::Fresh(text.to_owned())],
            });
        }
    }
    let inside = node.start as usize..node.end as usize;
    let before = Edit {
        range: 0..inside.start,
        pieces: Vec::new(),
    };
    let after = Edit {
        range: inside.end..source.text.len(),
        pieces: Vec::new(),
    };
    edits.retain(|edit| inside.start <= edit.range.start && edit.range.end <= inside.end);
    edits.extend([before, after]);
    let text = Edited::new(&source.text, edits).text;
    let text = if kind == CloneType::One {
        text.replacen(" do\n", " do # planted\n\n", 1)
    } else {
        text
    };
    Some((clause, text))
}

/// All parameters and other locals renamed, numbers and plain strings changed, the function renamed.
fn names_and_literals(source: &Source, clause: &Clause, dice: &mut Dice) -> Vec<Edit> {
    let tree = &source.tree;
    let names = crate::mutate::locals(tree, clause);
    let ending = format!("_{}", dice.roll(90));
    let mut edits = Vec::new();
    for index in tree.subtree(clause.node) {
        let id = NodeId::new(index);
        let node = tree.node(id);
        let range = node.start as usize..node.end as usize;
        let written = source.text.get(range.clone()).unwrap_or_default();
        let text = match node.kind {
            // An attribute is no local.
            Kind::Variable if tree.is_call(NodeId::new(index + 1), "@", 1) => continue,
            Kind::Variable if names.contains(tree.text(id)) && written == tree.text(id) => {
                let plain = written.trim_end_matches(['?', '!']);
                format!(
                    "{plain}{ending}{}",
                    written.get(plain.len()..).unwrap_or_default()
                )
            }
            // The arity of a capture is no literal.
            Kind::Integer
                if !tree.is_call(NodeId::new(index + 2), "&", 1)
                    && written.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                format!("{written}7")
            }
            Kind::String
                if written.starts_with('"') && !written.starts_with("\"\"\"") && written.len() > 2 =>
            {
                format!("\"planted{}", written.get(1..).unwrap_or_default())
            }
            _ => continue,
        };
        edits.push(Edit {
            range,
            pieces: vec![Piece::Fresh(text)],
        });
    }
    edits
}
