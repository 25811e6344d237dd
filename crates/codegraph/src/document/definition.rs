//! What a file defines: modules, functions, clauses.

use super::NONE;

/// The word that defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum DefinitionKind {
    /// `def`.
    Def = 1,
    /// `defp`.
    Defp = 2,
    /// `defmacro`.
    Defmacro = 3,
    /// `defmacrop`.
    Defmacrop = 4,
    /// `defdelegate`.
    Defdelegate = 5,
    /// `defguard`.
    Defguard = 6,
    /// `defguardp`.
    Defguardp = 7,
    /// `defmodule`.
    Defmodule = 8,
    /// `defprotocol`.
    Defprotocol = 9,
    /// `defimpl`.
    Defimpl = 10,
}

impl DefinitionKind {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Def,
        Self::Defp,
        Self::Defmacro,
        Self::Defmacrop,
        Self::Defdelegate,
        Self::Defguard,
        Self::Defguardp,
        Self::Defmodule,
        Self::Defprotocol,
        Self::Defimpl,
    ];

    /// The word itself.
    pub fn word(self) -> &'static str {
        match self {
            Self::Def => "def",
            Self::Defp => "defp",
            Self::Defmacro => "defmacro",
            Self::Defmacrop => "defmacrop",
            Self::Defdelegate => "defdelegate",
            Self::Defguard => "defguard",
            Self::Defguardp => "defguardp",
            Self::Defmodule => "defmodule",
            Self::Defprotocol => "defprotocol",
            Self::Defimpl => "defimpl",
        }
    }

    /// Which kind a word defines.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }

    /// Does it define a module?
    pub fn is_module(self) -> bool {
        self >= Self::Defmodule
    }

    pub(crate) fn of_code(code: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| *kind as u8 == code)
    }
}

/// A module definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Names as the VM has them, `Elixir.Shop.Stock`; several for `defimpl ..., for: [A, B]`; none if computed.
    pub names: Vec<String>,
    /// `defmodule`, `defprotocol` or `defimpl`.
    pub kind: DefinitionKind,
    /// The definition's node.
    pub node: u32,
    /// The module around it; [`NONE`] at the top.
    pub parent: u32,
}

/// A function or macro: all clauses of one name and arity in one module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Index of its module; [`NONE`] outside of all.
    pub module: u32,
    /// Its name.
    pub name: String,
    /// The word of its first clause.
    pub kind: DefinitionKind,
    /// Number of parameters.
    pub arity: u8,
    /// How many of them have defaults: `arity - defaults ..= arity` can be called.
    pub defaults: u8,
}

impl Function {
    /// Can it be called with so many arguments?
    pub fn takes(&self, arguments: u8) -> bool {
        arguments <= self.arity && arguments >= self.arity.saturating_sub(self.defaults)
    }
}

/// One clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Index of its function.
    pub function: u32,
    /// From 0 in the order of the file; [`NONE`] for a head without a body, which the compiler does not count.
    pub index: u32,
    /// The definition's node.
    pub node: u32,
    /// Index of the anchor of its name; [`NONE`] if the name is no token.
    pub head: u32,
    /// A syntax error is inside: what is known of it may be wrong.
    pub damaged: bool,
}

/// All definitions of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definitions {
    /// In the order of the file.
    pub modules: Vec<Module>,
    /// In the order of their first clauses.
    pub functions: Vec<Function>,
    /// In the order of the file.
    pub clauses: Vec<Clause>,
}

impl Definitions {
    /// The functions of a module, by the module's name in the VM, with that name, callable with so many arguments.
    pub fn find<'a>(&'a self, module: &'a str, name: &'a str, arity: u8) -> impl Iterator<Item = u32> + 'a {
        let inside = move |function: &Function| {
            let module_of = self.modules.get(function.module as usize);
            module_of.is_some_and(|found| found.names.iter().any(|found| found == module))
        };
        let matches =
            move |function: &Function| function.name == name && function.takes(arity) && inside(function);
        self.functions
            .iter()
            .enumerate()
            .filter(move |(_, function)| matches(function))
            .map(|(index, _)| index as u32)
    }

    /// The clause that is defined by this node.
    pub fn clause_at(&self, node: u32) -> Option<&Clause> {
        let index = self
            .clauses
            .binary_search_by_key(&node, |clause| clause.node)
            .ok()?;
        self.clauses.get(index)
    }

    /// The clause with this index of a function.
    pub fn clause(&self, function: u32, index: u32) -> Option<&Clause> {
        self.clauses
            .iter()
            .find(|clause| clause.function == function && clause.index == index && index != NONE)
    }
}
