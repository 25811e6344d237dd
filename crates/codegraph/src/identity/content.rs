//! Content ids: 128 bits of BLAKE3 over the canonical bytes of a definition ([`super::serial`]), a Merkle tree over
//! file, module, function, clause and attribute.
//!
//! Two looks. **exact**: as written, without layout and comments. **alpha**: the locals of each clause numbered
//! ([`super::alpha`]), and the names of the function itself (in its heads, its own calls and captures of the same arity)
//! and of the module taken away: a pure renaming of variables, of the function or of the module leaves `alpha` equal.

use std::fmt;

use super::Locals;
use super::serial::{Hole, Look, write};
use crate::definitions::{Clause, Function, Outline};
use crate::quoted::{Kind, NodeId, Quoted, Symbol};

/// What a piece of code says: equal code, equal id.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub [u8; 16]);

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentId({self})")
    }
}

impl ContentId {
    /// The id of canonical bytes, told apart by what they are of.
    pub(crate) fn of(what: &str, bytes: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        // The format's version; a new one makes all ids new.
        hasher.update(b"codegraph content 1 ");
        hasher.update(what.as_bytes());
        hasher.update(&[0]);
        hasher.update(bytes);
        Self::first(&hasher.finalize())
    }

    fn first(hash: &blake3::Hash) -> Self {
        Self(hash.as_bytes().first_chunk::<16>().copied().unwrap_or_default())
    }
}

/// The two looks at one definition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BothIds {
    /// As written, without layout and comments.
    pub exact: ContentId,
    /// Without the names of locals, of the function and of the module.
    pub alpha: ContentId,
}

/// Content ids of a file and of all that it defines; the lists run beside those of the [`Outline`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The whole file.
    pub file: BothIds,
    /// Modules, with all inside.
    pub modules: Vec<BothIds>,
    /// Functions: their clauses in order.
    pub functions: Vec<BothIds>,
    /// Clauses.
    pub clauses: Vec<BothIds>,
    /// Attributes.
    pub attributes: Vec<ContentId>,
}

impl Contents {
    /// Hashes a file: each node twice, once a look.
    #[must_use]
    pub fn of(tree: &Quoted, outline: &Outline) -> Self {
        let mut hashing = Hashing {
            tree,
            locals: Locals::new(tree),
            pipe: tree.symbols().find(b"|>"),
            bytes: Vec::new(),
        };
        let mut contents = Self {
            clauses: hashing.clauses(outline),
            ..Self::default()
        };
        contents.functions = outline
            .functions
            .iter()
            .map(|function| function_ids(function, &contents.clauses))
            .collect();
        for attribute in &outline.attributes {
            let id = hashing.plain("attribute", attribute.node, &[]);
            contents.attributes.push(id);
        }
        hashing.containers(outline, &mut contents);
        contents
    }
}

/// A function is its clauses: they need not stand together.
fn function_ids(function: &Function, clauses: &[BothIds]) -> BothIds {
    let (mut exact, mut alpha) = (Vec::new(), Vec::new());
    for clause in function
        .clauses
        .iter()
        .filter_map(|clause| clauses.get(*clause as usize))
    {
        exact.extend_from_slice(&clause.exact.0);
        alpha.extend_from_slice(&clause.alpha.0);
    }
    BothIds {
        exact: ContentId::of("function exact", &exact),
        alpha: ContentId::of("function alpha", &alpha),
    }
}

#[derive(Debug)]
struct Hashing<'a> {
    tree: &'a Quoted,
    locals: Locals,
    pipe: Option<Symbol>,
    bytes: Vec<u8>,
}

impl Hashing<'_> {
    fn plain(&mut self, what: &str, root: NodeId, holes: &[Hole]) -> ContentId {
        self.bytes.clear();
        write(self.tree, root, holes, |_| Look::Plain, &mut self.bytes);
        ContentId::of(what, &self.bytes)
    }

    fn clauses(&mut self, outline: &Outline) -> Vec<BothIds> {
        let mut found = Vec::with_capacity(outline.clauses.len());
        // Modules inside of functions are rare; such clauses are hashed with all inside, holes or not.
        for clause in &outline.clauses {
            let exact = self.plain("clause exact", clause.node, &[]);
            let alpha = match outline.functions.get(clause.function as usize) {
                Some(function) => self.alpha(clause, function),
                None => exact,
            };
            found.push(BothIds { exact, alpha });
        }
        found
    }

    fn alpha(&mut self, clause: &Clause, function: &Function) -> ContentId {
        let (tree, pipe) = (self.tree, self.pipe);
        self.locals.enter(tree, clause.node, clause.parameters(tree));
        self.bytes.clear();
        let locals = &mut self.locals;
        let look = |index: usize| {
            if let Some(number) = locals.number(tree, index) {
                return Look::Local(number);
            }
            let node = tree.node(NodeId::new(index));
            if node.symbol != function.name || function.name == Symbol::NONE {
                return Look::Plain;
            }
            let own = match node.kind {
                _ if index == clause.head.index() => true,
                Kind::Call => {
                    let arguments = tree.kids(NodeId::new(index)).len();
                    calls(function, arguments) || {
                        let next = tree.node(NodeId::new(index + 1));
                        let piped = next.kind == Kind::Call
                            && Some(next.symbol) == pipe
                            && tree.kid(NodeId::new(index + 1), 1) == Some(NodeId::new(index));
                        piped && calls(function, arguments + 1)
                    }
                }
                Kind::Variable => {
                    let arity = tree.text(NodeId::new(index + 1));
                    locals.is_captured(tree, index) && arity.parse().is_ok_and(|arity| calls(function, arity))
                }
                _ => false,
            };
            if own { Look::SelfName } else { Look::Plain }
        };
        write(tree, clause.node, &[], look, &mut self.bytes);
        ContentId::of("clause alpha", &self.bytes)
    }

    /// Modules and the file, innermost first.
    fn containers(&mut self, outline: &Outline, contents: &mut Contents) {
        contents.modules = vec![BothIds::default(); outline.modules.len()];
        for (index, module) in outline.modules.iter().enumerate().rev() {
            let ids = self.container("module", module.node, Some(module.name), outline, contents);
            if let Some(slot) = contents.modules.get_mut(index) {
                *slot = ids;
            }
        }
        if let Some(root) = self.tree.root() {
            contents.file = self.container("file", root, None, outline, contents);
        }
    }

    fn container(
        &mut self,
        what: &str,
        root: NodeId,
        name: Option<NodeId>,
        outline: &Outline,
        contents: &Contents,
    ) -> BothIds {
        let tree = self.tree;
        let range = tree.subtree(root);
        let mut holes: Vec<(Hole, ContentId)> = Vec::new();
        let mut hole = |node: NodeId, ids: BothIds| {
            let inside = tree.subtree(node);
            if node != root && range.start <= inside.start && inside.end <= range.end {
                let hole = Hole {
                    start: inside.start,
                    end: inside.end,
                    id: ids.exact,
                };
                holes.push((hole, ids.alpha));
            }
        };
        // All three lists are in the order of the file.
        let from = outline
            .modules
            .partition_point(|one| tree.subtree(one.node).start < range.start);
        for (module, ids) in outline.modules.iter().zip(&contents.modules).skip(from) {
            if tree.subtree(module.node).start >= range.end {
                break;
            }
            hole(module.node, *ids);
        }
        let from = outline
            .clauses
            .partition_point(|one| tree.subtree(one.node).start < range.start);
        for (clause, ids) in outline.clauses.iter().zip(&contents.clauses).skip(from) {
            if tree.subtree(clause.node).start >= range.end {
                break;
            }
            hole(clause.node, *ids);
        }
        let from = outline
            .attributes
            .partition_point(|one| tree.subtree(one.node).start < range.start);
        for (attribute, id) in outline.attributes.iter().zip(&contents.attributes).skip(from) {
            if tree.subtree(attribute.node).start >= range.end {
                break;
            }
            hole(
                attribute.node,
                BothIds {
                    exact: *id,
                    alpha: *id,
                },
            );
        }
        // The outermost of those that lie in one another.
        holes.sort_by_key(|(hole, _)| (hole.start, std::cmp::Reverse(hole.end)));
        let mut end = 0;
        holes.retain(|(hole, _)| {
            let outer = hole.start >= end;
            end = if outer { hole.end } else { end };
            outer
        });
        let exact_holes: Vec<Hole> = holes.iter().map(|(hole, _)| *hole).collect();
        let exact = self.plain(what, root, &exact_holes);
        let mut alpha_holes: Vec<Hole> = holes
            .iter()
            .map(|(hole, alpha)| Hole { id: *alpha, ..*hole })
            .collect();
        if let Some(name) = name.map(|name| tree.subtree(name)) {
            let hole = Hole {
                start: name.start,
                end: name.end,
                id: ContentId::default(),
            };
            alpha_holes.push(hole);
            alpha_holes.sort_by_key(|hole| hole.start);
        }
        let alpha = self.plain(what, root, &alpha_holes);
        BothIds { exact, alpha }
    }
}

fn calls(function: &Function, arguments: usize) -> bool {
    u8::try_from(arguments).is_ok_and(|arguments| function.takes(arguments))
}
