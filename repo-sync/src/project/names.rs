//! Names of modules and functions, as people write them and as the VM has them.

use std::collections::HashMap;

use super::{CodeFunction, CodeModule, CodeProject};

/// Most names that an error offers.
const NEAR_MAX: usize = 5;

/// Nodes by name.
#[derive(Debug, Default)]
pub(super) struct ByName {
    functions: HashMap<String, HashMap<String, Vec<(u8, u32)>>>,
    modules: HashMap<String, u32>,
}

impl ByName {
    /// A module; of two with one name the first counts.
    pub(super) fn add_module(&mut self, name: &str, node: u32) {
        self.modules.entry(name.to_owned()).or_insert(node);
    }

    /// A function, by its index; of two with one name the first counts.
    pub(super) fn add_function(&mut self, function: &CodeFunction, index: u32) {
        let list = self
            .functions
            .entry(function.module.clone())
            .or_default()
            .entry(function.name.clone())
            .or_default();
        if !list.iter().any(|(arity, _)| *arity == function.arity) {
            list.push((function.arity, index));
        }
    }

    pub(super) fn module(&self, name: &str) -> Option<u32> {
        self.modules.get(name).copied()
    }

    /// The function of this very arity.
    pub(super) fn function(&self, module: &str, name: &str, arity: u8) -> Option<u32> {
        self.arities(module, name)
            .iter()
            .find(|(known, _)| *known == arity)
            .map(|(_, function)| *function)
    }

    fn arities(&self, module: &str, name: &str) -> &[(u8, u32)] {
        self.functions
            .get(module)
            .and_then(|module| module.get(name))
            .map_or(&[], Vec::as_slice)
    }
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A module's node.
    Module(u32),
    /// Nodes of functions: of all arities if none was said, ascending.
    Functions(Vec<u32>),
}

impl Asked {
    /// The nodes.
    #[must_use]
    pub fn nodes(&self) -> &[u32] {
        match self {
            Self::Module(node) => std::slice::from_ref(node),
            Self::Functions(nodes) => nodes,
        }
    }
}

/// A name that the project does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{name}' is not in this project{}", offer(.near))]
pub struct Unknown {
    /// What was asked for.
    pub name: String,
    /// Names like it, the likest first.
    pub near: Vec<String>,
}

fn offer(near: &[String]) -> String {
    if near.is_empty() {
        ": expected for example Shop.Stock.reserve/2, Shop.Stock.reserve or Shop.Stock".to_owned()
    } else {
        format!("; near it: {}", near.join(", "))
    }
}

/// A module's name as the source has it: `Shop.Stock`, `:maps`.
#[must_use]
pub(super) fn module_text(name: &str) -> String {
    match name.strip_prefix("Elixir.") {
        Some(short) => short.to_owned(),
        None => format!(":{name}"),
    }
}

impl CodeModule {
    /// Its name as the source has it: `Shop.Stock`.
    #[must_use]
    pub fn text(&self) -> String {
        module_text(&self.name)
    }
}

impl CodeFunction {
    /// `Shop.Stock.reserve/2`, `:maps.keys/1`.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}.{}/{}", module_text(&self.module), self.name, self.arity)
    }
}

/// The VM's name of a module that someone wrote.
fn vm_name(text: &str) -> String {
    match text.strip_prefix(':') {
        Some(erlang) => erlang.to_owned(),
        None if text.starts_with("Elixir.") => text.to_owned(),
        None => format!("Elixir.{text}"),
    }
}

impl CodeProject {
    /// A node's name as the source has it.
    #[must_use]
    pub fn text(&self, node: u32) -> String {
        match (self.module(node), self.function(node)) {
            (Some(module), _) => module.text(),
            (None, Some(function)) => function.text(),
            (None, None) => String::new(),
        }
    }

    /// What `Shop.Stock.reserve/2`, `Shop.Stock.reserve` (any arity), `Shop.Stock` or `:maps.keys/1` stands for. A number
    /// of arguments that only defaults allow finds the function, too.
    pub fn find(&self, text: &str) -> Result<Asked, Unknown> {
        let text = text.trim();
        let unknown = || Unknown {
            name: text.to_owned(),
            near: self.near(text),
        };
        if let Some(node) = self.by_name.module(&vm_name(text)) {
            return Ok(Asked::Module(node));
        }
        let (path, arity) = match text.rsplit_once('/') {
            // `Kernel.//2`
            Some((path, digits)) if !path.is_empty() => match digits.parse::<u8>() {
                Ok(arity) => (path, Some(arity)),
                Err(_) => (text, None),
            },
            _ => (text, None),
        };
        // The name may be an operator with dots (`..`): the module's part ends before it.
        let cut = path
            .trim_end_matches('.')
            .rfind('.')
            .map(|at| (&path[..at], &path[at + 1..]));
        let Some((module, name)) = cut else {
            return Err(unknown());
        };
        let mut nodes: Vec<u32> = self
            .by_name
            .arities(&vm_name(module), name)
            .iter()
            .filter(|(known, function)| arity.is_none_or(|arity| self.takes(*function, *known, arity)))
            .map(|(_, function)| self.node_of(*function as usize))
            .collect();
        nodes.sort_unstable();
        if nodes.is_empty() {
            return Err(unknown());
        }
        Ok(Asked::Functions(nodes))
    }

    fn takes(&self, function: u32, known: u8, arity: u8) -> bool {
        let definition = self
            .functions
            .get(function as usize)
            .and_then(|function| function.definition.as_ref());
        let defaults = definition.map_or(0, |definition| definition.defaults);
        arity <= known && arity >= known.saturating_sub(defaults)
    }

    /// The project's own names that are like this one.
    fn near(&self, text: &str) -> Vec<String> {
        let wanted = text.to_lowercase();
        let wanted_name = last_name(&wanted);
        let names = (0..self.modules.len() + self.functions.len())
            .map(|node| node as u32)
            .filter(|node| self.place(*node).is_some());
        let mut near: Vec<(usize, String)> = names
            .filter_map(|node| {
                let name = self.text(node);
                let lower = name.to_lowercase();
                let whole = distance(&wanted, &lower);
                // The same function elsewhere is nearer than another one beside it.
                let likeness = if !wanted_name.is_empty() && last_name(&lower) == wanted_name {
                    whole / 2
                } else {
                    whole
                };
                (whole * 2 <= wanted.len().max(lower.len()) || likeness < whole).then_some((likeness, name))
            })
            .collect();
        near.sort();
        near.truncate(NEAR_MAX);
        near.into_iter().map(|(_, name)| name).collect()
    }
}

/// `reserve` of `shop.stock.reserve/2`.
fn last_name(text: &str) -> &str {
    let path = text.rsplit_once('/').map_or(text, |(path, _)| path);
    path.rsplit_once('.').map_or("", |(_, name)| name)
}

/// Edits from one text to the other (Wagner, Fischer 1974), of at most 128 bytes each.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (a, b) = (&a[..a.len().min(128)], &b[..b.len().min(128)]);
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, left) in a.iter().enumerate() {
        let mut before = at;
        row[0] = at + 1;
        for (place, right) in b.iter().enumerate() {
            let replaced = before + usize::from(left != right);
            before = row[place + 1];
            row[place + 1] = replaced.min(before + 1).min(row[place] + 1);
        }
    }
    row[b.len()]
}
