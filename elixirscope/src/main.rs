//! elixirscope.

fn main() {}
