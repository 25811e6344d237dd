//! One source text: its columns, its definitions, and where its sites are.

#![allow(clippy::unwrap_used, reason = "a broken fixture is a failed test")]

mod columns;
mod definitions;
mod misread;
mod sites;
mod support;
