//! Rows of the project as a whole: what it calls outside, calls, measures, clones.

use std::collections::BTreeSet;

use codegraph::clones::{self, CloneType, FragmentKind};
use codegraph::graph::{Direction, View};
use tables::rows::{Call, Clone, Function, Metric};
use tables::{Folder, TablesFault, Word};

use super::ExportFault;
use super::numbers::Numbers;
use crate::project::{CodeProject, REACHES};

/// All of them.
pub(super) fn write(
    project: &CodeProject,
    version: &str,
    numbers: &Numbers,
    clones: Option<clones::Options>,
    to: &mut Folder,
) -> Result<(), ExportFault> {
    outside(project, version, to)?;
    calls(project, version, to)?;
    metrics(project, version, to)?;
    if let Some(options) = clones {
        groups(project, version, numbers, options, to)?;
    }
    Ok(())
}

/// Functions that the sources do not define.
fn outside(project: &CodeProject, version: &str, to: &mut Folder) -> Result<(), TablesFault> {
    for (index, function) in project.functions().iter().enumerate() {
        if function.definition.is_some() {
            continue;
        }
        to.add(&Function {
            version: Word(version),
            function_id: index as i64,
            module_id: None,
            module: Some(Word(&module_text(&function.module))),
            function: Word(&format!("{}/{}", function.name, function.arity)),
            name: Some(&*function.name),
            arity: i32::from(function.arity),
            defaults: 0,
            word: None,
            is_private: None,
            is_callback: None,
            is_damaged: None,
            syntax_id: None,
            file: None,
            line: None,
            end_line: None,
            entity: None,
            content_id: None,
            alpha_id: None,
        })?;
    }
    Ok(())
}

/// A module's name as the source has it.
fn module_text(name: &str) -> String {
    match name.strip_prefix("Elixir.") {
        Some(short) => short.to_owned(),
        None => format!(":{name}"),
    }
}

/// One end of a call.
#[derive(Debug)]
struct End<'a> {
    module_id: Option<i64>,
    function_id: Option<i64>,
    module: String,
    name: Option<&'a str>,
    arity: Option<i32>,
}

fn end(project: &CodeProject, node: u32) -> End<'_> {
    let Some(function) = project.function(node) else {
        return End {
            module_id: Some(i64::from(node)),
            function_id: None,
            module: project.text(node),
            name: None,
            arity: None,
        };
    };
    let definition = function.definition.as_ref();
    End {
        module_id: definition.map(|definition| i64::from(definition.module)),
        function_id: Some(i64::from(node) - project.modules().len() as i64),
        module: module_text(&function.module),
        name: Some(&*function.name),
        arity: Some(i32::from(function.arity)),
    }
}

fn calls(project: &CodeProject, version: &str, to: &mut Folder) -> Result<(), TablesFault> {
    for (index, site) in project.sites().iter().enumerate() {
        let (from, called) = (end(project, site.from), end(project, site.to));
        let file = project.place(site.from).map_or("", |(file, _)| file);
        to.add(&Call {
            version: Word(version),
            call_id: index as i64,
            from_module_id: from.module_id,
            from_function_id: from.function_id,
            from_module: Word(&from.module),
            from_name: from.name,
            from_arity: from.arity,
            to_module_id: called.module_id,
            to_function_id: called.function_id,
            to_module: Word(&called.module),
            to_name: called.name,
            to_arity: called.arity,
            file: Word(file),
            line: site.line as i32,
            kind: Word(site.kind.name()),
            how: Word(site.how),
            handler_line: (site.clause_line > 0).then_some(site.clause_line as i32),
            provenance: Word(site.mark.provenance().name()),
            confidence: Word(site.mark.confidence().name()),
        })?;
    }
    Ok(())
}

fn metrics(project: &CodeProject, version: &str, to: &mut Folder) -> Result<(), TablesFault> {
    let ranks = project.ranks();
    let rank = |node: u32| ranks.get(node as usize).copied().unwrap_or_default();
    let mut functions = vec![0u32; project.modules().len()];
    let mut add = |module: u32, function: Option<usize>, values: &[(&str, f64, &str)]| {
        values.iter().try_for_each(|(metric, value, unit)| {
            to.add(&Metric {
                version: Word(version),
                module_id: i64::from(module),
                function_id: function.map(|function| function as i64),
                metric: Word(metric),
                value: *value,
                unit: Word(unit),
            })
        })
    };
    for (index, function) in project.functions().iter().enumerate() {
        let Some(definition) = &function.definition else {
            continue;
        };
        if let Some(count) = functions.get_mut(definition.module as usize) {
            *count += 1;
        }
        let (node, of) = (project.node_of(index), &definition.complexity);
        let values = [
            ("cyclomatic", f64::from(of.cyclomatic), "paths"),
            ("cognitive", f64::from(of.cognitive), "points"),
            ("assignments", f64::from(of.assignments), "matches"),
            ("branches", f64::from(of.branches), "calls"),
            ("conditions", f64::from(of.conditions), "conditions"),
            ("abc", of.abc(), "length"),
            ("nesting", f64::from(of.nesting), "levels"),
            ("clauses", f64::from(of.clauses), "clauses"),
            ("lines", f64::from(of.lines), "lines"),
            ("recursive", f64::from(u8::from(of.recursive)), "0 or 1"),
            ("callers", beside(project, node, Direction::Back), "nodes"),
            ("callees", beside(project, node, Direction::Out), "nodes"),
            ("rank", rank(node), "share"),
        ];
        add(definition.module, Some(index), &values)?;
    }
    for (index, module) in project.modules().iter().enumerate() {
        let node = index as u32;
        let count = functions.get(index).copied().unwrap_or_default();
        let values = [
            ("lines", f64::from(module.end_line + 1 - module.line), "lines"),
            ("functions", f64::from(count), "functions"),
            ("callers", beside(project, node, Direction::Back), "nodes"),
            ("callees", beside(project, node, Direction::Out), "nodes"),
            ("rank", rank(node), "share"),
        ];
        add(node, None, &values)?;
    }
    Ok(())
}

/// How many other nodes reach this one, or are reached by it, in one step.
fn beside(project: &CodeProject, node: u32, direction: Direction) -> f64 {
    let rows = REACHES.iter().flat_map(|kind| {
        let row = project.graph().row(node, kind, direction);
        row.targets.to_vec()
    });
    let others: BTreeSet<u32> = rows.filter(|other| *other != node).collect();
    others.len() as f64
}

fn groups(
    project: &CodeProject,
    version: &str,
    numbers: &Numbers,
    options: clones::Options,
    to: &mut Folder,
) -> Result<(), ExportFault> {
    for (index, group) in project.clones(options)?.iter().enumerate() {
        for (place, piece) in group.pieces.iter().enumerate() {
            // The innermost function around it: of those that begin before, the last.
            let around = numbers.functions(piece.file).iter().filter_map(|number| {
                let function = project.functions().get(*number as usize)?;
                let definition = function.definition.as_ref()?;
                let holds = definition.line <= piece.line && piece.end_line <= definition.end_line;
                holds.then_some((definition.line, std::cmp::Reverse(*number)))
            });
            let path = project.files().get(piece.file as usize);
            to.add(&Clone {
                version: Word(version),
                clone_id: index as i64,
                piece: place as i32,
                clone_type: match group.kind {
                    CloneType::One => 1,
                    CloneType::Two => 2,
                    CloneType::Three => 3,
                },
                likeness: f64::from(group.likeness) / 1000.0,
                kind: Word(match piece.kind {
                    FragmentKind::Function => "function",
                    FragmentKind::Clause => "clause",
                    FragmentKind::Block => "block",
                }),
                nodes: i64::from(piece.nodes),
                file: Word(path.map_or("", |file| &file.path)),
                line: piece.line as i32,
                end_line: piece.end_line as i32,
                function_id: around.max().map(|(_, number)| i64::from(number.0)),
            })?;
        }
    }
    Ok(())
}
