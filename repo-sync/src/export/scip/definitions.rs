//! Definitions: modules, functions, callbacks, types, fields, attributes.

use codegraph::DefinitionKind;
use codegraph::about::{Doc, Implements, ModuleAbout, VALUE_BYTES_MAX, render};
use codegraph::quoted::{Kind, NodeId};
use scip::types::Relationship;
use scip::types::symbol_information::Kind as SymbolKind;

use super::file::{FileIndex, Said, Span, implements};

impl FileIndex<'_> {
    pub(super) fn definitions(&mut self) {
        for module in 0..self.source.outline.modules.len() {
            self.module(module);
        }
        for function in 0..self.source.outline.functions.len() {
            self.function(function);
        }
    }

    fn module(&mut self, index: usize) {
        let (tree, outline) = (&self.source.tree, &self.source.outline);
        let Some(module) = outline.modules.get(index) else {
            return;
        };
        let about = self.about.modules.get(index).cloned().unwrap_or_default();
        let around = Some(self.span(module.node));
        let node = self
            .modules
            .get(index)
            .and_then(|found| found.as_ref().map(|(_, node)| *node));
        let behaviours = node
            .and_then(|node| self.project.module(node))
            .map(|module| module.behaviours.clone());
        for (place, name) in module.names.iter().enumerate() {
            let mut relationships: Vec<Relationship> = Vec::new();
            let mut targets: Vec<String> = behaviours.clone().unwrap_or_default();
            if module.kind == DefinitionKind::Defimpl {
                targets.extend(outline.expand(tree, module.name));
            }
            targets.sort();
            targets.dedup();
            for target in targets {
                relationships.push(implements(self.module_symbol(&target)));
            }
            let word = module.kind.word();
            let short = crate::export::document::text(name);
            let said = Said {
                kind: match module.kind {
                    DefinitionKind::Defprotocol => SymbolKind::Protocol,
                    _ => SymbolKind::Module,
                },
                signature: Some(format!("{word} {short}")),
                name: short,
                doc: text(&about.doc),
                relationships,
                around,
            };
            let at = match module.kind {
                DefinitionKind::Defimpl => self.implemented(module.node, place).unwrap_or(module.name),
                _ => module.name,
            };
            let symbol = self.symbols.module(name);
            self.define(symbol, self.span(at), said);
        }
        if let Some(name) = module.names.first() {
            self.types_and_callbacks(name, &about);
            self.fields_and_attributes(name, &about);
        }
    }

    fn types_and_callbacks(&mut self, name: &str, about: &ModuleAbout) {
        for one in &about.types {
            let at = self.head(one.node).and_then(|head| self.name_span(head));
            let said = Said {
                kind: SymbolKind::Type,
                name: one.name.clone(),
                doc: text(&one.doc),
                signature: Some(one.text.clone()),
                around: Some(self.span(one.node)),
                ..Said::default()
            };
            if let Some(at) = at {
                self.define(self.symbols.type_of(name, &one.name, one.arity), at, said);
            }
        }
        for one in &about.callbacks {
            let lines: Vec<&str> = one.specs.iter().map(|spec| spec.text.as_str()).collect();
            for spec in &one.specs {
                let at = self.head(spec.node).and_then(|head| self.name_span(head));
                let said = Said {
                    kind: SymbolKind::AbstractMethod,
                    name: one.name.clone(),
                    doc: text(&one.doc),
                    signature: Some(lines.join("\n")),
                    around: Some(self.span(spec.node)),
                    ..Said::default()
                };
                if let Some(at) = at {
                    self.define(self.symbols.callback(name, &one.name, one.arity), at, said);
                }
            }
        }
    }

    fn fields_and_attributes(&mut self, name: &str, about: &ModuleAbout) {
        for field in &about.fields {
            let default = field
                .default
                .as_ref()
                .map(|default| format!("{}: {default}", field.name));
            let said = Said {
                kind: SymbolKind::Field,
                name: field.name.clone(),
                signature: default,
                ..Said::default()
            };
            if let Some(at) = self.atom(field.node, &field.name) {
                self.define(self.symbols.field(name, &field.name), at, said);
            }
        }
        for one in &about.attributes {
            let said = Said {
                kind: SymbolKind::Constant,
                name: one.name.clone(),
                signature: Some(format!("@{} {}", one.name, one.value)),
                around: Some(self.span(one.node)),
                ..Said::default()
            };
            let inner = self.source.tree.kid(one.node, 0);
            if let Some(at) = inner.and_then(|inner| self.name_span(inner)) {
                self.define(self.symbols.attribute(name, &one.name), at, said);
            }
        }
    }

    /// What `for:` names at this place, of `defimpl P, for: [A, B]`.
    fn implemented(&self, node: NodeId, place: usize) -> Option<NodeId> {
        let tree = &self.source.tree;
        let lists = tree.kids(node).get(1..)?;
        let value = lists.iter().find_map(|list| tree.keyword(*list, "for"))?;
        match tree.node(value).kind {
            Kind::List => tree.kid(value, place),
            _ => Some(value),
        }
    }

    /// The word of an atom: `id` of `:id` and of `id: 1`.
    fn atom(&self, node: NodeId, name: &str) -> Option<Span> {
        let (start, _) = self.span(node);
        let end = |start: u32| start + name.len() as u32;
        self.exactly((start, end(start)), name)
            .or_else(|| self.exactly((start + 1, end(start + 1)), name))
    }

    /// The head of a type, specification or callback.
    pub(super) fn head(&self, attribute: NodeId) -> Option<NodeId> {
        let tree = &self.source.tree;
        let mut head = tree.kid(tree.kid(attribute, 0)?, 0)?;
        for word in ["when", "::"] {
            if tree.is_call(head, word, 2) {
                head = tree.kid(head, 0)?;
            }
        }
        Some(head)
    }

    fn function(&mut self, index: usize) {
        let (tree, outline) = (&self.source.tree, &self.source.outline);
        let Some(number) = self.functions.get(&(index as u32)) else {
            return;
        };
        let (Some(known), Some(function)) = (
            self.project.functions().get(*number),
            outline.functions.get(index),
        ) else {
            return;
        };
        let about = self.about.functions.get(index).cloned().unwrap_or_default();
        let clauses = || {
            function
                .clauses
                .iter()
                .filter_map(|clause| outline.clauses.get(*clause as usize))
        };
        let Some(first) = clauses().next() else {
            return;
        };
        let word = function.kind.word();
        let head = render(tree, first.head, VALUE_BYTES_MAX).text;
        let mut signature: Vec<String> = about
            .specs
            .iter()
            .map(|spec| format!("@spec {}", spec.text))
            .collect();
        signature.push(format!("{word} {head}"));
        let symbol = self.symbols.function(&known.module, &known.name, known.arity);
        let relationships = self.implemented_by(function.module, known, &about.implements);
        let mut said = Some(Said {
            kind: match function.kind {
                DefinitionKind::Def | DefinitionKind::Defp | DefinitionKind::Defdelegate => {
                    SymbolKind::Function
                }
                _ => SymbolKind::Macro,
            },
            name: format!("{}/{}", known.name, known.arity),
            doc: text(&about.doc),
            signature: Some(signature.join("\n")),
            relationships,
            around: Some(self.span(first.node)),
        });
        let spans: Vec<Option<Span>> = clauses().map(|clause| self.name_span(clause.head)).collect();
        for at in spans.into_iter().flatten() {
            match said.take() {
                Some(said) => self.define(symbol.clone(), at, said),
                None => self.refer(symbol.clone(), at, scip::types::SymbolRole::UnspecifiedSymbolRole),
            }
        }
        for spec in &about.specs {
            let at = self.head(spec.node).and_then(|head| self.name_span(head));
            if let Some(at) = at {
                self.refer(symbol.clone(), at, scip::types::SymbolRole::UnspecifiedSymbolRole);
            }
        }
    }

    /// The callbacks and protocol functions that a function implements.
    fn implemented_by(
        &mut self,
        module: Option<u32>,
        known: &crate::project::CodeFunction,
        said: &Implements,
    ) -> Vec<Relationship> {
        let outline = &self.source.outline;
        let Some(module) = module.and_then(|module| outline.modules.get(module as usize)) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        if module.kind == DefinitionKind::Defimpl {
            if let Some(protocol) = outline.expand(&self.source.tree, module.name) {
                let symbol = self.symbols.function(&protocol, &known.name, known.arity);
                if !self.symbols.is_own(&protocol) {
                    self.outside(&symbol, SymbolKind::Function, &known.name);
                }
                found.push(implements(symbol));
            }
            return found;
        }
        let definition = known.definition.as_ref();
        let behaviours = definition
            .and_then(|definition| self.project.module(definition.module))
            .map(|module| module.behaviours.clone())
            .unwrap_or_default();
        let is_callback = definition.is_some_and(|definition| definition.is_callback);
        let only = behaviours.len() == 1 && is_callback;
        for behaviour in behaviours {
            let symbol = self.symbols.callback(&behaviour, &known.name, known.arity);
            if self.symbols.is_own(&behaviour) {
                found.push(implements(symbol));
            } else if only || *said == Implements::Behaviour(behaviour) {
                self.outside(&symbol, SymbolKind::AbstractMethod, &known.name);
                found.push(implements(symbol));
            }
        }
        found
    }
}

fn text(doc: &Doc) -> Option<String> {
    doc.text().map(str::to_owned)
}
