//! The frame (`docs/wire-format.md`): one flush of one producer, sent, spooled and stored as the same bytes.
//!
//! Write with [`FrameBuilder`]. Read with [`peek_header`] (64 bytes, no checksum), [`decode_directory`] (checks and
//! decompresses once; which sections and traces are in it, without their columns), [`Directory::rows`] (the events
//! of one section) or [`decode`] (everything).

mod build;
mod column;
mod directory;
mod error;
mod header;
mod payload;
mod rows;
mod section;

pub use build::FrameBuilder;
pub use directory::{Directory, decode_directory};
pub use error::{FrameError, FrameTooLarge};
pub(crate) use header::finish_frame;
pub use header::{Compression, Cut, FrameHeader, Layout, peek_header, seal, verify_crc};
pub use section::{Gap, GapReason, Section, SectionBody, SectionEntry, TraceRange};

use event::{Event, NodeInfo};

/// First bytes of a frame.
pub const MAGIC: [u8; 4] = *b"ESF1";
/// The version of frames with columns by section: read, no longer written.
pub const VERSION: u16 = 1;
/// The version of the format of spans (`crate::spans`).
pub const VERSION_SPANS: u16 = 2;
/// The version of frames of events with columns over all sections (`crate::events`).
pub const VERSION_COLUMNS: u16 = 3;
/// Length of the header, in bytes.
pub const HEADER_BYTES: usize = 64;
/// Greatest body, in bytes.
pub const BODY_BYTES_MAX: usize = 4 << 20;
/// Greatest payload, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 16 << 20;
/// Greatest frame, in bytes.
pub const FRAME_BYTES_MAX: usize = HEADER_BYTES + BODY_BYTES_MAX;
/// A payload is at most this many times its body ...
pub const RATIO_MAX: usize = 128;
/// ... plus this many bytes.
pub const RATIO_SLACK_BYTES: usize = 4 << 10;
/// Greatest number of sections.
pub const SECTIONS_MAX: usize = 4_096;
/// Greatest number of events.
pub const EVENTS_MAX: usize = 1 << 20;
/// Greatest text of a shape, in bytes: each row of it becomes a string of its own, so that this bounds what a frame
/// can grow to.
pub const SHAPE_BYTES_MAX: usize = 256;
/// Greatest window of a zstd body, in bytes.
pub const WINDOW_BYTES_MAX: u64 = 8 << 20;

/// A frame with all its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Header.
    pub header: FrameHeader,
    /// The node incarnations that its events name.
    pub nodes: Vec<NodeInfo>,
    /// Batches and gaps.
    pub sections: Vec<Section>,
}

impl Frame {
    /// All events, section by section.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.sections.iter().flat_map(Section::events)
    }
}

/// Everything in a frame, its checksum checked.
pub fn decode(frame: &[u8]) -> Result<Frame, FrameError> {
    let directory = decode_directory(frame)?;
    let sections = directory.all_sections()?;
    Ok(Frame {
        header: *directory.header(),
        nodes: directory.nodes().to_vec(),
        sections,
    })
}

#[cfg(test)]
pub(crate) mod tests;
