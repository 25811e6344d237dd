//! One node's connection as a state machine: messages in, what to do out. Pure.

mod error;

use std::collections::{BTreeMap, BTreeSet};

use event::{Event, Micros, NodeInfo, NodeKey};
use wire::control::{AgentMessage, NodeDescription};
use wire::frame;
use wire::node_socket::{Hello, NodeMessage};

use crate::node_key::node_key;
pub(crate) use error::SessionError;
use error::{NAME_BYTES_MAX, SHAPE_BYTES_MAX, WRITERS_MAX};

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
    writers: BTreeSet<u16>,
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
                    check(&hello)?;
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
                self.writers.insert(chunk.writer);
                if self.writers.len() > WRITERS_MAX {
                    return Err(SessionError::TooManyWriters);
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
            NodeMessage::Shape { id, mut text } => {
                // Cut here as in a frame: each event of a chunk gets a copy.
                text.truncate(text.floor_char_boundary(frame::SHAPE_BYTES_MAX));
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

fn check(hello: &Hello) -> Result<(), SessionError> {
    let name = &hello.name;
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(SessionError::BadName(name.len()));
    }
    let expected = node_key(hello);
    if hello.node != expected {
        return Err(SessionError::BadKey {
            name: name.clone(),
            found: hello.node,
            expected,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
