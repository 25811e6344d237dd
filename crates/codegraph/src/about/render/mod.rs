//! A piece of a quoted form as Elixir text again: what answers show of specifications, types, heads and values.
//!
//! The text reads back as the same quoted form: that is the measure ([`render`]'s round trip is tested over Elixir's own
//! sources). Layout is plain: operators with blanks, blocks on lines of their own, no line is broken for its length.
//! Nothing recurses: a stack of tasks writes the text from left to right, and stops at a limit of bytes.

mod blocks;
mod calls;
mod literals;
mod operators;
mod terms;

pub(in crate::about) use literals::{hole, is_interpolated};

use crate::quoted::{Flags, Kind, NodeId, Quoted};

/// Text made of a subtree.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rendered {
    /// Elixir; if it was cut it ends with `...`.
    pub text: String,
    /// It was longer than the limit.
    pub is_cut: bool,
}

/// Writes a subtree as Elixir. At most `bytes_max` bytes, and the three of `...`.
#[must_use]
pub fn render(tree: &Quoted, node: NodeId, bytes_max: usize) -> Rendered {
    let first = tree.subtree(node).start;
    let mut blocks = Vec::with_capacity(tree.subtree(node).len() + 1);
    let mut count = 0u32;
    blocks.push(count);
    for index in tree.subtree(node) {
        count += u32::from(tree.node(NodeId::new(index)).flags.has(Flags::DO_BLOCK));
        blocks.push(count);
    }
    let mut writer = Writer {
        tree,
        first,
        blocks,
        tasks: vec![Task::Node(node, Context::Statement)],
        out: String::new(),
        indentation: 0,
    };
    let is_cut = writer.run(bytes_max);
    let mut text = writer.out;
    if is_cut {
        let mut end = bytes_max.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str("...");
    }
    Rendered { text, is_cut }
}

/// Where an expression stands: what it may look like there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Context {
    /// On a line of its own: calls may go without parentheses.
    Statement,
    /// Between commas or brackets: any operator, but calls have parentheses.
    Element,
    /// Beside an operator: what binds at least so tightly needs no parentheses.
    Operand(u16),
}

/// Binds tighter than any binary operator: the operand of a unary one.
const UNARY: u16 = 300;
/// What a dot, brackets or arguments can follow.
const PRIMARY: u16 = 1000;

/// What is still to be written.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// This text.
    Text(&'static str),
    /// An expression.
    Node(NodeId, Context),
    /// A line break, with the indentation of the moment.
    Line,
    /// One level deeper or less deep.
    Indent(bool),
    /// A comma between two elements.
    Comma,
    /// The key of a keyword pair, with its colon.
    Key(NodeId),
    /// Arguments without parentheses began behind this byte: put them in parentheses if they could be misread.
    Close(usize),
    /// Expressions of a body, on lines of their own.
    Body(NodeId),
    /// A clause: `args -> body`.
    Clause(NodeId),
    /// A piece of interpolated text, escaped for this quote.
    Piece(NodeId, char),
    /// `key => value`.
    Arrow(NodeId),
    /// A dot and a name.
    Name(NodeId),
}

struct Writer<'a> {
    tree: &'a Quoted,
    // Index of the first node, and how many calls with a `do` block lie before each node from there.
    first: usize,
    blocks: Vec<u32>,
    tasks: Vec<Task>,
    out: String,
    indentation: usize,
}

impl Writer<'_> {
    /// Whether the limit was met.
    fn run(&mut self, bytes_max: usize) -> bool {
        while let Some(task) = self.tasks.pop() {
            if self.out.len() > bytes_max {
                return true;
            }
            let first = self.tasks.len();
            self.step(task);
            if let Some(scheduled) = self.tasks.get_mut(first..) {
                scheduled.reverse();
            }
        }
        self.out.len() > bytes_max
    }

    fn step(&mut self, task: Task) {
        match task {
            Task::Text(text) => self.put(text),
            Task::Node(node, context) => self.node(node, context),
            Task::Line => {
                self.out.push('\n');
                self.out.extend(std::iter::repeat_n("  ", self.indentation));
            }
            Task::Indent(true) => self.indentation += 1,
            Task::Indent(false) => self.indentation = self.indentation.saturating_sub(1),
            Task::Comma => self.out.push_str(", "),
            Task::Key(node) => self.key(node),
            Task::Close(at) => self.close(at),
            Task::Body(node) => self.body(node),
            Task::Clause(node) => self.clause(node),
            Task::Piece(node, quote) => self.piece(node, quote),
            Task::Arrow(node) => self.arrow(node),
            Task::Name(node) => self.name(node),
        }
    }

    /// Schedules a task to run after those that were scheduled before in this step.
    fn then(&mut self, task: Task) {
        self.tasks.push(task);
    }

    fn all(&mut self, nodes: &[NodeId]) {
        for (place, node) in nodes.iter().enumerate() {
            if place > 0 {
                self.then(Task::Comma);
            }
            self.then(Task::Node(*node, Context::Element));
        }
    }

    /// Writes a token; a blank keeps it apart from one that it would be read together with.
    fn put(&mut self, text: &str) {
        let sign = |byte: Option<&u8>| byte.is_some_and(|byte| b"<>=+-*/|&^~!@.:".contains(byte));
        if sign(self.out.as_bytes().last()) && sign(text.as_bytes().first()) {
            self.out.push(' ');
        }
        self.out.push_str(text);
    }

    fn node(&mut self, node: NodeId, context: Context) {
        match self.tree.node(node).kind {
            Kind::Atom => self.atom(node),
            Kind::Integer | Kind::Float => self.number(node, context),
            Kind::String => self.string(node),
            Kind::Charlist => self.charlist(node),
            Kind::List => self.list(node),
            Kind::Pair => {
                self.put("{");
                self.all(self.tree.kids(node));
                self.then(Task::Text("}"));
            }
            Kind::Variable => self.put(self.tree.text(node)),
            Kind::Call | Kind::Apply
                if context == Context::Operand(PRIMARY)
                    && self.tree.node(node).flags.has(Flags::DO_BLOCK) =>
            {
                self.parenthesized(node);
            }
            Kind::Call => self.call(node, context),
            Kind::Apply => self.apply(node),
            Kind::Error => self.put("..."),
        }
    }

    /// An expression in parentheses.
    fn parenthesized(&mut self, node: NodeId) {
        self.put("(");
        self.then(Task::Node(node, Context::Element));
        self.then(Task::Text(")"));
    }

    /// Whether a call with a `do` block is among these nodes or inside of them.
    fn has_blocks(&self, nodes: &[NodeId]) -> bool {
        nodes.iter().any(|node| {
            let range = self.tree.subtree(*node);
            let at = |index: usize| self.blocks.get(index.saturating_sub(self.first)).copied();
            at(range.start) != at(range.end)
        })
    }
}

impl<'a> Writer<'a> {
    /// The key and value of a keyword pair.
    fn keyword_pair(&self, pair: NodeId) -> Option<(NodeId, NodeId)> {
        let tree: &'a Quoted = self.tree;
        match (tree.node(pair).kind, tree.kids(pair)) {
            (Kind::Pair, [key, value]) if tree.node(*key).kind == Kind::Atom => Some((*key, *value)),
            _ => None,
        }
    }

    /// Whether it is a list of keyword pairs, and not empty.
    fn is_keywords(&self, list: NodeId) -> bool {
        let kids = self.tree.kids(list);
        self.tree.node(list).kind == Kind::List
            && !kids.is_empty()
            && kids.iter().all(|pair| self.keyword_pair(*pair).is_some())
    }

    /// Schedules `key: value` for each pair.
    fn keywords(&mut self, pairs: &[NodeId]) {
        for (place, pair) in pairs.iter().enumerate() {
            let Some((key, value)) = self.keyword_pair(*pair) else {
                continue;
            };
            if place > 0 {
                self.then(Task::Comma);
            }
            self.then(Task::Key(key));
            self.then(Task::Node(value, Context::Element));
        }
    }
}
