//! The words that stand in columns of kinds, roles and metrics: what they are, so that the page and the statements of
//! [`crate::checks()`] can say it.

/// A column whose words are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// `table.column`.
    pub column: &'static str,
    /// The words, each with what it means.
    pub words: &'static [(&'static str, &'static str)],
}

/// The columns whose words are listed.
pub const VOCABULARIES: &[Vocabulary] = &[
    Vocabulary {
        column: "ast_node.kind",
        words: NODE_KINDS,
    },
    Vocabulary {
        column: "ast_edge.role",
        words: ROLES,
    },
    Vocabulary {
        column: "dfg_use.role",
        words: ROLES,
    },
    Vocabulary {
        column: "metric.metric",
        words: METRICS,
    },
];

/// What a syntax node can be.
pub const NODE_KINDS: &[(&str, &str)] = &[
    ("atom", "`:ok`, `nil`, `true`, a key"),
    ("integer", "a number without a fraction"),
    ("float", "a number with one"),
    ("string", "`\"text\"` without interpolation"),
    ("charlist", "`'text'`"),
    (
        "list",
        "`[a, b]`, also a keyword list and what stands in `do ... end`",
    ),
    ("pair", "`{a, b}`, and each pair of a keyword list or map"),
    (
        "variable",
        "a variable, or a call without arguments and parentheses",
    ),
    (
        "call",
        "`name(...)`: local or imported, or a macro without a kind of its own",
    ),
    ("remote_call", "`Module.name(...)`"),
    ("dynamic_call", "`f.(...)`, or a computed name"),
    (
        "callee",
        "the `Module.name` of a remote call, the `f.` of a dynamic one",
    ),
    ("alias", "`Shop.Stock`"),
    ("block", "several expressions, one after the other"),
    ("clause", "`patterns -> result`"),
    ("match", "`pattern = value`"),
    ("generator", "`pattern <- value` of `for` and `with`"),
    ("guarded", "`... when guard`"),
    ("pipe", "`a |> f()`"),
    ("capture", "`&name/1`, `&(...)`"),
    ("pin", "`^x`"),
    ("attribute", "`@name`, `@name value`"),
    ("tuple", "`{}` and tuples of three or more"),
    ("map", "`%{}`"),
    ("struct", "`%Name{}`"),
    ("update", "`map | changes`, `[head | tail]`"),
    ("binary", "`<<>>`, a string with interpolation"),
    ("segment", "`value :: type`"),
    ("operator", "an operator that computes a value"),
    ("case", "`case`"),
    ("cond", "`cond`"),
    ("if", "`if`"),
    ("unless", "`unless`"),
    ("with", "`with`"),
    ("for", "`for`"),
    ("receive", "`receive`"),
    ("try", "`try`"),
    ("fn", "`fn`"),
    ("quote", "`quote`"),
    ("unquote", "`unquote`, `unquote_splicing`"),
    ("raise", "`raise`, `reraise`, `throw`, `exit`"),
    ("and", "`and`, `&&`"),
    ("or", "`or`, `||`"),
    (
        "definition",
        "`def`, `defp`, `defmacro`, `defguard`, `defdelegate` and their kin; `text` says which",
    ),
    ("module", "`defmodule`, `defprotocol`, `defimpl`"),
    ("fields", "`defstruct`, `defexception`"),
    ("directive", "`alias`, `import`, `require`, `use`"),
    ("error", "what the parser could not read"),
];

/// What a syntax node can be to its parent.
pub const ROLES: &[(&str, &str)] = &[
    ("subject", "what `case` looks at, also piped into it"),
    (
        "condition",
        "decides: of `if`, `unless`, `cond`, `&&`, `||`, a filter of `for`",
    ),
    ("argument", "of a call"),
    ("piped", "the first argument, by `|>`"),
    ("pipe_target", "the call that a value is piped into"),
    ("callee", "what is called"),
    ("receiver", "the module, map or function before the dot"),
    ("name", "a name: behind the dot, of a module, of an alias"),
    ("operand", "of an operator"),
    ("element", "of a list, tuple, map, binary, block of clauses"),
    ("key", "of a pair in a keyword list or map"),
    ("value", "of such a pair; of an attribute; before `::`"),
    ("type", "after `::`"),
    ("pattern", "is matched against"),
    ("matched", "is matched against a pattern: right of `=` and `<-`"),
    ("generator", "a generator of `for`, a clause of `with`"),
    ("guard", "after `when`"),
    ("guarded", "before `when`"),
    ("pinned", "after `^`"),
    ("statement", "of a block; its value is thrown away"),
    ("result", "a block's last expression; right of `->`"),
    ("body", "what stands in `do`; of a capture"),
    ("else", "what stands in `else`"),
    ("rescue", "what stands in `rescue`"),
    ("catch", "what stands in `catch`"),
    ("after", "what stands in `after`"),
    ("blocks", "the keyword list of `do`, `else`, ..."),
    ("clause", "of `fn`"),
    ("head", "what a definition defines: name and parameters"),
];

/// What is measured.
pub const METRICS: &[(&str, &str)] = &[
    ("cyclomatic", "McCabe's: one and the decisions"),
    ("cognitive", "breaks of the linear flow, weighted by nesting"),
    ("assignments", "Fitzpatrick's A"),
    ("branches", "Fitzpatrick's B"),
    ("conditions", "Fitzpatrick's C"),
    ("abc", "the length of the vector of A, B and C"),
    (
        "nesting",
        "the deepest nesting of constructs with arms and closures",
    ),
    ("clauses", "clauses with a body"),
    (
        "lines",
        "of a function: those of its clauses; of a module: from its first to its last",
    ),
    ("recursive", "1 if it calls itself, else 0"),
    (
        "callers",
        "functions and modules that reach it by a call, capture, message or process",
    ),
    ("callees", "functions and modules that it reaches so"),
    ("rank", "PageRank over the same edges; all of a version make 1"),
    ("functions", "of a module"),
];
