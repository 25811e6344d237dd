//! Frames of version 1 in columns: what agents of before the upgrade still have in their spools.

use crate::frame::{
    Compression, FrameBuilder, FrameError, FrameTooLarge, Layout, SectionBody, decode, peek_header,
};

/// Why a frame cannot be upgraded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpgradeError {
    /// It is no frame of events.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It does not fit.
    #[error(transparent)]
    TooLarge(#[from] FrameTooLarge),
}

/// A frame of version 1 as one of version 3: the same header, sections, rows and content hashes. Deterministic, so that a retry gives the
/// same bytes.
pub fn upgrade(frame: &[u8]) -> Result<Vec<u8>, UpgradeError> {
    let header = peek_header(frame)?;
    if header.layout == Layout::Columns {
        return Ok(frame.to_vec());
    }
    let decoded = decode(frame)?;
    let mut builder = FrameBuilder::new(header.producer, header.epoch, header.hlc, header.bucket);
    for node in decoded.nodes {
        builder.node(node);
    }
    for section in &decoded.sections {
        match &section.body {
            SectionBody::Rows(events) => builder.section(section.shard, section.seq, events),
            SectionBody::Gap(gap) => builder.gap(section.shard, section.seq, *gap),
        };
    }
    Ok(builder.finish(Compression::Zstd)?)
}
