//! Slices against a brute-force interpreter, on generated programs.

mod emit;
mod generate;
mod interpret;
mod program;
mod slices;
