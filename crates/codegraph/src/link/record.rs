//! The bytes of a file's links: its calls and what OTP connects. Nodes, modules and clauses are numbers of its tree and
//! outline, so the same bytes serve every file of the same shape.

use super::otp::{Access, Facts, Handler, Kind, Kinds, ModuleKind, Sent, Shape, TableUse, To, ValueKind};
use super::{Call, How, Links};
use crate::bytes::{Malformed, Reader, Writer};
use crate::fact::Mark;
use crate::quoted::{NodeId, Symbols};

/// The format of [`encode`].
const FORMAT: u8 = 1;
/// Most bytes of a file's links.
const BYTES_MAX: usize = 1 << 28;

const CAPTURED: u8 = 8;
const MACRO: u8 = 16;
const OTHER_ARITY: u8 = 32;

/// The bytes of a file's links and OTP facts.
#[must_use]
pub fn encode(links: &Links, facts: &Facts) -> Vec<u8> {
    let mut to = Writer::default();
    to.byte(FORMAT);
    to.count(links.symbols.len());
    for index in 1..links.symbols.len() {
        to.slice(links.symbols.at(index));
    }
    to.count(links.calls.len());
    let mut before = 0;
    for call in &links.calls {
        let node = call.node.index() as u32;
        to.number(node.wrapping_sub(before));
        before = node;
        let other = call.arity != call.defined_arity;
        to.byte(
            call.how as u8
                | if call.is_captured { CAPTURED } else { 0 }
                | if call.is_macro { MACRO } else { 0 }
                | if other { OTHER_ARITY } else { 0 },
        );
        to.optional(call.module);
        to.optional(call.clause);
        to.number(call.target.index() as u32);
        to.number(call.name.index() as u32);
        to.byte(call.arity);
        if other {
            to.byte(call.defined_arity);
        }
        to.byte(call.mark.byte());
    }
    write_facts(&mut to, facts);
    to.bytes
}

/// Reads what [`encode`] wrote. Lines and columns of calls are 0: they are the tree's.
pub fn decode(bytes: &[u8]) -> Result<(Links, Facts), Malformed> {
    let mut from = Reader::new(bytes, BYTES_MAX)?;
    let found = from.byte("the format")?;
    if found != FORMAT {
        return Err(Malformed::Version { found, known: FORMAT });
    }
    let mut symbols = Symbols::default();
    let names = from.count(1, "names")?;
    for _ in 1..names {
        let name = from.slice("a name")?;
        symbols.intern(name);
    }
    let symbol = |from: &mut Reader<'_>| {
        let number = from.number("a name's number")?;
        symbols
            .symbol(number as usize)
            .ok_or_else(|| from.invalid("a name's number"))
    };
    let mut calls = Vec::with_capacity(from.count(8, "calls")?);
    let mut before = 0u32;
    for _ in 0..calls.capacity() {
        before = before.wrapping_add(from.number("a call's node")?);
        let how = from.byte("how a call is named")?;
        let known = How::from_byte(how & 7).filter(|_| how < 64);
        let how_known = known.ok_or_else(|| from.invalid("how a call is named"))?;
        let (module, clause) = (from.optional("a module")?, from.optional("a clause")?);
        let target = symbol(&mut from)?;
        let name = symbol(&mut from)?;
        let arity = from.byte("an arity")?;
        let defined_arity = if how & OTHER_ARITY == 0 {
            arity
        } else {
            from.byte("an arity")?
        };
        calls.push(Call {
            node: NodeId::new(before as usize),
            line: 0,
            column: 0,
            module,
            clause,
            how: how_known,
            is_captured: how & CAPTURED != 0,
            is_macro: how & MACRO != 0,
            target,
            name,
            arity,
            defined_arity,
            mark: mark(&mut from)?,
        });
    }
    let facts = read_facts(&mut from)?;
    from.finish()?;
    Ok((Links { calls, symbols }, facts))
}

fn mark(from: &mut Reader<'_>) -> Result<Mark, Malformed> {
    let byte = from.byte("a mark")?;
    Mark::from_byte(byte).ok_or_else(|| from.invalid("a mark"))
}

fn node(from: &mut Reader<'_>) -> Result<NodeId, Malformed> {
    Ok(NodeId::new(from.number("a node")? as usize))
}

fn kind(from: &mut Reader<'_>) -> Result<Kind, Malformed> {
    let byte = from.byte("a connection's kind")?;
    Kind::from_byte(byte).ok_or_else(|| from.invalid("a connection's kind"))
}

fn write_facts(to: &mut Writer, facts: &Facts) {
    to.texts(&facts.modules);
    to.count(facts.kinds.len());
    for kinds in &facts.kinds {
        to.count(kinds.kinds.len());
        kinds.kinds.iter().for_each(|kind| to.byte(*kind as u8));
        to.texts(&kinds.behaviours);
        to.count(kinds.callbacks.len());
        kinds.callbacks.iter().for_each(|function| to.number(*function));
    }
    to.count(facts.sends.len());
    for sent in &facts.sends {
        to.byte(sent.kind as u8);
        to.number(sent.node.index() as u32);
        to.optional(sent.module);
        to.optional(sent.clause);
        match &sent.to {
            To::Unknown => to.byte(0),
            To::Own => to.byte(1),
            To::Module(module) => {
                to.byte(2);
                to.text(module);
            }
        }
        write_shape(to, &sent.shape);
    }
    to.count(facts.handlers.len());
    for handler in &facts.handlers {
        to.byte(handler.kind as u8);
        to.number(handler.module);
        to.number(handler.clause);
        write_shape(to, &handler.shape);
    }
    to.count(facts.tables.len());
    for table in &facts.tables {
        to.text(&table.table);
        to.byte(table.access as u8);
        to.number(table.node.index() as u32);
        to.optional(table.clause);
        to.byte(table.mark.byte());
    }
    to.count(facts.functions.len());
    for (module, name, arity, clause) in &facts.functions {
        to.number(*module);
        to.text(name);
        to.byte(*arity);
        to.number(*clause);
    }
}

fn read_facts(from: &mut Reader<'_>) -> Result<Facts, Malformed> {
    let mut facts = Facts {
        modules: from.texts("a module's name")?,
        ..Facts::default()
    };
    for _ in 0..from.count(3, "modules")? {
        let mut kinds = Kinds::default();
        for _ in 0..from.count(1, "kinds")? {
            let byte = from.byte("a module's kind")?;
            let kind = ModuleKind::from_byte(byte).ok_or_else(|| from.invalid("a module's kind"))?;
            kinds.kinds.push(kind);
        }
        kinds.behaviours = from.texts("a behaviour")?;
        for _ in 0..from.count(1, "callbacks")? {
            kinds.callbacks.push(from.number("a callback")?);
        }
        facts.kinds.push(kinds);
    }
    for _ in 0..from.count(6, "messages")? {
        facts.sends.push(Sent {
            kind: kind(from)?,
            node: node(from)?,
            module: from.optional("a module")?,
            clause: from.optional("a clause")?,
            to: match from.byte("a receiver")? {
                0 => To::Unknown,
                1 => To::Own,
                2 => To::Module(from.text("a receiver")?.to_owned()),
                _ => return Err(from.invalid("a receiver")),
            },
            shape: read_shape(from)?,
        });
    }
    for _ in 0..from.count(4, "handlers")? {
        facts.handlers.push(Handler {
            kind: kind(from)?,
            module: from.number("a module")?,
            clause: from.number("a clause")?,
            shape: read_shape(from)?,
        });
    }
    for _ in 0..from.count(5, "tables")? {
        facts.tables.push(TableUse {
            table: from.text("a table")?.to_owned(),
            access: match from.byte("an access")? {
                0 => Access::New,
                1 => Access::Read,
                2 => Access::Write,
                _ => return Err(from.invalid("an access")),
            },
            node: node(from)?,
            clause: from.optional("a clause")?,
            mark: mark(from)?,
        });
    }
    for _ in 0..from.count(4, "functions")? {
        let module = from.number("a module")?;
        let name = from.text("a function")?.to_owned();
        let arity = from.byte("an arity")?;
        facts
            .functions
            .push((module, name, arity, from.number("a clause")?));
    }
    Ok(facts)
}

fn write_shape(to: &mut Writer, shape: &Shape) {
    match shape {
        Shape::Any => to.byte(0),
        Shape::Atom(text) => {
            to.byte(1);
            to.text(text);
        }
        Shape::Tuple(tag, size) => {
            to.byte(if tag.is_some() { 2 } else { 3 });
            if let Some(tag) = tag {
                to.text(tag);
            }
            to.byte(*size);
        }
        Shape::Struct(name) => {
            to.byte(4);
            to.text(name);
        }
        Shape::Other(kind) => to.byte(5 + *kind as u8),
    }
}

fn read_shape(from: &mut Reader<'_>) -> Result<Shape, Malformed> {
    Ok(match from.byte("a shape")? {
        0 => Shape::Any,
        1 => Shape::Atom(from.text("a shape's atom")?.to_owned()),
        2 => {
            let tag = from.text("a shape's tag")?.to_owned();
            Shape::Tuple(Some(tag), from.byte("a shape's size")?)
        }
        3 => Shape::Tuple(None, from.byte("a shape's size")?),
        4 => Shape::Struct(from.text("a shape's struct")?.to_owned()),
        5 => Shape::Other(ValueKind::Map),
        6 => Shape::Other(ValueKind::List),
        7 => Shape::Other(ValueKind::Number),
        8 => Shape::Other(ValueKind::Binary),
        _ => return Err(from.invalid("a shape")),
    })
}
