//! What a coordinator is started with.

use std::collections::BTreeSet;
use std::path::PathBuf;

use transport::Ways;

use crate::peers::Calls;
use crate::state::{Format, Role};

/// How this member presents itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMember {
    /// For people.
    pub name: String,
    /// `host:port` of its doors.
    pub addresses: Vec<String>,
    /// What it does.
    pub roles: BTreeSet<Role>,
    /// Failure domain; may be empty.
    pub zone: String,
}

/// The way to other members: without it a coordinator is alone for ever.
#[derive(Clone, Debug)]
pub struct Neighbours {
    /// The connections on which this coordinator calls. They should carry nothing else.
    pub ways: Ways,
    /// Where the calls of others come in: whoever has the member's door hands them over there, from before the start on.
    pub calls: Calls,
    /// `host:port` under which other members reach that door.
    pub advertise: String,
    /// `host:port` of members of the cluster to join, if this data folder is new. Empty: it founds a cluster.
    pub join: Vec<String>,
    /// `host:port` of the members that found the cluster together, this one's among them, the same list for all: if this data folder is new,
    /// it joins the cluster that one of them is in, and founds one only when all others say that they are new too. Empty: see `join`.
    pub founders: Vec<String>,
}

/// Settings of a coordinator. Shards, bucket length and offset count at the cluster's first start only.
#[derive(Clone, Debug)]
pub struct CoordinatorConfig {
    /// Folder for the log and the blobs; made if missing.
    pub data_dir: PathBuf,
    /// Virtual shards of a new cluster.
    pub shards: u16,
    /// Length of a bucket of a new cluster, seconds.
    pub bucket_seconds: u32,
    /// How far a remote clock may drag another, milliseconds.
    pub max_offset_ms: u32,
    /// Copies of each shard that are wanted, in a new cluster.
    pub replicas: u8,
    /// Other members.
    pub neighbours: Option<Neighbours>,
    /// This member.
    pub member: NewMember,
    /// The latest format that it reads and writes. Less than [`Format::NEWEST`] makes it an older release in that, for tests.
    pub newest: Format,
    /// Where the metrics are registered.
    pub registry: prometheus::Registry,
}

impl CoordinatorConfig {
    /// The defaults: 64 shards, buckets of 10 minutes, 500 ms; a registry of its own.
    pub fn new(data_dir: impl Into<PathBuf>, member: NewMember) -> Self {
        Self {
            data_dir: data_dir.into(),
            shards: 64,
            bucket_seconds: 600,
            max_offset_ms: 500,
            replicas: 1,
            neighbours: None,
            member,
            newest: Format::NEWEST,
            registry: prometheus::Registry::new(),
        }
    }
}
