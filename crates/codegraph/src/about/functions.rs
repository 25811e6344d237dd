//! What is said of one function.

use super::Doc;
use crate::quoted::NodeId;

/// `@impl`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Implements {
    /// Nothing is said, or `false`.
    #[default]
    Unsaid,
    /// `true`: a callback of some behaviour.
    Some,
    /// Of this behaviour, as the VM names it.
    Behaviour(String),
}

/// `@spec`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// `take(integer, integer) :: integer`.
    pub text: String,
    /// The attribute.
    pub node: NodeId,
}

/// What is said of one function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionAbout {
    /// `@doc`.
    pub doc: Doc,
    /// `@doc since: ..., group: ...`: names and values; strings without quotes, else as Elixir.
    pub metadata: Vec<(String, String)>,
    /// `@since`, or `@doc since:`.
    pub since: Option<String>,
    /// `@deprecated`, or `@doc deprecated:`: why.
    pub deprecated: Option<String>,
    /// `@spec`s of its name and of any number of arguments that it takes, in the order of the file.
    pub specs: Vec<Spec>,
    /// `@impl`.
    pub implements: Implements,
}
