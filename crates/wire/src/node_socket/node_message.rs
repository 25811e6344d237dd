//! Messages from a node to its agent.

use event::{Micros, ModuleVersion, NodeKey, codes};

use super::{MESSAGE_BYTES_MAX, RECORD_BYTES, Record, SHAPE_ID_MAX, VERSION};
use crate::DecodeError;
use crate::bytes::{Put, Reader};

/// First message of a connection: who the node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Its incarnation.
    pub node: NodeKey,
    /// The distribution's creation number.
    pub creation: u32,
    /// Start of the VM.
    pub vm_start: Micros,
    /// `shop@10.0.0.5`.
    pub name: String,
    /// `25`.
    pub otp_release: String,
    /// `1.14.0`.
    pub elixir_version: String,
    /// Process id in the operating system.
    pub os_pid: u32,
}

/// Numbered events of one writer, and the node's totals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Which writer of the node.
    pub writer: u16,
    /// Number of the first record; the others follow without holes.
    pub first_number: u64,
    /// When the node sent it.
    pub sent_at: Micros,
    /// Events that probes tried to record, since the VM started.
    pub emitted: u64,
    /// Dropped since the VM started, by reason 1..8.
    pub dropped: [u64; 8],
    /// The events.
    pub records: Vec<Record<'a>>,
}

impl Chunk<'_> {
    /// Number of the last record; one less than the first number if there is none.
    pub fn last_number(&self) -> u64 {
        self.first_number
            .saturating_add(self.records.len() as u64)
            .saturating_sub(1)
    }
}

codes! {
    /// What a MODULES message says about its modules.
    ModulesOp("operation on modules") {
        /// They were loaded.
        Loaded = 1 "loaded",
        /// They were removed.
        Removed = 2 "removed",
        /// They are all that is loaded.
        Snapshot = 3 "snapshot",
    }
}

/// A module version by its VM name (`Elixir.Shop.Stock`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Module {
    /// Its version.
    pub version: ModuleVersion,
    /// Its name.
    pub name: String,
}

impl Module {
    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            version: ModuleVersion(u128::from_be_bytes(r.array()?)),
            name: r.string()?,
        })
    }
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.put(&self.version.0.to_be_bytes());
        out.put_str(&self.name);
    }
    /// `u32 n`, then n of them.
    pub(crate) fn read_list(r: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        let n = r.u32()? as usize;
        (0..r.count(n, 18)?).map(|_| Self::read(r)).collect()
    }
    pub(crate) fn write_list(list: &[Self], out: &mut Vec<u8>) {
        out.put_u32(list.len() as u32);
        for module in list {
            module.write(out);
        }
    }
}

/// From node to agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeMessage<'a> {
    /// Type 1.
    Hello(Hello),
    /// Type 2.
    Chunk(Chunk<'a>),
    /// Type 3: the bytes of a site table, not looked at.
    Define(&'a [u8]),
    /// Type 4: the text of a shape.
    Shape {
        /// 1..=32767.
        id: u16,
        /// `{:reserve, _, _}`.
        text: String,
    },
    /// Type 5.
    Modules {
        /// What happened to them.
        op: ModulesOp,
        /// When.
        time: Micros,
        /// Which.
        modules: Vec<Module>,
    },
    /// Type 6: the last totals.
    Bye {
        /// As in [`Chunk`].
        emitted: u64,
        /// As in [`Chunk`].
        dropped: [u64; 8],
    },
}

impl<'a> NodeMessage<'a> {
    /// One message, without its length field.
    pub fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        DecodeError::check_size("message", message.len(), MESSAGE_BYTES_MAX)?;
        let mut r = Reader::new(message);
        let decoded = match r.u8()? {
            1 => Self::Hello(read_hello(&mut r)?),
            2 => Self::Chunk(read_chunk(&mut r)?),
            3 => Self::Define(r.bytes(r.remaining())?),
            4 => Self::Shape {
                id: read_shape_id(&mut r)?,
                text: r.string()?,
            },
            5 => Self::Modules {
                op: ModulesOp::try_from(r.u8()?)?,
                time: Micros(r.u64()?),
                modules: Module::read_list(&mut r)?,
            },
            6 => Self::Bye {
                emitted: r.u64()?,
                dropped: read_dropped(&mut r)?,
            },
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

    /// The message, without its length field.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Hello(hello) => write_hello(hello, &mut out),
            Self::Chunk(chunk) => write_chunk(chunk, &mut out),
            Self::Define(table) => {
                out.put_u8(3);
                out.put(table);
            }
            Self::Shape { id, text } => {
                out.put_u8(4);
                out.put_u16(*id);
                out.put_str(text);
            }
            Self::Modules { op, time, modules } => {
                out.put_u8(5);
                out.put_u8(op.code());
                out.put_u64(time.0);
                Module::write_list(modules, &mut out);
            }
            Self::Bye { emitted, dropped } => {
                out.put_u8(6);
                out.put_u64(*emitted);
                write_dropped(dropped, &mut out);
            }
        }
        out
    }
}

fn read_hello(r: &mut Reader<'_>) -> Result<Hello, DecodeError> {
    let version = r.u16()?;
    if version != VERSION {
        return Err(DecodeError::Version {
            what: "node socket",
            found: version,
            known: VERSION,
        });
    }
    Ok(Hello {
        node: NodeKey(r.u64()?),
        creation: r.u32()?,
        vm_start: Micros(r.u64()?),
        name: r.string()?,
        otp_release: r.string()?,
        elixir_version: r.string()?,
        os_pid: r.u32()?,
    })
}

fn write_hello(hello: &Hello, out: &mut Vec<u8>) {
    out.put_u8(1);
    out.put_u16(VERSION);
    out.put_u64(hello.node.0);
    out.put_u32(hello.creation);
    out.put_u64(hello.vm_start.0);
    out.put_str(&hello.name);
    out.put_str(&hello.otp_release);
    out.put_str(&hello.elixir_version);
    out.put_u32(hello.os_pid);
}

fn read_chunk<'a>(r: &mut Reader<'a>) -> Result<Chunk<'a>, DecodeError> {
    let writer = r.u16()?;
    let count = r.u32()? as usize;
    let (first_number, sent_at, emitted) = (r.u64()?, Micros(r.u64()?), r.u64()?);
    let dropped = read_dropped(r)?;
    let records = (0..r.count(count, RECORD_BYTES)?)
        .map(|_| Record::read(r))
        .collect::<Result<_, _>>()?;
    Ok(Chunk {
        writer,
        first_number,
        sent_at,
        emitted,
        dropped,
        records,
    })
}

fn write_chunk(chunk: &Chunk<'_>, out: &mut Vec<u8>) {
    out.reserve(95 + chunk.records.len() * RECORD_BYTES);
    out.put_u8(2);
    out.put_u16(chunk.writer);
    out.put_u32(chunk.records.len() as u32);
    out.put_u64(chunk.first_number);
    out.put_u64(chunk.sent_at.0);
    out.put_u64(chunk.emitted);
    write_dropped(&chunk.dropped, out);
    for record in &chunk.records {
        record.write(out);
    }
}

fn read_dropped(r: &mut Reader<'_>) -> Result<[u64; 8], DecodeError> {
    let mut dropped = [0; 8];
    for total in &mut dropped {
        *total = r.u64()?;
    }
    Ok(dropped)
}

fn write_dropped(dropped: &[u64; 8], out: &mut Vec<u8>) {
    for total in dropped {
        out.put_u64(*total);
    }
}

fn read_shape_id(r: &mut Reader<'_>) -> Result<u16, DecodeError> {
    match r.u16()? {
        0 => Err(DecodeError::Unknown {
            what: "shape",
            code: 0,
        }),
        id if id > SHAPE_ID_MAX => Err(DecodeError::Range {
            what: "shape id",
            value: u64::from(id),
            max: u64::from(SHAPE_ID_MAX),
        }),
        id => Ok(id),
    }
}
