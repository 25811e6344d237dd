//! `cargo xtask accuracy search`: questions about Elixir's own sources whose answers are known, asked of the code search and
//! of plain BM25. An example of `repo-sync`, so that this program depends on nothing of the product.

use anyhow::Result;

use super::corpus;

/// Asks.
pub fn run() -> Result<()> {
    let mut ask = super::example("accuracy_search");
    ask.arg(corpus::elixir()?);
    super::measured("accuracy-search", &mut ask)
}
