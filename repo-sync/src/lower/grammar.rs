//! The kinds of tree-sitter-elixir's nodes as a dense enum, looked up by kind number.

use tree_sitter::Language;

/// What a node of the concrete tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// Comments, commas, closing brackets, line ends: nothing is made of them.
    Trivia,
    /// What the parser skipped, or a node that it made up.
    Error,
    Source,
    Block,
    Body,
    Call,
    Arguments,
    DoBlock,
    AfterBlock,
    RescueBlock,
    CatchBlock,
    ElseBlock,
    StabClause,
    AnonymousFunction,
    AccessCall,
    Dot,
    BinaryOperator,
    UnaryOperator,
    OperatorIdentifier,
    Identifier,
    Alias,
    Atom,
    QuotedAtom,
    Keywords,
    Pair,
    Keyword,
    QuotedKeyword,
    List,
    Tuple,
    Map,
    MapContent,
    Struct,
    Bitstring,
    String,
    Charlist,
    Sigil,
    SigilName,
    SigilModifiers,
    /// Text between quotes, or an escape in it.
    Quoted,
    Interpolation,
    Char,
    Integer,
    Float,
    Boolean,
    Nil,
    /// `(`.
    Parenthesis,
    /// `[`.
    Bracket,
    /// `{`.
    Brace,
    /// `not in`, however many spaces.
    NotIn,
    /// Any other token without a name: operators, quotes, words.
    Token,
}

/// Kinds by number.
#[derive(Debug)]
pub(super) struct Grammar {
    kinds: Vec<Syntax>,
}

impl Grammar {
    pub(super) fn new(language: &Language) -> Self {
        let kind = |id: u16| {
            let name = language.node_kind_for_id(id).unwrap_or_default();
            if language.node_kind_is_named(id) {
                named(name)
            } else {
                token(name)
            }
        };
        let count = u16::try_from(language.node_kind_count()).unwrap_or(u16::MAX);
        Self {
            kinds: (0..count).map(kind).collect(),
        }
    }

    /// The kind of this number; the number of errors is beyond the table.
    pub(super) fn syntax(&self, kind: u16) -> Syntax {
        self.kinds.get(kind as usize).copied().unwrap_or(Syntax::Error)
    }
}

fn named(name: &str) -> Syntax {
    match name {
        "source" => Syntax::Source,
        "block" => Syntax::Block,
        "body" => Syntax::Body,
        "call" => Syntax::Call,
        "arguments" => Syntax::Arguments,
        "do_block" => Syntax::DoBlock,
        "after_block" => Syntax::AfterBlock,
        "rescue_block" => Syntax::RescueBlock,
        "catch_block" => Syntax::CatchBlock,
        "else_block" => Syntax::ElseBlock,
        "stab_clause" => Syntax::StabClause,
        "anonymous_function" => Syntax::AnonymousFunction,
        "access_call" => Syntax::AccessCall,
        "dot" => Syntax::Dot,
        "binary_operator" => Syntax::BinaryOperator,
        "unary_operator" => Syntax::UnaryOperator,
        "operator_identifier" => Syntax::OperatorIdentifier,
        "identifier" => Syntax::Identifier,
        "alias" => Syntax::Alias,
        "atom" => Syntax::Atom,
        "quoted_atom" => Syntax::QuotedAtom,
        "keywords" => Syntax::Keywords,
        "pair" => Syntax::Pair,
        "keyword" => Syntax::Keyword,
        "quoted_keyword" => Syntax::QuotedKeyword,
        "list" => Syntax::List,
        "tuple" => Syntax::Tuple,
        "map" => Syntax::Map,
        "map_content" => Syntax::MapContent,
        "struct" => Syntax::Struct,
        "bitstring" => Syntax::Bitstring,
        "string" => Syntax::String,
        "charlist" => Syntax::Charlist,
        "sigil" => Syntax::Sigil,
        "sigil_name" => Syntax::SigilName,
        "sigil_modifiers" => Syntax::SigilModifiers,
        "quoted_content" | "escape_sequence" => Syntax::Quoted,
        "interpolation" => Syntax::Interpolation,
        "char" => Syntax::Char,
        "integer" => Syntax::Integer,
        "float" => Syntax::Float,
        "boolean" => Syntax::Boolean,
        "nil" => Syntax::Nil,
        "comment" => Syntax::Trivia,
        _ => Syntax::Error,
    }
}

fn token(name: &str) -> Syntax {
    match name {
        "(" => Syntax::Parenthesis,
        "[" => Syntax::Bracket,
        "{" => Syntax::Brace,
        "not in" => Syntax::NotIn,
        ")" | "]" | "}" | ">>" | "," | ";" | "end" | "\n" | "" => Syntax::Trivia,
        _ => Syntax::Token,
    }
}
