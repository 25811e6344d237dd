//! What of a source file can be searched: a document each for its modules, functions, types and callbacks.
//!
//! [`documents`] makes those of one file, a pure function of its tree, so that an index takes a changed file
//! alone. [`fill()`] puts a whole project into an index.

mod body;
mod comments;
mod fill;
mod importance;

use std::collections::BTreeMap;

use codegraph::DefinitionKind;
use codegraph::about::{About, Doc, Spec, TypeKind};
use codegraph::definitions::{Function, Outline};
use codegraph::quoted::{NodeId, Quoted, Symbol};
use search::{Document, Kind};

pub use comments::Comments;
pub use fill::{FillFault, fill, fill_files, is_filled, stamp};
pub use importance::importance;

use body::Body;
use comments::Said;

/// A document and the node of the file that it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The document.
    pub document: Document,
    /// The first clause of a function, the definition of a module, the attribute of a type or callback.
    pub node: NodeId,
    /// All its nodes: a function has one a clause.
    pub nodes: Vec<NodeId>,
}

/// The documents of a file, in the order modules, functions, types and callbacks. A module or function whose name the
/// source computes has none; one that is defined under several names has several. `comments` are those of the file,
/// `importance` is 0 to 1 by id.
#[must_use]
pub fn documents(
    tree: &Quoted,
    outline: &Outline,
    comments: &Comments<'_>,
    importance: &dyn Fn(&str) -> f32,
) -> Vec<Found> {
    let file = File {
        tree,
        outline,
        about: About::of(tree, outline),
        said: comments.said(tree, outline),
    };
    let mut out = Vec::new();
    file.modules(&mut out);
    file.functions(&mut out);
    file.types(&mut out);
    for found in &mut out {
        found.document.importance = importance(&found.document.id);
    }
    out
}

struct File<'a> {
    tree: &'a Quoted,
    outline: &'a Outline,
    about: About,
    said: Said,
}

impl File<'_> {
    fn modules(&self, out: &mut Vec<Found>) {
        let tree = self.tree;
        let mut functions: BTreeMap<u32, Vec<&Function>> = BTreeMap::new();
        for function in &self.outline.functions {
            if let Some(module) = function.module {
                functions.entry(module).or_default().push(function);
            }
        }
        for (index, module) in self.outline.modules.iter().enumerate() {
            let kind = match module.kind {
                DefinitionKind::Defprotocol => Kind::Protocol,
                DefinitionKind::Defimpl => Kind::Implementation,
                _ => Kind::Module,
            };
            let mut body = Body::new(tree, self.outline);
            if let Some(inside) = module.body {
                body.module(inside);
            }
            // What a module offers says what it is about.
            for function in functions.get(&(index as u32)).into_iter().flatten() {
                if is_public(function.kind) {
                    body.identifier(function.name);
                }
            }
            for field in module.fields.iter().flat_map(|(_, fields)| fields) {
                body.identifier(*field);
            }
            let body = body.finish();
            let doc = text_of(self.about.modules.get(index).map(|about| &about.doc));
            for name in &module.names {
                let name = shown(name);
                let mut document = Document::new(&name, kind, plain(&name), plain(&name));
                document.summary = first_line(&doc);
                document.doc.clone_from(&doc);
                body.clone().put(self.said.of_module(index), &mut document);
                out.push(Found::at(document, module.node));
            }
        }
    }

    fn functions(&self, out: &mut Vec<Found>) {
        let tree = self.tree;
        for (index, function) in self.outline.functions.iter().enumerate() {
            let module = function
                .module
                .and_then(|module| self.outline.modules.get(module as usize));
            let (Some(module), true) = (module, function.name != Symbol::NONE) else {
                continue;
            };
            let clauses = function.clauses.iter();
            let nodes: Vec<NodeId> = clauses
                .filter_map(|clause| Some(self.outline.clauses.get(*clause as usize)?.node))
                .collect();
            let Some(node) = nodes.first().copied() else {
                continue;
            };
            let mut body = Body::new(tree, self.outline);
            for node in &nodes {
                body.clause(*node);
            }
            let body = body.finish();
            let kind = match function.kind {
                DefinitionKind::Defmacro | DefinitionKind::Defmacrop => Kind::Macro,
                DefinitionKind::Defguard | DefinitionKind::Defguardp => Kind::Guard,
                _ => Kind::Function,
            };
            let name = tree.symbols().text(function.name);
            let about = self.about.functions.get(index);
            let spec = specs(about.map_or(&[][..], |about| about.specs.as_slice()));
            for module in &module.names {
                let module = shown(module);
                let no_doc = Doc::default();
                let doc = about.map_or(&no_doc, |about| &about.doc);
                let mut document = described(kind, &module, name, function.arity, doc);
                document.is_public = is_public(function.kind);
                document.spec.clone_from(&spec);
                body.clone().put(self.said.of_function(index), &mut document);
                out.push(Found {
                    document,
                    node,
                    nodes: nodes.clone(),
                });
            }
        }
    }

    /// Types and callbacks.
    fn types(&self, out: &mut Vec<Found>) {
        for (module, about) in self.outline.modules.iter().zip(&self.about.modules) {
            for module in &module.names {
                let module = shown(module);
                for one in &about.types {
                    let mut document = described(Kind::Type, &module, &one.name, one.arity, &one.doc);
                    document.is_public = one.kind != TypeKind::Private;
                    document.spec.clone_from(&one.text);
                    out.push(Found::at(document, one.node));
                }
                for one in &about.callbacks {
                    let Some(first) = one.specs.first() else {
                        continue;
                    };
                    let mut document = described(Kind::Callback, &module, &one.name, one.arity, &one.doc);
                    document.spec = specs(&one.specs);
                    out.push(Found::at(document, first.node));
                }
            }
        }
    }
}

impl Found {
    fn at(document: Document, node: NodeId) -> Self {
        Self {
            document,
            node,
            nodes: vec![node],
        }
    }
}

/// A document with its name and documentation.
fn described(kind: Kind, module: &str, name: &str, arity: u8, doc: &Doc) -> Document {
    let id = format!("{module}.{name}/{arity}");
    let mut document = Document::new(&id, kind, plain(module), name);
    document.arity = Some(arity);
    document.doc = text_of(Some(doc));
    document.summary = first_line(&document.doc);
    document
}

fn text_of(doc: Option<&Doc>) -> String {
    doc.and_then(Doc::text).unwrap_or_default().to_owned()
}

fn specs(specs: &[Spec]) -> String {
    let texts: Vec<&str> = specs.iter().map(|spec| spec.text.as_str()).collect();
    texts.join("\n")
}

fn is_public(kind: DefinitionKind) -> bool {
    !matches!(
        kind,
        DefinitionKind::Defp | DefinitionKind::Defmacrop | DefinitionKind::Defguardp
    )
}

/// A module as the source has it: `Shop.Stock`, `:maps`.
fn shown(name: &str) -> String {
    match name.strip_prefix("Elixir.") {
        Some(short) => short.to_owned(),
        None => format!(":{name}"),
    }
}

fn plain(name: &str) -> &str {
    name.strip_prefix(':').unwrap_or(name)
}

/// The first line with something in it.
fn first_line(doc: &str) -> String {
    let line = doc.lines().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or_default().to_owned()
}
