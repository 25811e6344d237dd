//! One node's connection as a state machine: messages in, what to do out. Pure.

use std::collections::BTreeMap;

use event::{Event, Micros, NodeInfo, NodeKey};
use wire::DecodeError;
use wire::control::{AgentMessage, NodeDescription};
use wire::node_socket::NodeMessage;

/// Bytes of shapes of one node.
const SHAPE_BYTES_MAX: usize = 4 << 20;

/// A node broke the protocol; its connection is closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// The bytes are no message.
    #[error("message not readable: {0}")]
    Decode(#[from] DecodeError),
    /// Another message came first.
    #[error("the first message must be HELLO")]
    HelloMissing,
    /// HELLO came again.
    #[error("HELLO came twice")]
    HelloTwice,
    /// Too many shapes.
    #[error("shapes of more than {SHAPE_BYTES_MAX} bytes")]
    ShapesTooLarge,
    /// A number of 0, or numbers that overflow.
    #[error("chunk with first number {0}")]
    BadNumber(u64),
}

impl SessionError {
    /// As a metric label.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Decode(_) => "decode",
            Self::HelloMissing => "hello_missing",
            Self::HelloTwice => "hello_twice",
            Self::ShapesTooLarge => "shapes_too_large",
            Self::BadNumber(_) => "bad_number",
        }
    }
}

/// A chunk with its events by name.
#[derive(Debug)]
pub(crate) struct TakenChunk {
    pub(crate) node: NodeKey,
    pub(crate) writer: u16,
    pub(crate) first: u64,
    pub(crate) sent_at: Micros,
    pub(crate) emitted: u64,
    pub(crate) dropped: [u64; 8],
    pub(crate) events: Vec<Event>,
}

impl TakenChunk {
    /// Number of the last event.
    pub(crate) fn last(&self) -> u64 {
        self.first + self.events.len() as u64 - 1
    }
}

/// What a message asks for.
#[derive(Debug)]
pub(crate) enum Action {
    /// Answer with WELCOME; tell the collector of the node.
    Welcome(NodeInfo, AgentMessage),
    /// Store, then answer with STORED.
    Store(TakenChunk),
    /// Tell the collector (the token is not set yet).
    Describe(AgentMessage),
    /// The totals of a chunk without events, or of BYE.
    Totals {
        node: NodeKey,
        at: Option<Micros>,
        emitted: u64,
        dropped: [u64; 8],
    },
    /// Nothing.
    None,
}

/// State of a connection.
#[derive(Debug, Default)]
pub(crate) struct Session {
    node: Option<NodeInfo>,
    shapes: BTreeMap<u16, String>,
    shape_bytes: usize,
}

impl Session {
    /// Who it is, after HELLO.
    pub(crate) fn node(&self) -> Option<&NodeInfo> {
        self.node.as_ref()
    }

    /// Takes one message.
    pub(crate) fn take(&mut self, message: &[u8]) -> Result<Action, SessionError> {
        let message = NodeMessage::decode(message)?;
        let Some(node) = self.node.as_ref().map(|n| n.key) else {
            return match message {
                NodeMessage::Hello(hello) => {
                    let info = NodeInfo {
                        key: hello.node,
                        creation: hello.creation,
                        name: hello.name,
                    };
                    self.node = Some(info.clone());
                    let description = NodeDescription {
                        node: info.clone(),
                        vm_start: hello.vm_start,
                        otp_release: hello.otp_release,
                        elixir_version: hello.elixir_version,
                    };
                    Ok(Action::Welcome(
                        info,
                        AgentMessage::Node {
                            token: 0,
                            description,
                        },
                    ))
                }
                _ => Err(SessionError::HelloMissing),
            };
        };
        Ok(match message {
            NodeMessage::Hello(_) => return Err(SessionError::HelloTwice),
            NodeMessage::Chunk(chunk) => {
                if chunk.records.is_empty() {
                    let (emitted, dropped) = (chunk.emitted, chunk.dropped);
                    return Ok(Action::Totals {
                        node,
                        at: Some(chunk.sent_at),
                        emitted,
                        dropped,
                    });
                }
                if chunk.first_number == 0
                    || chunk
                        .first_number
                        .checked_add(chunk.records.len() as u64)
                        .is_none()
                {
                    return Err(SessionError::BadNumber(chunk.first_number));
                }
                let events = chunk
                    .records
                    .iter()
                    .map(|r| r.to_event(node, |id| self.shape(id)))
                    .collect();
                Action::Store(TakenChunk {
                    node,
                    writer: chunk.writer,
                    first: chunk.first_number,
                    sent_at: chunk.sent_at,
                    emitted: chunk.emitted,
                    dropped: chunk.dropped,
                    events,
                })
            }
            NodeMessage::Define(table) => Action::Describe(AgentMessage::Define {
                token: 0,
                table: table.to_vec(),
            }),
            NodeMessage::Shape { id, text } => {
                self.shape_bytes += text.len();
                if let Some(old) = self.shapes.insert(id, text) {
                    self.shape_bytes -= old.len();
                }
                if self.shape_bytes > SHAPE_BYTES_MAX {
                    return Err(SessionError::ShapesTooLarge);
                }
                Action::None
            }
            NodeMessage::Modules { op, time, modules } => Action::Describe(AgentMessage::Modules {
                token: 0,
                node,
                op,
                time,
                modules,
            }),
            NodeMessage::Bye { emitted, dropped } => Action::Totals {
                node,
                at: None,
                emitted,
                dropped,
            },
        })
    }

    /// Text of a shape; its number where the text did not come yet.
    fn shape(&self, id: u16) -> String {
        match id {
            0 => String::new(),
            id => self.shapes.get(&id).cloned().unwrap_or_else(|| format!("#{id}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wire::node_socket::Hello;

    fn hello() -> Vec<u8> {
        NodeMessage::Hello(Hello {
            node: NodeKey(1),
            creation: 1,
            vm_start: Micros(1),
            name: "a@b".into(),
            otp_release: "25".into(),
            elixir_version: "1.14".into(),
            os_pid: 1,
        })
        .encode()
    }

    /// Guarantee: HELLO is first and once.
    #[test]
    fn hello_first_and_once() {
        let mut session = Session::default();
        let shape = NodeMessage::Shape {
            id: 1,
            text: "x".into(),
        }
        .encode();
        assert!(matches!(session.take(&shape), Err(SessionError::HelloMissing)));
        assert!(matches!(session.take(&hello()), Ok(Action::Welcome(..))));
        assert!(matches!(session.take(&shape), Ok(Action::None)));
        assert_eq!(
            (session.shape(1), session.shape(2), session.shape(0)),
            ("x".into(), "#2".into(), String::new())
        );
        assert!(matches!(session.take(&hello()), Err(SessionError::HelloTwice)));
    }

    proptest! {
        /// Guarantee: no bytes make it panic, before or after HELLO.
        #[test]
        fn total(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8)) {
            let mut session = Session::default();
            for message in &messages { let _ = session.take(message); }
            let mut session = Session::default();
            session.take(&hello()).unwrap();
            for message in &messages { let _ = session.take(message); }
        }
    }
}
