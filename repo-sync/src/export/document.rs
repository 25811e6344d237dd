//! A module as one JSON document. What each name means, and that names stay, is said in
//! `docs/code-graph/module-document.md`; its schema lies beside it.

use codegraph::about::{About, Doc, ModuleAbout, Spec, TypeKind};
use codegraph::definitions::{DirectiveKind, Outline};
use codegraph::flow::Analyzer;
use serde_json::{Map, Value, json};

use super::body;
use crate::FileFault;
use crate::project::{CodeModule, CodeProject, FileSource};

/// The version of the document's schema. It grows when a name changes its meaning or goes; new names do not change it.
pub const DOCUMENT_VERSION: u32 = 1;

/// The document of one module, by its node.
pub fn module_document(project: &CodeProject, module: u32) -> Result<Option<Value>, FileFault> {
    let Some(found) = project.module(module) else {
        return Ok(None);
    };
    let documents = file_documents(project, found.file)?;
    Ok(documents
        .into_iter()
        .find(|(node, _)| *node == module)
        .map(|(_, document)| document))
}

/// The documents of all modules of one file, by their nodes. The file is read and parsed once.
pub fn file_documents(project: &CodeProject, file: u32) -> Result<Vec<(u32, Value)>, FileFault> {
    let source = project.source(file)?;
    let reading = Reading {
        about: About::of(&source.tree, &source.outline),
        project,
        source: &source,
    };
    let mut analyzer = Analyzer::new(&source.tree, &source.outline);
    let mut documents = Vec::new();
    for (in_outline, nodes) in modules_of(project, file, &source.outline) {
        for node in nodes {
            if let Some(module) = project.module(node) {
                documents.push((node, reading.module(node, module, in_outline, &mut analyzer)));
            }
        }
    }
    Ok(documents)
}

/// The nodes of each module of a file's outline: several for one that has several names.
pub(super) fn modules_of(project: &CodeProject, file: u32, outline: &Outline) -> Vec<(usize, Vec<u32>)> {
    // Modules are in the order of the files, and in a file in the order of the outline.
    let first = project.modules().partition_point(|module| module.file < file);
    let mut next = first as u32;
    let mut found = Vec::new();
    for (index, module) in outline.modules.iter().enumerate() {
        let count = module.names.len().max(1) as u32;
        let nodes = (next..next + count)
            .filter(|node| project.module(*node).is_some_and(|module| module.file == file))
            .collect();
        found.push((index, nodes));
        next += count;
    }
    found
}

pub(super) struct Reading<'a> {
    pub(super) project: &'a CodeProject,
    pub(super) source: &'a FileSource,
    pub(super) about: About,
}

impl Reading<'_> {
    fn module(
        &self,
        node: u32,
        module: &CodeModule,
        in_outline: usize,
        analyzer: &mut Analyzer<'_>,
    ) -> Value {
        let nothing = ModuleAbout::default();
        let about = self.about.modules.get(in_outline).unwrap_or(&nothing);
        let file = self.project.files().get(module.file as usize);
        let kinds: Vec<String> = module.kinds.iter().map(|kind| format!("{kind:?}")).collect();
        let behaviours: Vec<String> = module.behaviours.iter().map(|name| text(name)).collect();
        let outline = self.source.outline.modules.get(in_outline);
        let has_struct = outline.is_some_and(|module| module.fields.is_some());
        json!({
            "schema": DOCUMENT_VERSION,
            "name": module.text(),
            "word": module.kind.word(),
            "is": kinds,
            "file": file.map_or("", |file| &file.path),
            "line": module.line,
            "end_line": module.end_line,
            "doc": doc(&about.doc),
            "doc_metadata": metadata(&about.metadata),
            "behaviours": behaviours,
            "directives": self.directives(about),
            "attributes": self.attributes(about),
            "types": self.types(about),
            "callbacks": self.callbacks(about),
            "struct": has_struct.then(|| self.structure(about)),
            "functions": self.functions(node, analyzer),
            "calls": body::calls(self.project, node),
        })
    }

    pub(super) fn line(&self, node: codegraph::quoted::NodeId) -> u32 {
        self.source.lines(node).0
    }

    fn directives(&self, about: &ModuleAbout) -> Vec<Value> {
        let word = |kind| match kind {
            DirectiveKind::Alias => "alias",
            DirectiveKind::Import => "import",
            DirectiveKind::Require => "require",
            DirectiveKind::Use => "use",
        };
        let one = |one: &codegraph::about::DirectiveAbout| {
            let modules: Vec<String> = one.targets.iter().map(|name| text(name)).collect();
            json!({ "word": word(one.kind), "modules": modules, "options": one.options, "line": self.line(one.node) })
        };
        about.directives.iter().map(one).collect()
    }

    fn attributes(&self, about: &ModuleAbout) -> Vec<Value> {
        let one = |one: &codegraph::about::AttributeAbout| json!({ "name": one.name, "value": one.value, "is_cut": one.is_cut, "line": self.line(one.node) });
        about.attributes.iter().map(one).collect()
    }

    fn types(&self, about: &ModuleAbout) -> Vec<Value> {
        let one = |one: &codegraph::about::TypeAbout| {
            json!({
                "name": one.name,
                "arity": one.arity,
                "kind": match one.kind {
                    TypeKind::Public => "type",
                    TypeKind::Private => "typep",
                    TypeKind::Opaque => "opaque",
                },
                "text": one.text,
                "doc": doc(&one.doc),
                "doc_metadata": metadata(&one.metadata),
                "line": self.line(one.node),
            })
        };
        about.types.iter().map(one).collect()
    }

    fn callbacks(&self, about: &ModuleAbout) -> Vec<Value> {
        let one = |one: &codegraph::about::CallbackAbout| {
            json!({
                "name": one.name,
                "arity": one.arity,
                "is_macro": one.is_macro,
                "is_optional": one.is_optional,
                "specs": self.specs(&one.specs),
                "doc": doc(&one.doc),
                "doc_metadata": metadata(&one.metadata),
            })
        };
        about.callbacks.iter().map(one).collect()
    }

    pub(super) fn specs(&self, specs: &[Spec]) -> Vec<Value> {
        let one = |spec: &Spec| json!({ "text": spec.text, "line": self.line(spec.node) });
        specs.iter().map(one).collect()
    }

    fn structure(&self, about: &ModuleAbout) -> Value {
        let fields = about.fields.iter().map(|field| {
            json!({
                "name": field.name,
                "default": field.default,
                "is_enforced": field.is_enforced,
                "line": self.line(field.node),
            })
        });
        json!({ "fields": fields.collect::<Vec<Value>>(), "computed": about.computed_fields })
    }
}

/// Documentation: a state, and a text where there is one.
pub(super) fn doc(doc: &Doc) -> Value {
    let state = match doc {
        Doc::None => "none",
        Doc::Hidden => "hidden",
        Doc::Text(_) => "text",
        Doc::Computed(_) => "computed",
    };
    json!({ "state": state, "text": doc.text() })
}

/// Of a name that is said twice the last counts.
pub(super) fn metadata(pairs: &[(String, String)]) -> Value {
    let map: Map<String, Value> = pairs
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    Value::Object(map)
}

/// A module's name as the source has it.
pub(super) fn text(name: &str) -> String {
    match name.strip_prefix("Elixir.") {
        Some(short) => short.to_owned(),
        None => format!(":{name}"),
    }
}
