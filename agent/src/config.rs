//! What an agent needs to know at its start.

use std::path::PathBuf;
use std::time::Duration;

use transport::Identity;

/// Settings of an agent.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Its name, for people.
    pub name: String,
    /// Unix socket for nodes.
    pub socket_path: PathBuf,
    /// Its data folder: identity and spool. One agent a folder.
    pub data_dir: PathBuf,
    /// `host:port` of collectors, some that will do; resolved at each connection. The others are learned from them.
    pub collectors: Vec<String>,
    /// Name that the collector's certificate must carry.
    pub server_name: String,
    /// Its certificate (role `agent`).
    pub identity: Identity,
    /// Users whose processes may connect, beside our own and root.
    pub allowed_uids: Vec<u32>,
    /// Bytes of the spool beyond which nodes must wait.
    pub spool_bytes_max: u64,
    /// Least time between two flushes, unless there is a frame's worth: what is taken is stored, and sent, within it. The first after a
    /// pause of that length comes after [`AgentConfig::QUICK`].
    pub flush: Duration,
}

impl AgentConfig {
    /// Bytes of the spool, unless it is said otherwise.
    pub const SPOOL_BYTES_MAX: u64 = 1 << 30;
    /// Time between flushes, unless it is said otherwise. Each costs a sync here, a datagram or two, and a share of a sync at the collector,
    /// whatever it carries: of a node with 1,000 events a second 20 ms made frames of 20 events, and the collector spent seven times as
    /// much on an event (`docs/performance.md`). People wait for half a second more, but not for the first event after a pause.
    pub const FLUSH: Duration = Duration::from_millis(500);
    /// Time of a flush after a pause.
    pub const QUICK: Duration = Duration::from_millis(20);
}
