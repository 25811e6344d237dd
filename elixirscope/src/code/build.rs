//! The build (`_build`) that a question takes into account: what the compiler knows and the source does not say.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use codegraph::records::{Memory, Records};
use repo_sync::compiled::{BuildOptions, Compiled, ExpandedText, NoBuild, Standing, expanded, expanded_text};
use repo_sync::project::{CodeProject, ImportedModule};
use serde_json::{Value, json};

use super::{list, open};
use crate::client;

/// Most modules that are listed to a person because they add nothing.
const LISTED_MAX: usize = 10;

/// Which build.
#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// Compiled modules to take into account: a _build, one environment of it, or a folder of .beam files; default: the
    /// newest environment of the project's _build.
    #[arg(long, global = true, value_name = "PATH")]
    build: Option<PathBuf>,
    /// Sources alone: no compiled module is read.
    #[arg(long, global = true, conflicts_with = "build")]
    no_build: bool,
}

impl BuildArgs {
    /// Reads the one that was named, if one was: of a version, the usual one is that of other sources.
    pub(super) fn named(&self, root: &Path, records: Option<&dyn Records>) -> Result<Option<Arc<Compiled>>> {
        match self.build {
            Some(_) => self.open(root, records),
            None => Ok(None),
        }
    }

    /// Reads it. A build that was named must be there; the usual one need not.
    pub(super) fn open(&self, root: &Path, records: Option<&dyn Records>) -> Result<Option<Arc<Compiled>>> {
        if self.no_build {
            return Ok(None);
        }
        let options = BuildOptions {
            path: self.build.clone(),
            threads: 0,
        };
        let memory = Memory::default();
        match Compiled::of(root, &options, records.unwrap_or(&memory)) {
            Ok(compiled) => Ok(Some(Arc::new(compiled))),
            Err(NoBuild::None(_) | NoBuild::Other { .. }) if self.build.is_none() => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }
}

/// Modules that add nothing, and why.
fn unused(project: &CodeProject) -> impl Iterator<Item = &ImportedModule> {
    let modules = project
        .imported()
        .into_iter()
        .flat_map(|imported| &imported.modules);
    modules.filter(|module| module.standing != Standing::Matches)
}

fn why(standing: &Standing) -> String {
    match standing {
        Standing::Older { line, what } => format!("older than the source: line {line}: {what}"),
        Standing::OtherSource { file } => format!("compiled from {file}"),
        Standing::Withheld(why) => format!("without definitions: {why}"),
        other => other.name().to_owned(),
    }
}

fn name(module: &str) -> &str {
    module.strip_prefix("Elixir.").unwrap_or(module)
}

/// What was taken from the build, for `status`.
pub(super) fn text(project: &CodeProject) -> String {
    let Some(imported) = project.imported() else {
        return "no build: what macros make is not known\n".to_owned();
    };
    let sum = |of: fn(&ImportedModule) -> u32| imported.modules.iter().map(of).sum::<u32>();
    let matching = imported.modules.len() - unused(project).count();
    let mut text = format!(
        "build {}: {matching} of {} modules are of these sources; {} functions and {} calls that macros made, {} open calls \
         answered; {} modules of dependencies\n",
        imported.folder.display(),
        imported.modules.len(),
        sum(|module| module.functions),
        sum(|module| module.calls),
        sum(|module| module.answered),
        imported.libraries,
    );
    for module in unused(project).take(LISTED_MAX) {
        let _ = writeln!(text, "  {}: {}", name(&module.name), why(&module.standing));
    }
    let more = unused(project).count().saturating_sub(LISTED_MAX);
    if more > 0 {
        let _ = writeln!(text, "  and {more} more (--json)");
    }
    for fault in &imported.faults {
        let _ = writeln!(text, "  {fault}");
    }
    text
}

/// The same for programs.
pub(super) fn value(project: &CodeProject) -> Value {
    let Some(imported) = project.imported() else {
        return Value::Null;
    };
    let modules = imported.modules.iter().map(|module| {
        json!({
            "name": name(&module.name),
            "path": module.path,
            "standing": module.standing.name(),
            "why": (module.standing != Standing::Matches).then(|| why(&module.standing)),
            "functions": module.functions,
            "calls": module.calls,
            "answered": module.answered,
        })
    });
    json!({
        "folder": imported.folder,
        "modules": modules.collect::<Vec<Value>>(),
        "libraries": imported.libraries,
        "faults": imported.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// `show --expanded`: functions after macro expansion.
pub(super) fn show(project: &CodeProject, asked: &str, json: bool) -> Result<()> {
    let (mut text, mut answer) = (String::new(), Vec::new());
    for node in open::functions(project, asked)? {
        let Some(function) = project.function(node) else {
            continue;
        };
        let (module, clauses) = clauses(project, &function.module, &function.name, function.arity)
            .with_context(|| format!("{} has no expanded definition", function.text()))?;
        if json {
            let mut value = list::function_value(project, node, function);
            value["standing"] = json!(module.standing.name());
            let clauses = clauses.iter().map(
                |clause| json!({ "line": clause.line, "made_by": clause.made_by.as_deref().map(name), "text": clause.text }),
            );
            value["expanded"] = clauses.collect::<Vec<Value>>().into();
            answer.push(value);
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "# {}  {}", function.text(), open::place(project, node));
        if module.standing != Standing::Matches {
            let _ = writeln!(text, "# the compiled module is {}", why(&module.standing));
        }
        for clause in &clauses {
            let by = clause.made_by.as_deref().map(name);
            let made = by.map_or_else(String::new, |by| format!(", made by a macro of {by}"));
            let _ = writeln!(text, "# line {}{made}\n{}", clause.line, clause.text);
        }
    }
    if json {
        return open::print(&json!({ "functions": answer }));
    }
    client::print(&text)
}

fn clauses<'a>(
    project: &'a CodeProject,
    module: &str,
    name: &str,
    arity: u8,
) -> Result<(&'a ImportedModule, Vec<ExpandedText>)> {
    let Some(imported) = project.imported() else {
        bail!("there is no build of this project; compile it (mix compile) or say --build");
    };
    let found = imported.modules.iter().find(|known| known.name == module);
    let found =
        found.with_context(|| format!("the build {} does not have its module", imported.folder.display()))?;
    let expanded = expanded(&found.path)?;
    let function = expanded
        .functions
        .iter()
        .find(|known| known.name == name && known.arity == arity)
        .with_context(|| format!("{} does not define it", found.path.display()))?;
    Ok((found, expanded_text(&expanded, function)))
}
