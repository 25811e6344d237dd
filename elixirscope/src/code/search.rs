//! `search`: functions, modules and types found by words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ::store::code_records::CodeRecords;
use anyhow::Result;
use repo_sync::documents;
use repo_sync::project::{CodeProject, FileSource};
use search::{Answer, Highlighter, Hit, Query};
use serde_json::{Value, json};

use super::{kept, open};
use crate::client;

/// Arguments of `search`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code search reserve stock
  elixirscope code search Shop.Stock.reserve/2
  elixirscope code search total price kind:function in:Shop.Orders
  elixirscope code search '\"out of stock\"' path:lib/shop
  elixirscope code search 'retry -path:test' --limit 5 --json

Words are looked for in names (reserve_items is also reserve, items), modules, documentation, specifications, variables,
texts and atoms, and in what is called. kind: one of function, macro, guard, module, protocol, implementation, type,
callback; in: a module and those below it; path: folders or a file; - before something: without it. A word of five
letters or more that nothing has may have one wrong letter.")]
pub(crate) struct Args {
    /// What to look for; in quotation marks what must stand together.
    #[arg(value_name = "WORDS", required = true)]
    words: Vec<String>,
    /// At most so many.
    #[arg(long, default_value_t = 10, value_name = "N")]
    limit: usize,
}

/// Answers.
pub(super) fn run(
    project: &CodeProject,
    args: &Args,
    kept: Option<(&CodeRecords, &str)>,
    json: bool,
) -> Result<()> {
    let query: Query = args.words.join(" ").parse()?;
    let index = kept::filled(project, kept)?;
    let answer = index.search(&query, args.limit)?;
    let highlighter = Highlighter::new(&query, &answer);
    let mut sources = BTreeMap::new();
    let shown: Vec<Shown<'_>> = answer
        .hits
        .iter()
        .map(|hit| Shown::of(project, hit, &highlighter, &mut sources))
        .collect();
    if json {
        let hits: Vec<Value> = shown.iter().map(Shown::value).collect();
        let instead = answer.instead.iter();
        let instead = instead.map(|word| json!({ "typed": word.typed, "taken": word.taken }));
        return open::print(&json!({ "hits": hits, "instead": instead.collect::<Vec<Value>>() }));
    }
    client::print(&text(&answer, &shown))
}

fn text(answer: &Answer, shown: &[Shown<'_>]) -> String {
    let mut text = String::new();
    for word in &answer.instead {
        let _ = writeln!(
            text,
            "nothing has '{}'; taken instead: {}",
            word.typed,
            word.taken.join(", ")
        );
    }
    for one in shown {
        let line = one.line.map(|line| format!(":{line}")).unwrap_or_default();
        let _ = writeln!(
            text,
            "{} {}  {}{line}",
            one.hit.kind.name(),
            one.hit.id,
            one.hit.path
        );
        if !one.hit.summary.is_empty() {
            let _ = writeln!(text, "    {}", one.hit.summary);
        }
        if let Some((line, snippet)) = &one.snippet {
            let _ = writeln!(text, "    {line}: {snippet}");
        }
    }
    if shown.is_empty() {
        text.push_str("nothing found\n");
    }
    text
}

/// A hit with what its file says now.
struct Shown<'a> {
    hit: &'a Hit,
    /// Line of its definition, from 1; `None`: the file changed while it was read.
    line: Option<u32>,
    /// The line with the most words of the query, and its number.
    snippet: Option<(u32, String)>,
}

impl<'a> Shown<'a> {
    fn of(
        project: &CodeProject,
        hit: &'a Hit,
        highlighter: &Highlighter,
        sources: &mut BTreeMap<String, Option<(FileSource, Vec<documents::Found>)>>,
    ) -> Self {
        let source = sources.entry(hit.path.clone()).or_insert_with(|| {
            let source = project.source(project.file(&hit.path)?).ok()?;
            let found = {
                let none = documents::Comments::default();
                documents::documents(&source.tree, &source.outline, &none, &|_| 0.0)
            };
            Some((source, found))
        });
        let found = source.as_ref().and_then(|(source, found)| {
            let is_it =
                |found: &&documents::Found| found.document.id == hit.id && found.document.kind == hit.kind;
            Some((source, found.iter().find(is_it)?))
        });
        let Some((source, found)) = found else {
            return Self {
                hit,
                line: None,
                snippet: None,
            };
        };
        let snippet = found
            .nodes
            .iter()
            .filter_map(|node| {
                let snippet = highlighter.snippet(source.text_of(*node))?;
                let line = source.lines(*node).0 + u32::try_from(snippet.line).ok()?;
                Some((snippet.words, line, snippet.text))
            })
            // Of equal ones the first.
            .reduce(|best, other| if other.0 > best.0 { other } else { best });
        Self {
            hit,
            line: Some(source.lines(found.node).0),
            snippet: snippet.map(|(_, line, text)| (line, text)),
        }
    }

    fn value(&self) -> Value {
        let hit = self.hit;
        let why = hit.why.iter().map(|reason| {
            let fields: Vec<&str> = reason.fields.iter().map(|field| field.name()).collect();
            json!({ "word": reason.word, "fields": fields })
        });
        json!({
            "kind": hit.kind.name(),
            "name": hit.id,
            "module": hit.module,
            "file": hit.path,
            "line": self.line,
            "public": hit.is_public,
            "exact": hit.is_exact,
            "score": (f64::from(hit.score) * 1000.0).round() / 1000.0,
            "summary": hit.summary,
            "why": why.collect::<Vec<Value>>(),
            "snippet": self.snippet.as_ref().map(|(line, text)| json!({ "line": line, "text": text })),
        })
    }
}
