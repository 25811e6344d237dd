//! Elixir's definitions after macro expansion, as a [`Quoted`] tree. A clause is `{:->, meta, [args, guards, body]}` with
//! args and guards as lists; the root is a `__block__` of all clauses, in the order of [`Expanded::functions`].

use codegraph::compiled::CompiledSpec;
use codegraph::quoted::{Builder, Flags, Kind, NodeId, Place, Quoted, Symbol};
use wire::etf::Token;

use super::numbers::{decimal, float};
use super::terms::{TermRef, Terms};
use super::{BeamFault, TERM_DEPTH_MAX, types};

/// `def`, `defp`, `defmacro`, `defmacrop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExpandedKind {
    /// `def`.
    Def,
    /// `defp`.
    Defp,
    /// `defmacro`.
    Defmacro,
    /// `defmacrop`.
    Defmacrop,
}

/// Who wrote a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The source file, at the clause's line.
    Source,
    /// A macro: the line is that of its call.
    Macro {
        /// The module whose macro it is, as the VM names it, if the metadata says.
        by: Option<String>,
        /// Where its `quote location: :keep` stands, if it keeps that. What is in the clause has lines of that file then.
        kept: Option<(String, u32)>,
    },
}

/// One clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpandedClause {
    /// Elixir's line, from 1; 0: none.
    pub line: u32,
    /// Elixir's column, from 1; 0: the module was compiled without columns, or a macro made the clause.
    pub column: u32,
    /// Source or macro.
    pub origin: Origin,
    /// The clause's node: `{:->, _, [args, guards, body]}`.
    pub node: NodeId,
}

/// One function or macro.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpandedFunction {
    /// Its name.
    pub name: String,
    /// Its number of parameters.
    pub arity: u8,
    /// How it is defined.
    pub kind: ExpandedKind,
    /// Line of the first definition.
    pub line: u32,
    /// How many parameters have defaults.
    pub defaults: u8,
    /// Clauses in order. Functions that the compiler adds for defaults are among them.
    pub clauses: Vec<ExpandedClause>,
}

/// A module after expansion.
#[derive(Clone, Debug, Default)]
pub struct Expanded {
    /// As the VM names it.
    pub module: String,
    /// The file it was compiled from, as the compiler saw it.
    pub file: String,
    /// The same, relative to the project; empty if not known.
    pub relative_file: String,
    /// Line of `defmodule`.
    pub line: u32,
    /// Attributes that persist: `behaviour` and others, by name, with their values as text where they are atoms.
    pub behaviours: Vec<String>,
    /// Functions, by name and arity.
    pub functions: Vec<ExpandedFunction>,
    /// Specs, callbacks and types, ascending.
    pub specs: Vec<CompiledSpec>,
    /// All clauses.
    pub tree: Quoted,
}

pub(super) fn read(terms: &Terms<'_>, map: TermRef, specs: TermRef) -> Result<Expanded, BeamFault> {
    let text = |key: &str| {
        let value = terms.get(map, key)?;
        let bytes = terms.bytes(value)?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    };
    let mut builder = Builder::new();
    let (mut functions, mut clauses) = (Vec::new(), Vec::new());
    let definitions = terms.get(map, "definitions").map(|all| terms.list(all));
    for definition in definitions.unwrap_or_default() {
        if let Some(function) = function(terms, definition, &mut builder)? {
            functions.push(function);
        }
    }
    functions.sort_by(|a, b| (&a.name, a.arity).cmp(&(&b.name, b.arity)));
    for function in &functions {
        clauses.extend(function.clauses.iter().map(|clause| clause.node));
    }
    let root = builder.named(
        Kind::Call,
        "__block__",
        Flags::IMPLICIT,
        Place::default(),
        &clauses,
    );
    Ok(Expanded {
        module: terms
            .get(map, "module")
            .and_then(|module| terms.atom(module))
            .unwrap_or_default()
            .into_owned(),
        file: text("file").unwrap_or_default(),
        relative_file: text("relative_file").unwrap_or_default(),
        line: number(terms, map, "line"),
        behaviours: behaviours(terms, map),
        functions,
        specs: types::read(terms, specs),
        tree: builder.finish(Some(root)),
    })
}

fn number(terms: &Terms<'_>, meta: TermRef, key: &str) -> u32 {
    let value = terms.get(meta, key).and_then(|value| terms.int(value));
    value.and_then(|value| value.try_into().ok()).unwrap_or_default()
}

fn behaviours(terms: &Terms<'_>, map: TermRef) -> Vec<String> {
    let attributes = terms.get(map, "attributes").map(|all| terms.list(all));
    let values = attributes.unwrap_or_default().into_iter().filter_map(|pair| {
        let [name, value] = terms.tuple(pair)?;
        (terms.atom(name)? == "behaviour")
            .then(|| terms.atom(value))?
            .map(std::borrow::Cow::into_owned)
    });
    let mut found: Vec<String> = values.collect();
    found.sort();
    found.dedup();
    found
}

fn function(
    terms: &Terms<'_>,
    definition: TermRef,
    builder: &mut Builder,
) -> Result<Option<ExpandedFunction>, BeamFault> {
    let Some([name, kind, meta, clauses]) = terms.tuple(definition) else {
        return Ok(None);
    };
    let Some([name, arity]) = terms.tuple(name) else {
        return Ok(None);
    };
    let kind = match terms.atom(kind).as_deref() {
        Some("def") => ExpandedKind::Def,
        Some("defp") => ExpandedKind::Defp,
        Some("defmacro") => ExpandedKind::Defmacro,
        Some("defmacrop") => ExpandedKind::Defmacrop,
        _ => return Ok(None),
    };
    let mut found = Vec::new();
    for clause in terms.list(clauses) {
        let Some([meta, args, guards, body]) = terms.tuple(clause) else {
            continue;
        };
        let made = is_macro_made(terms, meta);
        let place = place(terms, meta, made);
        let kids = [
            quote(terms, args, builder)?,
            quote(terms, guards, builder)?,
            quote(terms, body, builder)?,
        ];
        let flags = if made { Flags::MACRO_MADE } else { Flags::default() };
        found.push(ExpandedClause {
            line: place.line,
            column: place.column,
            origin: if made {
                Origin::Macro {
                    by: terms
                        .get(meta, "context")
                        .and_then(|by| terms.atom(by))
                        .map(std::borrow::Cow::into_owned),
                    kept: kept(terms, meta),
                }
            } else {
                Origin::Source
            },
            node: builder.named(Kind::Call, "->", flags, place, &kids),
        });
    }
    let small = |n: i64| u8::try_from(n).unwrap_or(u8::MAX);
    Ok(Some(ExpandedFunction {
        name: terms.atom(name).unwrap_or_default().into_owned(),
        arity: small(terms.int(arity).unwrap_or_default()),
        kind,
        line: number(terms, meta, "line"),
        defaults: small(i64::from(number(terms, meta, "defaults"))),
        clauses: found,
    }))
}

/// Whether a node's metadata says that a `quote` made it. `context` is what `quote` adds to calls that are imports and to
/// aliases, `counter` to what it makes hygienic, `keep` is `location: :keep`, `generated` is said by the macro.
fn is_macro_made(terms: &Terms<'_>, meta: TermRef) -> bool {
    terms.list(meta).into_iter().any(|pair| {
        let name = terms.tuple(pair).and_then(|[name, _value]| terms.atom(name));
        matches!(
            name.as_deref(),
            Some("context" | "counter" | "keep" | "generated" | "imports")
        )
    })
}

fn kept(terms: &Terms<'_>, meta: TermRef) -> Option<(String, u32)> {
    // A definition has `file`, what is not yet one `keep`.
    let place = terms.get(meta, "file").or_else(|| terms.get(meta, "keep"))?;
    let [file, line] = terms.tuple(place)?;
    let file = String::from_utf8_lossy(terms.bytes(file)?).into_owned();
    Some((file, terms.int(line)?.try_into().ok()?))
}

/// Macro-made nodes have the line of the macro's call, but the column of the macro's own text (Elixir 1.14).
fn place(terms: &Terms<'_>, meta: TermRef, made: bool) -> Place {
    Place {
        line: number(terms, meta, "line"),
        column: if made { 0 } else { number(terms, meta, "column") },
        start: 0,
        end: 0,
    }
}

/// What is still to do for a term: look at it, or make a node of the last so many that were made.
enum Step {
    Enter(TermRef),
    Make(Kind, Symbol, Flags, Place, usize),
}

/// A quoted term into the tree. Values that are no quoted form (maps, tuples, functions that a macro escaped in) become
/// the form that builds them, or [`Kind::Error`] where none does.
fn quote(terms: &Terms<'_>, term: TermRef, builder: &mut Builder) -> Result<NodeId, BeamFault> {
    let mut steps = vec![Step::Enter(term)];
    let mut made: Vec<NodeId> = Vec::new();
    while let Some(step) = steps.pop() {
        if steps.len() > TERM_DEPTH_MAX * 64 {
            return Err(BeamFault::TermTooLarge);
        }
        match step {
            Step::Enter(term) => enter(terms, term, builder, &mut steps),
            Step::Make(kind, symbol, flags, place, count) => {
                let kids = made.split_off(made.len().saturating_sub(count));
                made.push(builder.add(kind, symbol, flags, place, &kids));
            }
        }
    }
    made.pop().ok_or(BeamFault::Chunk {
        chunk: "Dbgi",
        why: "a definition has no code",
    })
}

fn enter(terms: &Terms<'_>, term: TermRef, builder: &mut Builder, steps: &mut Vec<Step>) {
    let leaf = |kind: Kind, symbol: Symbol| Step::Make(kind, symbol, Flags::default(), Place::default(), 0);
    match terms.token(term) {
        Token::Atom(atom) => steps.push(leaf(Kind::Atom, builder.symbol(atom.text().as_bytes()))),
        Token::Int(n) => steps.push(leaf(Kind::Integer, builder.symbol(n.to_string().as_bytes()))),
        Token::Big { negative, digits } => {
            let mut text = if negative {
                String::from("-")
            } else {
                String::new()
            };
            text.push_str(&decimal(digits));
            steps.push(leaf(Kind::Integer, builder.symbol(text.as_bytes())));
        }
        Token::Float(x) => steps.push(leaf(Kind::Float, builder.symbol(float(x).as_bytes()))),
        Token::Binary(bytes) => steps.push(leaf(Kind::String, builder.symbol(bytes))),
        Token::Nil => steps.push(leaf(Kind::List, Symbol::NONE)),
        Token::Bytes(bytes) => {
            steps.push(Step::Make(
                Kind::List,
                Symbol::NONE,
                Flags::default(),
                Place::default(),
                bytes.len(),
            ));
            for byte in bytes.iter().rev() {
                steps.push(leaf(Kind::Integer, builder.symbol(byte.to_string().as_bytes())));
            }
        }
        Token::List(_) => {
            let parts: Vec<TermRef> = terms.children(term).collect();
            let proper = parts
                .last()
                .is_some_and(|tail| matches!(terms.token(*tail), Token::Nil));
            let count = parts.len() - usize::from(proper);
            group(
                Kind::List,
                Symbol::NONE,
                (Flags::default(), Place::default()),
                &parts,
                count,
                steps,
            );
        }
        Token::Tuple(_) => tuple(terms, term, builder, steps),
        Token::Map(_) => {
            let parts: Vec<TermRef> = terms.children(term).collect();
            steps.push(Step::Make(
                Kind::Call,
                builder.symbol(b"%{}"),
                Flags::MACRO_MADE,
                Place::default(),
                parts.len() / 2,
            ));
            for pair in parts.chunks_exact(2).rev() {
                group(
                    Kind::Pair,
                    Symbol::NONE,
                    (Flags::default(), Place::default()),
                    pair,
                    2,
                    steps,
                );
            }
        }
        Token::Bits { .. }
        | Token::Pid { .. }
        | Token::Port(_)
        | Token::Reference(_)
        | Token::Fun { .. }
        | Token::Export { .. } => steps.push(leaf(Kind::Error, Symbol::NONE)),
    }
}

/// Has the first `count` of these terms made, then a node of them.
fn group(
    kind: Kind,
    symbol: Symbol,
    (flags, place): (Flags, Place),
    parts: &[TermRef],
    count: usize,
    steps: &mut Vec<Step>,
) {
    steps.push(Step::Make(kind, symbol, flags, place, count));
    steps.extend(parts.iter().take(count).rev().map(|part| Step::Enter(*part)));
}

fn tuple(terms: &Terms<'_>, term: TermRef, builder: &mut Builder, steps: &mut Vec<Step>) {
    let parts: Vec<TermRef> = terms.children(term).collect();
    if let [name, meta, args] = parts.as_slice()
        && terms.is_list(*meta)
    {
        let atom = terms.atom(*name);
        let made = is_macro_made(terms, *meta)
            // A hygienic variable: its context is the macro's module.
            || (atom.is_some() && terms.atom(*args).is_some_and(|context| context != "nil"));
        let mut flags = if made { Flags::MACRO_MADE } else { Flags::default() };
        if terms.get(*meta, "no_parens").is_some() {
            flags = flags.with(Flags::NO_PARENS);
        }
        let at = (flags, place(terms, *meta, made));
        match (&atom, terms.is_list(*args)) {
            (Some(name), false) if terms.atom(*args).is_some() => {
                let symbol = builder.symbol(name.as_bytes());
                return steps.push(Step::Make(Kind::Variable, symbol, at.0, at.1, 0));
            }
            (Some(name), true) => {
                let symbol = builder.symbol(name.as_bytes());
                return arguments(terms, Kind::Call, symbol, at, None, *args, builder, steps);
            }
            (None, true) if matches!(terms.token(*name), Token::Tuple(_)) => {
                return arguments(
                    terms,
                    Kind::Apply,
                    Symbol::NONE,
                    at,
                    Some(*name),
                    *args,
                    builder,
                    steps,
                );
            }
            _ => {}
        }
    }
    if parts.len() == 2 {
        return group(
            Kind::Pair,
            Symbol::NONE,
            (Flags::default(), Place::default()),
            &parts,
            2,
            steps,
        );
    }
    let symbol = builder.symbol(b"{}");
    group(
        Kind::Call,
        symbol,
        (Flags::MACRO_MADE, Place::default()),
        &parts,
        parts.len(),
        steps,
    );
}

#[expect(clippy::too_many_arguments, reason = "one node's parts, used twice above")]
fn arguments(
    terms: &Terms<'_>,
    kind: Kind,
    symbol: Symbol,
    (flags, place): (Flags, Place),
    callee: Option<TermRef>,
    args: TermRef,
    builder: &mut Builder,
    steps: &mut Vec<Step>,
) {
    let packed = match terms.token(args) {
        Token::Bytes(bytes) => bytes,
        _ => &[],
    };
    let list = terms.list(args);
    let count = list.len() + packed.len() + usize::from(callee.is_some());
    steps.push(Step::Make(kind, symbol, flags, place, count));
    for byte in packed.iter().rev() {
        let symbol = builder.symbol(byte.to_string().as_bytes());
        steps.push(Step::Make(
            Kind::Integer,
            symbol,
            Flags::default(),
            Place::default(),
            0,
        ));
    }
    steps.extend(list.iter().rev().map(|arg| Step::Enter(*arg)));
    steps.extend(callee.map(Step::Enter));
}
