//! What a compiled module adds to what its source says: exports, behaviours, specs, the functions that macros made and the
//! calls of the definitions after expansion. One record a module, named by its module version (`Family::Compiled`), a
//! function of the `.beam` file alone; [`merge()`] puts it next to a source.

mod codec;
mod merge;
mod renamed;
#[cfg(test)]
mod tests;

pub use codec::{decode, encode};
pub use merge::{AddedCall, AddedFunction, KnownFunction, Merged, Replaced, Site, Sources, merge};
pub use renamed::{is_kernel, written};

/// How much of a module is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Elixir's definitions after expansion.
    Expanded,
    /// Erlang's forms: functions and lines, no calls.
    Forms,
    /// No debug info: exports only.
    #[default]
    Stripped,
    /// Debug info that cannot be used, and why: exports only.
    Withheld(String),
}

/// An exported function or macro.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exported {
    /// Its name, of a macro without `MACRO-`.
    pub name: String,
    /// Parameters, of a macro without the caller's environment.
    pub arity: u8,
    /// It is a macro.
    pub is_macro: bool,
}

/// `def`, `defp`, `defmacro`, `defmacrop`, or a function of Erlang.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum DefinedBy {
    /// `def`.
    #[default]
    Def = 0,
    /// `defp`.
    Defp = 1,
    /// `defmacro`.
    Defmacro = 2,
    /// `defmacrop`.
    Defmacrop = 3,
}

impl DefinedBy {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Def, Self::Defp, Self::Defmacro, Self::Defmacrop];
}

/// One clause of a compiled function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompiledClause {
    /// Elixir's line, from 1; of a macro-made one that of the macro's call; 0: none.
    pub line: u32,
    /// The module whose macro made it.
    pub made_by: Option<String>,
    /// File and line of the macro's text, if it keeps them (`quote location: :keep`). Lines of what is in the clause are
    /// then of that file.
    pub kept: Option<(String, u32)>,
}

/// One function or macro after expansion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompiledFunction {
    /// Its name.
    pub name: String,
    /// Parameters.
    pub arity: u8,
    /// How it is defined.
    pub defined_by: DefinedBy,
    /// Line of its first definition; 0: none.
    pub line: u32,
    /// Its clauses in order.
    pub clauses: Vec<CompiledClause>,
}

/// One call after expansion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CompiledCall {
    /// The calling function, an index into [`CompiledModule::functions`].
    pub function: u32,
    /// Its clause.
    pub clause: u32,
    /// The called module, an index into [`CompiledModule::names`].
    pub module: u32,
    /// The called function, an index into [`CompiledModule::names`].
    pub name: u32,
    /// Arguments.
    pub arity: u8,
    /// Elixir's line, of the nearest node around that has one; 0: none.
    pub line: u32,
    /// Elixir's column, from 1; 0: compiled without columns, or made by a macro.
    pub column: u32,
    /// It is captured (`&name/1`), not called.
    pub is_captured: bool,
    /// Its metadata says that a macro made it. Without this a macro may have made it all the same.
    pub is_made: bool,
}

/// What a module says of types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum SpecKind {
    /// `@spec`.
    #[default]
    Spec = 0,
    /// `@callback` or `@macrocallback`.
    Callback = 1,
    /// `@type`.
    Type = 2,
    /// `@opaque`.
    Opaque = 3,
}

impl SpecKind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Spec, Self::Callback, Self::Type, Self::Opaque];

    /// The attribute.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Callback => "callback",
            Self::Type => "type",
            Self::Opaque => "opaque",
        }
    }
}

/// A type or spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CompiledSpec {
    /// Which.
    pub kind: SpecKind,
    /// What it is of.
    pub name: String,
    /// Parameters.
    pub arity: u8,
    /// Its line; 0: none.
    pub line: u32,
    /// What it says, as Elixir writes it.
    pub text: String,
}

/// A compiled module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompiledModule {
    /// As the VM names it.
    pub name: String,
    /// As `module_info(:md5)`.
    pub md5: [u8; 16],
    /// How much is known.
    pub detail: Detail,
    /// The source, as the compiler saw it; empty if not known.
    pub file: String,
    /// The same relative to the project; empty if not known.
    pub relative_file: String,
    /// Line of `defmodule`; 0: none.
    pub line: u32,
    /// What it exports, ascending.
    pub exports: Vec<Exported>,
    /// Behaviours that it names, ascending.
    pub behaviours: Vec<String>,
    /// Its functions by name and arity; of a stripped module none.
    pub functions: Vec<CompiledFunction>,
    /// Its calls, by function and clause.
    pub calls: Vec<CompiledCall>,
    /// Names of called modules and functions.
    pub names: Vec<String>,
    /// Types, specs and callbacks, ascending.
    pub specs: Vec<CompiledSpec>,
}

impl CompiledModule {
    /// A called module's or function's name.
    #[must_use]
    pub fn text(&self, name: u32) -> &str {
        self.names.get(name as usize).map_or("", String::as_str)
    }

    /// What it exports and macros made: name, parameters, whether it is a macro.
    pub fn made_exports(&self) -> impl Iterator<Item = (&str, u8, bool)> {
        let made = self.functions.iter().filter(|function| {
            let mut clauses = function.clauses.iter();
            clauses.any(|clause| clause.made_by.is_some())
                && matches!(function.defined_by, DefinedBy::Def | DefinedBy::Defmacro)
        });
        made.map(|function| {
            let is_macro = function.defined_by == DefinedBy::Defmacro;
            (function.name.as_str(), function.arity, is_macro)
        })
    }

    /// The clause of a call.
    #[must_use]
    pub fn clause_of(&self, call: &CompiledCall) -> Option<&CompiledClause> {
        let function = self.functions.get(call.function as usize)?;
        function.clauses.get(call.clause as usize)
    }
}
