//! One node of a quoted form.

use super::Symbol;

/// A node's place in its arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// The node at this index. An arena holds fewer than 2^32 nodes: a source file is at most 64 MiB.
    #[must_use]
    pub fn new(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// The index of the node in its arena.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a node is in Elixir's quoted form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// `:ok`, `nil`, `true`, `Foo` after expansion. Symbol: the atom's text.
    #[default]
    Atom,
    /// Symbol: decimal digits, with `-` if negative (only in expanded code).
    Integer,
    /// Symbol: the shortest decimal text that reads back to the same 64-bit float.
    Float,
    /// A binary literal. Symbol: its bytes after escapes.
    String,
    /// `'abc'`: in Elixir a list of code points. Symbol: their UTF-8 text.
    Charlist,
    /// `[a, b]`.
    List,
    /// `{a, b}`: the only tuple that quotes as itself.
    Pair,
    /// `{name, meta, context}` with an atom context. Symbol: the name.
    Variable,
    /// `{name, meta, args}`: local calls, operators, special forms, aliases (`__aliases__`), blocks (`__block__`),
    /// tuples (`{}`), maps (`%{}`), ... Symbol: the name.
    Call,
    /// `{callee, meta, args}`, the callee a tree: `M.f(x)`, `f.(x)`, `unquote(f)(x)`. First child: the callee.
    Apply,
    /// What the parser could not read: stands for any term. Nothing is known of it.
    Error,
}

/// What the source looked like, as far as someone needs to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// A call written without parentheses.
    pub const NO_PARENS: Self = Self(1);
    /// `a[b]`: `from_brackets: true`.
    pub const FROM_BRACKETS: Self = Self(2);
    /// `ambiguous_op: nil`: `f -1`.
    pub const AMBIGUOUS_OP: Self = Self(4);
    /// A call with a `do` block.
    pub const DO_BLOCK: Self = Self(8);
    /// A heredoc, or a sigil in one.
    pub const HEREDOC: Self = Self(16);
    /// The node, or one below it, is an [`Kind::Error`] or misses a token.
    pub const DAMAGED: Self = Self(32);
    /// Made by lowering, without a token of its own (`__block__` around a body, ...): it has no line in Elixir's form.
    pub const IMPLICIT: Self = Self(64);
    /// Made by a macro's expansion: the position is that of the macro's call.
    pub const MACRO_MADE: Self = Self(128);

    /// Whether all of these are set.
    #[must_use]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A node. Positions: `line` and `column` are Elixir's (from 1; columns count as Elixir's tokenizer does; 0: none), of
/// the token that Elixir names (`architecture.md`, anchors); `start` and `end` are bytes of the source text that the
/// node's tree was written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// How it was written.
    pub flags: Flags,
    /// Its name or literal; [`Symbol::NONE`] for lists, pairs and applications.
    pub symbol: Symbol,
    /// Elixir's line, from 1; 0 where the quoted form has none.
    pub line: u32,
    /// Elixir's column, from 1; 0 where the quoted form has none.
    pub column: u32,
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
    /// Nodes in its subtree, itself included.
    pub size: u32,
    pub(super) first_kid: u32,
    pub(super) kid_count: u32,
}

impl Node {
    pub(super) const EMPTY: Self = Self {
        kind: Kind::Error,
        flags: Flags(0),
        symbol: Symbol::NONE,
        line: 0,
        column: 0,
        start: 0,
        end: 0,
        size: 0,
        first_kid: 0,
        kid_count: 0,
    };
}
