//! What a project's sources say, as `codegraph::compiled::merge` asks it: functions and sites by name and line.

use std::collections::HashMap;
use std::sync::Arc;

use codegraph::compiled::{KnownFunction, Site, Sources};
use codegraph::fact::Confidence;
use codegraph::graph::EdgeKind;

use super::{CodeFunction, CodeProject, Definition};

/// Fewest and most arguments.
pub(super) fn arities(function: &CodeFunction) -> (u8, u8) {
    let defaults = function
        .definition
        .as_ref()
        .map_or(0, |definition| definition.defaults);
    (function.arity.saturating_sub(defaults), function.arity)
}

/// Parameters and number of each function of one name.
type Arities = Vec<(u8, u32)>;

/// Functions and modules by name, and functions by module.
pub(super) struct Index {
    functions: HashMap<Arc<str>, HashMap<Arc<str>, Arities>>,
    pub(super) modules: HashMap<Arc<str>, u32>,
    of_modules: Vec<Vec<u32>>,
}

impl Index {
    /// Of two with one name the first counts.
    pub(super) fn of(project: &CodeProject) -> Self {
        let mut index = Self {
            functions: HashMap::new(),
            modules: HashMap::new(),
            of_modules: vec![Vec::new(); project.modules.len()],
        };
        for (node, module) in project.modules.iter().enumerate() {
            index.modules.entry(module.name.clone()).or_insert(node as u32);
        }
        for (number, function) in project.functions.iter().enumerate() {
            index.add(function, number as u32);
            let module = function
                .definition
                .as_ref()
                .map(|definition| definition.module as usize);
            if let Some(list) = module.and_then(|module| index.of_modules.get_mut(module)) {
                list.push(number as u32);
            }
        }
        index
    }

    pub(super) fn add(&mut self, function: &CodeFunction, number: u32) {
        let of_module = self.functions.entry(function.module.clone()).or_default();
        let list = of_module.entry(function.name.clone()).or_default();
        if !list.iter().any(|(arity, _)| *arity == function.arity) {
            list.push((function.arity, number));
        }
    }

    fn arities(&self, module: &str, name: &str) -> &[(u8, u32)] {
        let list = self.functions.get(module).and_then(|module| module.get(name));
        list.map_or(&[], Vec::as_slice)
    }

    pub(super) fn function(&self, module: &str, name: &str, arity: u8) -> Option<u32> {
        let mut list = self.arities(module, name).iter();
        list.find(|(known, _)| *known == arity).map(|(_, number)| *number)
    }

    pub(super) fn of_module(&self, node: u32) -> &[u32] {
        self.of_modules.get(node as usize).map_or(&[], Vec::as_slice)
    }
}

/// What a project's sources say.
pub(super) struct Seen<'a> {
    pub(super) project: &'a CodeProject,
    pub(super) index: &'a Index,
}

impl Sources for Seen<'_> {
    fn function(&self, module: &str, name: &str, arity: u8) -> Option<KnownFunction> {
        let list = self.index.arities(module, name).iter();
        let known = list.filter_map(|(most, number)| {
            let function = self.project.functions.get(*number as usize)?;
            let Definition { line, end_line, .. } = function.definition.as_ref()?;
            let takes = (arities(function).0..=*most).contains(&arity);
            takes.then(|| {
                let number = self.project.node_of(*number as usize);
                let lines = (*line, *end_line);
                (*most, KnownFunction { number, lines })
            })
        });
        // A function of just so many parameters comes before one with defaults.
        known.min_by_key(|(most, _)| *most).map(|(_, known)| known)
    }

    fn sites(&self, function: u32, line: u32) -> Vec<Site<'_>> {
        let calls = [
            EdgeKind::CALLS,
            EdgeKind::REFERENCES,
            EdgeKind::DELEGATES,
            EdgeKind::EXPANDS,
        ];
        let here = self.project.sites_of(function);
        here.filter(|(_, site)| site.line == line && calls.contains(&site.kind))
            .filter_map(|(number, site)| {
                let called = self.project.function(site.to)?;
                Some(Site {
                    number: number as u32,
                    module: &called.module,
                    name: &called.name,
                    arities: arities(called),
                    is_certain: site.mark.confidence() == Confidence::Certain,
                })
            })
            .collect()
    }
}
