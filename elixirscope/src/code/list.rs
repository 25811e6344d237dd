//! `status`, `modules`, `functions`.

use std::fmt::Write as _;

use ::store::code_records::CodeRecords;
use anyhow::Result;
use repo_sync::project::{CodeFunction, CodeProject};
use serde_json::{Value, json};

use super::entities::Entities;
use super::table::Table;
use super::{build, open, store};
use crate::client;

/// Most faults that are listed to a person.
const FAULTS_MAX: usize = 20;

/// Arguments of `modules`.
#[derive(Debug, clap::Args)]
pub(crate) struct ModulesArgs {
    /// Only names that contain this.
    pattern: Option<String>,
}

/// Arguments of `functions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code functions
  elixirscope code functions Shop.Stock
  elixirscope code functions handle_call/3 --json")]
pub(crate) struct FunctionsArgs {
    /// Only names (Shop.Stock.reserve/2) that contain this.
    pattern: Option<String>,
}

/// What was read.
pub(super) fn status(project: &CodeProject, records: Option<&CodeRecords>, json: bool) -> Result<()> {
    let reading = project.reading();
    let functions = project
        .functions()
        .iter()
        .filter(|f| f.definition.is_some())
        .count();
    let outside = project.functions().len() - functions;
    let faults: Vec<String> = project.faults().iter().map(ToString::to_string).collect();
    if json {
        return open::print(&json!({
            "files": project.files().len(),
            "lines": reading.lines,
            "bytes": reading.bytes,
            "modules": project.modules().len(),
            "functions": functions,
            "outside_functions": outside,
            "calls": reading.calls,
            "dynamic_calls": reading.dynamic_calls,
            "otp_edges": reading.otp_edges,
            "edges": project.graph().edge_count(),
            "faults": faults,
            "seconds": reading.seconds,
            "parsed": reading.parsed,
            "facts_computed": reading.measured,
            "linked": reading.linked,
            "build": build::value(project),
            "store": records.map(store::value).transpose()?,
        }));
    }
    let mut text = format!(
        "{} files, {} lines, read in {:.2} s: {} parsed, facts of {} computed, {} linked\n\
         {} modules, {functions} functions\n\
         {} calls ({} of them to a module known only at run time), to {outside} functions outside\n\
         {} connections by OTP, {} edges in the graph\n",
        project.files().len(),
        reading.lines,
        reading.seconds,
        reading.parsed,
        reading.measured,
        reading.linked,
        project.modules().len(),
        reading.calls,
        reading.dynamic_calls,
        reading.otp_edges,
        project.graph().edge_count(),
    );
    text += &build::text(project);
    if faults.is_empty() {
        text.push_str("no faults\n");
    } else {
        let _ = writeln!(text, "{} faults:", faults.len());
        for fault in faults.iter().take(FAULTS_MAX) {
            let _ = writeln!(text, "  {fault}");
        }
        if faults.len() > FAULTS_MAX {
            let _ = writeln!(text, "  and {} more (--json)", faults.len() - FAULTS_MAX);
        }
    }
    if let Some(records) = records {
        text += &store::text(records)?;
    }
    client::print(&text)
}

/// The modules.
pub(super) fn modules(project: &CodeProject, args: &ModulesArgs, json: bool) -> Result<()> {
    let mut functions = vec![0u32; project.modules().len()];
    for definition in project.functions().iter().filter_map(|f| f.definition.as_ref()) {
        if let Some(count) = functions.get_mut(definition.module as usize) {
            *count += 1;
        }
    }
    let mut table = Table::new(&["MODULE", "IS", ">FUNCTIONS", ">LINES", "PLACE"]);
    let mut answer: Vec<Value> = Vec::new();
    for (index, (module, functions)) in project.modules().iter().zip(functions).enumerate() {
        let name = module.text();
        if !args.pattern.as_ref().is_none_or(|pattern| name.contains(pattern)) {
            continue;
        }
        let node = index as u32;
        let lines = module.end_line - module.line + 1;
        let kinds: Vec<String> = module.kinds.iter().map(|kind| format!("{kind:?}")).collect();
        if json {
            let mut value = open::node(project, node);
            value["is"] = json!(kinds);
            value["word"] = json!(module.kind.word());
            value["functions"] = json!(functions);
            value["lines"] = json!(lines);
            answer.push(value);
        } else {
            table.row([
                name,
                kinds.join(","),
                functions.to_string(),
                lines.to_string(),
                open::place(project, node),
            ]);
        }
    }
    if json {
        return open::print(&json!({ "modules": answer }));
    }
    client::print(&table.text())
}

/// The functions.
pub(super) fn functions(
    project: &CodeProject,
    args: &FunctionsArgs,
    entities: &mut Entities<'_>,
    json: bool,
) -> Result<()> {
    let mut table = Table::new(&["FUNCTION", "WORD", ">CLAUSES", ">LINES", "PLACE"]);
    let mut answer: Vec<Value> = Vec::new();
    for (index, function) in project.functions().iter().enumerate() {
        let Some(definition) = &function.definition else {
            continue;
        };
        let name = function.text();
        if !args.pattern.as_ref().is_none_or(|pattern| name.contains(pattern)) {
            continue;
        }
        let node = project.node_of(index);
        if json {
            let mut value = function_value(project, node, function);
            value["entity"] = entities.value(project, node);
            answer.push(value);
        } else {
            table.row([
                name,
                definition.kind.word().to_owned(),
                definition.complexity.clauses.to_string(),
                definition.complexity.lines.to_string(),
                open::place(project, node),
            ]);
        }
    }
    if json {
        return open::print(&json!({ "functions": answer }));
    }
    client::print(&table.text())
}

/// A function with what is known of it.
pub(super) fn function_value(project: &CodeProject, node: u32, function: &CodeFunction) -> Value {
    let mut value = open::node(project, node);
    if let Some(definition) = &function.definition {
        value["word"] = json!(definition.kind.word());
        value["end_line"] = json!(definition.end_line);
        value["clauses"] = json!(definition.complexity.clauses);
        value["lines"] = json!(definition.complexity.lines);
        value["callback"] = json!(definition.is_callback);
        value["content_id"] = json!(definition.content.exact.to_string());
        value["alpha_id"] = json!(definition.content.alpha.to_string());
    }
    value
}
