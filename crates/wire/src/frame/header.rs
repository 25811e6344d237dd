//! The 64 bytes in front of every frame, and its checksum.

use event::{Bucket, Epoch, Hlc, Producer};

use super::{
    BODY_BYTES_MAX, EVENTS_MAX, FrameError, FrameTooLarge, HEADER_BYTES, MAGIC, PAYLOAD_BYTES_MAX, RATIO_MAX,
    RATIO_SLACK_BYTES, SECTIONS_MAX, VERSION, VERSION_COLUMNS, VERSION_SPANS,
};
use crate::bytes::{Put, Reader};

/// Offset of the checksum in the header.
const CRC_AT: usize = HEADER_BYTES - 4;

/// How a body is made from its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// The body is the payload.
    None,
    /// One zstd frame, level 1 when we write it.
    Zstd,
}

impl Compression {
    fn code(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Zstd => 2,
        }
    }
}

/// How a frame's payload is laid out: its format version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Version 1: events of BEAM nodes, columns by section. Read, no longer written.
    Events,
    /// Version 2: spans, columns over all sections (`crate::spans`).
    Spans,
    /// Version 3: events of BEAM nodes, columns over all sections (`crate::events`).
    Columns,
}

impl Layout {
    fn version(self) -> u16 {
        match self {
            Self::Events => VERSION,
            Self::Spans => VERSION_SPANS,
            Self::Columns => VERSION_COLUMNS,
        }
    }
}

/// What a frame says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// How the payload is laid out.
    pub layout: Layout,
    /// How the body is made.
    pub compression: Compression,
    /// Who cut it.
    pub producer: Producer,
    /// In which of its lives.
    pub epoch: Epoch,
    /// Sections.
    pub sections: u32,
    /// Rows of all sections.
    pub events: u32,
    /// Length of the payload, decompressed, in bytes.
    pub payload_len: u32,
    /// Length of the body, in bytes.
    pub body_len: u32,
    /// The producer's time when it cut the frame.
    pub hlc: Hlc,
    /// Bucket of all its sections.
    pub bucket: Bucket,
    /// CRC-32 of the header before it, then the body.
    pub crc: u32,
}

impl FrameHeader {
    /// Length of header and body, in bytes.
    pub fn frame_len(&self) -> usize {
        HEADER_BYTES + self.body_len as usize
    }

    /// The header's bytes, with the checksum as it stands here.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES + self.body_len as usize);
        out.put(&MAGIC);
        out.put_u16(self.layout.version());
        out.put_u8(self.compression.code());
        out.put_u8(0);
        out.put_u128(self.producer.0);
        out.put_u64(self.epoch.0);
        out.put_u32(self.sections);
        out.put_u32(self.events);
        out.put_u32(self.payload_len);
        out.put_u32(self.body_len);
        out.put_u64(self.hlc.0);
        out.put_u32(self.bucket.0);
        out.put_u32(self.crc);
        out
    }

    fn check_limits(&self) -> Result<(), FrameError> {
        if self.body_len as usize > BODY_BYTES_MAX {
            return Err(FrameError::BodyTooLarge(self.body_len));
        }
        if self.payload_len as usize > PAYLOAD_BYTES_MAX {
            return Err(FrameError::PayloadTooLarge(self.payload_len));
        }
        if self.payload_len as usize > RATIO_MAX * self.body_len as usize + RATIO_SLACK_BYTES {
            return Err(FrameError::Ratio {
                payload: self.payload_len,
                body: self.body_len,
            });
        }
        if self.sections as usize > SECTIONS_MAX {
            return Err(FrameError::Sections(self.sections));
        }
        if self.events as usize > EVENTS_MAX {
            return Err(FrameError::Events(self.events));
        }
        Ok(())
    }
}

/// Reads and checks the header of a frame, or of the first 64 bytes of one: magic, version, limits. Not the checksum.
pub fn peek_header(frame: &[u8]) -> Result<FrameHeader, FrameError> {
    if frame.len() < HEADER_BYTES {
        return Err(FrameError::Short(frame.len()));
    }
    let header = read_header(frame).map_err(FrameError::read("frame header"))?;
    let (magic, version, compression, reserved, mut header) = header;
    if magic != MAGIC {
        return Err(FrameError::Magic(magic));
    }
    header.layout = match version {
        VERSION => Layout::Events,
        VERSION_SPANS => Layout::Spans,
        VERSION_COLUMNS => Layout::Columns,
        other => return Err(FrameError::Version(other)),
    };
    header.compression = match compression {
        0 => Compression::None,
        2 => Compression::Zstd,
        other => return Err(FrameError::Compression(other)),
    };
    if reserved != 0 {
        return Err(FrameError::Reserved(reserved));
    }
    header.check_limits()?;
    Ok(header)
}

type RawHeader = ([u8; 4], u16, u8, u8, FrameHeader);

fn read_header(frame: &[u8]) -> Result<RawHeader, crate::bytes::ReadError> {
    let mut r = Reader::new(frame);
    let (magic, version, compression, reserved) = (r.array()?, r.u16()?, r.u8()?, r.u8()?);
    let header = FrameHeader {
        layout: Layout::Events,
        compression: Compression::None,
        producer: Producer(r.u128()?),
        epoch: Epoch(r.u64()?),
        sections: r.u32()?,
        events: r.u32()?,
        payload_len: r.u32()?,
        body_len: r.u32()?,
        hlc: Hlc(r.u64()?),
        bucket: Bucket(r.u32()?),
        crc: r.u32()?,
    };
    Ok((magic, version, compression, reserved, header))
}

/// Is the frame whole, and does its checksum agree? Reads no more of it.
pub fn verify_crc(frame: &[u8]) -> Result<(), FrameError> {
    let (head, body) = split(frame)?;
    let declared = head
        .get(CRC_AT..)
        .and_then(|crc| crc.first_chunk())
        .map(|crc| u32::from_le_bytes(*crc));
    let actual = checksum(head, body);
    match declared {
        Some(declared) if declared == actual => Ok(()),
        declared => Err(FrameError::Crc {
            declared: declared.unwrap_or_default(),
            actual,
        }),
    }
}

/// Writes the right checksum into a frame. For whoever makes or (in tests) changes its bytes.
pub fn seal(frame: &mut [u8]) -> Result<(), FrameError> {
    let (head, body) = split(frame)?;
    let crc = checksum(head, body).to_le_bytes();
    if let Some(field) = frame.get_mut(CRC_AT..HEADER_BYTES) {
        field.copy_from_slice(&crc);
    }
    Ok(())
}

fn split(frame: &[u8]) -> Result<(&[u8], &[u8]), FrameError> {
    frame
        .split_at_checked(HEADER_BYTES)
        .ok_or(FrameError::Short(frame.len()))
}

fn checksum(head: &[u8], body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(head.get(..CRC_AT).unwrap_or_default());
    crc.update(body);
    crc.finalize()
}

/// What a frame says of itself when it is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Who cuts it.
    pub producer: Producer,
    /// In which of its lives.
    pub epoch: Epoch,
    /// When.
    pub hlc: Hlc,
    /// For which bucket.
    pub bucket: Bucket,
}

/// Puts the header into the room before the payload.
pub(crate) fn finish_frame(
    layout: Layout,
    cut: Cut,
    sections: u32,
    rows: u32,
    mut frame: Vec<u8>,
) -> Result<Vec<u8>, FrameTooLarge> {
    let body = frame.len() - HEADER_BYTES;
    if body > BODY_BYTES_MAX {
        return Err(FrameTooLarge::Bytes {
            what: "body",
            found: body,
            max: BODY_BYTES_MAX,
        });
    }
    let header = FrameHeader {
        layout,
        compression: Compression::None,
        producer: cut.producer,
        epoch: cut.epoch,
        sections,
        events: rows,
        payload_len: body as u32,
        body_len: body as u32,
        hlc: cut.hlc,
        bucket: cut.bucket,
        crc: 0,
    };
    for (to, from) in frame.iter_mut().zip(header.encode()) {
        *to = from;
    }
    // The frame is longer than its header, the only thing that sealing checks.
    let _ = seal(&mut frame);
    Ok(frame)
}
