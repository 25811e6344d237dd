//! A compiled module next to its source: what the source does not show is added, what it leaves open is answered, what it
//! shows already is left alone.

use super::{CompiledCall, CompiledFunction, CompiledModule, DefinedBy, is_kernel, written};

/// The suffix of what `defoverridable` puts away.
const OVERRIDABLE: &str = " (overridable ";

/// A function that the source defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownFunction {
    /// Its number, of whoever asks.
    pub number: u32,
    /// First and last line of all its clauses.
    pub lines: (u32, u32),
}

/// A call that the source shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site<'a> {
    /// Its number, of whoever asks.
    pub number: u32,
    /// The called module, as the VM names it.
    pub module: &'a str,
    /// The called function.
    pub name: &'a str,
    /// Fewest and most arguments that it takes.
    pub arities: (u8, u8),
    /// It follows from the language that this is called.
    pub is_certain: bool,
}

impl Site<'_> {
    fn takes(&self, arity: u8) -> bool {
        (self.arities.0..=self.arities.1).contains(&arity)
    }

    fn is_of(&self, (module, name, arity): (&str, &str, u8)) -> bool {
        self.module == module && self.name == name && self.takes(arity)
    }
}

/// What is known of a project from its sources.
pub trait Sources {
    /// The function that a module's source defines, also with fewer arguments if its parameters have defaults.
    fn function(&self, module: &str, name: &str, arity: u8) -> Option<KnownFunction>;

    /// The calls that the source shows in a function on a line.
    fn sites(&self, function: u32, line: u32) -> Vec<Site<'_>>;
}

/// A function that the source does not define.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddedFunction {
    /// Its name.
    pub name: String,
    /// Parameters.
    pub arity: u8,
    /// How it is defined.
    pub defined_by: DefinedBy,
    /// Line of the macro's call; of a module without lines that of the module.
    pub line: u32,
    /// The module whose macro made it, if that is known.
    pub made_by: Option<String>,
}

/// A call that the source does not show.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddedCall {
    /// The calling function's name.
    pub caller: String,
    /// Its parameters.
    pub caller_arity: u8,
    /// Line in the module's source: of the call, or of the macro's call that made it.
    pub line: u32,
    /// The called module, as the VM names it.
    pub module: String,
    /// The called function.
    pub name: String,
    /// Arguments.
    pub arity: u8,
    /// It is captured, not called.
    pub is_captured: bool,
}

/// A call that the source shows, of which the compiled module knows better what it calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Replaced {
    /// [`Site::number`].
    pub site: u32,
    /// What is called: the module.
    pub module: String,
    /// The function.
    pub name: String,
    /// Arguments.
    pub arity: u8,
}

/// What a compiled module adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Functions, ascending.
    pub functions: Vec<AddedFunction>,
    /// Calls, ascending, each once.
    pub calls: Vec<AddedCall>,
    /// Calls that lead elsewhere than the source let think, ascending.
    pub replaced: Vec<Replaced>,
    /// Numbers of sites that were not certain and are: the compiler called just that. Ascending.
    pub confirmed: Vec<u32>,
}

/// What a module that was compiled from the source as it is adds to it. Calls of `Kernel` are left out, as in the source.
#[must_use]
pub fn merge(module: &CompiledModule, sources: &dyn Sources) -> Merged {
    let mut merged = Merged::default();
    let known: Vec<Option<KnownFunction>> = module
        .functions
        .iter()
        .map(|function| sources.function(&module.name, plain(&function.name), function.arity))
        .collect();
    for (function, known) in module.functions.iter().zip(&known) {
        if known.is_none() && !function.name.contains(OVERRIDABLE) {
            merged.functions.push(added(module, function));
        }
    }
    for call in &module.calls {
        let Some(function) = module.functions.get(call.function as usize) else {
            continue;
        };
        let known = known.get(call.function as usize).copied().flatten();
        one(module, function, known, call, sources, &mut merged);
    }
    merged.functions.sort();
    merged.functions.dedup();
    merged.calls.sort();
    merged.calls.dedup();
    merged.replaced.sort();
    // The first counts where a line calls two functions of one name.
    merged.replaced.dedup_by_key(|replaced| replaced.site);
    merged.confirmed.sort_unstable();
    merged.confirmed.dedup();
    merged
        .replaced
        .retain(|replaced| merged.confirmed.binary_search(&replaced.site).is_err());
    merged
}

/// A function's name without what `defoverridable` adds.
fn plain(name: &str) -> &str {
    name.split_once(OVERRIDABLE).map_or(name, |(plain, _)| plain)
}

fn added(module: &CompiledModule, function: &CompiledFunction) -> AddedFunction {
    let first = function.clauses.first();
    let lines = [first.map_or(0, |clause| clause.line), function.line, module.line];
    AddedFunction {
        name: function.name.clone(),
        arity: function.arity,
        defined_by: function.defined_by,
        line: lines.into_iter().find(|line| *line > 0).unwrap_or(1),
        made_by: function.clauses.iter().find_map(|clause| clause.made_by.clone()),
    }
}

fn one(
    module: &CompiledModule,
    function: &CompiledFunction,
    known: Option<KnownFunction>,
    call: &CompiledCall,
    sources: &dyn Sources,
    merged: &mut Merged,
) {
    let called = (module.text(call.module), module.text(call.name), call.arity);
    let Some(clause) = module.clause_of(call) else {
        return;
    };
    // What the compiler makes for a parameter's default.
    let is_own = called.0 == module.name && called.1 == function.name && clause.made_by.is_none();
    if is_own && called.2 > function.arity && known.is_some() {
        return;
    }
    let (first, last) = known.map_or((0, u32::MAX), |known| known.lines);
    let is_placed = clause.kept.is_none() && call.line > 0 && (first..=last).contains(&call.line);
    let line = if is_placed { call.line } else { clause.line };
    if let Some(known) = known {
        let sites = sources.sites(known.number, line);
        let names = written(called.0, called.1, called.2);
        let is_same = |site: &&Site<'_>| site.is_of(called) || names.iter().any(|name| site.is_of(*name));
        if let Some(site) = sites.iter().find(is_same) {
            if !site.is_certain {
                merged.confirmed.push(site.number);
            }
            return;
        }
        let may_be = |site: &&Site<'_>| {
            let fits = |name: &str, arity: u8| site.name == name && site.takes(arity);
            !site.is_certain
                && (fits(called.1, called.2) || names.iter().any(|(_, name, arity)| fits(name, *arity)))
        };
        if let Some(site) = sites.iter().find(may_be) {
            merged.replaced.push(Replaced {
                site: site.number,
                module: called.0.to_owned(),
                name: called.1.to_owned(),
                arity: called.2,
            });
            return;
        }
    }
    if is_kernel(called.0, called.1, called.2) {
        return;
    }
    merged.calls.push(AddedCall {
        caller: plain(&function.name).to_owned(),
        caller_arity: function.arity,
        line,
        module: called.0.to_owned(),
        name: plain(called.1).to_owned(),
        arity: called.2,
        is_captured: call.is_captured,
    });
}
