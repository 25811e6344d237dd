//! One file's document: ranges, and the lists that definitions and references are added to.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use codegraph::about::About;
use codegraph::quoted::{Kind, NodeId};
use protobuf::{EnumOrUnknown, MessageField};
use scip::types::symbol_information::Kind as SymbolKind;
use scip::types::{Document, Occurrence, PositionEncoding, Relationship, SymbolInformation, SymbolRole};

use super::symbols::Symbols;
use crate::export::document::modules_of;
use crate::project::{CodeProject, FileSource};

/// Bytes of the source, first and after the last.
pub(super) type Span = (u32, u32);

/// What a new definition says.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) kind: SymbolKind,
    pub(super) name: String,
    pub(super) doc: Option<String>,
    pub(super) signature: Option<String>,
    pub(super) relationships: Vec<Relationship>,
    /// The whole definition.
    pub(super) around: Option<Span>,
}

/// Makes the document of one file.
#[derive(Debug)]
pub(super) struct FileIndex<'a> {
    pub(super) project: &'a CodeProject,
    pub(super) symbols: &'a Symbols,
    pub(super) source: &'a FileSource,
    pub(super) about: About,
    /// Of each module of the outline: its first name as the VM has it, and its node.
    pub(super) modules: Vec<Option<(String, u32)>>,
    /// Of each function of the outline: its number among the project's.
    pub(super) functions: HashMap<u32, usize>,
    pub(super) defined: &'a mut BTreeSet<String>,
    pub(super) external: &'a mut BTreeMap<String, SymbolInformation>,
    pub(super) document: Document,
    starts: Vec<u32>,
    // Ranges that have an occurrence of this symbol.
    seen: BTreeSet<(Span, String)>,
}

impl<'a> FileIndex<'a> {
    pub(super) fn new(
        project: &'a CodeProject,
        symbols: &'a Symbols,
        source: &'a FileSource,
        defined: &'a mut BTreeSet<String>,
        external: &'a mut BTreeMap<String, SymbolInformation>,
    ) -> Self {
        let outline = &source.outline;
        let modules = modules_of(project, source.file, outline)
            .into_iter()
            .map(|(index, nodes)| {
                let name = outline.modules.get(index)?.names.first()?;
                Some((name.clone(), *nodes.first()?))
            });
        let mut functions = HashMap::new();
        for (index, function) in project.functions().iter().enumerate() {
            if let Some(definition) = function.definition.as_ref().filter(|it| it.file == source.file) {
                functions.entry(definition.in_outline).or_insert(index);
            }
        }
        let path = project
            .files()
            .get(source.file as usize)
            .map_or("", |file| &file.path);
        let breaks = source.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            about: About::of(&source.tree, outline),
            modules: modules.collect(),
            functions,
            document: Document {
                language: "elixir".to_owned(),
                relative_path: path.to_owned(),
                position_encoding: EnumOrUnknown::new(PositionEncoding::UTF8CodeUnitOffsetFromLineStart),
                ..Document::default()
            },
            starts: std::iter::once(0)
                .chain(breaks.map(|(at, _)| at as u32 + 1))
                .collect(),
            seen: BTreeSet::new(),
            project,
            symbols,
            source,
            defined,
            external,
        }
    }

    pub(super) fn run(mut self) -> Document {
        self.definitions();
        self.references();
        self.locals();
        self.document
            .occurrences
            .sort_by(|a, b| (&a.range, &a.symbol).cmp(&(&b.range, &b.symbol)));
        self.document.symbols.sort_by(|a, b| a.symbol.cmp(&b.symbol));
        self.document
    }

    /// The module of the outline, as the VM names it.
    pub(super) fn module_name(&self, module: Option<u32>) -> Option<&str> {
        let (name, _) = self.modules.get(module? as usize)?.as_ref()?;
        Some(name)
    }

    pub(super) fn span(&self, node: NodeId) -> Span {
        let node = self.source.tree.node(node);
        (node.start, node.end)
    }

    /// The name that a node is written with: `take` of `take(n)` and of `Stock.take(n)`, `+` of `a + b`.
    pub(super) fn name_span(&self, node: NodeId) -> Option<Span> {
        let tree = &self.source.tree;
        let found = tree.node(node);
        match found.kind {
            Kind::Apply => {
                let callee = tree.kid(node, 0).filter(|callee| tree.is_call(*callee, ".", 2))?;
                let name = tree.kid(callee, 1)?;
                self.exactly(self.span(name), tree.text(name))
            }
            Kind::Variable => self.exactly(self.span(node), tree.text(node)),
            Kind::Call => {
                let name = tree.text(node);
                let at = (found.start, found.start + name.len() as u32);
                let kids = tree.kids(node);
                let infix = kids.len() == 2 && tree.node(kids[0]).end <= tree.node(kids[1]).start;
                self.exactly(at, name).or_else(|| {
                    let (left, right) = (kids.first().filter(|_| infix)?, kids.get(1)?);
                    let between = (tree.node(*left).end, tree.node(*right).start);
                    let text = self.source.text.get(between.0 as usize..between.1 as usize)?;
                    let start = between.0 + text.find(name)? as u32;
                    Some((start, start + name.len() as u32))
                })
            }
            _ => None,
        }
    }

    /// The span, if this text is there.
    pub(super) fn exactly(&self, span: Span, text: &str) -> Option<Span> {
        (self.source.text.get(span.0 as usize..span.1 as usize)? == text && !text.is_empty()).then_some(span)
    }

    /// Lines from 0, columns in bytes from 0; the end line is left out where it is the first.
    fn range(&self, (start, end): Span) -> Vec<i32> {
        let place = |at: u32| {
            let line = self
                .starts
                .partition_point(|start| *start <= at)
                .saturating_sub(1);
            let first = self.starts.get(line).copied().unwrap_or(0);
            (line as i32, (at - first) as i32)
        };
        let ((line, column), (end_line, end_column)) = (place(start), place(end));
        if line == end_line {
            vec![line, column, end_column]
        } else {
            vec![line, column, end_line, end_column]
        }
    }

    /// Adds a definition; if the symbol has one already, a reference.
    pub(super) fn define(&mut self, symbol: String, at: Span, said: Said) {
        if !self.defined.insert(symbol.clone()) {
            return self.refer(symbol, at, SymbolRole::UnspecifiedSymbolRole);
        }
        self.seen.insert((at, symbol.clone()));
        let mut occurrence = self.occurrence(&symbol, at, SymbolRole::Definition);
        occurrence.enclosing_range = said.around.map(|around| self.range(around)).unwrap_or_default();
        self.document.occurrences.push(occurrence);
        let signature = said.signature.map(|text| Document {
            language: "elixir".to_owned(),
            text,
            ..Document::default()
        });
        self.document.symbols.push(SymbolInformation {
            symbol,
            documentation: said.doc.into_iter().collect(),
            relationships: said.relationships,
            kind: EnumOrUnknown::new(said.kind),
            display_name: said.name,
            signature_documentation: signature.map_or_else(MessageField::none, MessageField::some),
            ..SymbolInformation::default()
        });
    }

    /// Adds a definition of a variable.
    pub(super) fn define_local(&mut self, symbol: &str, at: Span, kind: SymbolKind, name: &str) {
        let occurrence = self.occurrence(symbol, at, SymbolRole::Definition);
        self.document.occurrences.push(occurrence);
        self.document.symbols.push(SymbolInformation {
            symbol: symbol.to_owned(),
            kind: EnumOrUnknown::new(kind),
            display_name: name.to_owned(),
            ..SymbolInformation::default()
        });
    }

    /// Adds a reference, once a place.
    pub(super) fn refer(&mut self, symbol: String, at: Span, role: SymbolRole) {
        let occurrence = self.occurrence(&symbol, at, role);
        if self.seen.insert((at, symbol)) {
            self.document.occurrences.push(occurrence);
        }
    }

    fn occurrence(&self, symbol: &str, at: Span, role: SymbolRole) -> Occurrence {
        Occurrence {
            range: self.range(at),
            symbol: symbol.to_owned(),
            symbol_roles: role as i32,
            ..Occurrence::default()
        }
    }

    /// Says that a symbol is of another package.
    pub(super) fn outside(&mut self, symbol: &str, kind: SymbolKind, name: &str) {
        if !self.external.contains_key(symbol) {
            let information = SymbolInformation {
                symbol: symbol.to_owned(),
                kind: EnumOrUnknown::new(kind),
                display_name: name.to_owned(),
                ..SymbolInformation::default()
            };
            self.external.insert(symbol.to_owned(), information);
        }
    }

    /// A module's symbol, which is said to be outside if it is.
    pub(super) fn module_symbol(&mut self, module: &str) -> String {
        let symbol = self.symbols.module(module);
        if !self.symbols.is_own(module) {
            self.outside(
                &symbol,
                SymbolKind::Module,
                &crate::export::document::text(module),
            );
        }
        symbol
    }
}

/// `symbol` is what this one implements.
pub(super) fn implements(symbol: String) -> Relationship {
    Relationship {
        symbol,
        is_implementation: true,
        is_reference: true,
        ..Relationship::default()
    }
}
