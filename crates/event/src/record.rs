//! The event itself.

use crate::{EventId, EventKind, Flags, Hlc, Micros, ModuleKey, NodeKey, Pid, ResultClass, SiteId, TraceId};

/// One thing that happened on a node. Field by field as in `docs/node-socket.md`, with the node and the shape by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Id on its node incarnation.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// Class of the result or exception.
    pub class: ResultClass,
    /// Flags.
    pub flags: Flags,
    /// Order across processes and nodes.
    pub hlc: Hlc,
    /// The node's own clock, undragged.
    pub time: Micros,
    /// Node incarnation where it happened.
    pub node: NodeKey,
    /// Process where it happened.
    pub pid: Pid,
    /// Order within the process, modulo 2^27.
    pub ordinal: u32,
    /// Trace, 0 = none.
    pub trace: TraceId,
    /// The event that caused it, on `remote_node` if that is set, else on `node`; 0 = none.
    pub parent: EventId,
    /// Node incarnation of the parent, 0 = the event's own.
    pub remote_node: NodeKey,
    /// The parent's node time when it renewed the label, 0 = none.
    pub remote_time: Micros,
    /// Module version that emitted it, 0 = none.
    pub module: ModuleKey,
    /// Site in that module version, 0 = none.
    pub site: SiteId,
    /// Shape of the message (callbacks), empty = none.
    pub shape: String,
    /// Linked trace, 0 = none.
    pub linked: TraceId,
    /// Payload (`docs/node-socket.md`), empty = none.
    pub payload: Vec<u8>,
}

impl Event {
    /// An event of `kind` on `node` of which nothing else is known: all ids and times 0, no flag, no text, no payload.
    pub fn blank(kind: EventKind, node: NodeKey) -> Self {
        Self {
            id: EventId(0),
            kind,
            class: ResultClass::Other,
            flags: Flags(0),
            hlc: Hlc(0),
            time: Micros(0),
            node,
            pid: Pid(0),
            ordinal: 0,
            trace: TraceId(0),
            parent: EventId(0),
            remote_node: NodeKey(0),
            remote_time: Micros(0),
            module: ModuleKey(0),
            site: SiteId(0),
            shape: String::new(),
            linked: TraceId(0),
            payload: Vec::new(),
        }
    }

    /// The node incarnation and id of the parent, if there is one.
    pub fn parent_ref(&self) -> Option<(NodeKey, EventId)> {
        if self.parent.0 == 0 {
            return None;
        }
        let node = if self.remote_node.0 == 0 {
            self.node
        } else {
            self.remote_node
        };
        Some((node, self.parent))
    }

    /// Does this event count as an error of its trace? Crash reports, exceptions, and results `:error` or `{:error, _}`.
    pub fn is_error(&self) -> bool {
        match self.kind {
            EventKind::Error | EventKind::Exception => true,
            EventKind::Return | EventKind::CallbackReturn | EventKind::RootEnd => {
                matches!(self.class, ResultClass::Error | ResultClass::ErrorTuple)
            }
            _ => false,
        }
    }
}

/// A node incarnation, as frames name it in their dictionary.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeInfo {
    /// Its key.
    pub key: NodeKey,
    /// The distribution's creation number.
    pub creation: u32,
    /// `shop@10.0.0.5`.
    pub name: String,
}
