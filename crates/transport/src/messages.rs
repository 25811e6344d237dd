//! Messages on a byte stream: u32 length, then that many bytes. The length is checked before anything is allocated,
//! and memory grows with what has arrived, not with what was announced.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes that are made room for at once.
const READ_STEP_BYTES: usize = 64 * 1024;
/// Bytes of a length.
const PREFIX_BYTES: usize = 4;

/// A message that is not longer is written at once with its length: one datagram, or one call, instead of two.
const TOGETHER_BYTES: usize = 4 * 1024;

/// Order of a length's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthOrder {
    /// QUIC streams (`docs/wire-format.md`).
    Little,
    /// The node socket (`docs/node-socket.md`).
    Big,
}

/// A message could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Longer than allowed.
    #[error("message of {length} bytes exceeds the limit of {max}")]
    TooLong {
        /// As announced, in bytes.
        length: u64,
        /// As allowed, in bytes.
        max: usize,
    },
    /// A length of 0.
    #[error("message of 0 bytes")]
    Empty,
    /// The stream ended inside a message.
    #[error("stream ended after {have} bytes of a message")]
    Truncated {
        /// Bytes that came, the length included.
        have: usize,
    },
    /// The stream failed.
    #[error("stream failed: {0}")]
    Io(#[from] io::Error),
}

impl MessageError {
    /// Did the peer break the protocol (rather than the connection break)?
    pub fn is_peer_fault(&self) -> bool {
        !matches!(self, Self::Io(_))
    }
}

/// Reads messages. Cancelling [`MessageReader::next`] loses nothing.
#[derive(Debug)]
pub struct MessageReader<R> {
    source: R,
    order: LengthOrder,
    max: usize,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> MessageReader<R> {
    /// Little-endian lengths; messages of at most `max` bytes.
    pub fn new(source: R, max: usize) -> Self {
        Self::with_order(source, max, LengthOrder::Little)
    }

    /// The same with a chosen order of the length's bytes.
    pub fn with_order(source: R, max: usize, order: LengthOrder) -> Self {
        Self {
            source,
            order,
            max,
            buffer: BytesMut::new(),
        }
    }

    /// The next message without its length; `None` where the stream ends between two messages.
    pub async fn next(&mut self) -> Result<Option<Bytes>, MessageError> {
        loop {
            let wanted = match self.length()? {
                Some(length) if self.buffer.len() - PREFIX_BYTES >= length => {
                    self.buffer.advance(PREFIX_BYTES);
                    return Ok(Some(self.buffer.split_to(length).freeze()));
                }
                Some(length) => length + PREFIX_BYTES - self.buffer.len(),
                None => PREFIX_BYTES,
            };
            self.buffer.reserve(wanted.clamp(4096, READ_STEP_BYTES));
            if self.source.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(MessageError::Truncated {
                        have: self.buffer.len(),
                    })
                };
            }
        }
    }

    /// A message that is here already, if there is one: no waiting.
    pub fn buffered(&self) -> bool {
        matches!(self.length(), Ok(Some(length)) if self.buffer.len() - PREFIX_BYTES >= length)
    }

    fn length(&self) -> Result<Option<usize>, MessageError> {
        let Some(prefix) = self.buffer.first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let length = match self.order {
            LengthOrder::Little => u32::from_le_bytes(*prefix),
            LengthOrder::Big => u32::from_be_bytes(*prefix),
        };
        match usize::try_from(length) {
            Ok(0) => Err(MessageError::Empty),
            Ok(length) if length <= self.max => Ok(Some(length)),
            _ => Err(MessageError::TooLong {
                length: length.into(),
                max: self.max,
            }),
        }
    }
}

/// Writes messages.
#[derive(Debug)]
pub struct MessageWriter<W> {
    sink: W,
    order: LengthOrder,
    max: usize,
    /// A short message after its length.
    together: Vec<u8>,
}

impl<W: AsyncWrite + Unpin> MessageWriter<W> {
    /// Little-endian lengths; messages of at most `max` bytes.
    pub fn new(sink: W, max: usize) -> Self {
        Self::with_order(sink, max, LengthOrder::Little)
    }

    /// The same with a chosen order of the length's bytes.
    pub fn with_order(sink: W, max: usize, order: LengthOrder) -> Self {
        Self {
            sink,
            order,
            max,
            together: Vec::new(),
        }
    }

    /// Writes one message. Not safe to cancel: half a message may be written.
    pub async fn write(&mut self, message: &[u8]) -> Result<(), MessageError> {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        if message.is_empty() {
            return Err(MessageError::Empty);
        }
        if message.len() > self.max || length == u32::MAX {
            return Err(MessageError::TooLong {
                length: message.len() as u64,
                max: self.max,
            });
        }
        let prefix = match self.order {
            LengthOrder::Little => length.to_le_bytes(),
            LengthOrder::Big => length.to_be_bytes(),
        };
        if message.len() <= TOGETHER_BYTES {
            self.together.clear();
            self.together.extend_from_slice(&prefix);
            self.together.extend_from_slice(message);
            self.sink.write_all(&self.together).await?;
        } else {
            self.sink.write_all(&prefix).await?;
            self.sink.write_all(message).await?;
        }
        Ok(())
    }

    /// Hands on what the sink may still hold.
    pub async fn flush(&mut self) -> Result<(), MessageError> {
        Ok(self.sink.flush().await?)
    }

    /// Ends the stream in order.
    pub async fn finish(&mut self) -> Result<(), MessageError> {
        Ok(self.sink.shutdown().await?)
    }

    /// The sink itself.
    pub fn into_inner(self) -> W {
        self.sink
    }
}

#[cfg(test)]
mod tests;
