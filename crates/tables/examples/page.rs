//! Prints the part of `docs/code-graph/tables.md` that is made from the tables' description.

#![expect(clippy::print_stdout, reason = "what it prints is its result")]

fn main() {
    print!("{}", tables::page());
}
