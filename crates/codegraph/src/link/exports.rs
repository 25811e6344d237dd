//! Which module exports what: Elixir's own modules from a table, others as they are read from source or compiled files.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::interface::{Interface, ModuleInterface};
use super::otp::forward::Forward;
use super::question::{Answer, Question};
use super::using::{self, Using};
use crate::definitions::Outline;
use crate::quoted::{Kind, NodeId, Quoted};

/// A function or macro that another module can call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// Parameters that it is called with.
    pub arity: u8,
    /// Parameters of the definition, those with defaults included.
    pub defined_arity: u8,
    /// A macro.
    pub is_macro: bool,
}

/// One file's part of a module.
#[derive(Clone, Debug)]
struct Part {
    file: Arc<str>,
    module: Arc<ModuleInterface>,
}

/// The modules that are known, by the VM's names. A module that several files define is all of their parts; where they
/// differ, the last file counts, in the order of paths.
#[derive(Clone, Debug, Default)]
pub struct Exports {
    modules: HashMap<String, Vec<Part>>,
    // What is answered now to each question to which there is an answer.
    answers: HashMap<Question, Answer>,
}

static STDLIB: LazyLock<HashMap<String, ModuleInterface>> = LazyLock::new(|| {
    let mut modules: HashMap<String, ModuleInterface> = HashMap::new();
    for line in include_str!("stdlib.txt").lines() {
        let mut fields = line.split('\t');
        let (Some(module), Some(functions), Some(macros)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let into = modules.entry(module.to_owned()).or_default();
        for (list, is_macro) in [(functions, false), (macros, true)] {
            for (name, arity) in list.split(' ').filter_map(|one| one.rsplit_once('/')) {
                if let Ok(arity) = arity.parse() {
                    into.export(name, (arity, arity), is_macro);
                }
            }
        }
    }
    modules
});

impl Exports {
    /// None but those of Elixir's own modules (of version 1.14), which are always known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what a source file's modules export, behind all files that are known.
    pub fn learn(&mut self, tree: &Quoted, outline: &Outline) {
        let after = self.modules.values().flatten().count();
        self.put(&format!("{after:020}").into(), &Interface::of(tree, outline));
    }

    /// A file is new, or other than before, or (with an empty interface) gone: its part of each module is this from now
    /// on. Returns the questions whose answers are others now, ascending.
    pub fn replace(&mut self, file: &Arc<str>, before: &Interface, now: &Interface) -> Vec<Question> {
        let same = |name: &String| before.modules.get(name) == now.modules.get(name);
        let names = || before.modules.keys().chain(now.modules.keys());
        let mut asked = Vec::new();
        for name in names().filter(|name| !same(name)) {
            asked.push(Question::knows(name));
            asked.push(Question::using(name));
            for side in [before, now] {
                let items = side
                    .modules
                    .get(name)
                    .into_iter()
                    .flat_map(|module| &module.items);
                asked.extend(items.flat_map(|(function, arities)| {
                    arities
                        .iter()
                        .map(|(arity, _)| Question::item(name, function, *arity))
                }));
            }
        }
        asked.sort_unstable();
        asked.dedup();
        let old: Vec<Option<Answer>> = asked.iter().map(|question| self.answer(*question)).collect();
        for name in before.modules.keys().filter(|name| !same(name)) {
            if let Some(parts) = self.modules.get_mut(name) {
                parts.retain(|part| part.file != *file);
            }
            if self.modules.get(name).is_some_and(Vec::is_empty) {
                self.modules.remove(name);
            }
        }
        for (name, module) in now.modules.iter().filter(|(name, _)| !same(name)) {
            let parts = self.modules.entry(name.clone()).or_default();
            let place = parts.partition_point(|part| part.file < *file);
            parts.insert(
                place,
                Part {
                    file: file.clone(),
                    module: module.clone(),
                },
            );
        }
        for question in &asked {
            self.answers.remove(question);
        }
        for name in names().filter(|name| !same(name)) {
            self.answer_all(name);
        }
        let new = asked.iter().map(|question| self.answer(*question));
        let changed: Vec<bool> = old.into_iter().zip(new).map(|(old, new)| old != new).collect();
        let mut changed = changed.into_iter();
        asked.retain(|_| changed.next().unwrap_or(true));
        asked
    }

    /// A file that is new.
    pub fn put(&mut self, file: &Arc<str>, interface: &Interface) {
        for (name, module) in &interface.modules {
            let part = Part {
                file: file.clone(),
                module: module.clone(),
            };
            let parts = self.modules.entry(name.clone()).or_default();
            let place = parts.partition_point(|part| part.file < *file);
            parts.insert(place, part);
            self.answer_all(name);
        }
    }

    /// What is answered now to all that can be asked of a module.
    fn answer_all(&mut self, name: &str) {
        let Some(parts) = self.modules.get(name) else {
            return;
        };
        self.answers.insert(Question::knows(name), Answer::YES);
        // Later parts overwrite earlier ones, but an export does not overwrite a forward.
        let mut using = None;
        for part in parts {
            using = part.module.using.as_ref().or(using);
        }
        if let Some(using) = using {
            self.answers
                .insert(Question::using(name), Answer::of_using(using));
        }
        let keys = parts.iter().flat_map(|part| &part.module.items);
        for (function, arities) in keys {
            for (arity, _) in arities {
                let answer =
                    Answer::of_item(export(parts, function, *arity), forward(parts, function, *arity));
                self.answers
                    .insert(Question::item(name, function, *arity), answer);
            }
        }
    }

    /// What is answered to a question now; `None`: nothing is known.
    #[must_use]
    pub fn answer(&self, question: Question) -> Option<Answer> {
        self.answers.get(&question).copied()
    }

    /// Whether a file of this project has a part of the module.
    pub(super) fn is_own(&self, module: &str) -> bool {
        self.modules.contains_key(module)
    }

    /// Whether the module's exports are known.
    #[must_use]
    pub fn knows(&self, module: &str) -> bool {
        self.is_own(module) || STDLIB.contains_key(module)
    }

    /// A module's function or macro that is called with so many arguments.
    #[must_use]
    pub fn find(&self, module: &str, name: &str, arity: u8) -> Option<Export> {
        match self.modules.get(module) {
            Some(parts) => export(parts, name, arity).copied(),
            None => STDLIB.get(module)?.item(name, arity)?.export,
        }
    }

    /// What `use` of a module brings; `None` if that is not known.
    pub(super) fn using(&self, module: &str) -> Option<&Using> {
        let parts = self.modules.get(module);
        let own = parts.and_then(|parts| parts.iter().rev().find_map(|part| part.module.using.as_ref()));
        own.or_else(|| using::known(module))
    }

    /// Whether the function hands a message on.
    pub(super) fn forward(&self, module: &str, name: &str, arity: u8) -> Option<&Forward> {
        forward(self.modules.get(module)?, name, arity)
    }
}

fn export<'a>(parts: &'a [Part], name: &str, arity: u8) -> Option<&'a Export> {
    let items = parts
        .iter()
        .rev()
        .filter_map(|part| part.module.item(name, arity));
    items.into_iter().find_map(|item| item.export.as_ref())
}

fn forward<'a>(parts: &'a [Part], name: &str, arity: u8) -> Option<&'a Forward> {
    let items = parts
        .iter()
        .rev()
        .filter_map(|part| part.module.item(name, arity));
    items.into_iter().find_map(|item| item.forward.as_ref())
}

/// What well-known macros define.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Generated {
    pub(super) name: String,
    pub(super) arity: u8,
    pub(super) is_macro: bool,
}

/// Functions and macros that `defstruct`, `defexception`, `defrecord` and delegates of lists define, by module.
pub(super) fn generated(tree: &Quoted, outline: &Outline) -> Vec<(u32, Generated)> {
    let mut found = Vec::new();
    for (index, module) in outline.modules.iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let mut add = |name: &str, arity: u8, is_macro: bool| {
            let name = name.to_owned();
            found.push((
                index,
                Generated {
                    name,
                    arity,
                    is_macro,
                },
            ));
        };
        if let Some((node, _)) = module.fields {
            add("__struct__", 0, false);
            add("__struct__", 1, false);
            if tree.text(node) == "defexception" {
                add("exception", 1, false);
                add("message", 1, false);
            }
        }
        let Some(body) = module.body else {
            continue;
        };
        for node in statements(tree, body) {
            let (word, args) = match tree.remote_call(node) {
                Some((_, word, args)) => (word, args),
                None => (tree.text(node), tree.kids(node)),
            };
            if let ("defrecord" | "defrecordp", [name, ..]) = (word, args)
                && tree.node(*name).kind == Kind::Atom
            {
                for arity in 0..=2 {
                    add(tree.text(*name), arity, true);
                }
            }
        }
    }
    found
}

/// A body's expressions.
pub(super) fn statements(tree: &Quoted, body: NodeId) -> Vec<NodeId> {
    let node = tree.node(body);
    if node.kind == Kind::Call && tree.text(body) == "__block__" {
        tree.kids(body).to_vec()
    } else {
        vec![body]
    }
}
