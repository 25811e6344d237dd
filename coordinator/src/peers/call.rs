//! The bytes of a call and of its answer (`docs/wire-format.md`, "Calls between coordinators").

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::state::Incarnation;

/// Format of calls; another one is refused. First byte of a call, and so what tells it from other streams between members.
pub(super) const FORMAT: u8 = 1;
/// Bytes before a call's body.
const HEAD_BYTES: usize = 26;
/// Longest call or answer, in bytes: the largest proposal, as JSON, and a part of a snapshot fit.
pub(crate) const CALL_BYTES_MAX: usize = 64 << 20;

/// What is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A call of the consensus library.
    Raft = 1,
    /// To the leader: commands to write. Answer: where they are in the log, and their outcomes.
    Propose = 2,
    /// To the leader: how far the log was committed. Answer: an index.
    Read = 3,
    /// To anybody: registers a member that has no log yet. Answer: the cluster, the member's id.
    Join = 4,
    /// To the leader: takes a registered member into the group.
    Admit = 5,
    /// To the leader: takes a member out of the group and marks it removed.
    Remove = 6,
    /// Hashes. Answer: those of them whose blobs the member lacks.
    Lack = 7,
    /// Blobs to keep, each under its hash.
    Keep = 8,
    /// A hash. Answer: its blob.
    Fetch = 9,
    /// Nothing. Answer: the latest format that the member reads and writes. A release without formats answers that there is no such call.
    Formats = 10,
    /// To anybody, of one that is in no cluster: is this member in one, or blank? ([`crate::founding`])
    Standing = 11,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) kind: Kind,
    /// The caller's cluster; 0 if it knows none yet.
    pub(crate) cluster: Incarnation,
    /// The caller's Raft id.
    pub(crate) from: u64,
    pub(crate) body: Bytes,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It was done.
    Done(Bytes),
    /// It never will be.
    Refused(String),
    /// Not now, or not here.
    Unavailable(String),
}

/// Why the bytes of a call or an answer are none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    #[error("a message of {0} bytes is no call")]
    Short(usize),
    #[error("calls of format {0}, expected {FORMAT}: the members run releases that are too far apart")]
    Format(u8),
    #[error("there is no call {0}")]
    Kind(u8),
    #[error("there is no answer {0}")]
    Answer(u8),
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        let all = [
            Self::Raft,
            Self::Propose,
            Self::Read,
            Self::Join,
            Self::Admit,
            Self::Remove,
            Self::Lack,
            Self::Keep,
            Self::Fetch,
            Self::Formats,
            Self::Standing,
        ];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }
}

impl Call {
    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(HEAD_BYTES + self.body.len());
        bytes.put_u8(FORMAT);
        bytes.put_u8(self.kind as u8);
        bytes.put_u128_le(self.cluster.0);
        bytes.put_u64_le(self.from);
        bytes.put(self.body.clone());
        bytes.freeze()
    }

    pub(crate) fn decode(mut bytes: Bytes) -> Result<Self, CallError> {
        if bytes.len() < HEAD_BYTES {
            return Err(CallError::Short(bytes.len()));
        }
        match bytes.get_u8() {
            FORMAT => {}
            other => return Err(CallError::Format(other)),
        }
        let kind = bytes.get_u8();
        Ok(Self {
            kind: Kind::of(kind).ok_or(CallError::Kind(kind))?,
            cluster: Incarnation(bytes.get_u128_le()),
            from: bytes.get_u64_le(),
            body: bytes,
        })
    }
}

impl Answer {
    pub(crate) fn encode(&self) -> Bytes {
        let (status, body) = match self {
            Self::Done(body) => (0, body.as_ref()),
            Self::Refused(why) => (1, why.as_bytes()),
            Self::Unavailable(why) => (2, why.as_bytes()),
        };
        let mut bytes = BytesMut::with_capacity(1 + body.len());
        bytes.put_u8(status);
        bytes.put(body);
        bytes.freeze()
    }

    pub(crate) fn decode(mut bytes: Bytes) -> Result<Self, CallError> {
        if bytes.is_empty() {
            return Err(CallError::Short(0));
        }
        let status = bytes.get_u8();
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        match status {
            0 => Ok(Self::Done(bytes)),
            1 => Ok(Self::Refused(text(&bytes))),
            2 => Ok(Self::Unavailable(text(&bytes))),
            other => Err(CallError::Answer(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any call and answer there and back. Guarantee: nothing changes.
        #[test]
        fn there_and_back(kind in 1u8..12, cluster: u128, from: u64, body: Vec<u8>, text in ".{0,40}") {
            let call = Call { kind: Kind::of(kind).unwrap(), cluster: Incarnation(cluster), from, body: body.clone().into() };
            prop_assert_eq!(Call::decode(call.encode()).unwrap(), call);
            for answer in [Answer::Done(body.into()), Answer::Refused(text.clone()), Answer::Unavailable(text)] {
                prop_assert_eq!(Answer::decode(answer.encode()).unwrap(), answer);
            }
        }

        /// Scenario: any bytes. Guarantee: a call or an error; what decodes is written the same again.
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            if let Ok(call) = Call::decode(bytes.clone().into()) {
                prop_assert_eq!(&call.encode()[..], &bytes[..]);
            }
            let _ = Answer::decode(bytes.into());
        }
    }

    /// Scenario: a call of a later format, one of no kind. Guarantee: the error says which.
    #[test]
    fn strange_calls_are_named() {
        let mut bytes = Call {
            kind: Kind::Read,
            cluster: Incarnation(1),
            from: 2,
            body: Bytes::new(),
        }
        .encode()
        .to_vec();
        bytes[1] = 99;
        assert_eq!(Call::decode(bytes.clone().into()), Err(CallError::Kind(99)));
        bytes[0] = 2;
        assert_eq!(Call::decode(bytes.into()), Err(CallError::Format(2)));
    }
}
