//! The agent beside BEAM nodes: local socket -> batches -> spool -> QUIC.
//!
//! It takes numbered chunks from any number of nodes, says STORED only when they are on its disk, and sends them to a
//! collector until they are acknowledged. It interprets no event, and blocks no node: where it cannot take more it
//! stops reading, and the node counts what it drops.
//!
//! Read [`Agent::start`] first, then `spooler` (what is taken becomes frames on disk) and `uplink` (frames on disk
//! become acknowledgements). `session`, `batch`, `loss`, `presence` and `spool::index` are pure.

mod agent;
mod batch;
mod clock;
mod cluster;
mod config;
mod listener;
mod loss;
mod metrics;
mod node_key;
mod presence;
mod priority;
mod serve;
mod session;
mod spool;
mod spooler;
mod targets;
mod uplink;

pub use agent::{Agent, AgentError, AgentHandle};
pub use clock::PhysicalClock;
pub use config::AgentConfig;
pub use listener::SocketError;
pub use priority::step_back;
pub use spool::{AgentDrop, DataDirError, Ledger};
