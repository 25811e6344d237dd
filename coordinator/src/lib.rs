//! The coordinator: the small, replicated truth of a cluster. Members, the shard map, versions of the source, site tables,
//! and which module versions each node ran from when to when.
//!
//! Everything that is decided goes through [`state::apply`], a pure function over [`state::State`]; Raft (`raft/`, the only
//! place that names openraft) gives every member the same commands in the same order. Blobs - manifests, sources, site
//! tables - stay outside the log, stored by content hash before a command names them. Events never come here.
//!
//! Read [`Coordinator`] first, then [`state::Command`]. `http::router` is its HTTP interface.

pub mod backup;
mod batch;
mod codec;
mod config;
mod coordinator;
mod entry;
mod error;
mod federation;
mod formats;
mod founding;
pub mod http;
mod leader;
mod metrics;
mod participant;
mod peers;
mod planner;
pub mod planted;
mod raft;
pub mod state;

pub use config::{CoordinatorConfig, Neighbours, NewMember};
pub use coordinator::{Coordinator, GroupStatus, Health, Removal};
pub use error::{ProposeError, StartError};
pub use formats::{Able, Formats};
pub use peers::Calls;
