//! The collector: accepts agents over QUIC, checks what they send, has it stored, and acknowledges what is on disk.
//!
//! Read [`Collector`] first, then `session`. It answers no questions (the store does, `crates/query` shapes them), serves no
//! HTTP, and knows code and nodes only as messages that it hands to a [`ControlPlane`].

mod acks;
mod asked;
mod clock;
mod clock_error;
mod collector;
mod config;
mod control_plane;
mod descriptions;
mod export;
mod ingest;
mod maps;
mod metrics;
mod otlp;
mod replicas;
mod session;
mod shards;
mod spans;

pub use collector::{Collector, CollectorHandle, StartError};
pub use config::{CollectorConfig, Copying};
pub use control_plane::{
    BoxFuture, ClusterSettings, ClusterView, ControlPlane, ControlPlaneError, MemberView, NodeModules,
    NodeSeen,
};
pub use export::{ExportConfig, ExportStartError, ExportedFile, Exporter, MANIFEST_SCHEMA, Manifest};
pub use otlp::{Intake, OtlpConfig, OtlpLimits, OtlpServer, OtlpStartError, Receipt, Refusal};
pub use replicas::Adopted;
pub use shards::{OtherMember, Shards, Told, Whole};
pub use spans::{Calls, CountedSpans, StoredSpans, unanswered};
