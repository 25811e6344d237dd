//! The walk over a file's nodes, inner before outer: each that is a call becomes one, with what it calls.

use super::environment::Environment;
use super::marks::{self, Marks};
use super::{Asking, Call, How, Links};
use crate::DefinitionKind;
use crate::definitions::Outline;
use crate::fact::{Confidence, Mark, Provenance};
use crate::quoted::{Kind, NodeId, Quoted, Symbol};

/// Names that `Kernel.SpecialForms` owns, and operators that only stand inside them: never calls.
const SPECIAL: &[&str] = &[
    "%",
    "%{}",
    "&",
    ".",
    "::",
    "<<>>",
    "=",
    "^",
    "__CALLER__",
    "__DIR__",
    "__ENV__",
    "__MODULE__",
    "__STACKTRACE__",
    "__aliases__",
    "__block__",
    "case",
    "cond",
    "fn",
    "for",
    "quote",
    "receive",
    "super",
    "try",
    "unquote",
    "unquote_splicing",
    "with",
    "{}",
    "->",
    "|",
    "<-",
    "when",
    "\\\\",
    "=>",
    "__cursor__",
];

/// Special forms of one or two arguments; with more they are functions like others.
const DIRECTIVES: &[&str] = &["alias", "import", "require"];

const KERNEL: &str = "Elixir.Kernel";

#[derive(Debug)]
pub(super) struct Resolver<'a> {
    tree: &'a Quoted,
    outline: &'a Outline,
    asking: &'a Asking<'a>,
    environment: Environment<'a>,
    marks: Vec<Marks>,
    places: Vec<(Option<u32>, Option<u32>)>,
    special: Vec<bool>,
    out: Links,
}

/// What is called.
struct Called<'t> {
    how: How,
    target: &'t str,
    name: &'t str,
    arity: u8,
    defined_arity: u8,
    is_macro: bool,
    mark: Mark,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(tree: &'a Quoted, outline: &'a Outline, asking: &'a Asking<'a>) -> Self {
        let mut special = vec![false; tree.symbols().len()];
        for name in SPECIAL {
            if let Some(symbol) = tree.symbols().find(name.as_bytes())
                && let Some(slot) = special.get_mut(symbol.index())
            {
                *slot = true;
            }
        }
        Self {
            tree,
            outline,
            asking,
            environment: Environment::new(tree, outline, asking),
            marks: marks::of(tree),
            places: places(tree, outline),
            special,
            out: Links::default(),
        }
    }

    pub(super) fn run(mut self) -> Links {
        for index in 0..self.tree.nodes().len() {
            let node = NodeId::new(index);
            let marks = self.marks.get(index).copied().unwrap_or_default();
            if marks.has(Marks::QUOTED | Marks::SILENT | Marks::DATA) {
                continue;
            }
            match self.tree.node(node).kind {
                Kind::Call if !marks.has(Marks::BITS) => self.named(node, marks),
                Kind::Variable if marks.has(Marks::PIPED | Marks::CAPTURED) => self.named(node, marks),
                Kind::Apply => self.applied(node, marks),
                _ => {}
            }
        }
        self.out
    }

    fn arity(arguments: usize, marks: Marks) -> u8 {
        if marks.has(Marks::CAPTURED) {
            return marks.captured;
        }
        u8::try_from(arguments + usize::from(marks.has(Marks::PIPED))).unwrap_or(u8::MAX)
    }

    /// `name(...)`, operators included.
    fn named(&mut self, node: NodeId, marks: Marks) {
        let symbol = self.tree.node(node).symbol;
        if self.special.get(symbol.index()).copied().unwrap_or(true) {
            return;
        }
        let name = self.tree.text(node);
        let arity = Self::arity(self.tree.kids(node).len(), marks);
        if arity <= 2 && DIRECTIVES.contains(&name) {
            return;
        }
        self.resolve_name(node, marks, name, arity);
        match name {
            "use" => self.used(node),
            "defdelegate" => self.delegated(node),
            "apply" | "spawn" | "spawn_link" | "spawn_monitor" => {
                let args = self.tree.kids(node);
                self.indirect(node, marks, args);
            }
            _ => {}
        }
    }

    fn resolve_name(&mut self, node: NodeId, marks: Marks, name: &str, arity: u8) {
        let source = |confidence| Mark::new(Provenance::Source, confidence);
        let (module, _) = self.place(node, marks);
        let outline_module = module.and_then(|module| self.outline.modules.get(module as usize));
        let own = outline_module.and_then(|module| module.names.first());
        if let Some(local) = module.and_then(|module| self.environment.local(module, name, arity)) {
            let target = own.map_or("", String::as_str);
            let called = Called {
                how: How::Local,
                target,
                name,
                arity,
                defined_arity: local.defined_arity,
                is_macro: local.is_macro,
                mark: source(Confidence::Certain),
            };
            return self.push(node, marks, &called);
        }
        let in_protocol = outline_module.is_some_and(|module| module.kind == DefinitionKind::Defprotocol);
        if in_protocol && name == "def" {
            let called = Called {
                how: How::Imported,
                target: "Elixir.Protocol",
                name,
                arity,
                defined_arity: arity,
                is_macro: true,
                mark: source(Confidence::Certain),
            };
            return self.push(node, marks, &called);
        }
        let (how, target, defined_arity, is_macro, confidence) =
            if let Some(found) = self.environment.imported(name, arity, node) {
                (
                    How::Imported,
                    found.module.to_owned(),
                    found.defined_arity,
                    found.is_macro,
                    found.confidence,
                )
            } else {
                // Something that a macro defines here.
                let target = own.cloned().unwrap_or_default();
                let confidence = if self.environment.is_opaque(node) {
                    Confidence::Guess
                } else {
                    Confidence::Possible
                };
                (How::Local, target, arity, false, confidence)
            };
        let called = Called {
            how,
            target: &target,
            name,
            arity,
            defined_arity,
            is_macro,
            mark: source(confidence),
        };
        self.push(node, marks, &called);
    }

    /// `callee(...)` where the callee is a tree.
    fn applied(&mut self, node: NodeId, marks: Marks) {
        let tree = self.tree;
        let Some((module, name, args)) = tree.remote_call(node) else {
            return;
        };
        if name == "{}" {
            return;
        }
        let arity = Self::arity(args.len(), marks);
        self.resolve_remote(node, marks, module, name, arity);
        if matches!(name, "apply" | "spawn" | "spawn_link" | "spawn_monitor") {
            let owner = self.environment.expand(module);
            if matches!(
                owner.as_deref(),
                Some(KERNEL | "erlang" | "Elixir.Process" | "Elixir.Node")
            ) {
                self.indirect(node, marks, args);
            }
        }
    }

    fn resolve_remote(&mut self, node: NodeId, marks: Marks, module: NodeId, name: &str, arity: u8) {
        let Some(target) = self.environment.expand(module) else {
            let is_field = arity == 0 && !marks.has(Marks::CAPTURED);
            if !is_field {
                let called = Called {
                    how: How::Dynamic,
                    target: "",
                    name,
                    arity,
                    defined_arity: arity,
                    is_macro: false,
                    mark: Mark::new(Provenance::Source, Confidence::Guess),
                };
                self.push(node, marks, &called);
            }
            return;
        };
        let export = self.asking.find(&target, name, arity);
        let by_attribute = self.tree.is_call(module, "@", 1);
        let confidence = if by_attribute {
            Confidence::Likely
        } else {
            Confidence::Certain
        };
        let called = Called {
            how: How::Remote,
            target: &target,
            name,
            arity,
            defined_arity: export.map_or(arity, |export| export.defined_arity),
            is_macro: export.is_some_and(|export| export.is_macro),
            mark: Mark::new(Provenance::Source, confidence),
        };
        self.push(node, marks, &called);
    }

    /// `apply(Module, :name, [a, b])` and `spawn` of the same.
    fn indirect(&mut self, node: NodeId, marks: Marks, args: &[NodeId]) {
        let tree = self.tree;
        let [.., module, name, list] = args else {
            return;
        };
        let (Some(target), Some(name)) = (self.environment.expand(*module), self.environment.atom(*name))
        else {
            return;
        };
        if tree.node(*list).kind != Kind::List || tree.kids(*list).iter().any(|one| tree.text(*one) == "|") {
            return;
        }
        let arity = u8::try_from(tree.kids(*list).len()).unwrap_or(u8::MAX);
        let export = self.asking.find(&target, name, arity);
        let called = Called {
            how: How::Applied,
            target: &target,
            name,
            arity,
            defined_arity: export.map_or(arity, |export| export.defined_arity),
            is_macro: false,
            mark: Mark::new(Provenance::Inferred, Confidence::Likely),
        };
        self.push(node, marks, &called);
    }

    /// `use A` calls `A.__using__/1` while the module is compiled.
    fn used(&mut self, node: NodeId) {
        let Some(target) = self
            .tree
            .kid(node, 0)
            .and_then(|module| self.environment.expand(module))
        else {
            return;
        };
        let called = Called {
            how: How::Used,
            target: &target,
            name: "__using__",
            arity: 1,
            defined_arity: 1,
            is_macro: true,
            mark: Mark::new(Provenance::Inferred, Confidence::Certain),
        };
        self.push(node, Marks::default(), &called);
    }

    /// `defdelegate name(a), to: Module, as: :other`: the function calls the other one.
    fn delegated(&mut self, node: NodeId) {
        let tree = self.tree;
        let [head, options] = tree.kids(node) else {
            return;
        };
        let Some(target) = tree
            .keyword(*options, "to")
            .and_then(|module| self.environment.expand(module))
        else {
            return;
        };
        let renamed = tree
            .keyword(*options, "as")
            .and_then(|name| self.environment.atom(name));
        let heads = if tree.node(*head).kind == Kind::List {
            tree.kids(*head)
        } else {
            std::slice::from_ref(head)
        };
        for head in heads {
            let name = renamed.unwrap_or_else(|| tree.text(*head));
            let arity = u8::try_from(tree.kids(*head).len()).unwrap_or(u8::MAX);
            let called = Called {
                how: How::Delegated,
                target: &target,
                name,
                arity,
                defined_arity: arity,
                is_macro: false,
                mark: Mark::new(Provenance::Inferred, Confidence::Certain),
            };
            // The caller is the delegate, not the module's body.
            self.push(*head, Marks::default(), &called);
        }
    }

    fn place(&self, node: NodeId, marks: Marks) -> (Option<u32>, Option<u32>) {
        let (module, clause) = self.places.get(node.index()).copied().unwrap_or_default();
        (module, clause.filter(|_| !marks.has(Marks::FRAGMENT)))
    }

    fn push(&mut self, node: NodeId, marks: Marks, called: &Called<'_>) {
        let (module, clause) = self.place(node, marks);
        let at = self.tree.node(node);
        let symbols = &mut self.out.symbols;
        let target = if called.target.is_empty() {
            Symbol::NONE
        } else {
            symbols.intern(called.target.as_bytes())
        };
        let name = symbols.intern(called.name.as_bytes());
        self.out.calls.push(Call {
            node,
            line: at.line,
            column: at.column,
            module,
            clause,
            how: called.how,
            is_captured: marks.has(Marks::CAPTURED),
            is_macro: called.is_macro,
            target,
            name,
            arity: called.arity,
            defined_arity: called.defined_arity,
            mark: called.mark,
        });
    }
}

/// Module and clause of each node. The word that defines, and what it is given besides head and body, belong to what is
/// around.
fn places(tree: &Quoted, outline: &Outline) -> Vec<(Option<u32>, Option<u32>)> {
    let mut places = vec![(None, None); tree.nodes().len()];
    let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    // Both lists are in the order of the source, so what is inside comes later and overwrites.
    let mut modules = outline.modules.iter().enumerate().peekable();
    let mut clauses = outline.clauses.iter().enumerate().peekable();
    loop {
        let module_at = modules.peek().map(|(_, module)| tree.subtree(module.node).start);
        let clause_at = clauses.peek().map(|(_, clause)| tree.subtree(clause.node).start);
        let module_first = match (module_at, clause_at) {
            (None, None) => break,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(module), Some(clause)) => module <= clause,
        };
        if module_first {
            if let Some((index, module)) = modules.next()
                && let Some(body) = module.body
                && let Some(range) = places.get_mut(tree.subtree(body))
            {
                range.fill((Some(number(index)), None));
            }
        } else if let Some((index, clause)) = clauses.next() {
            let range = tree.subtree(clause.node);
            let inside = range.start..range.end.saturating_sub(1);
            let module = outline
                .functions
                .get(clause.function as usize)
                .and_then(|function| function.module);
            if let Some(range) = places.get_mut(inside) {
                range.fill((module, Some(number(index))));
            }
        }
    }
    places
}
