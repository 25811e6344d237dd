//! Control and data flow of source text, against expectations written by hand from Elixir's semantics: one test a rule.

mod bindings;
mod branches;
mod calls;
mod closures;
mod effects;
mod exceptions;
mod loops;
mod robust;
mod sample;
