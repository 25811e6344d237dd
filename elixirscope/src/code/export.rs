//! `export`: the code graph as files for other tools; and the document of one module, for `show`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ::store::code_records::CodeRecords;
use anyhow::{Context as _, Result, bail};
use repo_sync::export::{self, scip};
use repo_sync::project::CodeProject;
use serde_json::{Value, json};

use super::table::Table;
use super::{open, tables};
use crate::client;

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code export --documents graph/
  elixirscope code export --scip index.scip
  elixirscope code export --scip index.scip --check
  elixirscope code export --parquet tables/

What is in them: docs/code-graph/module-document.md, scip.md and tables.md.")]
pub(crate) struct ExportArgs {
    /// One JSON document a module, into this folder: Shop.Stock.json.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["scip", "parquet"])]
    documents: Option<PathBuf>,
    /// A SCIP index of the project, into this file.
    #[arg(long, value_name = "FILE")]
    scip: Option<PathBuf>,
    /// Look whether the index holds together: ranges, names, definitions of all references.
    #[arg(long, requires = "scip")]
    check: bool,
    /// The static tables as Parquet, into this folder: ast_node.parquet, call.parquet, ...
    #[arg(long, value_name = "DIR")]
    parquet: Option<PathBuf>,
}

/// Exports.
pub(super) fn run(
    project: &CodeProject,
    args: &ExportArgs,
    records: Option<&CodeRecords>,
    json: bool,
) -> Result<()> {
    let mut answer = serde_json::Map::new();
    let mut text = String::new();
    if let Some(folder) = &args.documents {
        let (written, faults) = documents(project, folder)?;
        let _ = writeln!(text, "{written} documents in {}", folder.display());
        for fault in &faults {
            let _ = writeln!(text, "left out: {fault}");
        }
        answer.insert(
            "documents".to_owned(),
            json!({ "written": written, "faults": faults }),
        );
    }
    if let Some(file) = &args.scip {
        let made = scip::index(project, env!("CARGO_PKG_VERSION"), &|_, _| ());
        let bytes = made.bytes()?;
        fs::write(file, &bytes).with_context(|| format!("cannot write {}", file.display()))?;
        let counts = made.counts;
        let faults: Vec<String> = made.faults.iter().map(ToString::to_string).collect();
        let _ = writeln!(
            text,
            "{}: {} documents, {} definitions, {} references, {} symbols of other packages, {} bytes",
            file.display(),
            counts.documents,
            counts.definitions,
            counts.references,
            counts.external,
            bytes.len()
        );
        for fault in &faults {
            let _ = writeln!(text, "left out: {fault}");
        }
        let mut value = json!({
            "file": file,
            "bytes": bytes.len(),
            "documents": counts.documents,
            "definitions": counts.definitions,
            "references": counts.references,
            "external": counts.external,
            "unresolved": counts.unresolved,
            "faults": faults,
        });
        if args.check {
            if project.version().is_some() {
                bail!("--check compares with the files in the folder: it is not for --at");
            }
            let checked = scip::check(&scip::decode(&bytes)?, project.root());
            if !checked.faults.is_empty() {
                bail!("the index does not hold together: {}", checked.faults.join("; "));
            }
            let _ = writeln!(text, "{} occurrences checked, no fault", checked.occurrences);
            value["checked"] = json!(checked.occurrences);
        }
        answer.insert("scip".to_owned(), value);
    }
    if let Some(folder) = &args.parquet {
        let (said, value) = tables::write(project, records, folder)?;
        text += &said;
        answer.insert("parquet".to_owned(), value);
    }
    if json {
        return open::print(&Value::Object(answer));
    }
    client::print(&text)
}

/// Writes a file a module; of two modules of one name the second has its number behind the name.
fn documents(project: &CodeProject, folder: &Path) -> Result<(usize, Vec<String>)> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let (mut written, mut faults) = (std::collections::BTreeSet::new(), Vec::new());
    for file in 0..project.files().len() {
        let documents = match export::file_documents(project, file as u32) {
            Ok(documents) => documents,
            Err(fault) => {
                faults.push(fault.to_string());
                continue;
            }
        };
        for (node, document) in documents {
            let name: String = project.text(node).chars().map(plain).take(200).collect();
            let mut path = format!("{name}.json");
            if !written.insert(path.to_lowercase()) {
                path = format!("{name}.{node}.json");
                written.insert(path.to_lowercase());
            }
            let path = folder.join(path);
            fs::write(&path, format!("{document:#}\n"))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok((written.len(), faults))
}

/// What a file's name can hold everywhere.
fn plain(char: char) -> char {
    if char.is_ascii_alphanumeric() || "._-".contains(char) {
        char
    } else {
        '_'
    }
}

/// A module for `show`: its document, or the main of it for people.
pub(super) fn module(project: &CodeProject, node: u32, json: bool) -> Result<()> {
    let document = export::module_document(project, node)?;
    let document =
        document.with_context(|| format!("{} changed while it was read; ask again", project.text(node)))?;
    if json {
        return open::print(&document);
    }
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| -> Vec<Value> { value.as_array().cloned().unwrap_or_default() };
    let mut text = format!(
        "# {} {}  {}\n",
        word(&document["word"]),
        word(&document["name"]),
        open::place(project, node)
    );
    let doc = word(&document["doc"]["text"]);
    if !doc.trim().is_empty() {
        let _ = writeln!(text, "\n{}", doc.trim_end());
    }
    let behaviours: Vec<String> = list(&document["behaviours"]).iter().map(word).collect();
    if !behaviours.is_empty() {
        let _ = writeln!(text, "\nbehaviours: {}", behaviours.join(", "));
    }
    let fields: Vec<String> = list(&document["struct"]["fields"])
        .iter()
        .map(|field| word(&field["name"]))
        .collect();
    if !fields.is_empty() {
        let _ = writeln!(text, "\nstruct: {}", fields.join(", "));
    }
    for kind in list(&document["types"]) {
        let _ = write!(text, "\n@{} {}", word(&kind["kind"]), word(&kind["text"]));
    }
    if !list(&document["types"]).is_empty() {
        text.push('\n');
    }
    let mut table = Table::new(&["FUNCTION", "WORD", ">LINE", ">CALLERS", "SPEC"]);
    for function in list(&document["functions"]) {
        let specs: Vec<String> = list(&function["specs"])
            .iter()
            .map(|spec| word(&spec["text"]))
            .collect();
        table.row([
            format!("{}/{}", word(&function["name"]), function["arity"]),
            word(&function["word"]),
            function["line"].to_string(),
            function["callers"].to_string(),
            specs.join("; "),
        ]);
    }
    text.push('\n');
    text += &table.text();
    client::print(&text)
}
