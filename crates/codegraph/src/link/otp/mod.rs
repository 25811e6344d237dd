//! What OTP connects without a call: a message to the clause that handles it, a start to `init/1`, a supervisor to its
//! children, a process to the tables it reads and writes. Rules about libraries, not about the language, so all of them
//! are inferred; the confidence says how many rivals there are.
//!
//! [`Facts::of`] reads one file, [`connect()`] joins the facts of all files.

mod arguments;
mod children;
mod connect;
pub(super) mod forward;
mod kinds;
mod sends;
mod shape;

pub use arguments::of as arguments_of;
pub use connect::{Edge, connect};
pub use kinds::{Kinds, ModuleKind};
pub use shape::{Shape, ValueKind, of as shape_of};

use super::{Asking, Links};
use crate::definitions::Outline;
use crate::fact::Mark;
use crate::quoted::{NodeId, Quoted};

/// What kind of connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// `GenServer.call` to `handle_call/3`.
    Call = 0,
    /// `GenServer.cast` to `handle_cast/2`.
    Cast = 1,
    /// `send`, `Process.send_after` and others to `handle_info/2`.
    Info = 2,
    /// A broadcast (`Phoenix.PubSub`, `Registry.dispatch`) to `handle_info/2`.
    Broadcast = 3,
    /// `GenServer.start_link` and others to `init/1`.
    Start = 4,
    /// A supervisor to a child's module.
    Child = 5,
    /// `Task.async(Module, :name, args)` and others to the function.
    Task = 6,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Call,
        Self::Cast,
        Self::Info,
        Self::Broadcast,
        Self::Start,
        Self::Child,
        Self::Task,
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
            Self::Call => "call",
            Self::Cast => "cast",
            Self::Info => "info",
            Self::Broadcast => "broadcast",
            Self::Start => "start",
            Self::Child => "child",
            Self::Task => "task",
        }
    }
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// A process named after this module, or started of it.
    Module(String),
    /// The process itself.
    Own,
    /// Not known.
    Unknown,
}

/// Something that is sent or started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Which kind.
    pub kind: Kind,
    /// The calling node.
    pub node: NodeId,
    /// Index of the module around it.
    pub module: Option<u32>,
    /// Index of the clause around it.
    pub clause: Option<u32>,
    /// Where to.
    pub to: To,
    /// What; of a task: name and arity of the function.
    pub shape: Shape,
}

/// A clause that handles messages, or `init/1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// [`Kind::Call`], [`Kind::Cast`], [`Kind::Info`] or [`Kind::Start`].
    pub kind: Kind,
    /// Index of its module.
    pub module: u32,
    /// Index of the clause.
    pub clause: u32,
    /// What it takes.
    pub shape: Shape,
}

/// How a table is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Made.
    New,
    /// Read.
    Read,
    /// Written.
    Write,
}

/// A use of a named ETS table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableUse {
    /// The table's name: an atom's text.
    pub table: String,
    /// How.
    pub access: Access,
    /// The calling node.
    pub node: NodeId,
    /// Index of the clause around it.
    pub clause: Option<u32>,
    /// How surely.
    pub mark: Mark,
}

/// A file's OTP facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Names of the file's modules, by index in the outline; empty if computed.
    pub modules: Vec<String>,
    /// What each module is.
    pub kinds: Vec<Kinds>,
    /// In the order of the arena.
    pub sends: Vec<Sent>,
    /// In the order of the outline's clauses.
    pub handlers: Vec<Handler>,
    /// In the order of the arena.
    pub tables: Vec<TableUse>,
    /// Functions of each module that take no message but can be started: name, arity, clause.
    pub functions: Vec<(u32, String, u8, u32)>,
}

impl Facts {
    /// Reads a file's facts from its resolved calls.
    #[must_use]
    pub fn of(tree: &Quoted, outline: &Outline, links: &Links, asking: &Asking<'_>) -> Self {
        let mut facts = Self {
            modules: outline
                .modules
                .iter()
                .map(|module| module.names.first().cloned().unwrap_or_default())
                .collect(),
            kinds: kinds::of(tree, outline),
            ..Self::default()
        };
        for (index, clause) in outline.clauses.iter().enumerate() {
            let Some(function) = outline.functions.get(clause.function as usize) else {
                continue;
            };
            let (Some(module), Some(_)) = (function.module, clause.index) else {
                continue;
            };
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let name = tree.symbols().text(function.name);
            let kind = match (name, function.arity) {
                ("handle_call", 3) => Kind::Call,
                ("handle_cast", 2) => Kind::Cast,
                ("handle_info", 2) => Kind::Info,
                ("init", 1) => Kind::Start,
                _ => {
                    if clause.index == Some(0) {
                        let row = (module, name.to_owned(), function.arity, index);
                        facts.functions.push(row);
                    }
                    continue;
                }
            };
            let shape = clause
                .parameters(tree)
                .first()
                .map_or(Shape::Any, |pattern| shape::of_pattern(tree, outline, *pattern));
            facts.handlers.push(Handler {
                kind,
                module,
                clause: index,
                shape,
            });
        }
        sends::read(tree, outline, links, &mut facts);
        facts.sends.extend(forward::sends(tree, outline, links, asking));
        facts.sends.sort_by_key(|sent| sent.node);
        facts
    }
}
