//! codegraph.
