//! The walk over a file's attributes and clauses: each attribute goes to what it describes.

use std::collections::HashMap;

use super::doc::{self, Metadata};
use super::modules::{AttributeAbout, CallbackAbout, DirectiveAbout, ModuleAbout, TypeAbout, TypeKind};
use super::{About, Doc, FunctionAbout, Implements, Spec, TYPE_BYTES_MAX, VALUE_BYTES_MAX, fields, render};
use crate::definitions::{Attribute, Outline};
use crate::quoted::{Kind, NodeId, Quoted, Symbol};

/// What waits for the definition that it describes.
#[derive(Debug, Default)]
struct Waiting {
    doc: Doc,
    metadata: Metadata,
    since: Option<String>,
    deprecated: Option<String>,
    implements: Implements,
    typedoc: Doc,
    type_metadata: Metadata,
    enforced: Vec<String>,
    optional: Vec<(Symbol, u8)>,
}

/// Specifications of one name, each with its number of parameters.
type Specs = Vec<(u8, Spec)>;

pub(super) struct Reading<'a> {
    tree: &'a Quoted,
    outline: &'a Outline,
    pub(super) about: About,
    // One a module, and the last for what is outside of all.
    waiting: Vec<Waiting>,
    specs: HashMap<(Option<u32>, Symbol), Specs>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(tree: &'a Quoted, outline: &'a Outline) -> Self {
        let mut about = About::default();
        about
            .modules
            .resize_with(outline.modules.len(), ModuleAbout::default);
        about
            .functions
            .resize_with(outline.functions.len(), FunctionAbout::default);
        let mut waiting = Vec::new();
        waiting.resize_with(outline.modules.len() + 1, Waiting::default);
        Self {
            tree,
            outline,
            about,
            waiting,
            specs: HashMap::new(),
        }
    }

    pub(super) fn run(&mut self) {
        let (tree, outline) = (self.tree, self.outline);
        let mut clauses = outline.clauses.iter().peekable();
        let start = |node: NodeId| tree.subtree(node).start;
        for attribute in &outline.attributes {
            while let Some(clause) = clauses.next_if(|clause| start(clause.node) < start(attribute.node)) {
                self.clause(clause.function);
            }
            self.attribute(attribute);
        }
        for clause in clauses {
            self.clause(clause.function);
        }
        for directive in outline.directives.iter().filter(|one| one.clause.is_none()) {
            let about = directive
                .module
                .and_then(|module| self.about.modules.get_mut(module as usize));
            if let Some(about) = about {
                about.directives.push(DirectiveAbout {
                    kind: directive.kind,
                    targets: directive.targets.clone(),
                    options: directive
                        .options
                        .map(|options| render(tree, options, VALUE_BYTES_MAX).text),
                    node: directive.node,
                });
            }
        }
        self.finish();
    }

    fn slot(&self, module: Option<u32>) -> usize {
        let outside = self.waiting.len().saturating_sub(1);
        module.map_or(outside, |module| (module as usize).min(outside))
    }

    /// A definition takes what waits for it.
    fn clause(&mut self, function: u32) {
        let Some(known) = self.outline.functions.get(function as usize) else {
            return;
        };
        let slot = self.slot(known.module);
        let (Some(waiting), Some(about)) = (
            self.waiting.get_mut(slot),
            self.about.functions.get_mut(function as usize),
        ) else {
            return;
        };
        match std::mem::take(&mut waiting.doc) {
            Doc::None => {}
            doc => about.doc = doc,
        }
        about.metadata.append(&mut waiting.metadata);
        about.since = waiting.since.take().or_else(|| about.since.take());
        about.deprecated = waiting.deprecated.take().or_else(|| about.deprecated.take());
        match std::mem::take(&mut waiting.implements) {
            Implements::Unsaid => {}
            implements => about.implements = implements,
        }
    }

    fn attribute(&mut self, attribute: &Attribute) {
        let (tree, value) = (self.tree, attribute.value);
        let slot = self.slot(attribute.module);
        let expanded = self.outline.expand(tree, value);
        let Some(waiting) = self.waiting.get_mut(slot) else {
            return;
        };
        let mut nowhere = ModuleAbout::default();
        let module = self.about.modules.get_mut(slot).unwrap_or(&mut nowhere);
        let name = tree.symbols().text(attribute.name);
        match name {
            "moduledoc" => doc::read(tree, value, &mut module.doc, &mut module.metadata),
            "doc" => doc::read(tree, value, &mut waiting.doc, &mut waiting.metadata),
            "typedoc" => doc::read(tree, value, &mut waiting.typedoc, &mut waiting.type_metadata),
            "since" => waiting.since = doc::plain(tree, value),
            "deprecated" => waiting.deprecated = doc::plain(tree, value),
            "impl" => {
                waiting.implements = match (tree.node(value).kind, tree.text(value)) {
                    (Kind::Atom, "true") => Implements::Some,
                    (Kind::Atom, "false") => Implements::Unsaid,
                    _ => expanded.map_or(Implements::Some, Implements::Behaviour),
                };
            }
            "behaviour" if expanded.is_some() => module.behaviours.extend(expanded),
            "enforce_keys" => fields::enforce(tree, value, &mut waiting.enforced),
            "optional_callbacks" => optional(tree, value, &mut waiting.optional),
            "spec" => {
                if let Some((name, arity)) = attribute.about {
                    let spec = Spec {
                        text: render(tree, value, TYPE_BYTES_MAX).text,
                        node: attribute.node,
                    };
                    self.specs
                        .entry((attribute.module, name))
                        .or_default()
                        .push((arity, spec));
                }
            }
            "type" | "typep" | "opaque" => {
                if let Some((of, arity)) = attribute.about {
                    module.types.push(TypeAbout {
                        kind: match name {
                            "typep" => TypeKind::Private,
                            "opaque" => TypeKind::Opaque,
                            _ => TypeKind::Public,
                        },
                        name: tree.symbols().text(of).to_owned(),
                        arity,
                        text: render(tree, value, TYPE_BYTES_MAX).text,
                        doc: std::mem::take(&mut waiting.typedoc),
                        metadata: std::mem::take(&mut waiting.type_metadata),
                        node: attribute.node,
                    });
                }
            }
            "callback" | "macrocallback" => {
                if let Some((of, arity)) = attribute.about {
                    let spec = Spec {
                        text: render(tree, value, TYPE_BYTES_MAX).text,
                        node: attribute.node,
                    };
                    callback(
                        module,
                        waiting,
                        (tree.symbols().text(of), arity, name == "macrocallback"),
                        spec,
                    );
                }
            }
            _ => {
                let shown = render(tree, value, VALUE_BYTES_MAX);
                module.attributes.push(AttributeAbout {
                    name: name.to_owned(),
                    value: shown.text,
                    is_cut: shown.is_cut,
                    node: attribute.node,
                });
            }
        }
    }

    /// What is known only at the end of a module.
    fn finish(&mut self) {
        let tree = self.tree;
        let modules = self.outline.modules.iter().zip(&mut self.about.modules);
        for ((module, about), waiting) in modules.zip(&self.waiting) {
            fields::read(tree, module, about);
            for field in &mut about.fields {
                field.is_enforced = waiting.enforced.contains(&field.name);
            }
            for callback in &mut about.callbacks {
                callback.is_optional = waiting.optional.iter().any(|(name, arity)| {
                    *arity == callback.arity && tree.symbols().text(*name) == callback.name
                });
            }
        }
        for (function, about) in self.outline.functions.iter().zip(&mut self.about.functions) {
            let of_name = self.specs.get(&(function.module, function.name));
            let specs = of_name
                .into_iter()
                .flatten()
                .filter(|(arity, _)| function.takes(*arity));
            about.specs = specs.map(|(_, spec)| spec.clone()).collect();
            let said = |key: &str| {
                let found = about.metadata.iter().rev().find(|(name, _)| name == key);
                found.map(|(_, value)| value.clone())
            };
            about.since = about.since.take().or_else(|| said("since"));
            about.deprecated = about.deprecated.take().or_else(|| said("deprecated"));
        }
    }
}

fn callback(module: &mut ModuleAbout, waiting: &mut Waiting, of: (&str, u8, bool), spec: Spec) {
    let (name, arity, is_macro) = of;
    let doc = std::mem::take(&mut waiting.doc);
    let mut metadata = std::mem::take(&mut waiting.metadata);
    let known = module
        .callbacks
        .iter_mut()
        .find(|one| (one.name.as_str(), one.arity) == (name, arity));
    if let Some(known) = known {
        known.specs.push(spec);
        known.metadata.append(&mut metadata);
        if doc != Doc::None {
            known.doc = doc;
        }
        return;
    }
    module.callbacks.push(CallbackAbout {
        is_macro,
        name: name.to_owned(),
        arity,
        specs: vec![spec],
        is_optional: false,
        doc,
        metadata,
    });
}

/// `[init: 1, handle_call: 3]`.
fn optional(tree: &Quoted, value: NodeId, into: &mut Vec<(Symbol, u8)>) {
    for pair in tree.kids(value) {
        if let (Kind::Pair, [name, arity]) = (tree.node(*pair).kind, tree.kids(*pair))
            && let Ok(arity) = tree.text(*arity).parse()
        {
            into.push((tree.node(*name).symbol, arity));
        }
    }
}
