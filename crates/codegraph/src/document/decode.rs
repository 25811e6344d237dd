//! Reads a document's bytes. Total: whatever the bytes, the answer is a consistent document or what is wrong with them.

use super::encode::{MAGIC, VERSION, unzigzag};
use super::{
    Anchor, AnchorRole, Clause, DOCUMENT_BYTES_MAX, DefinitionKind, Definitions, Function, Module, NONE,
    SOURCE_BYTES_MAX, SyntaxDocument, SyntaxNode, number_postorder,
};
use crate::bytes::{Malformed, Reader};
use crate::hash::SourceHash;

const NODES_MAX: usize = SOURCE_BYTES_MAX * 2;
/// A grammar numbers its kinds with 16 bits.
const KINDS_MAX: usize = 1 << 16;

pub(super) fn decode(bytes: &[u8]) -> Result<SyntaxDocument, Malformed> {
    let mut reader = Reader::new(bytes, DOCUMENT_BYTES_MAX)?;
    if reader.raw(4, "the mark")? != MAGIC {
        return Err(reader.invalid("the mark"));
    }
    let version = reader.byte("the version")?;
    if version != VERSION {
        return Err(Malformed::Version {
            found: version,
            known: VERSION,
        });
    }
    let mut document = SyntaxDocument {
        source: SourceHash(reader.hash("the source's hash")?),
        ..Default::default()
    };
    document.source_bytes = reader.number("the source's length")?;
    if document.source_bytes as usize > SOURCE_BYTES_MAX {
        return Err(reader.invalid("the source's length"));
    }
    document.line_starts = ascending(&mut reader, document.source_bytes + 1, "the lines")?;
    if document.line_starts.first() != Some(&0) {
        return Err(reader.invalid("the first line"));
    }
    document.kinds = kinds(&mut reader)?;
    document.nodes = nodes(&mut reader, &document)?;
    document.definitions = definitions(&mut reader, document.nodes.len())?;
    document.anchors = anchors(&mut reader, &document)?;
    if document
        .definitions
        .clauses
        .iter()
        .any(|clause| beyond(clause.head, document.anchors.len()))
    {
        return Err(reader.invalid("a clause's head"));
    }
    document.errors = ascending(&mut reader, document.nodes.len() as u32, "the errors")?;
    reader.finish()?;
    Ok(document)
}

fn beyond(index: u32, len: usize) -> bool {
    index != NONE && index as usize >= len
}

fn ascending(reader: &mut Reader<'_>, end: u32, what: &'static str) -> Result<Vec<u32>, Malformed> {
    let count = reader.count(1, what)?;
    let mut values = Vec::with_capacity(count);
    let mut before = 0u32;
    for index in 0..count {
        let step = reader.number(what)?;
        let value = before
            .checked_add(step)
            .filter(|value| *value < end && (index == 0 || step > 0));
        before = value.ok_or_else(|| reader.invalid(what))?;
        values.push(before);
    }
    Ok(values)
}

fn kinds(reader: &mut Reader<'_>) -> Result<Vec<String>, Malformed> {
    let count = reader.count(2, "kinds")?;
    if count > KINDS_MAX {
        return Err(reader.invalid("the number of kinds"));
    }
    let mut kinds = Vec::with_capacity(count);
    for _ in 0..count {
        let kind = reader.text("a kind")?;
        if kind.is_empty() {
            return Err(reader.invalid("a kind"));
        }
        kinds.push(kind.to_owned());
    }
    Ok(kinds)
}

fn nodes(reader: &mut Reader<'_>, document: &SyntaxDocument) -> Result<Vec<SyntaxNode>, Malformed> {
    let count = reader.count(4, "nodes")?;
    if count > NODES_MAX {
        return Err(reader.invalid("the number of nodes"));
    }
    let mut nodes: Vec<SyntaxNode> = Vec::with_capacity(count);
    let mut before = 0u32;
    for index in 0..count {
        let kind = reader.number("a node's kind")?;
        let start = before.checked_add(reader.number("a node's start")?);
        let length = reader.number("a node's length")?;
        let up = reader.number("a node's parent")? as usize;
        let parent = if up == 0 { None } else { index.checked_sub(up) };
        let outer = parent.map_or(Some((0, document.source_bytes)), |parent| {
            nodes.get(parent).map(|node| (node.start_byte, node.end_byte))
        });
        let range = start.and_then(|start| Some((start, start.checked_add(length)?)));
        let (Some((start_byte, end_byte)), Some(outer)) = (range, outer) else {
            return Err(reader.invalid("a node"));
        };
        let rooted = (up == 0) == (index == 0) && parent.is_none() == (index == 0);
        if !rooted || kind as usize >= document.kinds.len() || start_byte < outer.0 || end_byte > outer.1 {
            return Err(reader.invalid("a node"));
        }
        before = start_byte;
        nodes.push(SyntaxNode {
            kind,
            start_byte,
            end_byte,
            parent: parent.map_or(NONE, |p| p as u32),
            post: 0,
        });
    }
    number_postorder(&mut nodes).ok_or_else(|| reader.invalid("the order of nodes"))?;
    Ok(nodes)
}

fn definitions(reader: &mut Reader<'_>, nodes: usize) -> Result<Definitions, Malformed> {
    let mut found = Definitions::default();
    // A name is a node of the tree, so that there are no more of them.
    let mut names_left = nodes;
    let modules = reader.count(4, "modules")?;
    found.modules.reserve_exact(modules);
    for index in 0..modules {
        let kind = kind(reader)?;
        let node = reader.number("a module's node")?;
        let parent = reader.number("a module's parent")?.wrapping_sub(1);
        let names = reader.count(1, "a module's names")?;
        names_left = names_left
            .checked_sub(names)
            .ok_or_else(|| reader.invalid("the number of names"))?;
        let names = (0..names)
            .map(|_| reader.text("a module's name").map(str::to_owned))
            .collect::<Result<_, _>>()?;
        if !kind.is_module() || node as usize >= nodes || beyond(parent, index) {
            return Err(reader.invalid("a module"));
        }
        found.modules.push(Module {
            names,
            kind,
            node,
            parent,
        });
    }
    let functions = reader.count(5, "functions")?;
    found.functions.reserve_exact(functions);
    for _ in 0..functions {
        let kind = kind(reader)?;
        let module = reader.number("a function's module")?.wrapping_sub(1);
        let (arity, defaults) = (reader.byte("an arity")?, reader.byte("defaults")?);
        let name = reader.text("a function's name")?.to_owned();
        if kind.is_module() || beyond(module, found.modules.len()) || defaults > arity {
            return Err(reader.invalid("a function"));
        }
        found.functions.push(Function {
            module,
            name,
            kind,
            arity,
            defaults,
        });
    }
    let clauses = reader.count(5, "clauses")?;
    found.clauses.reserve_exact(clauses);
    for _ in 0..clauses {
        let function = reader.number("a clause's function")?;
        let index = reader.number("a clause's index")?.wrapping_sub(1);
        let node = reader.number("a clause's node")?;
        let head = reader.number("a clause's head")?.wrapping_sub(1);
        let damaged = reader.byte("a clause's state")?;
        let last = found.clauses.last().map(|clause: &Clause| clause.node);
        let ordered = last.is_none_or(|last| last < node);
        if function as usize >= found.functions.len() || node as usize >= nodes || damaged > 1 || !ordered {
            return Err(reader.invalid("a clause"));
        }
        found.clauses.push(Clause {
            function,
            index,
            node,
            head,
            damaged: damaged == 1,
        });
    }
    Ok(found)
}

fn kind(reader: &mut Reader<'_>) -> Result<DefinitionKind, Malformed> {
    let code = reader.byte("a definition's kind")?;
    DefinitionKind::of_code(code).ok_or_else(|| reader.invalid("a definition's kind"))
}

fn anchors(reader: &mut Reader<'_>, document: &SyntaxDocument) -> Result<Vec<Anchor>, Malformed> {
    let count = reader.count(5, "anchors")?;
    let mut anchors: Vec<Anchor> = Vec::with_capacity(count);
    let (mut before, mut node) = (0u32, 0u32);
    let mut line = 0usize;
    for _ in 0..count {
        let start = before.checked_add(reader.number("an anchor's start")?);
        let length = reader.number("an anchor's length")?;
        let lack = reader.number("an anchor's column")?;
        node = node.wrapping_add(unzigzag(reader.number("an anchor's node")?));
        let role =
            role(reader.byte("an anchor's role")?).ok_or_else(|| reader.invalid("an anchor's role"))?;
        let range = start.and_then(|start| Some((start, start.checked_add(length)?)));
        let Some((start_byte, end_byte)) = range.filter(|(_, end)| *end <= document.source_bytes) else {
            return Err(reader.invalid("an anchor's range"));
        };
        while document
            .line_starts
            .get(line)
            .is_some_and(|first| *first <= start_byte)
        {
            line += 1;
        }
        let line_start = document
            .line_starts
            .get(line.wrapping_sub(1))
            .copied()
            .unwrap_or_default();
        let column = (start_byte - line_start + 1)
            .checked_sub(lack)
            .filter(|column| *column > 0);
        let Some(column) = column else {
            return Err(reader.invalid("an anchor's column"));
        };
        let line = line as u32;
        let ordered = anchors
            .last()
            .is_none_or(|last| (last.line, last.column) < (line, column));
        if node as usize >= document.nodes.len() || !ordered || length == 0 {
            return Err(reader.invalid("an anchor"));
        }
        anchors.push(Anchor {
            line,
            column,
            start_byte,
            end_byte,
            node,
            role,
        });
        before = start_byte;
    }
    Ok(anchors)
}

fn role(code: u8) -> Option<AnchorRole> {
    use AnchorRole::{Arrow, Call, Head, Identifier, Operator, Other};
    [Identifier, Call, Head, Arrow, Operator, Other]
        .into_iter()
        .find(|role| *role as u8 == code)
}
