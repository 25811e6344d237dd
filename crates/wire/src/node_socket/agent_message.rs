//! Messages from an agent to a node.

use super::{MESSAGE_BYTES_MAX, VERSION};
use crate::DecodeError;
use crate::bytes::{Put, Reader};

/// From agent to node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentMessage {
    /// Type 129: (writer, highest number stored) of each writer of the node that is known.
    Welcome(Vec<(u16, u64)>),
    /// Type 130: everything of the writer up to this number is in the agent's spool.
    Stored {
        /// The writer.
        writer: u16,
        /// The highest number.
        number: u64,
    },
    /// Type 131.
    Settings {
        /// Is capture on?
        capture: bool,
    },
}

impl AgentMessage {
    /// One message, without its length field.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        DecodeError::check_size("message", message.len(), MESSAGE_BYTES_MAX)?;
        let mut r = Reader::new(message);
        let decoded = match r.u8()? {
            129 => Self::Welcome(read_welcome(&mut r)?),
            130 => Self::Stored {
                writer: r.u16()?,
                number: r.u64()?,
            },
            131 => match r.u8()? {
                0 => Self::Settings { capture: false },
                1 => Self::Settings { capture: true },
                other => {
                    return Err(DecodeError::Unknown {
                        what: "capture",
                        code: u64::from(other),
                    });
                }
            },
            other => {
                return Err(DecodeError::Unknown {
                    what: "message type",
                    code: u64::from(other),
                });
            }
        };
        r.finish()?;
        Ok(decoded)
    }

    /// The message, without its length field. WELCOME names at most 65,535 writers.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Welcome(writers) => {
                let n = u16::try_from(writers.len()).unwrap_or(u16::MAX);
                out.put_u8(129);
                out.put_u16(VERSION);
                out.put_u16(n);
                for (writer, number) in writers.iter().take(usize::from(n)) {
                    out.put_u16(*writer);
                    out.put_u64(*number);
                }
            }
            Self::Stored { writer, number } => {
                out.put_u8(130);
                out.put_u16(*writer);
                out.put_u64(*number);
            }
            Self::Settings { capture } => {
                out.put_u8(131);
                out.put_u8(u8::from(*capture));
            }
        }
        out
    }
}

fn read_welcome(r: &mut Reader<'_>) -> Result<Vec<(u16, u64)>, DecodeError> {
    let version = r.u16()?;
    if version != VERSION {
        return Err(DecodeError::Version {
            what: "node socket",
            found: version,
            known: VERSION,
        });
    }
    let n = usize::from(r.u16()?);
    (0..r.count(n, 10)?).map(|_| Ok((r.u16()?, r.u64()?))).collect()
}
