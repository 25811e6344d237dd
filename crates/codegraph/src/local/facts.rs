//! What a file defines, measures and lets others read.

use crate::DefinitionKind;
use crate::bytes::{Malformed, Reader, Writer};
use crate::complexity::{Complexity, Meter};
use crate::definitions::Outline;
use crate::identity::{BothIds, ContentId, Contents};
use crate::link::Interface;
use crate::quoted::Quoted;

/// The format of [`LocalFacts::encode`]. A change of any rule that facts follow is a new format.
const FORMAT: u8 = 1;
/// Most bytes of a file's local facts.
const BYTES_MAX: usize = 1 << 28;

/// A module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalModule {
    /// As the VM names it; several of `defimpl ..., for: [A, B]`; none if computed.
    pub names: Vec<String>,
    /// The word that defines it.
    pub kind: DefinitionKind,
    /// Of an implementation: its protocol.
    pub protocol: Option<String>,
    /// What it says.
    pub content: BothIds,
}

/// A function or macro.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalFunction {
    /// Index of its module.
    pub module: Option<u32>,
    /// Its name; empty if computed.
    pub name: String,
    /// The word of its first clause.
    pub kind: DefinitionKind,
    /// Parameters.
    pub arity: u8,
    /// How many of them have defaults.
    pub defaults: u8,
    /// A syntax error is inside.
    pub is_damaged: bool,
    /// Its measures; their lines are 0, they are the places'.
    pub complexity: Complexity,
    /// What it says.
    pub content: BothIds,
}

/// A clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalClause {
    /// Index of its function.
    pub function: u32,
    /// A syntax error is inside.
    pub is_damaged: bool,
}

/// All of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalFacts {
    /// What the whole file says.
    pub content: BothIds,
    /// In the order of the file.
    pub modules: Vec<LocalModule>,
    /// In the order of their first clauses.
    pub functions: Vec<LocalFunction>,
    /// In the order of the file.
    pub clauses: Vec<LocalClause>,
    /// What others can read of it.
    pub interface: Interface,
}

impl LocalFacts {
    /// Reads them off a tree.
    #[must_use]
    pub fn of(tree: &Quoted, outline: &Outline) -> Self {
        let contents = Contents::of(tree, outline);
        let meter = Meter::new(tree, outline);
        let modules = outline
            .modules
            .iter()
            .enumerate()
            .map(|(index, module)| LocalModule {
                names: module.names.clone(),
                kind: module.kind,
                protocol: (module.kind == DefinitionKind::Defimpl)
                    .then(|| outline.expand(tree, module.name))
                    .flatten(),
                content: contents.modules.get(index).copied().unwrap_or_default(),
            });
        let functions = outline.functions.iter().enumerate().map(|(index, function)| {
            let mut clauses = function.clauses.iter();
            let damaged = |clause: &u32| {
                let clause = outline.clauses.get(*clause as usize);
                clause.is_some_and(|clause| clause.damaged)
            };
            LocalFunction {
                module: function.module,
                name: tree.symbols().text(function.name).to_owned(),
                kind: function.kind,
                arity: function.arity,
                defaults: function.defaults,
                is_damaged: clauses.any(damaged),
                complexity: Complexity {
                    lines: 0,
                    ..meter.function(index as u32).unwrap_or_default()
                },
                content: contents.functions.get(index).copied().unwrap_or_default(),
            }
        });
        Self {
            content: contents.file,
            modules: modules.collect(),
            functions: functions.collect(),
            clauses: outline
                .clauses
                .iter()
                .map(|clause| LocalClause {
                    function: clause.function,
                    is_damaged: clause.damaged,
                })
                .collect(),
            interface: Interface::of(tree, outline),
        }
    }

    /// Their bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.byte(FORMAT);
        write_ids(&mut to, &self.content);
        to.count(self.modules.len());
        for module in &self.modules {
            to.texts(&module.names);
            to.byte(module.kind as u8);
            to.byte(u8::from(module.protocol.is_some()));
            if let Some(protocol) = &module.protocol {
                to.text(protocol);
            }
            write_ids(&mut to, &module.content);
        }
        to.count(self.functions.len());
        for function in &self.functions {
            to.optional(function.module);
            to.text(&function.name);
            to.byte(function.kind as u8);
            to.byte(function.arity);
            to.byte(function.defaults);
            let measures = &function.complexity;
            to.byte(u8::from(function.is_damaged) | u8::from(measures.recursive) << 1);
            for number in [
                measures.cyclomatic,
                measures.cognitive,
                measures.assignments,
                measures.branches,
                measures.conditions,
                measures.nesting,
                measures.clauses,
            ] {
                to.number(number);
            }
            write_ids(&mut to, &function.content);
        }
        to.count(self.clauses.len());
        for clause in &self.clauses {
            to.number(clause.function);
            to.byte(u8::from(clause.is_damaged));
        }
        self.interface.write(&mut to);
        to.bytes
    }

    /// Reads what [`LocalFacts::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader::new(bytes, BYTES_MAX)?;
        let found = from.byte("the format")?;
        if found != FORMAT {
            return Err(Malformed::Version { found, known: FORMAT });
        }
        let mut facts = Self {
            content: read_ids(&mut from)?,
            ..Self::default()
        };
        for _ in 0..from.count(35, "modules")? {
            facts.modules.push(LocalModule {
                names: from.texts("a module's name")?,
                kind: kind(&mut from)?,
                protocol: if from.flag("a protocol")? {
                    Some(from.text("a protocol")?.to_owned())
                } else {
                    None
                },
                content: read_ids(&mut from)?,
            });
        }
        for _ in 0..from.count(45, "functions")? {
            facts.functions.push(function(&mut from, facts.modules.len())?);
        }
        for _ in 0..from.count(2, "clauses")? {
            let function = from.number("a clause's function")?;
            if function as usize >= facts.functions.len() {
                return Err(from.invalid("a clause's function"));
            }
            facts.clauses.push(LocalClause {
                function,
                is_damaged: from.flag("a clause's damage")?,
            });
        }
        facts.interface = Interface::read(&mut from)?;
        from.finish()?;
        Ok(facts)
    }
}

fn function(from: &mut Reader<'_>, modules: usize) -> Result<LocalFunction, Malformed> {
    let module = from.optional("a function's module")?;
    if module.is_some_and(|module| module as usize >= modules) {
        return Err(from.invalid("a function's module"));
    }
    let name = from.text("a function's name")?.to_owned();
    let kind = kind(from)?;
    let arity = from.byte("an arity")?;
    let defaults = from.byte("defaults")?;
    let flags = from.byte("a function's flags")?;
    if flags > 3 {
        return Err(from.invalid("a function's flags"));
    }
    let mut measures = [0; 7];
    for measure in &mut measures {
        *measure = from.number("a measure")?;
    }
    let [
        cyclomatic,
        cognitive,
        assignments,
        branches,
        conditions,
        nesting,
        clauses,
    ] = measures;
    Ok(LocalFunction {
        module,
        name,
        kind,
        arity,
        defaults,
        is_damaged: flags & 1 != 0,
        complexity: Complexity {
            cyclomatic,
            cognitive,
            assignments,
            branches,
            conditions,
            nesting,
            clauses,
            lines: 0,
            recursive: flags & 2 != 0,
        },
        content: read_ids(from)?,
    })
}

fn kind(from: &mut Reader<'_>) -> Result<DefinitionKind, Malformed> {
    let byte = from.byte("a definition's kind")?;
    let known = DefinitionKind::ALL.iter().find(|kind| **kind as u8 == byte);
    known.copied().ok_or_else(|| from.invalid("a definition's kind"))
}

fn write_ids(to: &mut Writer, ids: &BothIds) {
    to.raw(&ids.exact.0);
    to.raw(&ids.alpha.0);
}

fn read_ids(from: &mut Reader<'_>) -> Result<BothIds, Malformed> {
    let mut id = || {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(from.raw(16, "a content id")?);
        Ok(ContentId(bytes))
    };
    Ok(BothIds {
        exact: id()?,
        alpha: id()?,
    })
}
