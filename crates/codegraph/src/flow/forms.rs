//! What a call's name means to control and data flow.

use crate::quoted::{Quoted, Symbol};

/// The meaning of a name that is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// A function or macro that nothing is known of.
    #[default]
    Plain,
    /// `=`.
    Match,
    /// `__block__`.
    Block,
    /// `if`.
    If,
    /// `unless`.
    Unless,
    /// `case`.
    Case,
    /// `cond`.
    Cond,
    /// `with`.
    With,
    /// `for`.
    For,
    /// `receive`.
    Receive,
    /// `try`.
    Try,
    /// `fn`.
    Fn,
    /// `&`.
    Capture,
    /// `&&`, `and`: the right side if the left one holds.
    And,
    /// `||`, `or`: the right side if the left one does not hold.
    Or,
    /// `|>`.
    Pipe,
    /// `raise`, `reraise`, `exit`, `throw`: nothing follows.
    Raise,
    /// `throw`, `exit`: as `Raise`, but `rescue` does not take it.
    Throw,
    /// `quote`.
    Quote,
    /// `alias`, `import`, `def`, ...: nothing is evaluated.
    Directive,
    /// `@name`, an alias: a constant.
    Literal,
    /// Tuples, maps, structs, binaries: a value that cannot fail by itself, or nearly.
    Construct,
    /// `::` in a binary.
    Segment,
    /// An operator, or a function of the language that computes a value of its arguments and nothing else.
    Operator,
    /// `binding`.
    Binding,
    /// `var!`.
    Var,
    /// `match?`.
    MatchTest,
    /// `destructure`.
    Destructure,
}

impl Form {
    fn of(name: &str) -> Self {
        match name {
            "=" => Self::Match,
            "__block__" => Self::Block,
            "if" => Self::If,
            "unless" => Self::Unless,
            "case" => Self::Case,
            "cond" => Self::Cond,
            "with" => Self::With,
            "for" => Self::For,
            "receive" => Self::Receive,
            "try" => Self::Try,
            "fn" => Self::Fn,
            "&" => Self::Capture,
            "&&" | "and" => Self::And,
            "||" | "or" => Self::Or,
            "|>" => Self::Pipe,
            "raise" | "reraise" => Self::Raise,
            "throw" | "exit" => Self::Throw,
            "quote" => Self::Quote,
            "alias" | "import" | "require" | "use" | "defmodule" | "defprotocol" | "defimpl" | "def"
            | "defp" | "defmacro" | "defmacrop" | "defguard" | "defguardp" | "defdelegate" | "defstruct" => {
                Self::Directive
            }
            "@" | "__aliases__" => Self::Literal,
            "{}" | "%{}" | "%" | "<<>>" | "|" => Self::Construct,
            "::" => Self::Segment,
            "+" | "-" | "*" | "/" | "==" | "!=" | "===" | "!==" | "<" | ">" | "<=" | ">=" | "++" | "--"
            | "<>" | "not" | "!" | "in" | ".." | "..//" | "=~" | "^" => Self::Operator,
            "binding" => Self::Binding,
            "var!" => Self::Var,
            "match?" => Self::MatchTest,
            "destructure" => Self::Destructure,
            _ => Self::Plain,
        }
    }
}

/// The meaning of each name of a tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forms(Vec<Form>);

impl Forms {
    /// One pass over the names.
    pub(crate) fn of(tree: &Quoted) -> Self {
        let mut forms = vec![Form::Plain; tree.symbols().len()];
        for name in ALL {
            let found = tree.symbols().find(name.as_bytes());
            if let Some(slot) = found.and_then(|symbol| forms.get_mut(symbol.index())) {
                *slot = Form::of(name);
            }
        }
        Self(forms)
    }

    pub(crate) fn get(&self, symbol: Symbol) -> Form {
        self.0.get(symbol.index()).copied().unwrap_or_default()
    }
}

/// All names with a meaning.
const ALL: [&str; 71] = [
    "=",
    "__block__",
    "if",
    "unless",
    "case",
    "cond",
    "with",
    "for",
    "receive",
    "try",
    "fn",
    "&",
    "&&",
    "and",
    "||",
    "or",
    "|>",
    "raise",
    "reraise",
    "throw",
    "exit",
    "quote",
    "alias",
    "import",
    "require",
    "use",
    "defmodule",
    "defprotocol",
    "defimpl",
    "def",
    "defp",
    "defmacro",
    "defmacrop",
    "defguard",
    "defguardp",
    "defdelegate",
    "defstruct",
    "@",
    "__aliases__",
    "{}",
    "%{}",
    "%",
    "<<>>",
    "|",
    "::",
    "+",
    "-",
    "*",
    "/",
    "==",
    "!=",
    "===",
    "!==",
    "<",
    ">",
    "<=",
    ">=",
    "++",
    "--",
    "<>",
    "not",
    "!",
    "in",
    "..",
    "..//",
    "=~",
    "^",
    "binding",
    "var!",
    "match?",
    "destructure",
];
