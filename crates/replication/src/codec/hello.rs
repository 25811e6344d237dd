//! The first message of a stream: who speaks.

use super::{PROTOCOL, STREAM};
use placement::MemberId;
use wire::DecodeError;
use wire::bytes::{Put, Reader};

/// Who speaks on a stream, to whom of which cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Id of the cluster.
    pub cluster: u128,
    /// Who speaks.
    pub member: MemberId,
    /// Which start of its process.
    pub life: u64,
}

impl Hello {
    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(35);
        out.put_u8(STREAM);
        out.put_u16(PROTOCOL);
        out.put_u128(self.cluster);
        out.put_u64(self.member.0);
        out.put_u64(self.life);
        out
    }

    /// From its bytes. Another version of the protocol is an error.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let stream = r.u8()?;
        if stream != STREAM {
            return Err(DecodeError::Unknown {
                what: "kind of stream",
                code: u64::from(stream),
            });
        }
        let found = r.u16()?;
        if found != PROTOCOL {
            return Err(DecodeError::Version {
                what: "replication",
                found,
                known: PROTOCOL,
            });
        }
        let hello = Self {
            cluster: r.u128()?,
            member: MemberId(r.u64()?),
            life: r.u64()?,
        };
        r.finish()?;
        Ok(hello)
    }
}
