//! The vocabulary: what an event is, and the ids that name things. Pure data; no bytes (`wire`), no storage (`store`).
//!
//! Read [`Event`] first, then [`EventKind`]. Numbers of kinds, classes and flags are those of `docs/node-socket.md`.

mod codes;
mod id;
mod kind;
mod record;
mod span;
mod value;

pub use codes::UnknownCode;
pub use hlc::{Hlc, Micros};
pub use id::{
    Bucket, Epoch, EventId, EventIdentity, ModuleKey, ModuleVersion, NodeKey, Pid, Producer, Seq, Shard,
    SiteId, SpanId, TraceId,
};
pub use kind::{DropReason, EventKind, Flags, ResultClass, SiteKind, ValueRole};
pub use record::{Event, NodeInfo};
pub use span::{
    LogRecord, Resource, SERVICE_UNKNOWN, Scope, Span, SpanEvent, SpanKind, SpanLink, StatusCode,
};
pub use value::{KeyValue, Value, value_of};
