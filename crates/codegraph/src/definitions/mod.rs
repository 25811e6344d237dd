//! What a source file defines, read from its quoted form: modules, functions, clauses, attributes, directives and the
//! fields of structs. Syntax only: nothing is expanded, so what a macro defines is not here, and what stands inside
//! `quote` is left out, because it is defined elsewhere.
//!
//! Read [`Outline::of`] first, then [`Outline::expand`] for what an alias means at its place.

mod aliases;
mod attributes;
mod cover;
mod directives;
mod heads;
#[cfg(test)]
mod lookup_tests;
mod outline;
mod places;
#[cfg(test)]
mod tests;

use crate::DefinitionKind;
use crate::quoted::{NodeId, Quoted, Symbol};
pub use aliases::Alias;
use places::Places;

/// Most characters of a module's name: an atom's limit.
const NAME_CHARS_MAX: usize = 255;

/// A module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Names as the VM has them (`Elixir.Shop.Stock`); several for `defimpl ..., for: [A, B]`; none if computed.
    pub names: Vec<String>,
    /// `defmodule`, `defprotocol` or `defimpl`.
    pub kind: DefinitionKind,
    /// The whole definition.
    pub node: NodeId,
    /// What is written as its name (of `defimpl`: the protocol).
    pub name: NodeId,
    /// What stands in `do`.
    pub body: Option<NodeId>,
    /// Index of the module around it.
    pub parent: Option<u32>,
    /// The `defstruct` or `defexception`, and the names of its fields as far as they are written out.
    pub fields: Option<(NodeId, Vec<Symbol>)>,
}

/// A function, macro, guard or delegate: all clauses of one name and arity in one module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Index of its module; `None` outside of all.
    pub module: Option<u32>,
    /// Its name; [`Symbol::NONE`] if it is computed (`def unquote(name)(x)`): then no two clauses are put together.
    pub name: Symbol,
    /// The word of its first clause.
    pub kind: DefinitionKind,
    /// Number of parameters.
    pub arity: u8,
    /// How many of them have defaults: `arity - defaults ..= arity` can be called.
    pub defaults: u8,
    /// Indices of its clauses, in the order of the file.
    pub clauses: Vec<u32>,
}

impl Function {
    /// Whether it can be called with so many arguments.
    #[must_use]
    pub fn takes(&self, arguments: u8) -> bool {
        arguments <= self.arity && arguments >= self.arity.saturating_sub(self.defaults)
    }
}

/// One clause of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Index of its function.
    pub function: u32,
    /// From 0, as the compiler counts; `None` for a head without a body (`def f(a, b \\ 1)`).
    pub index: Option<u32>,
    /// The whole definition: `def ...`.
    pub node: NodeId,
    /// Name and parameters, without the guard: a call, a variable (`def f, do: 1`) or an application
    /// (`def unquote(name)(x)`).
    pub head: NodeId,
    /// What stands after `when`. Of `defguard` that is the body instead.
    pub guard: Option<NodeId>,
    /// What stands in `do`; of `defguard` the expression.
    pub body: Option<NodeId>,
    /// The keyword list of `do`, `rescue`, `catch`, `else` and `after`; of `defdelegate` its options.
    pub sections: Option<NodeId>,
    /// A syntax error is inside: what is known of it may be wrong.
    pub damaged: bool,
}

impl Clause {
    /// Its parameters.
    #[must_use]
    pub fn parameters<'a>(&self, tree: &'a Quoted) -> &'a [NodeId] {
        heads::parameters(tree, self.head)
    }
}

/// `@name value` in a module's body. Reading an attribute (`@name`) is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Index of its module.
    pub module: Option<u32>,
    /// `doc`, `spec`, `type`, `behaviour`, ...
    pub name: Symbol,
    /// The whole `@name value`.
    pub node: NodeId,
    /// The value.
    pub value: NodeId,
    /// Of `@spec`, `@type`, `@typep`, `@opaque`, `@callback` and `@macrocallback`: the name and arity that it is about.
    pub about: Option<(Symbol, u8)>,
    /// Of what describes the definition that follows (`@doc`, `@impl`, `@deprecated`, ...): that function's index.
    pub function: Option<u32>,
}

/// Which directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DirectiveKind {
    /// `alias`.
    Alias,
    /// `import`.
    Import,
    /// `require`.
    Require,
    /// `use`.
    Use,
}

/// `alias`, `import`, `require` or `use`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// Which.
    pub kind: DirectiveKind,
    /// Index of its module.
    pub module: Option<u32>,
    /// Index of the clause that it stands in.
    pub clause: Option<u32>,
    /// The whole line.
    pub node: NodeId,
    /// It holds from behind itself to the end of this node's subtree.
    pub scope: NodeId,
    /// The modules, as the VM names them (`use A.{B, C}` has two); none if computed.
    pub targets: Vec<String>,
    /// The keyword list after the module.
    pub options: Option<NodeId>,
}

/// All definitions of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// In the order of the file.
    pub modules: Vec<Module>,
    /// In the order of their first clauses.
    pub functions: Vec<Function>,
    /// In the order of the file.
    pub clauses: Vec<Clause>,
    /// In the order of the file.
    pub attributes: Vec<Attribute>,
    /// In the order of the file.
    pub directives: Vec<Directive>,
    /// What short names stand for, and where: from `alias`, `require ..., as:` and nested modules.
    pub aliases: Vec<Alias>,
    places: Places,
}

impl Outline {
    /// Reads a file's definitions, in time proportional to its nodes.
    #[must_use]
    pub fn of(tree: &Quoted) -> Self {
        outline::Walk::new(tree).run()
    }

    /// The innermost module around a node of the tree that this is the outline of.
    #[must_use]
    pub fn module_at(&self, _tree: &Quoted, node: NodeId) -> Option<u32> {
        self.places.module(node.index())
    }

    /// The clause around a node, if no module lies between them.
    #[must_use]
    pub fn clause_at(&self, tree: &Quoted, node: NodeId) -> Option<u32> {
        let index = self.places.clause(node.index())?;
        let clause = self.clauses.get(index as usize)?;
        let function = self.functions.get(clause.function as usize)?;
        (function.module == self.module_at(tree, node)).then_some(index)
    }

    /// The full name, as the VM has it, of an alias (`Stock`, `__MODULE__.Stock`), of `__MODULE__` or of an atom, at its
    /// place in the file. `None` if it is computed.
    #[must_use]
    pub fn expand(&self, tree: &Quoted, node: NodeId) -> Option<String> {
        let module = self
            .module_at(tree, node)
            .and_then(|index| self.modules.get(index as usize));
        let module = module.and_then(|module| module.names.first()).map(String::as_str);
        let known = |short: &str| self.places.alias(&self.aliases, short, node.index());
        aliases::expand(tree, known, module, node)
    }
}
