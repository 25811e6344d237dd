//! The bytes of a compiled module's record. Total: any bytes are a record or are refused, with memory in proportion.

use super::{
    CompiledCall, CompiledClause, CompiledFunction, CompiledModule, CompiledSpec, DefinedBy, Detail,
    Exported, SpecKind,
};
use crate::bytes::{Malformed, Reader, Writer};

/// The format of [`encode`].
const FORMAT: u8 = 1;
/// Most bytes of a record.
const BYTES_MAX: usize = 1 << 28;

const CAPTURED: u8 = 1;
const MADE: u8 = 2;
/// The same function and clause as the call before.
const SAME: u8 = 4;
const FLAGS: u8 = 7;

/// The bytes of a record.
#[must_use]
pub fn encode(module: &CompiledModule) -> Vec<u8> {
    let mut to = Writer::default();
    to.byte(FORMAT);
    to.text(&module.name);
    to.raw(&module.md5);
    match &module.detail {
        Detail::Expanded => to.byte(0),
        Detail::Forms => to.byte(1),
        Detail::Stripped => to.byte(2),
        Detail::Withheld(why) => {
            to.byte(3);
            to.text(why);
        }
    }
    to.text(&module.file);
    to.text(&module.relative_file);
    to.number(module.line);
    to.count(module.exports.len());
    for export in &module.exports {
        to.text(&export.name);
        to.byte(export.arity);
        to.byte(u8::from(export.is_macro));
    }
    write_texts(&mut to, &module.behaviours);
    to.count(module.functions.len());
    for function in &module.functions {
        write_function(&mut to, function);
    }
    write_texts(&mut to, &module.names);
    to.count(module.calls.len());
    let mut before = None;
    for call in &module.calls {
        let here = Some((call.function, call.clause));
        let is_same = here == before;
        before = here;
        to.byte(
            if call.is_captured { CAPTURED } else { 0 }
                | if call.is_made { MADE } else { 0 }
                | if is_same { SAME } else { 0 },
        );
        if !is_same {
            to.number(call.function);
            to.number(call.clause);
        }
        to.number(call.module);
        to.number(call.name);
        to.byte(call.arity);
        to.number(call.line);
        to.number(call.column);
    }
    to.count(module.specs.len());
    for spec in &module.specs {
        to.byte(spec.kind as u8);
        to.text(&spec.name);
        to.byte(spec.arity);
        to.number(spec.line);
        to.text(&spec.text);
    }
    to.bytes
}

fn write_texts(to: &mut Writer, texts: &[String]) {
    to.count(texts.len());
    for text in texts {
        to.text(text);
    }
}

fn read_texts(from: &mut Reader<'_>, what: &'static str) -> Result<Vec<String>, Malformed> {
    let count = from.count(1, what)?;
    (0..count).map(|_| text(from, what)).collect()
}

fn write_function(to: &mut Writer, function: &CompiledFunction) {
    to.text(&function.name);
    to.byte(function.arity);
    to.byte(function.defined_by as u8);
    to.number(function.line);
    to.count(function.clauses.len());
    for clause in &function.clauses {
        to.number(clause.line);
        to.byte(u8::from(clause.made_by.is_some()) | if clause.kept.is_some() { 2 } else { 0 });
        if let Some(by) = &clause.made_by {
            to.text(by);
        }
        if let Some((file, line)) = &clause.kept {
            to.text(file);
            to.number(*line);
        }
    }
}

/// Reads what [`encode`] wrote.
pub fn decode(bytes: &[u8]) -> Result<CompiledModule, Malformed> {
    let mut from = Reader::new(bytes, BYTES_MAX)?;
    let found = from.byte("the format")?;
    if found != FORMAT {
        return Err(Malformed::Version { found, known: FORMAT });
    }
    let mut module = CompiledModule {
        name: text(&mut from, "a module's name")?,
        ..CompiledModule::default()
    };
    module.md5.copy_from_slice(from.raw(16, "an md5")?);
    module.detail = match from.byte("how much is known")? {
        0 => Detail::Expanded,
        1 => Detail::Forms,
        2 => Detail::Stripped,
        3 => Detail::Withheld(text(&mut from, "why nothing is known")?),
        _ => return Err(from.invalid("how much is known")),
    };
    module.file = text(&mut from, "a file")?;
    module.relative_file = text(&mut from, "a file")?;
    module.line = from.number("a line")?;
    for _ in 0..from.count(3, "exports")? {
        module.exports.push(Exported {
            name: text(&mut from, "an export")?,
            arity: from.byte("an arity")?,
            is_macro: match from.byte("whether it is a macro")? {
                0 => false,
                1 => true,
                _ => return Err(from.invalid("whether it is a macro")),
            },
        });
    }
    module.behaviours = read_texts(&mut from, "a behaviour")?;
    for _ in 0..from.count(5, "functions")? {
        let function = read_function(&mut from)?;
        module.functions.push(function);
    }
    module.names = read_texts(&mut from, "a name")?;
    read_calls(&mut from, &mut module)?;
    for _ in 0..from.count(5, "specs")? {
        let kind = usize::from(from.byte("a spec's kind")?);
        module.specs.push(CompiledSpec {
            kind: *SpecKind::ALL
                .get(kind)
                .ok_or_else(|| from.invalid("a spec's kind"))?,
            name: text(&mut from, "a spec's name")?,
            arity: from.byte("an arity")?,
            line: from.number("a line")?,
            text: text(&mut from, "a spec")?,
        });
    }
    from.finish()?;
    Ok(module)
}

fn text(from: &mut Reader<'_>, what: &'static str) -> Result<String, Malformed> {
    Ok(from.text(what)?.to_owned())
}

fn read_function(from: &mut Reader<'_>) -> Result<CompiledFunction, Malformed> {
    let name = text(from, "a function's name")?;
    let arity = from.byte("an arity")?;
    let by = usize::from(from.byte("how it is defined")?);
    let mut function = CompiledFunction {
        name,
        arity,
        defined_by: *DefinedBy::ALL
            .get(by)
            .ok_or_else(|| from.invalid("how it is defined"))?,
        line: from.number("a line")?,
        clauses: Vec::new(),
    };
    for _ in 0..from.count(2, "clauses")? {
        let line = from.number("a line")?;
        let has = from.byte("who made a clause")?;
        if has > 3 {
            return Err(from.invalid("who made a clause"));
        }
        let made_by = if has & 1 == 0 {
            None
        } else {
            Some(text(from, "who made a clause")?)
        };
        let kept = if has & 2 == 0 {
            None
        } else {
            Some((text(from, "a file")?, from.number("a line")?))
        };
        function.clauses.push(CompiledClause { line, made_by, kept });
    }
    Ok(function)
}

fn read_calls(from: &mut Reader<'_>, module: &mut CompiledModule) -> Result<(), Malformed> {
    let mut before = None;
    for _ in 0..from.count(6, "calls")? {
        let flags = from.byte("a call")?;
        if flags & !FLAGS != 0 {
            return Err(from.invalid("a call"));
        }
        let here = match before {
            Some(here) if flags & SAME != 0 => here,
            None if flags & SAME != 0 => return Err(from.invalid("a call's function")),
            _ => (from.number("a call's function")?, from.number("a call's clause")?),
        };
        if before == Some(here) && flags & SAME == 0 {
            return Err(from.invalid("a call's function"));
        }
        before = Some(here);
        let call = CompiledCall {
            function: here.0,
            clause: here.1,
            module: from.number("a called module")?,
            name: from.number("a called function")?,
            arity: from.byte("an arity")?,
            line: from.number("a line")?,
            column: from.number("a column")?,
            is_captured: flags & CAPTURED != 0,
            is_made: flags & MADE != 0,
        };
        let named = module.names.len() as u32;
        let is_known = call.module < named && call.name < named && module.clause_of(&call).is_some();
        if !is_known {
            return Err(from.invalid("what a call names"));
        }
        module.calls.push(call);
    }
    Ok(())
}
