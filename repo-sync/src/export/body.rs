//! The functions of a module's document.

use std::collections::BTreeSet;

use codegraph::about::{FunctionAbout, Implements, VALUE_BYTES_MAX, render};
use codegraph::definitions::Clause;
use codegraph::flow::Analyzer;
use codegraph::flow::effects::own;
use codegraph::graph::{Direction, View};
use serde_json::{Value, json};

use super::document::{Reading, doc, metadata, text};
use crate::project::{CodeProject, Definition, REACHES};

impl Reading<'_> {
    pub(super) fn functions(&self, module: u32, analyzer: &mut Analyzer<'_>) -> Vec<Value> {
        let functions = self.project.functions();
        // Functions are in the order of their files, those outside last; in a file not by module.
        let file_of = |function: &crate::project::CodeFunction| {
            function.definition.as_ref().map_or(u32::MAX, |it| it.file)
        };
        let first = functions.partition_point(|function| file_of(function) < self.source.file);
        let mut found = Vec::new();
        for (index, function) in functions.iter().enumerate().skip(first) {
            let Some(definition) = function
                .definition
                .as_ref()
                .filter(|it| it.file == self.source.file)
            else {
                break;
            };
            if definition.module == module {
                let node = self.project.node_of(index);
                found.push(self.function(node, &function.name, function.arity, definition, analyzer));
            }
        }
        found
    }

    fn function(
        &self,
        node: u32,
        name: &str,
        arity: u8,
        definition: &Definition,
        analyzer: &mut Analyzer<'_>,
    ) -> Value {
        let nothing = FunctionAbout::default();
        let about = self
            .about
            .functions
            .get(definition.in_outline as usize)
            .unwrap_or(&nothing);
        let clauses: Vec<Value> = self
            .source
            .clauses(definition)
            .map(|clause| self.clause(clause))
            .collect();
        let (tree, outline) = (&self.source.tree, &self.source.outline);
        let effects: Option<Vec<&str>> = analyzer.function(definition.in_outline).map(|flow| {
            own(tree, &flow, |module| outline.expand(tree, module))
                .effects
                .names()
                .collect()
        });
        let measures = definition.complexity;
        json!({
            "name": name,
            "arity": arity,
            "defaults": definition.defaults,
            "word": definition.kind.word(),
            "line": definition.line,
            "end_line": definition.end_line,
            "doc": doc(&about.doc),
            "doc_metadata": metadata(&about.metadata),
            "since": about.since,
            "deprecated": about.deprecated,
            "specs": self.specs(&about.specs),
            "implements": match &about.implements {
                Implements::Unsaid => Value::Null,
                Implements::Some => json!(true),
                Implements::Behaviour(name) => json!(text(name)),
            },
            "is_callback": definition.is_callback,
            "is_damaged": definition.is_damaged,
            "clauses": clauses,
            "complexity": {
                "cyclomatic": measures.cyclomatic,
                "cognitive": measures.cognitive,
                "assignments": measures.assignments,
                "branches": measures.branches,
                "conditions": measures.conditions,
                "nesting": measures.nesting,
                "lines": measures.lines,
                "is_recursive": measures.recursive,
            },
            "content_id": definition.content.exact.to_string(),
            "alpha_id": definition.content.alpha.to_string(),
            "effects": effects,
            "callers": callers(self.project, node),
            "calls": calls(self.project, node),
        })
    }

    fn clause(&self, clause: &Clause) -> Value {
        let (line, end_line) = self.source.lines(clause.node);
        let shown = |node| render(&self.source.tree, node, VALUE_BYTES_MAX).text;
        json!({
            "head": shown(clause.head),
            "guard": clause.guard.map(shown),
            "has_body": clause.index.is_some(),
            "line": line,
            "end_line": end_line,
        })
    }
}

/// How many functions and module bodies reach it by calls, captures and messages.
fn callers(project: &CodeProject, node: u32) -> usize {
    let mut found = BTreeSet::new();
    for kind in REACHES.iter() {
        found.extend(
            project
                .graph()
                .row(node, kind, Direction::Back)
                .iter()
                .map(|(from, _)| from),
        );
    }
    found.len()
}

/// Each place from which a function or module body reaches another, by line.
pub(super) fn calls(project: &CodeProject, node: u32) -> Vec<Value> {
    let sites = project.sites();
    let first = sites.partition_point(|site| site.from < node);
    let mut own: Vec<_> = sites
        .iter()
        .skip(first)
        .take_while(|site| site.from == node)
        .collect();
    own.sort_by_key(|site| (site.line, site.to, site.how));
    let one = |site: &&crate::project::CallSite| {
        let (file, line) = project.place(site.to).unzip();
        json!({
            "to": project.text(site.to),
            "how": site.how,
            "line": site.line,
            "clause_line": (site.clause_line > 0).then_some(site.clause_line),
            "provenance": site.mark.provenance().name(),
            "confidence": site.mark.confidence().name(),
            "file": file,
            "at_line": line,
        })
    };
    own.iter().map(one).collect()
}
