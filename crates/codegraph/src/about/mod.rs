//! What a file says about its definitions: documentation, specifications, types, callbacks, struct fields, attributes,
//! directives. Syntax only, as the [`Outline`] that it stands beside: what a macro says is not here.
//!
//! Read [`About::of`] first; [`render()`] writes a piece of a quoted form as Elixir again.

mod doc;
mod fields;
mod functions;
mod modules;
mod reading;
mod render;
#[cfg(test)]
mod tests;

pub use doc::Doc;
pub use fields::Field;
pub use functions::{FunctionAbout, Implements, Spec};
pub use modules::{AttributeAbout, CallbackAbout, DirectiveAbout, ModuleAbout, TypeAbout, TypeKind};
pub use render::{Rendered, render};

use crate::definitions::Outline;
use crate::quoted::Quoted;

/// Most bytes of a specification, type or callback.
pub const TYPE_BYTES_MAX: usize = 16 << 10;
/// Most bytes of another attribute's value, or of a field's default.
pub const VALUE_BYTES_MAX: usize = 1 << 10;
/// Most bytes of one piece of documentation.
pub const DOC_BYTES_MAX: usize = 256 << 10;

/// What is said of the definitions of a file. The lists run beside those of the [`Outline`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Of each module.
    pub modules: Vec<ModuleAbout>,
    /// Of each function.
    pub functions: Vec<FunctionAbout>,
}

impl About {
    /// Reads it, in time proportional to the file's nodes.
    #[must_use]
    pub fn of(tree: &Quoted, outline: &Outline) -> Self {
        let mut reading = reading::Reading::new(tree, outline);
        reading.run();
        reading.about
    }
}
