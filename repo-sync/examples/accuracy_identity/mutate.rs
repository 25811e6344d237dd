//! Refactorings done mechanically, as a person or a formatter does them.

use std::collections::BTreeSet;
use std::ops::Range;

use codegraph::definitions::{Clause, Function};
use codegraph::quoted::{Kind, NodeId, Quoted};

use crate::edit::{Edit, Piece};
use crate::restructure::{extract, inline, wrap};
use crate::source::{Dice, Source};

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refactoring {
    /// Other indentation, blank lines, blanks.
    Reformat,
    /// Comments added.
    Comment,
    /// Two functions change places.
    Reorder,
    /// The file gets another path.
    MoveFile,
    /// A local gets another name.
    RenameVariable,
    /// A function gets another name, at its definition and where it is called.
    RenameFunction,
    /// A module gets another name.
    RenameModule,
    /// Statements become a function.
    Extract,
    /// A private function goes into its only caller.
    Inline,
    /// A statement is put into `if` or `case`.
    Wrap,
}

impl Refactoring {
    /// All of them.
    pub(crate) const ALL: [Self; 10] = [
        Self::Reformat,
        Self::Comment,
        Self::Reorder,
        Self::MoveFile,
        Self::RenameVariable,
        Self::RenameFunction,
        Self::RenameModule,
        Self::Extract,
        Self::Inline,
        Self::Wrap,
    ];

    /// The part of nids that must be kept.
    pub(crate) fn goal(self) -> f64 {
        match self {
            Self::Reformat | Self::Comment | Self::Reorder | Self::MoveFile => 1.0,
            Self::RenameVariable | Self::RenameFunction | Self::RenameModule => 0.99,
            Self::Extract | Self::Inline | Self::Wrap => 0.95,
        }
    }

    /// The edits, `None` if the file has no place for it.
    pub(crate) fn edits(self, source: &Source, dice: &mut Dice) -> Option<Vec<Edit>> {
        let edits = match self {
            Self::Reformat => gaps(source, dice, false),
            Self::Comment => gaps(source, dice, true),
            Self::Reorder => reorder(source, dice)?,
            Self::MoveFile => Vec::new(),
            Self::RenameVariable => rename_variable(source, dice)?,
            Self::RenameFunction => rename_function(source, dice)?,
            Self::RenameModule => rename_module(source, dice)?,
            Self::Extract => extract(source, dice)?,
            Self::Inline => inline(source, dice)?,
            Self::Wrap => wrap(source, dice)?,
        };
        Some(edits)
    }
}

pub(crate) fn range(tree: &Quoted, node: NodeId) -> Range<usize> {
    tree.node(node).start as usize..tree.node(node).end as usize
}

/// The tokens of a text.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let mut parser = tree_sitter::Parser::new();
    let language = tree_sitter::Language::new(tree_sitter_elixir::LANGUAGE);
    if parser.set_language(&language).is_err() {
        return Vec::new();
    }
    let Some(tree) = parser.parse(text, None) else {
        return Vec::new();
    };
    let mut cursor = tree.walk();
    let mut tokens = Vec::new();
    loop {
        let node = cursor.node();
        // What is quoted is one token: its blanks belong to it.
        let whole = matches!(
            node.kind(),
            "string" | "sigil" | "charlist" | "quoted_atom" | "quoted_keyword" | "comment"
        );
        if whole || node.child_count() == 0 {
            tokens.push(node.byte_range());
        }
        if !whole && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return tokens;
            }
        }
    }
}

/// Changes blanks between tokens: at line breaks other indentation, blank lines or comments, and elsewhere more blanks.
fn gaps(source: &Source, dice: &mut Dice, comments: bool) -> Vec<Edit> {
    let tokens = tokens(&source.text);
    let mut edits = Vec::new();
    for pair in tokens.windows(2) {
        let (start, end) = (pair[0].end, pair[1].start);
        let Some(gap) = source.text.get(start..end).filter(|_| start < end) else {
            continue;
        };
        let text = if gap.bytes().all(|byte| byte == b'\n' || byte == b' ') && gap.contains('\n') {
            if comments {
                format!(" # seen {}\n    # why\n  ", dice.roll(1000))
            } else {
                format!("\n{}{}", "\n".repeat(dice.roll(2)), " ".repeat(dice.roll(9)))
            }
        } else if gap == " " && !comments {
            " ".repeat(1 + dice.roll(3))
        } else {
            continue;
        };
        edits.push(Edit {
            range: start..end,
            pieces: vec![Piece::Fresh(text)],
        });
    }
    edits
}

pub(crate) fn pick<'a, T>(list: &'a [T], dice: &mut Dice) -> Option<&'a T> {
    list.get(dice.roll(list.len()))
}

fn reorder(source: &Source, dice: &mut Dice) -> Option<Vec<Edit>> {
    let function = |clause: &Clause| source.outline.functions.get(clause.function as usize);
    let single: Vec<&Clause> = source
        .outline
        .clauses
        .iter()
        .filter(|clause| function(clause).is_some_and(|function| function.clauses.len() == 1))
        .collect();
    let first = **pick(&single, dice)?;
    let others: Vec<&&Clause> = single
        .iter()
        .filter(|other| {
            let module = function(other).map(|function| function.module);
            other.function != first.function && module == function(&first).map(|function| function.module)
        })
        .collect();
    let second = **pick(&others, dice)?;
    let (first, second) = (range(&source.tree, first.node), range(&source.tree, second.node));
    if first.start < second.end && second.start < first.end {
        return None;
    }
    let swap = |here: &Range<usize>, there: &Range<usize>| Edit {
        range: here.clone(),
        pieces: vec![Piece::Copy(there.clone())],
    };
    Some(vec![swap(&first, &second), swap(&second, &first)])
}

/// The names that the clause's parameters and `=` bind, as far as they are plain.
pub(crate) fn locals(tree: &Quoted, clause: &Clause) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut bind = |node: NodeId| {
        for index in tree.subtree(node) {
            let node = NodeId::new(index);
            let name = tree.text(node);
            if tree.node(node).kind == Kind::Variable && !name.starts_with('_') && name.is_ascii() {
                names.insert(name.to_owned());
            }
        }
    };
    clause
        .parameters(tree)
        .iter()
        .for_each(|parameter| bind(*parameter));
    for index in tree.subtree(clause.node) {
        let node = NodeId::new(index);
        if tree.is_call(node, "=", 2) {
            tree.kid(node, 0).into_iter().for_each(&mut bind);
        }
    }
    names
}

fn renamed(source: &Source, at: usize, name: &str, to: &str) -> Option<Edit> {
    let range = at..at + name.len();
    (source.text.get(range.clone()) == Some(name)).then(|| Edit {
        range: range.clone(),
        pieces: vec![Piece::Renamed(to.to_owned(), range)],
    })
}

fn rename_variable(source: &Source, dice: &mut Dice) -> Option<Vec<Edit>> {
    let tree = &source.tree;
    let clause = pick(&source.outline.clauses, dice)?;
    let names: Vec<String> = locals(tree, clause).into_iter().collect();
    let name = pick(&names, dice)?;
    let fresh = format!("renamed_{}", dice.roll(100));
    let mut edits = Vec::new();
    for index in tree.subtree(clause.node) {
        let node = tree.node(NodeId::new(index));
        if node.kind == Kind::Variable && tree.text(NodeId::new(index)) == name {
            edits.push(renamed(source, node.start as usize, name, &fresh)?);
        }
    }
    Some(edits)
}

pub(crate) fn plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit())
}

pub(crate) fn function_name<'a>(source: &'a Source, function: &Function) -> &'a str {
    source.tree.symbols().text(function.name)
}

fn rename_function(source: &Source, dice: &mut Dice) -> Option<Vec<Edit>> {
    let tree = &source.tree;
    let function = pick(&source.outline.functions, dice)?;
    let name = function_name(source, function);
    if !plain(name) || function.arity == 0 || codegraph::DefinitionKind::of_word(name).is_some() {
        return None;
    }
    let fresh = format!("renamed_{}", dice.roll(100));
    let around = function
        .module
        .and_then(|module| source.outline.modules.get(module as usize))?;
    let mut edits = Vec::new();
    for index in tree.subtree(around.node) {
        let id = NodeId::new(index);
        let node = tree.node(id);
        let arguments = u8::try_from(tree.kids(id).len()).unwrap_or(u8::MAX);
        let piped = tree.is_call(NodeId::new(index + 1), "|>", 2)
            && tree.kid(NodeId::new(index + 1), 1) == Some(id)
            && function.takes(arguments.saturating_add(1));
        let named = node.kind == Kind::Call && (function.takes(arguments) || piped);
        let captured = node.kind == Kind::Variable
            && tree.is_call(NodeId::new(index + 2), "/", 2)
            && tree.is_call(NodeId::new(index + 3), "&", 1);
        if (named || captured) && tree.text(id) == name {
            edits.extend(renamed(source, node.start as usize, name, &fresh));
        }
    }
    Some(edits).filter(|edits| !edits.is_empty())
}

fn rename_module(source: &Source, dice: &mut Dice) -> Option<Vec<Edit>> {
    let tree = &source.tree;
    let module = pick(&source.outline.modules, dice)?;
    let written = source.text.get(range(tree, module.name))?;
    if !written.starts_with(|first: char| first.is_ascii_uppercase()) {
        return None;
    }
    let fresh = format!("{written}Renamed");
    let mut edits = Vec::new();
    for index in 0..tree.nodes().len() {
        let id = NodeId::new(index);
        let alias = tree.node(id).kind == Kind::Call && tree.text(id) == "__aliases__";
        if alias && source.text.get(range(tree, id)) == Some(written) {
            edits.extend(renamed(source, tree.node(id).start as usize, written, &fresh));
        }
    }
    Some(edits)
}
