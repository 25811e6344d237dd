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
    /// `host:port` of a collector; resolved at each connection.
    pub collector: String,
    /// Name that the collector's certificate must carry.
    pub server_name: String,
    /// Its certificate (role `agent`).
    pub identity: Identity,
    /// Users whose processes may connect, beside our own and root.
    pub allowed_uids: Vec<u32>,
    /// Bytes of the spool beyond which nodes must wait.
    pub spool_bytes_max: u64,
    /// Time after which what was taken is stored.
    pub flush: Duration,
}

impl AgentConfig {
    /// Bytes of the spool, unless it is said otherwise.
    pub const SPOOL_BYTES_MAX: u64 = 1 << 30;
    /// Time of a flush, unless it is said otherwise.
    pub const FLUSH: Duration = Duration::from_millis(20);
}
