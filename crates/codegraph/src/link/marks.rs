//! What each node is to its surroundings, as far as calls go: quoted code, data, the right side of a pipe, a captured
//! name. One pass from the root down, which in a post-order arena is a loop from the end.

use crate::DefinitionKind;
use crate::quoted::{Flags, Kind, NodeId, Quoted};

/// What is known of a node from above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    bits: u16,
    /// Of a captured name: the arity that is captured.
    pub(super) captured: u8,
}

impl Marks {
    /// Inside `quote`: code of another place.
    pub(super) const QUOTED: u16 = 1;
    /// Inside `quote` where `unquote` works.
    pub(super) const OPEN: u16 = 2;
    /// The node is no call, whatever it looks like; its children may be.
    pub(super) const SILENT: u16 = 4;
    /// Nothing in the subtree is a call: types, module names.
    pub(super) const DATA: u16 = 8;
    /// The right side of `|>`: one more argument.
    pub(super) const PIPED: u16 = 16;
    /// What follows `::` in a bitstring.
    pub(super) const BITS: u16 = 32;
    /// A name after `&`, with an arity.
    pub(super) const CAPTURED: u16 = 64;
    /// In `unquote` outside of `quote`: evaluated by the module's body, not by the function.
    pub(super) const FRAGMENT: u16 = 128;
    /// The clauses of `rescue`.
    pub(super) const RESCUE: u16 = 256;

    /// What children take over from their parent.
    const INHERITED: u16 = Self::QUOTED | Self::OPEN | Self::DATA | Self::FRAGMENT;

    pub(super) fn has(self, bit: u16) -> bool {
        self.bits & bit != 0
    }

    fn inherited(self) -> Self {
        Self {
            bits: self.bits & Self::INHERITED,
            captured: 0,
        }
    }
}

/// The marks of all nodes.
pub(super) fn of(tree: &Quoted) -> Vec<Marks> {
    let mut marks = vec![Marks::default(); tree.nodes().len()];
    for index in (0..marks.len()).rev() {
        let node = NodeId::new(index);
        let own = marks.get(index).copied().unwrap_or_default();
        for kid in tree.kids(node) {
            if let Some(slot) = marks.get_mut(kid.index()) {
                slot.bits |= own.inherited().bits;
            }
        }
        let mut set = |node: NodeId, bits: u16| {
            if let Some(slot) = marks.get_mut(node.index()) {
                slot.bits |= bits;
            }
        };
        match tree.node(node).kind {
            Kind::Call if own.has(Marks::QUOTED) => {
                if own.has(Marks::OPEN) && matches!(tree.text(node), "unquote" | "unquote_splicing") {
                    for kid in tree.kids(node) {
                        if let Some(slot) = marks.get_mut(kid.index()) {
                            slot.bits &= !(Marks::QUOTED | Marks::OPEN);
                        }
                    }
                } else if tree.text(node) == "quote" {
                    for kid in tree.kids(node) {
                        if let Some(slot) = marks.get_mut(kid.index()) {
                            slot.bits &= !Marks::OPEN;
                        }
                    }
                }
            }
            Kind::Call if own.has(Marks::BITS) => bit_specification(tree, node, &mut set),
            Kind::Call if tree.is_call(node, "&", 1) => capture(tree, node, &mut marks),
            Kind::Call => call(tree, node, own, &mut set),
            Kind::Pair => {
                if let [key, value] = tree.kids(node)
                    && tree.node(*key).kind == Kind::Atom
                    && tree.text(*key) == "rescue"
                {
                    for clause in tree.kids(*value) {
                        set(*clause, Marks::RESCUE);
                    }
                }
            }
            Kind::Apply => {
                // What is called is looked at with the call.
                if let Some(callee) = tree.kid(node, 0) {
                    set(callee, Marks::SILENT);
                }
            }
            _ => {}
        }
    }
    marks
}

fn call(tree: &Quoted, node: NodeId, own: Marks, set: &mut impl FnMut(NodeId, u16)) {
    let kids = tree.kids(node);
    match (tree.text(node), kids) {
        ("quote", _) => quote(tree, kids, set),
        ("unquote" | "unquote_splicing", [inside]) => set(*inside, Marks::FRAGMENT),
        ("@", [attribute]) => {
            let types = matches!(
                tree.text(*attribute),
                "spec" | "type" | "typep" | "opaque" | "callback" | "macrocallback"
            );
            let types = types && !tree.kids(*attribute).is_empty();
            set(*attribute, if types { Marks::DATA } else { Marks::SILENT });
        }
        ("|>", [_, right]) => set(*right, Marks::PIPED),
        ("put_in" | "update_in" | "get_and_update_in", [path, _]) | ("pop_in", [path]) => {
            self::path(tree, *path, set);
        }
        // One call takes the whole chain (`Kernel.<>/2`).
        ("<>", [_, right]) if tree.is_call(*right, "<>", 2) => set(*right, Marks::SILENT),
        ("__aliases__", _) => {
            for kid in kids {
                set(*kid, Marks::DATA);
            }
        }
        (
            "alias" | "import" | "require" | "defimpl" | "defmodule" | "defprotocol" | "use",
            [first, rest @ ..],
        ) => {
            set(*first, Marks::DATA);
            for list in rest {
                for key in ["as", "only", "except", "for"] {
                    if let Some(value) = tree.keyword(*list, key) {
                        set(value, Marks::DATA);
                    }
                }
            }
        }
        ("<<>>", _) => {
            for kid in kids {
                // The last segment of a generator: `<<c::8 <- text>>`.
                let segment = match tree.kids(*kid) {
                    [segment, _] if tree.is_call(*kid, "<-", 2) => *segment,
                    _ => *kid,
                };
                if let ("::", [_, specification]) = (tree.text(segment), tree.kids(segment)) {
                    set(*specification, Marks::BITS);
                }
            }
        }
        ("->", [left, _]) if own.has(Marks::RESCUE) => {
            for pattern in tree.kids(*left) {
                if tree.is_call(*pattern, "in", 2) {
                    set(*pattern, Marks::SILENT);
                }
            }
        }
        (word, [head, ..]) if DefinitionKind::of_word(word).is_some() => {
            let mut head = *head;
            if tree.is_call(head, "when", 2) {
                head = tree.kid(head, 0).unwrap_or(head);
            }
            set(head, Marks::SILENT);
            if tree.node(head).kind == Kind::List {
                tree.kids(head).iter().for_each(|kid| set(*kid, Marks::SILENT));
            }
        }
        _ => {}
    }
}

/// `put_in(a.b[c], d)` takes its first argument apart: what looks like `Access.get` there is none.
fn path(tree: &Quoted, path: NodeId, set: &mut impl FnMut(NodeId, u16)) {
    let mut at = path;
    while let Some((left, _, args)) = tree.remote_call(at) {
        let inner = match args {
            [] => left,
            [inner, _] if tree.node(at).flags.has(Flags::FROM_BRACKETS) => *inner,
            _ => return,
        };
        set(at, Marks::SILENT);
        // A child: the walk goes down, and ends.
        at = inner;
    }
}

/// What stands in `do` is quoted; options are not. `bind_quoted` and `unquote: false` turn `unquote` off.
fn quote(tree: &Quoted, kids: &[NodeId], set: &mut impl FnMut(NodeId, u16)) {
    let off = |list: &NodeId| {
        tree.keyword(*list, "bind_quoted").is_some()
            || tree
                .keyword(*list, "unquote")
                .is_some_and(|value| tree.text(value) == "false")
    };
    let open = if kids.iter().any(off) { 0 } else { Marks::OPEN };
    for list in kids {
        if let Some(body) = tree.keyword(*list, "do") {
            set(body, Marks::QUOTED | open);
        }
    }
}

fn capture(tree: &Quoted, node: NodeId, marks: &mut [Marks]) {
    let Some(slash) = tree.kid(node, 0).filter(|kid| tree.is_call(*kid, "/", 2)) else {
        return;
    };
    let [name, arity] = tree.kids(slash) else {
        return;
    };
    let is_name = match tree.node(*name).kind {
        Kind::Variable => true,
        Kind::Apply => tree
            .remote_call(*name)
            .is_some_and(|(_, _, args)| args.is_empty()),
        _ => false,
    };
    let Some(arity) = Some(*arity)
        .filter(|arity| is_name && tree.node(*arity).kind == Kind::Integer)
        .and_then(|arity| tree.text(arity).parse().ok())
    else {
        return;
    };
    if let Some(slot) = marks.get_mut(slash.index()) {
        slot.bits |= Marks::SILENT;
    }
    if let Some(slot) = marks.get_mut(name.index()) {
        slot.bits |= Marks::CAPTURED;
        slot.captured = arity;
    }
}

/// `binary-size(n)-unit(8)`: only what stands in the parentheses is code.
fn bit_specification(tree: &Quoted, node: NodeId, set: &mut impl FnMut(NodeId, u16)) {
    set(node, Marks::SILENT);
    if matches!(tree.text(node), "-" | "*") {
        tree.kids(node).iter().for_each(|kid| set(*kid, Marks::BITS));
    }
}
