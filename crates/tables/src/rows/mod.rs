//! The rows. A struct is the description of its table: `docs/code-graph/tables.md` is made of it.

mod flow;
mod identity;
mod measures;
mod syntax;

pub use flow::{Call, CfgEdge, DfgUse, DfgVar};
pub use identity::{Entity, Lineage, Version};
pub use measures::{Clone, Metric};
pub use syntax::{AstEdge, AstNode, Clause, Function, Module};
