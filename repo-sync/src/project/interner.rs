//! The names of a project, each once. They only grow: a project is kept in step for hours, and its names change little.

use std::sync::Arc;

use codegraph::link::Links;
use codegraph::local::LocalFacts;
use codegraph::quoted::{Symbol, Symbols};

use super::state::FileNames;

#[derive(Debug, Default)]
pub(super) struct Interner {
    symbols: Symbols,
    texts: Vec<Arc<str>>,
}

impl Interner {
    pub(super) fn intern(&mut self, text: &str) -> Symbol {
        let symbol = self.symbols.intern(text.as_bytes());
        while self.texts.len() < self.symbols.len() {
            let next = self.symbols.at(self.texts.len());
            self.texts.push(String::from_utf8_lossy(next).into());
        }
        symbol
    }

    pub(super) fn text(&self, symbol: Symbol) -> Arc<str> {
        self.texts.get(symbol.index()).cloned().unwrap_or_default()
    }

    /// The names of a file.
    pub(super) fn names(&mut self, local: &LocalFacts, links: &Links) -> FileNames {
        let mut names = FileNames::default();
        for module in &local.modules {
            for name in &module.names {
                names.modules.push(self.intern(name));
            }
            let protocol = module.protocol.as_deref().map(|name| self.intern(name));
            names.protocols.push(protocol);
        }
        for function in &local.functions {
            names.functions.push(self.intern(&function.name));
        }
        for index in 0..links.symbols.len() {
            let text = std::str::from_utf8(links.symbols.at(index)).unwrap_or_default();
            names.links.push(self.intern(text));
        }
        names
    }
}
