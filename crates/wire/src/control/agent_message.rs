//! Messages from an agent to a collector.

use event::{Epoch, Hlc, Micros, NodeInfo, NodeKey, Producer};

use super::{MESSAGE_BYTES_MAX, Module, ModulesOp, VERSION};
use crate::DecodeError;
use crate::bytes::{Put, Reader};

/// Who the agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentHello {
    /// Version that it speaks; decoding does not judge it, so that the collector can answer.
    pub version: u16,
    /// Identity of its data folder.
    pub producer: Producer,
    /// Which of its lives.
    pub epoch: Epoch,
    /// Its time.
    pub hlc: Hlc,
    /// Its name, for people.
    pub name: String,
}

impl AgentHello {
    /// In the version of this crate.
    pub fn new(producer: Producer, epoch: Epoch, hlc: Hlc, name: impl Into<String>) -> Self {
        Self {
            version: VERSION,
            producer,
            epoch,
            hlc,
            name: name.into(),
        }
    }
}

/// A node incarnation, in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeDescription {
    /// Key, creation, name.
    pub node: NodeInfo,
    /// Start of the VM.
    pub vm_start: Micros,
    /// `25`.
    pub otp_release: String,
    /// `1.14.0`.
    pub elixir_version: String,
}

/// From agent to collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentMessage {
    /// Type 1, the first message.
    Hello(AgentHello),
    /// Type 2: a site table's bytes, not looked at.
    Define {
        /// Comes back in NOTED.
        token: u64,
        /// The table.
        table: Vec<u8>,
    },
    /// Type 3.
    Node {
        /// Comes back in NOTED.
        token: u64,
        /// The node.
        description: NodeDescription,
    },
    /// Type 4.
    Modules {
        /// Comes back in NOTED.
        token: u64,
        /// Where.
        node: NodeKey,
        /// What happened to the modules.
        op: ModulesOp,
        /// When.
        time: Micros,
        /// Which.
        modules: Vec<Module>,
    },
    /// Type 5: the agent's time.
    Ping(Hlc),
}

impl AgentMessage {
    /// One message: type and body.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        DecodeError::check_size("control message", message.len(), MESSAGE_BYTES_MAX)?;
        let mut r = Reader::new(message);
        let decoded = match r.u8()? {
            1 => Self::Hello(AgentHello {
                version: r.u16()?,
                producer: Producer(r.u128()?),
                epoch: Epoch(r.u64()?),
                hlc: Hlc(r.u64()?),
                name: r.string()?,
            }),
            2 => Self::Define {
                token: r.u64()?,
                table: r.bytes(r.remaining())?.to_vec(),
            },
            3 => read_node(&mut r)?,
            4 => Self::Modules {
                token: r.u64()?,
                node: NodeKey(r.u64()?),
                op: ModulesOp::try_from(r.u8()?)?,
                time: Micros(r.u64()?),
                modules: Module::read_list(&mut r)?,
            },
            5 => Self::Ping(Hlc(r.u64()?)),
            other => {
                return Err(DecodeError::Unknown {
                    what: "message type",
                    code: u64::from(other),
                });
            }
        };
        r.finish()?;
        Ok(decoded)
    }

    /// The message: type and body.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Hello(hello) => {
                out.put_u8(1);
                out.put_u16(hello.version);
                out.put_u128(hello.producer.0);
                out.put_u64(hello.epoch.0);
                out.put_u64(hello.hlc.0);
                out.put_str(&hello.name);
            }
            Self::Define { token, table } => {
                out.put_u8(2);
                out.put_u64(*token);
                out.put(table);
            }
            Self::Node { token, description } => {
                out.put_u8(3);
                out.put_u64(*token);
                out.put_u64(description.node.key.0);
                out.put_u32(description.node.creation);
                out.put_u64(description.vm_start.0);
                out.put_str(&description.node.name);
                out.put_str(&description.otp_release);
                out.put_str(&description.elixir_version);
            }
            Self::Modules {
                token,
                node,
                op,
                time,
                modules,
            } => {
                out.put_u8(4);
                out.put_u64(*token);
                out.put_u64(node.0);
                out.put_u8(op.code());
                out.put_u64(time.0);
                Module::write_list(modules, &mut out);
            }
            Self::Ping(hlc) => {
                out.put_u8(5);
                out.put_u64(hlc.0);
            }
        }
        out
    }
}

fn read_node(r: &mut Reader<'_>) -> Result<AgentMessage, DecodeError> {
    let token = r.u64()?;
    let (key, creation, vm_start) = (NodeKey(r.u64()?), r.u32()?, Micros(r.u64()?));
    let node = NodeInfo {
        key,
        creation,
        name: r.string()?,
    };
    let description = NodeDescription {
        node,
        vm_start,
        otp_release: r.string()?,
        elixir_version: r.string()?,
    };
    Ok(AgentMessage::Node { token, description })
}
