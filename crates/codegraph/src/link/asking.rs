//! Reads other files' interfaces for one file, and keeps what was asked.

use std::cell::RefCell;
use std::collections::HashSet;

use super::exports::{Export, Exports};
use super::otp::forward::Forward;
use super::question::{Question, Trace};
use super::using::Using;
use crate::quoted::{Symbol, Symbols};

/// What is read of the exports by one file.
#[derive(Debug)]
pub struct Asking<'a> {
    exports: &'a Exports,
    asked: RefCell<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    names: Symbols,
    modules: HashSet<Symbol>,
    usings: HashSet<Symbol>,
    items: HashSet<(Symbol, Symbol, u8)>,
}

impl<'a> Asking<'a> {
    /// Nothing was asked yet.
    #[must_use]
    pub fn new(exports: &'a Exports) -> Self {
        Self {
            exports,
            asked: RefCell::default(),
        }
    }

    /// A module that the project does not have answers nothing but that; Elixir's own never change.
    fn note(&self, module: &str, name: &str, arity: u8) {
        let mut asked = self.asked.borrow_mut();
        let at = asked.names.intern(module.as_bytes());
        asked.modules.insert(at);
        if self.exports.is_own(module) {
            let name = asked.names.intern(name.as_bytes());
            asked.items.insert((at, name, arity));
        }
    }

    pub(super) fn find(&self, module: &str, name: &str, arity: u8) -> Option<Export> {
        self.note(module, name, arity);
        self.exports.find(module, name, arity)
    }

    pub(super) fn forward(&self, module: &str, name: &str, arity: u8) -> Option<&'a Forward> {
        self.note(module, name, arity);
        self.exports.forward(module, name, arity)
    }

    pub(super) fn knows(&self, module: &str) -> bool {
        let mut asked = self.asked.borrow_mut();
        let at = asked.names.intern(module.as_bytes());
        asked.modules.insert(at);
        self.exports.knows(module)
    }

    pub(super) fn using(&self, module: &str) -> Option<&'a Using> {
        let mut asked = self.asked.borrow_mut();
        let at = asked.names.intern(module.as_bytes());
        asked.usings.insert(at);
        self.exports.using(module)
    }

    /// All that was asked.
    #[must_use]
    pub fn trace(self) -> Trace {
        let asked = self.asked.into_inner();
        let text = |symbol: &Symbol| asked.names.text(*symbol);
        let modules = asked.modules.iter().map(|module| Question::knows(text(module)));
        let usings = asked.usings.iter().map(|module| Question::using(text(module)));
        let items = asked
            .items
            .iter()
            .map(|(module, name, arity)| Question::item(text(module), text(name), *arity));
        Trace::new(modules.chain(usings).chain(items).collect())
    }
}
