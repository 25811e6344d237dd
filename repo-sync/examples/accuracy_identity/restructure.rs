//! Refactorings that make functions, or take them apart.

use std::collections::BTreeSet;
use std::ops::Range;

use codegraph::definitions::Clause;
use codegraph::quoted::{Kind, NodeId};

use crate::edit::{Edit, Piece};
use crate::mutate::{function_name, locals, pick, plain, range};
use crate::source::{Dice, Source};

/// A clause with several statements, and they.
fn block<'a>(source: &'a Source, dice: &mut Dice, least: usize) -> Option<(&'a Clause, &'a [NodeId])> {
    let tree = &source.tree;
    let fitting: Vec<&Clause> = source
        .outline
        .clauses
        .iter()
        .filter(|clause| {
            clause.body.is_some_and(|body| {
                tree.text(body) == "__block__"
                    && tree.kids(body).len() >= least
                    && source
                        .text
                        .get(range(tree, clause.node))
                        .is_some_and(|text| text.ends_with("end"))
            })
        })
        .collect();
    let clause = pick(&fitting, dice)?;
    Some((clause, tree.kids(clause.body?)))
}

fn statements(source: &Source, from: NodeId, to: NodeId) -> Range<usize> {
    range(&source.tree, from).start..range(&source.tree, to).end
}

pub(crate) fn extract(source: &Source, dice: &mut Dice) -> Option<Vec<Edit>> {
    let tree = &source.tree;
    let (clause, all) = block(source, dice, 3)?;
    let from = dice.roll(all.len() - 1);
    let to = from + 1 + dice.roll((all.len() - from - 1).min(all.len() - 2));
    let taken = statements(source, all[from], *all.get(to.min(all.len() - 1))?);
    let known = locals(tree, clause);
    let mut used = BTreeSet::new();
    for index in 0..tree.nodes().len() {
        let node = tree.node(NodeId::new(index));
        let name = tree.text(NodeId::new(index));
        if node.kind == Kind::Variable && taken.contains(&(node.start as usize)) && known.contains(name) {
            used.insert(name.to_owned());
        }
    }
    let parameters = used.into_iter().collect::<Vec<_>>().join(", ");
    let name = format!("extracted_{}", dice.roll(100));
    let end = range(tree, clause.node).end;
    Some(vec![
        Edit {
            range: taken.clone(),
            pieces: vec![Piece::Fresh(format!("result = {name}({parameters})"))],
        },
        Edit {
            range: end..end,
            pieces: vec![
                Piece::Fresh(format!("\n\n  defp {name}({parameters}) do\n    ")),
                Piece::Copy(taken),
                Piece::Fresh("\n  end".to_owned()),
            ],
        },
    ])
}

pub(crate) fn inline(source: &Source, dice: &mut Dice) -> Option<Vec<Edit>> {
    let tree = &source.tree;
    let mut fitting = Vec::new();
    for function in &source.outline.functions {
        let name = function_name(source, function);
        let [clause] = function.clauses.as_slice() else {
            continue;
        };
        let Some(clause) = source.outline.clauses.get(*clause as usize) else {
            continue;
        };
        let simple = clause
            .parameters(tree)
            .iter()
            .all(|one| tree.node(*one).kind == Kind::Variable);
        let only_do = clause
            .sections
            .is_some_and(|sections| tree.kids(sections).len() == 1);
        if function.kind != codegraph::DefinitionKind::Defp
            || !plain(name)
            || !simple
            || !only_do
            || clause.guard.is_some()
        {
            continue;
        }
        let calls: Vec<NodeId> = (0..tree.nodes().len())
            .map(NodeId::new)
            .filter(|id| {
                let node = tree.node(*id);
                matches!(node.kind, Kind::Call | Kind::Variable)
                    && tree.text(*id) == name
                    && *id != clause.head
            })
            .collect();
        if let [call] = calls.as_slice()
            && tree.kids(*call).len() == usize::from(function.arity)
            && function.arity > 0
            && !tree.contains(clause.node, *call)
            && source
                .text
                .get(range(tree, *call))
                .is_some_and(|text| text.ends_with(')'))
            && source.outline.clause_at(tree, *call).is_some()
        {
            fitting.push((*call, clause));
        }
    }
    let (call, clause) = pick(&fitting, dice)?;
    let body = range(tree, clause.body?);
    let mut edits = Vec::new();
    let mut placed = BTreeSet::new();
    for index in tree.subtree(clause.body?) {
        let id = NodeId::new(index);
        if tree.node(id).kind != Kind::Variable {
            continue;
        }
        let parameter = clause
            .parameters(tree)
            .iter()
            .position(|one| tree.text(*one) == tree.text(id));
        if let Some(place) = parameter {
            let argument = range(tree, tree.kid(*call, place)?);
            let piece = if placed.insert(place) {
                Piece::Copy(argument)
            } else {
                Piece::Fresh(source.text.get(argument)?.to_owned())
            };
            edits.push((range(tree, id), piece));
        }
    }
    edits.sort_by_key(|(range, _)| range.start);
    let mut pieces = vec![Piece::Fresh("(".to_owned())];
    let mut at = body.start;
    for (range, piece) in edits {
        pieces.push(Piece::Copy(at..range.start));
        pieces.push(piece);
        at = range.end;
    }
    pieces.push(Piece::Copy(at..body.end));
    pieces.push(Piece::Fresh(")".to_owned()));
    Some(vec![
        Edit {
            range: range(tree, *call),
            pieces,
        },
        Edit {
            range: range(tree, clause.node),
            pieces: vec![Piece::Fresh(String::new())],
        },
    ])
}

pub(crate) fn wrap(source: &Source, dice: &mut Dice) -> Option<Vec<Edit>> {
    let (_, all) = block(source, dice, 2)?;
    let from = dice.roll(all.len());
    let to = from + dice.roll(all.len() - from);
    let taken = statements(source, all[from], all[to]);
    let (before, after) = match dice.roll(2) {
        0 => ("if enabled?() do\n      ", "\n    end"),
        _ => (
            "case check() do\n      :ok -> ",
            "\n      other -> other\n    end",
        ),
    };
    Some(vec![Edit {
        range: taken.clone(),
        pieces: vec![
            Piece::Fresh(before.to_owned()),
            Piece::Copy(taken),
            Piece::Fresh(after.to_owned()),
        ],
    }])
}
