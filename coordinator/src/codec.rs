//! Bytes of what is stored: a format version, then JSON.
//!
//! JSON, because it carries field names: a member that is one release older still reads what it must, and a person can
//! read a log entry. The amounts are small (`docs/decisions/0003-openraft.md`).

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The format that is written and read.
pub(crate) const FORMAT: u8 = 1;

/// Why bytes could not be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CodecError {
    #[error("stored {what} is empty")]
    Empty { what: &'static str },
    #[error("stored {what} has format {got}, this program reads {FORMAT}: run a newer release")]
    Format { what: &'static str, got: u8 },
    #[error("stored {what} is malformed: {error}")]
    Malformed {
        what: &'static str,
        error: serde_json::Error,
    },
}

/// Encodes a value.
pub(crate) fn encode<T: Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![FORMAT];
    serde_json::to_writer(&mut bytes, value).map_err(|error| CodecError::Malformed { what, error })?;
    Ok(bytes)
}

/// Decodes what [`encode`] wrote. A newer format is an error: to skip what one does not understand would make members
/// diverge.
pub(crate) fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, CodecError> {
    match bytes.split_first() {
        None => Err(CodecError::Empty { what }),
        Some((&FORMAT, json)) => {
            serde_json::from_slice(json).map_err(|error| CodecError::Malformed { what, error })
        }
        Some((&got, _)) => Err(CodecError::Format { what, got }),
    }
}
