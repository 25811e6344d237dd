//! Versions of real git repositories, made in temporary folders, in the code store.

mod faults;
mod folders;
mod lines;
mod moves;
mod support;
mod texts;
