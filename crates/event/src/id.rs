//! Ids and counts, each a type of its own.

use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($int:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// One start of a producer; increasing.
    Epoch(u64);
    /// Number of a batch, contiguous from 1 per (producer, epoch, shard); never reused.
    Seq(u64);
    /// A virtual partition.
    Shard(u16);
    /// A slice of time: HLC seconds since 2020 divided by the cluster's bucket length.
    Bucket(u32);
    /// An event's id on its node incarnation (`slot << 10 | lane`); what other events name as their parent. 0 = none.
    EventId(u64);
    /// An instrumented point of one module version, from 1. 0 = none.
    SiteId(u32);
}

/// Ids that people see as hexadecimal numbers of a fixed width.
#[macro_export]
macro_rules! hex_ids {
    ($($(#[$doc:meta])* $name:ident($int:ty, $width:literal);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, concat!("{:0", $width, "x}"), self.0)
            }
        }
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
        impl ::std::str::FromStr for $name {
            type Err = ::std::num::ParseIntError;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                <$int>::from_str_radix(s, 16).map(Self)
            }
        }
    )*};
}

hex_ids! {
    /// Everything that one request caused; W3C-compatible. 0 = in no trace.
    TraceId(u128, "32");
    /// A span in its trace (W3C `parent-id`). 0 = none.
    SpanId(u64, "16");
    /// Random identity of an agent's data folder.
    Producer(u128, "32");
    /// 128-bit hash of an original compiled module (`docs/site-table.md`).
    ModuleVersion(u128, "32");
    /// The first 59 bits of a [`ModuleVersion`]: what events carry. 0 = none.
    ModuleKey(u64, "15");
    /// A node incarnation: 59 bits of a hash over name, creation and VM start. 0 = none.
    NodeKey(u64, "15");
}

impl ModuleVersion {
    /// The key that events carry: the first 59 bits.
    pub fn key(self) -> ModuleKey {
        ModuleKey((self.0 >> 69) as u64)
    }
}

/// A BEAM process on its node: `serial << 28 | id` of its external form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(pub u64);

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<0.{}.{}>", self.0 & 0x0fff_ffff, self.0 >> 28)
    }
}

/// What makes an event unique in the whole cluster, for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventIdentity {
    /// Who cut the batch.
    pub producer: Producer,
    /// In which of its lives.
    pub epoch: Epoch,
    /// For which shard.
    pub shard: Shard,
    /// Which batch.
    pub seq: Seq,
    /// Which row of it.
    pub row: u32,
}
