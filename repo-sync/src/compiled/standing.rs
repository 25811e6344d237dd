//! Whether a compiled module is of the source as it lies there. Line by line, since times of files say little after a
//! checkout: a clause that the source wrote must be where the compiler saw it. Where the source is also newer than the
//! module, every function and every sure call of the source must be in the module, too.

use codegraph::compiled::{CompiledModule, Detail, written};

/// What a compiled module is to the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Of this source.
    Matches,
    /// Of an older source: what differs first, with its line in the source or, of what is gone, in the old one.
    Older {
        /// Line, from 1.
        line: u32,
        /// What differs.
        what: String,
    },
    /// The project's sources define this module in another file than that which was compiled.
    OtherSource {
        /// The file that was compiled.
        file: String,
    },
    /// The project's sources do not define this module: a macro made it, or its source is gone.
    NoSource,
    /// Without debug info: exports only.
    Stripped,
    /// With debug info that cannot be used, and why: exports only.
    Withheld(String),
    /// An Erlang module: exports only.
    Erlang,
}

impl Standing {
    /// The word in answers.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Matches => "matches",
            Self::Older { .. } => "older",
            Self::OtherSource { .. } => "of another source",
            Self::NoSource => "without source",
            Self::Stripped => "stripped",
            Self::Withheld(_) => "without definitions",
            Self::Erlang => "Erlang",
        }
    }

    /// Whether the module's calls are those of the source.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        matches!(self, Self::Matches | Self::NoSource)
    }
}

/// A function that the source defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFunction<'a> {
    /// Its name.
    pub name: &'a str,
    /// Fewest and most arguments.
    pub arities: (u8, u8),
    /// First and last line of all its clauses.
    pub lines: (u32, u32),
    /// The calls that it certainly makes, but no macros: line, module, name, fewest and most arguments.
    pub calls: Vec<(u32, &'a str, &'a str, (u8, u8))>,
}

/// A module of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceModule<'a> {
    /// Its file, relative to the project.
    pub file: &'a str,
    /// Line of its definition.
    pub line: u32,
    /// Its functions.
    pub functions: Vec<SourceFunction<'a>>,
    /// The file was written after the compiled module.
    pub is_newer: bool,
}

/// What a compiled module is to a module of the source; `None`: the sources do not define it.
#[must_use]
pub fn standing(module: &CompiledModule, source: Option<&SourceModule<'_>>) -> Standing {
    match &module.detail {
        Detail::Stripped => return Standing::Stripped,
        Detail::Withheld(why) => return Standing::Withheld(why.clone()),
        Detail::Forms => return Standing::Erlang,
        Detail::Expanded => {}
    }
    let Some(source) = source else {
        return Standing::NoSource;
    };
    let file = if module.relative_file.is_empty() {
        &module.file
    } else {
        &module.relative_file
    };
    if !is_same_file(source.file, file) {
        return Standing::OtherSource { file: file.clone() };
    }
    match difference(module, source) {
        Some((line, what)) => Standing::Older { line, what },
        None => Standing::Matches,
    }
}

/// The file of an umbrella's application is relative to that.
fn is_same_file(source: &str, compiled: &str) -> bool {
    let ends = |long: &str, short: &str| {
        let before = long.strip_suffix(short);
        before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    !compiled.is_empty() && (ends(source, compiled) || ends(compiled, source))
}

fn difference(module: &CompiledModule, source: &SourceModule<'_>) -> Option<(u32, String)> {
    let moved = |name: &str, arity: u8, line: u32| (line, format!("{name}/{arity} was on line {line}"));
    if module.line != source.line {
        return Some((source.line, format!("the module was on line {}", module.line)));
    }
    for function in &module.functions {
        let known = source.functions.iter().find(|known| {
            known.name == function.name && (known.arities.0..=known.arities.1).contains(&function.arity)
        });
        let Some(known) = known else { continue };
        for clause in &function.clauses {
            let is_there = (known.lines.0..=known.lines.1).contains(&clause.line);
            if clause.made_by.is_none() && !is_there {
                return Some(moved(&function.name, function.arity, clause.line));
            }
        }
    }
    if !source.is_newer {
        return None;
    }
    for known in &source.functions {
        let found = module
            .functions
            .iter()
            .position(|function| function.name == known.name && function.arity == known.arities.1);
        let Some(found) = found else {
            let (name, arity) = (known.name, known.arities.1);
            return Some((
                known.lines.0,
                format!("{name}/{arity} is not in the compiled module"),
            ));
        };
        for (line, target, name, arities) in &known.calls {
            let is_this = |module: &str, called: &str, arity: u8| {
                module == *target && called == *name && (arities.0..=arities.1).contains(&arity)
            };
            let is_there = module.calls.iter().any(|call| {
                let called = (module.text(call.module), module.text(call.name), call.arity);
                call.function as usize == found
                    && call.line == *line
                    && (is_this(called.0, called.1, called.2)
                        || written(called.0, called.1, called.2)
                            .iter()
                            .any(|(module, name, arity)| is_this(module, name, *arity)))
            });
            if !is_there {
                return Some((*line, format!("the call of {name} is not in the compiled module")));
            }
        }
    }
    None
}
