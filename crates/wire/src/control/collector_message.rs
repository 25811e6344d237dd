//! Messages from a collector to an agent.

use event::{Epoch, Hlc, Seq, Shard, codes};

use super::{CollectorMap, MESSAGE_BYTES_MAX, VERSION, VERSION_OLDEST};
use crate::DecodeError;
use crate::bytes::{Put, Reader};

/// What the agent needs to know of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelloOk {
    /// Version that the collector speaks.
    pub version: u16,
    /// The cluster's random id.
    pub cluster: u128,
    /// Its shards.
    pub shards: u16,
    /// Length of a bucket.
    pub bucket_seconds: u32,
    /// The collector's time.
    pub hlc: Hlc,
    /// No clock is followed further ahead than this.
    pub max_offset_ms: u32,
    /// Greatest frame that is accepted.
    pub frame_bytes_max: u32,
    /// Bytes of frames that may be under way without acknowledgement.
    pub window_bytes: u64,
}

/// Seqs of one (epoch, shard) of the session's producer that are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AckRange {
    /// Epoch of the frames.
    pub epoch: Epoch,
    /// Shard.
    pub shard: Shard,
    /// First.
    pub first: Seq,
    /// Last, included.
    pub last: Seq,
}

impl AckRange {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            epoch: Epoch(r.u64()?),
            shard: Shard(r.u16()?),
            first: Seq(r.u64()?),
            last: Seq(r.u64()?),
        })
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.put_u64(self.epoch.0);
        out.put_u16(self.shard.0);
        out.put_u64(self.first.0);
        out.put_u64(self.last.0);
    }
}

codes! {
    /// Why a batch will never be accepted.
    RejectCode("reject code") {
        /// Wrong checksum.
        Crc = 1 "crc",
        /// Unknown format version.
        Version = 2 "version",
        /// Beyond a limit.
        TooLarge = 3 "too_large",
        /// Not readable.
        Malformed = 4 "malformed",
        /// The frame's producer is not the session's.
        WrongProducer = 5 "wrong_producer",
        /// The seq was stored with other content.
        SeqReused = 6 "seq_reused",
    }
}

codes! {
    /// Why the connection is closed.
    ErrorCode("error code") {
        /// Unknown protocol version.
        Version = 1 "version",
        /// The certificate's role is not the agent's.
        Role = 2 "role",
        /// A message was not readable.
        Malformed = 3 "malformed",
        /// Too much to do; come back.
        Busy = 4 "busy",
        /// The collector ends.
        ShuttingDown = 5 "shutting_down",
    }
}

/// From collector to agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CollectorMessage {
    /// Type 129.
    HelloOk(HelloOk),
    /// Type 130.
    Ack {
        /// The collector's time.
        hlc: Hlc,
        /// What is on disk.
        ranges: Vec<AckRange>,
    },
    /// Type 131.
    Reject {
        /// Which seqs.
        range: AckRange,
        /// Why.
        code: RejectCode,
        /// Why, for people.
        reason: String,
    },
    /// Type 132.
    Throttle {
        /// Send nothing before.
        retry_after_ms: u32,
        /// Bytes that may be sent then.
        credit_bytes: u64,
    },
    /// Type 133: the DEFINE, NODE or MODULES with this token is recorded.
    Noted(u64),
    /// Type 134.
    Error {
        /// Why.
        code: ErrorCode,
        /// Why, for people.
        reason: String,
    },
    /// Type 135, since version 2: who holds what.
    Map(CollectorMap),
}

impl CollectorMessage {
    /// One message: type and body.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        DecodeError::check_size("control message", message.len(), MESSAGE_BYTES_MAX)?;
        let mut r = Reader::new(message);
        let decoded = match r.u8()? {
            129 => Self::HelloOk(read_hello_ok(&mut r)?),
            130 => {
                let hlc = Hlc(r.u64()?);
                let n = r.u32()? as usize;
                let ranges = (0..r.count(n, 26)?)
                    .map(|_| AckRange::read(&mut r))
                    .collect::<Result<_, _>>()?;
                Self::Ack { hlc, ranges }
            }
            131 => Self::Reject {
                range: AckRange::read(&mut r)?,
                code: RejectCode::try_from(r.u8()?)?,
                reason: r.string()?,
            },
            132 => Self::Throttle {
                retry_after_ms: r.u32()?,
                credit_bytes: r.u64()?,
            },
            133 => Self::Noted(r.u64()?),
            134 => Self::Error {
                code: ErrorCode::try_from(r.u8()?)?,
                reason: r.string()?,
            },
            135 => Self::Map(CollectorMap::read(&mut r)?),
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

    /// The message: type and body.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::HelloOk(ok) => write_hello_ok(ok, &mut out),
            Self::Ack { hlc, ranges } => {
                out.put_u8(130);
                out.put_u64(hlc.0);
                out.put_u32(ranges.len() as u32);
                for range in ranges {
                    range.write(&mut out);
                }
            }
            Self::Reject { range, code, reason } => {
                out.put_u8(131);
                range.write(&mut out);
                out.put_u8(code.code());
                out.put_str(reason);
            }
            Self::Throttle {
                retry_after_ms,
                credit_bytes,
            } => {
                out.put_u8(132);
                out.put_u32(*retry_after_ms);
                out.put_u64(*credit_bytes);
            }
            Self::Noted(token) => {
                out.put_u8(133);
                out.put_u64(*token);
            }
            Self::Error { code, reason } => {
                out.put_u8(134);
                out.put_u8(code.code());
                out.put_str(reason);
            }
            Self::Map(map) => {
                out.put_u8(135);
                map.write(&mut out);
            }
        }
        out
    }
}

impl HelloOk {
    /// Does the collector speak a version of ours?
    pub fn version_known(&self) -> bool {
        (VERSION_OLDEST..=VERSION).contains(&self.version)
    }
}

fn read_hello_ok(r: &mut Reader<'_>) -> Result<HelloOk, DecodeError> {
    Ok(HelloOk {
        version: r.u16()?,
        cluster: r.u128()?,
        shards: r.u16()?,
        bucket_seconds: r.u32()?,
        hlc: Hlc(r.u64()?),
        max_offset_ms: r.u32()?,
        frame_bytes_max: r.u32()?,
        window_bytes: r.u64()?,
    })
}

fn write_hello_ok(ok: &HelloOk, out: &mut Vec<u8>) {
    out.put_u8(129);
    out.put_u16(ok.version);
    out.put_u128(ok.cluster);
    out.put_u16(ok.shards);
    out.put_u32(ok.bucket_seconds);
    out.put_u64(ok.hlc.0);
    out.put_u32(ok.max_offset_ms);
    out.put_u32(ok.frame_bytes_max);
    out.put_u64(ok.window_bytes);
}
