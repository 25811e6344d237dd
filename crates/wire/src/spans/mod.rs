//! Spans in columns: what OTLP brings, encoded once. A frame of layout [`crate::frame::Layout::Spans`]
//! (`docs/wire-format.md`, "Frames of spans") holds the spans of many requests; the same form, with more of them, is what a
//! sealed bucket keeps. Read [`SpanBuilder`] first, then [`Skim`], then [`SpanFrame`].

mod build;
mod encode;
mod glance;
mod lists;
mod model;
mod order;
mod parts;
mod read;
mod rest;
mod rows;
mod select;
mod shape;
mod skim;

#[cfg(test)]
mod tests;

pub use crate::columns::Texts;
pub use crate::frame::Cut;
pub use build::{Mark, SpanBuilder};
pub use encode::Sorted;
pub use glance::{Finder, Found, Glance};
pub use lists::Owner;
pub use parts::Packer;
pub use read::{SpanFrame, SpanSection, TraceRows};
pub use rows::Decoded;
pub use select::{Cell, Field, Wanted, term};
pub use skim::{SPAN_BYTES_MAX, Skim, Skimmed};
