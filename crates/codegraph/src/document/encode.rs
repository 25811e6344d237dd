//! A document's bytes: `"ESDC"`, a version byte, then every list in order, deltas as shortest LEB128.
//!
//! Positions are differences to the previous element, lines of anchors follow from `line_starts`, columns are stored
//! as what they lack to the byte column (0 on ASCII lines). Postorder numbers follow from the parents.

use super::{Definitions, NONE, SyntaxDocument};
use crate::bytes::Writer;

pub(super) const MAGIC: &[u8; 4] = b"ESDC";
pub(super) const VERSION: u8 = 1;

pub(super) fn encode(document: &SyntaxDocument) -> Vec<u8> {
    let mut out = Writer::default();
    out.raw(MAGIC);
    out.byte(VERSION);
    out.raw(&document.source.0);
    out.number(document.source_bytes);
    ascending(&mut out, &document.line_starts);
    out.count(document.kinds.len());
    document.kinds.iter().for_each(|kind| out.text(kind));
    nodes(&mut out, document);
    definitions(&mut out, &document.definitions);
    anchors(&mut out, document);
    ascending(&mut out, &document.errors);
    out.bytes
}

fn ascending(out: &mut Writer, values: &[u32]) {
    out.count(values.len());
    let mut before = 0;
    for value in values {
        out.number(value.wrapping_sub(before));
        before = *value;
    }
}

fn nodes(out: &mut Writer, document: &SyntaxDocument) {
    out.count(document.nodes.len());
    let mut before = 0;
    for (index, node) in document.nodes.iter().enumerate() {
        out.number(node.kind);
        out.number(node.start_byte.wrapping_sub(before));
        out.number(node.end_byte.wrapping_sub(node.start_byte));
        out.number(if node.parent == NONE {
            0
        } else {
            (index as u32).wrapping_sub(node.parent)
        });
        before = node.start_byte;
    }
}

fn definitions(out: &mut Writer, definitions: &Definitions) {
    out.count(definitions.modules.len());
    for module in &definitions.modules {
        out.byte(module.kind as u8);
        out.number(module.node);
        out.number(module.parent.wrapping_add(1));
        out.count(module.names.len());
        module.names.iter().for_each(|name| out.text(name));
    }
    out.count(definitions.functions.len());
    for function in &definitions.functions {
        out.byte(function.kind as u8);
        out.number(function.module.wrapping_add(1));
        out.byte(function.arity);
        out.byte(function.defaults);
        out.text(&function.name);
    }
    out.count(definitions.clauses.len());
    for clause in &definitions.clauses {
        out.number(clause.function);
        out.number(clause.index.wrapping_add(1));
        out.number(clause.node);
        out.number(clause.head.wrapping_add(1));
        out.byte(u8::from(clause.damaged));
    }
}

fn anchors(out: &mut Writer, document: &SyntaxDocument) {
    out.count(document.anchors.len());
    let (mut before, mut node_before) = (0, 0u32);
    for anchor in &document.anchors {
        let line_start = document
            .line_starts
            .get((anchor.line as usize).wrapping_sub(1))
            .copied()
            .unwrap_or_default();
        let byte_column = anchor.start_byte.wrapping_sub(line_start).wrapping_add(1);
        out.number(anchor.start_byte.wrapping_sub(before));
        out.number(anchor.end_byte.wrapping_sub(anchor.start_byte));
        out.number(byte_column.wrapping_sub(anchor.column));
        out.number(zigzag(anchor.node.wrapping_sub(node_before)));
        out.byte(anchor.role as u8);
        (before, node_before) = (anchor.start_byte, anchor.node);
    }
}

fn zigzag(difference: u32) -> u32 {
    difference << 1 ^ (if difference >> 31 == 1 { u32::MAX } else { 0 })
}

pub(super) fn unzigzag(value: u32) -> u32 {
    value >> 1 ^ (if value & 1 == 1 { u32::MAX } else { 0 })
}
