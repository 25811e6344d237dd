//! Compiled modules (`.beam` files): their chunks, names, md5, this project's module version, and the definitions after
//! macro expansion that the `Dbgi` chunk keeps. Total: any bytes give a value or a [`BeamFault`], with bounded memory.
//!
//! Read [`Beam::read`] first, then [`Beam::debug_info`], then [`anchor::link`].

mod about;
pub mod anchor;
mod chunks;
mod debug_info;
mod expanded;
mod fault;
mod identity;
mod names;
mod numbers;
mod terms;
mod types;

pub use about::About;
pub use chunks::Beam;
pub use debug_info::{DebugInfo, ErlangForms};
pub use expanded::{Expanded, ExpandedClause, ExpandedFunction, ExpandedKind, Origin};
pub use fault::BeamFault;
pub use identity::{ModuleMd5, ModuleVersion};
pub use names::{FunctionName, Names};
pub use terms::{TermRef, Terms};

/// Largest file, and largest output of a compressed one, in bytes.
pub const BEAM_BYTES_MAX: usize = 64 << 20;
/// Largest term of a chunk after decompression, in bytes. The largest of OTP 25 and Elixir 1.14 (`elixir_parser`) has 5.5 MB.
pub const TERM_BYTES_MAX: usize = 32 << 20;
/// Most pieces of a chunk's term; the same module has 1.4 million. A piece takes 44 bytes, and a node of code as much again.
pub const TERM_PIECES_MAX: usize = 8 << 20;
/// Deepest term of a chunk: code nests, a level of it in three levels of terms.
pub const TERM_DEPTH_MAX: usize = 1 << 16;
