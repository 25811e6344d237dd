//! A `.beam` file into its record: names, functions, and the calls of the expanded definitions.

use std::collections::HashMap;

use codegraph::compiled::{
    CompiledCall, CompiledClause, CompiledFunction, CompiledModule, DefinedBy, Detail, Exported,
};
use codegraph::quoted::{Flags, Kind, NodeId, Quoted};

use crate::beam::{Beam, BeamFault, DebugInfo, Expanded, ExpandedKind, FunctionName, Origin};

/// What expanded code is built of that is no call; `in` is left in `rescue` alone.
const FORMS: &[&str] = &[
    "%",
    "%{}",
    "&",
    ".",
    "::",
    "<<>>",
    "=",
    "^",
    "__CALLER__",
    "__DIR__",
    "__ENV__",
    "__MODULE__",
    "__STACKTRACE__",
    "__aliases__",
    "__block__",
    "case",
    "cond",
    "fn",
    "for",
    "quote",
    "receive",
    "try",
    "unquote",
    "unquote_splicing",
    "with",
    "{}",
    "->",
    "|",
    "<-",
    "when",
    "=>",
    "in",
    "import",
    "require",
    "alias",
    "__cursor__",
];

/// What a module's file says, whatever is missing in it.
pub fn record(beam: &Beam<'_>) -> Result<CompiledModule, BeamFault> {
    let names = beam.names()?;
    let about = beam.about().unwrap_or_default();
    let mut module = CompiledModule {
        md5: beam.md5()?.0,
        file: about.source,
        behaviours: about.behaviours,
        exports: exports(&names.exports),
        name: names.module,
        ..CompiledModule::default()
    };
    match beam.debug_info() {
        Ok(DebugInfo::Elixir(expanded)) => of_elixir(&mut module, &expanded),
        Ok(DebugInfo::Erlang(forms)) => {
            module.detail = Detail::Forms;
            module.relative_file = forms.file;
            for (name, arity, line) in forms.functions {
                module.functions.push(CompiledFunction {
                    name,
                    arity,
                    line,
                    ..CompiledFunction::default()
                });
            }
            module
                .functions
                .sort_by(|a, b| (&a.name, a.arity).cmp(&(&b.name, b.arity)));
        }
        Ok(DebugInfo::Stripped) => module.detail = Detail::Stripped,
        Ok(DebugInfo::Withheld(why)) => module.detail = Detail::Withheld(why),
        // The rest of the module is whole: what it exports counts.
        Err(fault) => module.detail = Detail::Withheld(fault.to_string()),
    }
    Ok(module)
}

/// Exports as a person writes them: without what the compiler adds to every module.
pub(super) fn exports(exports: &[FunctionName]) -> Vec<Exported> {
    let mut found: Vec<Exported> = exports
        .iter()
        .filter(|export| !matches!(export.name.as_str(), "module_info" | "__info__"))
        .map(|export| match export.as_macro() {
            Some((name, arity)) => Exported {
                name: name.to_owned(),
                arity,
                is_macro: true,
            },
            None => Exported {
                name: export.name.clone(),
                arity: export.arity,
                is_macro: false,
            },
        })
        .collect();
    found.sort();
    found
}

fn of_elixir(module: &mut CompiledModule, expanded: &Expanded) {
    module.detail = Detail::Expanded;
    if !expanded.file.is_empty() {
        module.file.clone_from(&expanded.file);
    }
    module.relative_file.clone_from(&expanded.relative_file);
    module.line = expanded.line;
    module.specs.clone_from(&expanded.specs);
    module.behaviours.extend(expanded.behaviours.iter().cloned());
    module.behaviours.sort();
    module.behaviours.dedup();
    for function in &expanded.functions {
        let clauses = function.clauses.iter().map(|clause| {
            let (made_by, kept) = match &clause.origin {
                Origin::Source => (None, None),
                Origin::Macro { by, kept } => (Some(by.clone().unwrap_or_default()), kept.clone()),
            };
            CompiledClause {
                line: clause.line,
                made_by,
                kept,
            }
        });
        module.functions.push(CompiledFunction {
            name: function.name.clone(),
            arity: function.arity,
            defined_by: match function.kind {
                ExpandedKind::Def => DefinedBy::Def,
                ExpandedKind::Defp => DefinedBy::Defp,
                ExpandedKind::Defmacro => DefinedBy::Defmacro,
                ExpandedKind::Defmacrop => DefinedBy::Defmacrop,
            },
            line: function.line,
            clauses: clauses.collect(),
        });
    }
    let mut found = Calls {
        tree: &expanded.tree,
        module,
        numbers: HashMap::new(),
        at: (0, 0),
    };
    for (index, function) in expanded.functions.iter().enumerate() {
        for (clause, place) in function.clauses.iter().enumerate() {
            found.at = (index as u32, clause as u32);
            found.clause(place.node, place.line);
        }
    }
}

struct Calls<'a> {
    tree: &'a Quoted,
    module: &'a mut CompiledModule,
    numbers: HashMap<String, u32>,
    at: (u32, u32),
}

impl Calls<'_> {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.module.names.len() as u32;
        self.module.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    fn add(
        &mut self,
        node: NodeId,
        line: u32,
        module: Option<&str>,
        name: &str,
        (arity, captured): (usize, bool),
    ) {
        let at = self.tree.node(node);
        let own = self.module.name.clone();
        let call = CompiledCall {
            function: self.at.0,
            clause: self.at.1,
            module: self.number(module.unwrap_or(&own)),
            name: self.number(name),
            arity: u8::try_from(arity).unwrap_or(u8::MAX),
            line,
            column: at.column,
            is_captured: captured,
            is_made: at.flags.has(Flags::MACRO_MADE),
        };
        self.module.calls.push(call);
    }

    /// All calls of a clause, outer before inner.
    fn clause(&mut self, clause: NodeId, line: u32) {
        let tree = self.tree;
        let mut todo: Vec<(NodeId, u32)> = tree.kids(clause).iter().rev().map(|kid| (*kid, line)).collect();
        while let Some((node, around)) = todo.pop() {
            let at = tree.node(node);
            let line = if at.line == 0 { around } else { at.line };
            let kids = tree.kids(node);
            match at.kind {
                Kind::Call => match (tree.text(node), kids) {
                    // The right side says how many bits: no code.
                    ("<<>>", _) => {
                        let value = |kid: &NodeId| match (tree.text(*kid), tree.kids(*kid)) {
                            ("::", [value, _]) => (*value, line),
                            _ => (*kid, line),
                        };
                        todo.extend(kids.iter().rev().map(value));
                        continue;
                    }
                    ("&", [captured]) if tree.is_call(*captured, "/", 2) => {
                        self.captured(node, line, *captured, &mut todo);
                        continue;
                    }
                    ("super", _) => self.overridden(node, line, kids.len()),
                    (name, _) if FORMS.contains(&name) => {}
                    (name, _) => self.add(node, line, None, name, (kids.len(), false)),
                },
                Kind::Apply => {
                    if let Some((module, name, args)) = tree.remote_call(node)
                        && tree.node(module).kind == Kind::Atom
                    {
                        self.add(node, line, Some(tree.text(module)), name, (args.len(), false));
                    }
                }
                _ => {}
            }
            todo.extend(kids.iter().rev().map(|kid| (*kid, line)));
        }
    }

    /// `&name/1` and `&Module.name/1`; of `&module.name/1` the module's expression is looked at.
    fn captured(&mut self, node: NodeId, line: u32, captured: NodeId, todo: &mut Vec<(NodeId, u32)>) {
        let tree = self.tree;
        let [what, arity] = tree.kids(captured) else {
            return;
        };
        let Ok(arity) = tree.text(*arity).parse::<usize>() else {
            return;
        };
        match (tree.node(*what).kind, tree.remote_call(*what)) {
            (Kind::Apply, Some((module, name, _))) if tree.node(module).kind == Kind::Atom => {
                self.add(node, line, Some(tree.text(module)), name, (arity, true));
            }
            (Kind::Apply, Some((module, ..))) => todo.push((module, line)),
            (Kind::Variable | Kind::Call, _) => self.add(node, line, None, tree.text(*what), (arity, true)),
            _ => {}
        }
    }

    /// `super(...)`: what `defoverridable` put away, or (where the compiler wrote it for a default) the function itself.
    fn overridden(&mut self, node: NodeId, line: u32, arity: usize) {
        let Some(function) = self.module.functions.get(self.at.0 as usize) else {
            return;
        };
        let put_away = format!("{} (overridable ", function.name);
        let found = self
            .module
            .functions
            .iter()
            .find(|other| other.name.starts_with(&put_away) && usize::from(other.arity) == arity);
        let name = found.map_or(&function.name, |other| &other.name).clone();
        self.add(node, line, None, &name, (arity, false));
    }
}
