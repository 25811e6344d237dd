//! What is said of one module.

use super::{Doc, Field, Spec};
use crate::definitions::DirectiveKind;
use crate::quoted::NodeId;

/// Which word defines a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypeKind {
    /// `@type`.
    Public,
    /// `@typep`.
    Private,
    /// `@opaque`.
    Opaque,
}

/// `@type`, `@typep`, `@opaque`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeAbout {
    /// Which.
    pub kind: TypeKind,
    /// Its name.
    pub name: String,
    /// Parameters.
    pub arity: u8,
    /// `t(a) :: list(a)`.
    pub text: String,
    /// `@typedoc`.
    pub doc: Doc,
    /// `@typedoc since: ...`.
    pub metadata: Vec<(String, String)>,
    /// The attribute.
    pub node: NodeId,
}

/// `@callback`, `@macrocallback`: all of one name and arity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackAbout {
    /// `@macrocallback`.
    pub is_macro: bool,
    /// Its name.
    pub name: String,
    /// Parameters.
    pub arity: u8,
    /// `init(term) :: {:ok, state}`, one a line that says one.
    pub specs: Vec<Spec>,
    /// It is in `@optional_callbacks`.
    pub is_optional: bool,
    /// `@doc`.
    pub doc: Doc,
    /// `@doc since: ...`.
    pub metadata: Vec<(String, String)>,
}

/// Another attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeAbout {
    /// Its name.
    pub name: String,
    /// Its value as Elixir.
    pub value: String,
    /// The value is longer than what is shown.
    pub is_cut: bool,
    /// The attribute.
    pub node: NodeId,
}

/// `alias`, `import`, `require` or `use` in a module, outside of functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectiveAbout {
    /// Which.
    pub kind: DirectiveKind,
    /// The modules, as the VM names them; none if computed.
    pub targets: Vec<String>,
    /// What else is given, as Elixir: `[only: [f: 1]]`.
    pub options: Option<String>,
    /// The whole line.
    pub node: NodeId,
}

/// What is said of one module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleAbout {
    /// `@moduledoc`.
    pub doc: Doc,
    /// `@moduledoc since: ...`.
    pub metadata: Vec<(String, String)>,
    /// `@behaviour`s, as the VM names them.
    pub behaviours: Vec<String>,
    /// In the order of the file.
    pub types: Vec<TypeAbout>,
    /// In the order of the file.
    pub callbacks: Vec<CallbackAbout>,
    /// In the order of the file; those that have a place of their own here are not repeated.
    pub attributes: Vec<AttributeAbout>,
    /// Of its struct or exception, in order.
    pub fields: Vec<Field>,
    /// The Elixir that makes the fields, if they are not written out.
    pub computed_fields: Option<String>,
    /// In the order of the file.
    pub directives: Vec<DirectiveAbout>,
}
