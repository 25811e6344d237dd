//! The bytes of an [`Interface`] and of its parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::exports::Export;
use super::interface::{Interface, Item, ModuleInterface};
use super::otp::Kind;
use super::otp::forward::{Forward, Receiver};
use super::using::{Filter, Using};
use crate::bytes::{Malformed, Reader, Writer};

pub(super) fn write_export(to: &mut Writer, export: Option<&Export>) {
    match export {
        None => to.byte(0),
        Some(export) => {
            to.byte(1 + u8::from(export.is_macro));
            to.byte(export.defined_arity);
        }
    }
}

fn read_export(from: &mut Reader<'_>, arity: u8) -> Result<Option<Export>, Malformed> {
    let is_macro = match from.byte("an export")? {
        0 => return Ok(None),
        1 => false,
        2 => true,
        _ => return Err(from.invalid("an export")),
    };
    Ok(Some(Export {
        arity,
        defined_arity: from.byte("the parameters of an export")?,
        is_macro,
    }))
}

pub(super) fn write_forward(to: &mut Writer, forward: Option<&Forward>) {
    let Some(forward) = forward else {
        return to.byte(0);
    };
    to.byte(1);
    to.byte(forward.kind as u8);
    to.byte(forward.message);
    match &forward.receiver {
        Receiver::Parameter(place) => {
            to.byte(0);
            to.byte(*place);
        }
        Receiver::Module(module) => {
            to.byte(1);
            to.text(module);
        }
    }
}

fn read_forward(from: &mut Reader<'_>) -> Result<Option<Forward>, Malformed> {
    if !from.flag("a forward")? {
        return Ok(None);
    }
    let kind = from.byte("a forward's kind")?;
    let kind = Kind::from_byte(kind).ok_or_else(|| from.invalid("a forward's kind"))?;
    let message = from.byte("a forward's message")?;
    let receiver = if from.flag("a forward's receiver")? {
        Receiver::Module(from.text("a forward's module")?.to_owned())
    } else {
        Receiver::Parameter(from.byte("a forward's parameter")?)
    };
    Ok(Some(Forward {
        kind,
        receiver,
        message,
    }))
}

fn write_filter(to: &mut Writer, filter: &Filter) {
    let (number, list) = match filter {
        Filter::All => (0, None),
        Filter::Functions => (1, None),
        Filter::Macros => (2, None),
        Filter::Sigils => (3, None),
        Filter::Only(list) => (4, Some(list)),
        Filter::Except(list) => (5, Some(list)),
    };
    to.byte(number);
    if let Some(list) = list {
        to.count(list.len());
        for (name, arity) in list {
            to.text(name);
            to.byte(*arity);
        }
    }
}

fn read_filter(from: &mut Reader<'_>) -> Result<Filter, Malformed> {
    let number = from.byte("a filter")?;
    Ok(match number {
        0 => Filter::All,
        1 => Filter::Functions,
        2 => Filter::Macros,
        3 => Filter::Sigils,
        4 | 5 => {
            let count = from.count(2, "a filter's names")?;
            let list = (0..count)
                .map(|_| Ok((from.text("a filter's name")?.to_owned(), from.byte("an arity")?)))
                .collect::<Result<_, Malformed>>()?;
            if number == 4 {
                Filter::Only(list)
            } else {
                Filter::Except(list)
            }
        }
        _ => return Err(from.invalid("a filter")),
    })
}

pub(super) fn write_using(to: &mut Writer, using: &Using) {
    to.count(using.imports.len());
    for (module, filter) in &using.imports {
        to.text(module);
        write_filter(to, filter);
    }
    for list in [&using.uses, &using.behaviours] {
        to.texts(list);
    }
    to.count(using.aliases.len());
    for (short, full) in &using.aliases {
        to.text(short);
        to.text(full);
    }
    to.count(using.defined.len());
    for (name, arity, is_macro) in &using.defined {
        to.text(name);
        to.byte(*arity);
        to.byte(u8::from(*is_macro));
    }
}

fn read_using(from: &mut Reader<'_>) -> Result<Using, Malformed> {
    let mut using = Using::default();
    for _ in 0..from.count(2, "imports")? {
        let module = from.text("an import")?.to_owned();
        using.imports.push((module, read_filter(from)?));
    }
    using.uses = from.texts("a use")?;
    using.behaviours = from.texts("a behaviour")?;
    for _ in 0..from.count(2, "aliases")? {
        let short = from.text("an alias")?.to_owned();
        using.aliases.push((short, from.text("an alias")?.to_owned()));
    }
    for _ in 0..from.count(3, "definitions")? {
        let name = from.text("a definition")?.to_owned();
        using
            .defined
            .push((name, from.byte("an arity")?, from.flag("a macro")?));
    }
    Ok(using)
}

impl Interface {
    pub(crate) fn write(&self, to: &mut Writer) {
        to.count(self.modules.len());
        for (name, module) in &self.modules {
            to.text(name);
            to.byte(u8::from(module.using.is_some()));
            if let Some(using) = &module.using {
                write_using(to, using);
            }
            to.count(module.items.len());
            for (function, arities) in &module.items {
                to.text(function);
                to.count(arities.len());
                for (arity, item) in arities {
                    to.byte(*arity);
                    write_export(to, item.export.as_ref());
                    write_forward(to, item.forward.as_ref());
                }
            }
        }
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut modules = BTreeMap::new();
        for _ in 0..from.count(3, "modules")? {
            let name = from.text("a module")?.to_owned();
            let mut module = ModuleInterface::default();
            if from.flag("a using")? {
                module.using = Some(read_using(from)?);
            }
            for _ in 0..from.count(5, "functions")? {
                let function = from.text("a function")?.to_owned();
                let mut arities = Vec::new();
                for _ in 0..from.count(3, "arities")? {
                    let arity = from.byte("an arity")?;
                    let export = read_export(from, arity)?;
                    let forward = read_forward(from)?;
                    arities.push((arity, Item { export, forward }));
                }
                if !arities.is_sorted_by(|a, b| a.0 < b.0) {
                    return Err(from.invalid("the order of arities"));
                }
                module.items.insert(function, arities);
            }
            modules.insert(name, Arc::new(module));
        }
        Ok(Self { modules })
    }
}
