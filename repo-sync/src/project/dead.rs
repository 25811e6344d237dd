//! Functions that nothing in the project calls.

use codegraph::DefinitionKind;
use codegraph::fact::Confidence;
use codegraph::graph::{Direction, EdgeKind, View};
use codegraph::link::otp::ModuleKind;

use super::{CodeFunction, CodeProject, Definition, REACHES};

/// Why a function is thought to be dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeadReason {
    /// Private, and nothing in its module calls it.
    PrivateUncalled,
    /// Public, and nothing in the project calls it.
    PublicUncalled,
    /// It is called only by functions of this list, or only by itself.
    OnlyByDead,
}

impl DeadReason {
    /// As a person reads it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::PrivateUncalled => "private, never called",
            Self::PublicUncalled => "public, never called in the project",
            Self::OnlyByDead => "called only by dead functions",
        }
    }
}

/// A function that may be dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dead {
    /// Its node.
    pub node: u32,
    /// Why.
    pub reason: DeadReason,
    /// How surely. Never certain: a macro, another project or a name made at run time may call it.
    pub confidence: Confidence,
}

/// Functions that Elixir, Mix or OTP call by name, whatever module they are in.
const CALLED_BY_NAME: &[(&str, u8)] = &[
    ("child_spec", 1),
    ("start_link", 0),
    ("start_link", 1),
    ("__struct__", 0),
    ("__struct__", 1),
    ("__info__", 1),
    ("__impl__", 1),
    ("__protocol__", 1),
    ("main", 1),
];

impl CodeProject {
    /// The functions that no root reaches, in the order of the files. Roots: module bodies, callbacks, what OTP and Mix
    /// call by name, functions of tests, protocols and implementations, macros, and whatever `also` says is called from
    /// outside. A function with a syntax error inside is never in the list, and what a damaged one calls may be.
    #[must_use]
    pub fn dead(&self, also: &dyn Fn(&CodeFunction) -> bool) -> Vec<Dead> {
        let mut roots: Vec<u32> = (0..self.modules.len() as u32).collect();
        for (index, function) in self.functions.iter().enumerate() {
            let root = function
                .definition
                .as_ref()
                .is_none_or(|definition| self.is_root(function, definition));
            if root || also(function) {
                roots.push(self.node_of(index));
            }
        }
        let walk = codegraph::graph::Walk::along(REACHES).within(codegraph::graph::Budget::UNLIMITED);
        let (unreached, _) = codegraph::graph::dead(&self.graph, &roots, &walk);
        let mut found = Vec::new();
        for node in unreached {
            let Some(function) = self.function(node) else {
                continue;
            };
            let Some(definition) = &function.definition else {
                continue;
            };
            let is_private = is_private(definition.kind);
            let called = REACHES
                .iter()
                .flat_map(|kind| self.graph.row(node, kind, Direction::Back).iter())
                .any(|(from, _)| from != node);
            let reason = match (called, is_private) {
                (true, _) => DeadReason::OnlyByDead,
                (false, true) => DeadReason::PrivateUncalled,
                (false, false) => DeadReason::PublicUncalled,
            };
            let confidence = if self.may_be_dynamic(function, definition) {
                Confidence::Guess
            } else if definition.kind == DefinitionKind::Defp && !called {
                Confidence::Likely
            } else {
                Confidence::Possible
            };
            found.push(Dead {
                node,
                reason,
                confidence,
            });
        }
        found
    }

    fn is_root(&self, function: &CodeFunction, definition: &Definition) -> bool {
        let module = self.modules.get(definition.module as usize);
        let is_entry = module.is_some_and(|module| {
            module.kinds.iter().any(|kind| {
                matches!(
                    kind,
                    ModuleKind::Test | ModuleKind::Router | ModuleKind::Protocol | ModuleKind::Implementation
                )
            }) || module.kind != DefinitionKind::Defmodule
        });
        let is_macro = matches!(
            definition.kind,
            DefinitionKind::Defmacro | DefinitionKind::Defguard
        );
        definition.is_callback
            || definition.is_damaged
            || is_entry
            || is_macro
            || CALLED_BY_NAME.contains(&(&*function.name, function.arity))
    }

    /// Whether a call with a computed module may mean it.
    fn may_be_dynamic(&self, function: &CodeFunction, definition: &Definition) -> bool {
        !is_private(definition.kind)
            && (function.arity.saturating_sub(definition.defaults)..=function.arity).any(|arity| {
                self.dynamic
                    .binary_search_by(|(name, known)| (name.as_str(), *known).cmp(&(&*function.name, arity)))
                    .is_ok()
            })
    }

    /// The modules whose processes a supervisor starts.
    #[must_use]
    pub fn supervised(&self, module: u32) -> Vec<u32> {
        let row = self.graph.row(module, EdgeKind::SUPERVISES, Direction::Out);
        row.targets.to_vec()
    }
}

fn is_private(kind: DefinitionKind) -> bool {
    matches!(
        kind,
        DefinitionKind::Defp | DefinitionKind::Defmacrop | DefinitionKind::Defguardp
    )
}
