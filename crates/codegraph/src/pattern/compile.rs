//! A quoted form becomes a pattern.

use super::{Part, Pattern};
use crate::quoted::{Flags, Kind, NodeId, Quoted};

/// Patterns are written by hand: none is deeper.
const DEPTH_MAX: u32 = 64;
/// Most nodes of a pattern.
const NODES_MAX: usize = 1_000;

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternFault {
    /// There is nothing to look for.
    #[error("the pattern is empty; expected an Elixir expression, for example GenServer.call(_, message)")]
    Empty,
    /// It is not Elixir.
    #[error("the pattern is no Elixir expression; expected one, for example case _ do ... -> nil end")]
    Syntax,
    /// Larger than anyone writes.
    #[error("the pattern has {nodes} nodes, {depth} deep; expected at most {NODES_MAX}, {DEPTH_MAX} deep")]
    TooLarge {
        /// Its nodes.
        nodes: usize,
        /// How deep it was followed.
        depth: u32,
    },
    /// It would be found everywhere.
    #[error("the pattern matches every expression; name at least one function, operator or literal")]
    Everything,
}

impl Pattern {
    /// The pattern that a text's quoted form says.
    ///
    /// # Errors
    /// If it is empty, damaged, too large, or matches everything.
    pub fn compile(quoted: &Quoted) -> Result<Self, PatternFault> {
        let root = quoted.root().ok_or(PatternFault::Empty)?;
        let nodes = quoted.nodes().len();
        if quoted.node(root).flags.has(Flags::DAMAGED) {
            return Err(PatternFault::Syntax);
        }
        if nodes > NODES_MAX {
            return Err(PatternFault::TooLarge { nodes, depth: 0 });
        }
        let root = part(quoted, root, 0).ok_or(PatternFault::TooLarge {
            nodes,
            depth: DEPTH_MAX,
        })?;
        match root {
            Part::Any | Part::Rest | Part::Capture(_) => Err(PatternFault::Everything),
            Part::Call(name, args) if name == "__block__" && args.is_empty() => Err(PatternFault::Empty),
            root => Ok(Self { root }),
        }
    }
}

fn part(quoted: &Quoted, id: NodeId, depth: u32) -> Option<Part> {
    if depth > DEPTH_MAX {
        return None;
    }
    let (node, text, kids) = (quoted.node(id), quoted.text(id), quoted.kids(id));
    let all =
        |ids: &[NodeId]| -> Option<Vec<Part>> { ids.iter().map(|id| part(quoted, *id, depth + 1)).collect() };
    Some(match node.kind {
        Kind::Variable | Kind::Call if text == "..." && kids.is_empty() => Part::Rest,
        Kind::Variable if text == "_" => Part::Any,
        Kind::Variable => Part::Capture(text.to_owned()),
        Kind::Atom | Kind::Integer | Kind::Float | Kind::String | Kind::Charlist => {
            Part::Leaf(node.kind, quoted.bytes(id).to_vec())
        }
        Kind::List => Part::List(all(kids)?),
        Kind::Pair => Part::Tuple(all(kids)?),
        Kind::Call if text == "{}" => Part::Tuple(all(kids)?),
        Kind::Call if text == "%{}" => Part::Entries(all(kids)?),
        Kind::Call => {
            let args = all(kids)?;
            match (text, <[Part; 2]>::try_from(args)) {
                ("|>", Ok([value, call])) => piped(value, call),
                // `... -> ...`: any clauses.
                ("->", Ok([Part::List(heads), Part::Rest])) if heads == [Part::Rest] => Part::Rest,
                (_, Ok(two)) => Part::Call(text.to_owned(), two.into()),
                (_, Err(args)) => Part::Call(text.to_owned(), args),
            }
        }
        Kind::Apply => {
            let (callee, args) = kids.split_first()?;
            Part::Apply(Box::new(part(quoted, *callee, depth + 1)?), all(args)?)
        }
        Kind::Error => return None,
    })
}

/// `value |> call`: the value is the call's first argument.
fn piped(value: Part, call: Part) -> Part {
    let first = |mut args: Vec<Part>, value| {
        args.insert(0, value);
        args
    };
    match call {
        Part::Call(name, args) => Part::Call(name, first(args, value)),
        Part::Apply(callee, args) => Part::Apply(callee, first(args, value)),
        other => Part::Call("|>".to_owned(), vec![value, other]),
    }
}
