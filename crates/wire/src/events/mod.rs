//! Events of BEAM nodes in columns: a frame of layout [`crate::frame::Layout::Columns`] (`docs/wire-format.md`, "Frames of events")
//! is what an agent sends; the same form, with the events of many frames by trace, is what a sealed bucket keeps.
//!
//! Write frames with [`crate::frame::FrameBuilder`], blocks with [`EventBuilder`]. Read [`EventFrame`] first, then
//! [`EventFrame::digest`]: what an index needs, in one pass, without an [`event::Event`].

mod build;
mod content;
mod cursor;
mod digest;
mod encode;
mod frame;
mod layout;
mod names;
mod order;
mod read;
mod row;
mod stream;
mod tag;
mod tags;
mod upgrade;

#[cfg(test)]
mod tests;

pub use build::EventBuilder;
pub use content::{ContentHash, content_hash};
pub use digest::{Delay, Digest, LooseRow, PartDigest, SectionDigest};
pub use encode::Packer;
pub(crate) use encode::{SectionHead, What, encode};
pub use frame::{EventFrame, EventSection, Run, TraceRows};
pub use order::{BlockOrder, SortedEvents};
pub use upgrade::{UpgradeError, upgrade};
