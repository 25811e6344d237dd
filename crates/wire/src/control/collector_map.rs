//! MAP: where the collectors are and what they hold, for agents that have to choose one.

use crate::DecodeError;
use crate::bytes::{Put, Reader};

/// A collector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectorAt {
    /// Its member id.
    pub member: u64,
    /// `host:port` on which agents connect.
    pub address: String,
}

/// The body of MAP. An agent's knowledge is a hint that saves a hop: who got a frame sends each part to its own holders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectorMap {
    /// Number of the last change; a lower one is older.
    pub epoch: u64,
    /// Who says it.
    pub from: u64,
    /// All that hold something, at most [`CollectorMap::COLLECTORS_MAX`].
    pub collectors: Vec<CollectorAt>,
    /// By shard: places in `collectors`, at most 255 each. What names no place is left out.
    pub holders: Vec<Vec<u8>>,
}

impl CollectorMap {
    /// Collectors that a map can name.
    pub const COLLECTORS_MAX: usize = 256;
    /// Shards that a cluster may have.
    pub const SHARDS_MAX: usize = 4_096;

    /// The body as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// From the body's bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let map = Self::read(&mut r)?;
        r.finish()?;
        Ok(map)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.put_u64(self.epoch);
        out.put_u64(self.from);
        let collectors = self.collectors.iter().take(Self::COLLECTORS_MAX);
        out.put_u16(collectors.len() as u16);
        for collector in collectors {
            out.put_u64(collector.member);
            out.put_str(&collector.address);
        }
        let shards = self.holders.iter().take(Self::SHARDS_MAX);
        out.put_u16(shards.len() as u16);
        for holders in shards {
            let places = holders.iter().take(usize::from(u8::MAX));
            out.put_u8(places.len() as u8);
            places.for_each(|place| out.put_u8(*place));
        }
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (epoch, from) = (r.u64()?, r.u64()?);
        let n = usize::from(r.u16()?);
        DecodeError::check_size("list of collectors", n, Self::COLLECTORS_MAX)?;
        let collectors = (0..r.count(n, 10)?)
            .map(|_| {
                Ok(CollectorAt {
                    member: r.u64()?,
                    address: r.string()?,
                })
            })
            .collect::<Result<_, DecodeError>>()?;
        let n = usize::from(r.u16()?);
        DecodeError::check_size("list of shards", n, Self::SHARDS_MAX)?;
        let holders = (0..r.count(n, 1)?)
            .map(|_| {
                let n = usize::from(r.u8()?);
                Ok(r.bytes(n)?.to_vec())
            })
            .collect::<Result<_, DecodeError>>()?;
        Ok(Self {
            epoch,
            from,
            collectors,
            holders,
        })
    }
}
