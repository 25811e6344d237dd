//! Link facts: what the calls of a source file call, with aliases, imports, `use`, defaults, captures, pipes and
//! attributes resolved as the compiler does, and the OTP edges that no call says. From source alone; what macros make
//! comes from compiled modules and has other provenance.
//!
//! Make an [`Exports`] of the [`Interface`]s of all files first, then [`Links::of`] each file; the [`Trace`] of what it
//! asked says when that must be done again. Rules: `docs/code-graph/calls.md`.

mod asking;
mod calls;
mod codec;
pub mod dispatch;
mod environment;
mod exports;
mod interface;
mod marks;
pub mod otp;
mod question;
pub mod record;
#[cfg(test)]
mod tests;
mod using;

pub use asking::Asking;
pub use exports::{Export, Exports};
pub use interface::{CompiledExport, Interface};
pub use question::{Answer, Question, Trace};

use crate::definitions::Outline;
use crate::fact::Mark;
use crate::quoted::{NodeId, Quoted, Symbol, Symbols};

/// How a call names what it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum How {
    /// By name, of the same module.
    Local = 0,
    /// By name, imported (from `Kernel` without being asked).
    Imported = 1,
    /// `Module.name(...)`.
    Remote = 2,
    /// A module that is known only when it runs (`module.name(...)`): the target is empty.
    Dynamic = 3,
    /// By `apply`, `spawn` and others that take module, name and arguments.
    Applied = 4,
    /// By `defdelegate`.
    Delegated = 5,
    /// `use Module`: its `__using__`.
    Used = 6,
}

impl How {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Local,
        Self::Imported,
        Self::Remote,
        Self::Dynamic,
        Self::Applied,
        Self::Delegated,
        Self::Used,
    ];

    /// By its number.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }

    /// The name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Imported => "imported",
            Self::Remote => "remote",
            Self::Dynamic => "dynamic",
            Self::Applied => "applied",
            Self::Delegated => "delegated",
            Self::Used => "used",
        }
    }
}

/// One call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The calling node.
    pub node: NodeId,
    /// Elixir's line of the called name, from 1.
    pub line: u32,
    /// Elixir's column of the called name, from 1; 0: none.
    pub column: u32,
    /// Index of the calling module in the outline.
    pub module: Option<u32>,
    /// Index of the calling clause in the outline; `None`: the module's body calls, when it is compiled.
    pub clause: Option<u32>,
    /// How it is named.
    pub how: How,
    /// It is captured (`&name/1`), not called.
    pub is_captured: bool,
    /// What is called is a macro.
    pub is_macro: bool,
    /// The called module, as the VM names it, in [`Links::symbols`].
    pub target: Symbol,
    /// The called function, in [`Links::symbols`].
    pub name: Symbol,
    /// Number of arguments.
    pub arity: u8,
    /// Number of parameters of the called definition, those with defaults included.
    pub defined_arity: u8,
    /// Where this is known from, and how surely.
    pub mark: Mark,
}

/// A file's calls.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// In the order of the arena: inner calls before outer ones.
    pub calls: Vec<Call>,
    /// Names of modules and functions.
    pub symbols: Symbols,
}

impl Links {
    /// What the file's calls call, in time proportional to its nodes times the imports that hold at once.
    #[must_use]
    pub fn of(tree: &Quoted, outline: &Outline, asking: &Asking<'_>) -> Self {
        calls::Resolver::new(tree, outline, asking).run()
    }

    /// A name.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &str {
        self.symbols.text(symbol)
    }
}
