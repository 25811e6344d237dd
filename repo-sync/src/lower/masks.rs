//! What the grammar reads wrong and would read right if a few bytes were others: those bytes, and what to put there for
//! the grammar only. The new text has the same length and the same lines, and lowering reads names from the true one.
//!
//! Some of these are never right (an operator in the middle of a word) and looked for in every text; the others only in
//! one that the grammar refuses, and kept if it then refuses less.

use super::flat::Flat;
use super::grammar::Syntax;

/// Most passes over one file: a repaired place can show another.
pub(super) const PASSES_MAX: usize = 8;
/// Most places of one pass.
const PLACES_MAX: usize = 1000;

/// Bytes, and what the grammar is to see in each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mask {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) with: u8,
}

/// The places of a text that are surely misread.
pub(super) fn certain(flat: &Flat, text: &str) -> Vec<Mask> {
    let mut masks = Vec::new();
    for index in 0..flat.nodes.len() as u32 {
        match flat.syntax(index) {
            Syntax::Token => split_word(flat, text, index, &mut masks),
            Syntax::OperatorIdentifier => range(flat, text, index, &mut masks),
            _ => {}
        }
    }
    masks.truncate(PLACES_MAX);
    masks
}

/// The places of a text with errors that may be misread.
pub(super) fn likely(flat: &Flat, text: &str) -> Vec<Mask> {
    let mut masks = Vec::new();
    let mut in_clause = None;
    for index in 0..flat.nodes.len() as u32 {
        if masks.len() >= PLACES_MAX {
            break;
        }
        match flat.syntax(index) {
            Syntax::StabClause if !flat.node(index).broken => in_clause = flat.term(index),
            Syntax::BinaryOperator if in_clause != Some(index) => guarded(flat, text, index, &mut masks),
            Syntax::OperatorIdentifier => operator_name(flat, text, index, &mut masks),
            Syntax::Token => {
                operator_name(flat, text, index, &mut masks);
                empty_clause(flat, text, index, &mut masks);
            }
            _ => {}
        }
    }
    masks
}

/// `invalid -> ...` as the second clause after a body of two expressions: the grammar reads `... in valid`.
fn split_word(flat: &Flat, text: &str, index: u32, masks: &mut Vec<Mask>) {
    let node = flat.node(index);
    let word = text_of(flat, text, index).as_bytes();
    let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    let is_word = !word.is_empty() && word.iter().all(u8::is_ascii_lowercase);
    if is_word && text.as_bytes().get(node.end as usize).is_some_and(goes_on) {
        masks.push(Mask {
            start: node.start,
            end: node.start + 1,
            with: b'x',
        });
    }
}

/// `f(a, n..-1)`: the grammar reads `n(.. - 1)`. With another operator that binds alike it does not.
fn range(flat: &Flat, text: &str, index: u32, masks: &mut Vec<Mask>) {
    let node = flat.node(index);
    if text_of(flat, text, index) != ".." {
        return;
    }
    // The nodes that begin with this one lie right before it; a call's name comes before its arguments.
    let begins = |at: &u32| flat.node(*at).start == node.start;
    let outermost = (0..index).rev().take_while(begins).last();
    let arguments = outermost.filter(|at| flat.syntax(*at) == Syntax::Arguments);
    let name = arguments.and_then(|at| at.checked_sub(1));
    if name.is_some_and(|at| flat.syntax(at) == Syntax::Identifier) {
        for (start, with) in [(node.start, b'<'), (node.start + 1, b'>')] {
            masks.push(Mask {
                start,
                end: start + 1,
                with,
            });
        }
    }
}

/// `((a) when b)`: the grammar takes `(a)` for the arguments of a clause. Without the parentheses it does not; where
/// these make a block of their own (`(not a)`), they stay.
fn guarded(flat: &Flat, text: &str, index: u32, masks: &mut Vec<Mask>) {
    let mut children = flat.children(index);
    let (Some(arguments), Some(operator)) = (children.next(), children.next()) else {
        return;
    };
    if flat.syntax(arguments) != Syntax::Arguments || text_of(flat, text, operator) != "when" {
        return;
    }
    let mut terms = flat.terms(arguments);
    let (Some(only), None) = (terms.next(), terms.next()) else {
        return;
    };
    let written = text_of(flat, text, only);
    let is_block =
        written.starts_with("not") || written.starts_with('!') || written.starts_with("unquote_splicing");
    let whole = flat.node(arguments);
    let closes = whole.end > whole.start + 1
        && text
            .get(whole.start as usize..)
            .is_some_and(|text| text.starts_with('('))
        && text
            .get(..whole.end as usize)
            .is_some_and(|text| text.ends_with(')'));
    if closes && !is_block && flat.syntax(only) != Syntax::Keywords {
        for start in [whole.start, whole.end - 1] {
            masks.push(Mask {
                start,
                end: start + 1,
                with: b' ',
            });
        }
    }
}

/// `a/*/b`: an operator before a slash is a name, for the grammar in captures only.
fn operator_name(flat: &Flat, text: &str, index: u32, masks: &mut Vec<Mask>) {
    let node = flat.node(index);
    let name = text_of(flat, text, index);
    let is_operator = !name.is_empty() && name.bytes().all(|byte| b"+-*/<>=!~&|^.@".contains(&byte));
    let rest = text.get(node.end as usize..).unwrap_or_default();
    let rest = rest.trim_start_matches([' ', '\t']);
    let before = text.get(..node.start as usize).unwrap_or_default();
    let glued = before.ends_with(|one: char| one.is_alphanumeric() || matches!(one, '_' | '?' | '!' | '&'));
    if is_operator && !glued && name != "." && rest.starts_with('/') && near_error(flat, node.start, node.end)
    {
        masks.push(Mask {
            start: node.start,
            end: node.end,
            with: b'x',
        });
    }
}

/// `x -> ;` before a section of a `do` block: the grammar does not end the clause there.
fn empty_clause(flat: &Flat, text: &str, index: u32, masks: &mut Vec<Mask>) {
    if text_of(flat, text, index) != "->" {
        return;
    }
    let end = flat.node(index).end;
    let rest = text.get(end as usize..).unwrap_or_default();
    let spaces = rest.len() - rest.trim_start().len();
    if rest.get(spaces..).is_some_and(|rest| rest.starts_with(';')) {
        let start = end + spaces as u32;
        masks.push(Mask {
            start,
            end: start + 1,
            with: b' ',
        });
    }
}

/// Whether an error touches these bytes.
fn near_error(flat: &Flat, start: u32, end: u32) -> bool {
    flat.errors
        .iter()
        .any(|error| error.start <= end && start <= error.end)
}

fn text_of<'a>(flat: &Flat, text: &'a str, index: u32) -> &'a str {
    let node = flat.node(index);
    text.get(node.start as usize..node.end as usize)
        .unwrap_or_default()
}
