//! A quoted form against the reference's, node by node.

use codegraph::quoted::{Flags, Kind, NodeId, Quoted};

use crate::term::{Terms, Value};

/// A node that differs.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    /// Line and column of ours, or of the nearest node above that has one.
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) what: String,
}

/// All differences between `ours` and the term; where a node differs, what is below it is not compared.
///
/// Compared: every node's kind, name or value, children, `line`, `column`, `no_parens` and `ambiguous_op`. Not compared:
/// `delimiter` and `indentation` of sigils, which say how the text is quoted and are in the source text at the node.
pub(crate) fn differences(ours: &Quoted, terms: &Terms<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    let Some(root) = ours.root() else {
        return found;
    };
    let mut open = vec![(root, 0usize, 1u32, 1u32)];
    while let Some((id, term, line, column)) = open.pop() {
        let node = ours.node(id);
        let (line, column) = if node.line > 0 {
            (node.line, node.column)
        } else {
            (line, column)
        };
        match pairs(ours, id, terms, term) {
            Ok(pairs) => open.extend(pairs.into_iter().rev().map(|(id, term)| (id, term, line, column))),
            Err(what) => found.push(Difference { line, column, what }),
        }
    }
    found
}

type Pairs = Result<Vec<(NodeId, usize)>, String>;

fn pairs(ours: &Quoted, id: NodeId, terms: &Terms<'_>, term: usize) -> Pairs {
    let node = ours.node(id);
    let kids = ours.kids(id);
    let wrong = || {
        let mut shown = format!("{:?}", terms.value(term));
        if let Some([name, _, _]) = terms.triple(term) {
            shown = format!("{{{:?}, ..}}", terms.value(name));
        }
        let mut mine = ours.show(id);
        mine.truncate(mine.char_indices().nth(160).map_or(mine.len(), |(at, _)| at));
        Err(format!(
            "expected {shown} of {}, got {mine}",
            terms.kids(term).len()
        ))
    };
    let same = match (node.kind, terms.value(term)) {
        (Kind::Atom, Value::Atom(text)) | (Kind::Integer, Value::Integer(text)) => ours.text(id) == text,
        (Kind::Float, Value::Float(value)) => {
            ours.text(id).parse::<f64>().map(f64::to_bits) == Ok(value.to_bits())
        }
        (Kind::String, Value::Binary(bytes)) => ours.bytes(id) == *bytes,
        (Kind::Charlist, Value::List) => {
            let codes: Vec<String> = ours
                .text(id)
                .chars()
                .map(|code| u32::from(code).to_string())
                .collect();
            let theirs = terms.kids(term);
            codes.len() == theirs.len()
                && codes
                    .iter()
                    .zip(theirs)
                    .all(|(code, kid)| *terms.value(*kid) == Value::Integer(code.clone()))
        }
        (Kind::List, Value::List) | (Kind::Pair, Value::Tuple) => {
            let theirs = terms.kids(term);
            if kids.len() == theirs.len() {
                return Ok(kids.iter().copied().zip(theirs.iter().copied()).collect());
            }
            false
        }
        (Kind::Variable | Kind::Call | Kind::Apply, Value::Tuple) => {
            return call(ours, id, terms, term, wrong);
        }
        _ => false,
    };
    if same { Ok(Vec::new()) } else { wrong() }
}

fn call(ours: &Quoted, id: NodeId, terms: &Terms<'_>, term: usize, wrong: impl Fn() -> Pairs) -> Pairs {
    let node = ours.node(id);
    let Some([name, meta, arguments]) = terms.triple(term) else {
        return wrong();
    };
    let theirs = terms.kids(arguments);
    let mut pairs = Vec::new();
    let mut kids = ours.kids(id);
    if node.kind == Kind::Apply {
        let Some((callee, rest)) = kids.split_first() else {
            return wrong();
        };
        pairs.push((*callee, name));
        kids = rest;
    } else if terms.atom(name) != Some(ours.text(id)) {
        return wrong();
    }
    let is_variable = terms.atom(arguments) == Some("nil");
    if is_variable != (node.kind == Kind::Variable) || kids.len() != theirs.len() {
        return wrong();
    }
    let number = |key| match terms.meta(meta, key) {
        Some(Value::Integer(text)) => text.parse::<u32>().unwrap_or_default(),
        _ => 0,
    };
    let (line, column) = (number("line"), number("column"));
    if (node.line, node.column) != (line, column) {
        let what = format!(
            "{} is at {}:{}, expected {line}:{column}",
            ours.text(id),
            node.line,
            node.column
        );
        return Err(what);
    }
    let no_parens = terms.meta(meta, "no_parens").is_some();
    let mine = node.kind == Kind::Apply && kids.is_empty() && node.flags.has(Flags::NO_PARENS);
    let ambiguous = terms.meta(meta, "ambiguous_op").is_some();
    if no_parens != mine || ambiguous != node.flags.has(Flags::AMBIGUOUS_OP) {
        return Err(format!(
            "no_parens {no_parens}, ambiguous_op {ambiguous} of {}",
            ours.show(id)
        ));
    }
    pairs.extend(kids.iter().copied().zip(theirs.iter().copied()));
    Ok(pairs)
}
