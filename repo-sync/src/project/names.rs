//! Names of modules and functions, as people write them and as the VM has them.

use super::{CodeFunction, CodeModule, CodeProject};

/// Most names that an error offers.
const NEAR_MAX: usize = 5;

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
        let wanted = vm_name(text);
        // Of two with one name the first counts.
        if let Some(node) = self.modules.iter().position(|module| *module.name == *wanted) {
            return Ok(Asked::Module(node as u32));
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
        let module = vm_name(module);
        let mut arities = Vec::new();
        let mut nodes = Vec::new();
        for (index, function) in self.functions.iter().enumerate() {
            let is_meant = *function.name == *name && *function.module == *module;
            if is_meant && !arities.contains(&function.arity) {
                arities.push(function.arity);
                if arity.is_none_or(|arity| self.takes(index as u32, function.arity, arity)) {
                    nodes.push(self.node_of(index));
                }
            }
        }
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
