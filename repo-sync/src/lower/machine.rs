//! The loop that lowers without recursion: a stack of tasks and a stack of finished nodes.
//!
//! Opening a node of the concrete tree schedules tasks in the order in which they are to run: its parts, then the node
//! over them. Each part leaves exactly one finished node, which is what makes the arena post-order.

use codegraph::quoted::{Builder, Flags, Kind, NodeId, Place, Quoted, Symbol};

use super::captures::Captures;
use super::columns::Columns;
use super::flat::Flat;
use super::grammar::Syntax;

/// What is still to be done. Every task leaves one value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task {
    /// Lower this node of the concrete tree.
    Lower(u32),
    /// Lower it without the `&` at its beginning, which is made over it.
    LowerInner(u32),
    /// Make a node over the last `kids` values.
    Make {
        kind: Kind,
        symbol: Symbol,
        flags: Flags,
        place: Place,
        kids: u32,
    },
    /// Make one expression of the last `count` values, as `build_block` does.
    Block { count: u32, place: Place },
    /// Make a call of the value before the last `arguments` ones, at the callee's own place (`f(x)(y)`).
    CallAgain {
        flags: Flags,
        place: Place,
        arguments: u32,
    },
}

/// Lowers one file.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    pub(super) text: &'a str,
    pub(super) flat: &'a Flat,
    pub(super) columns: &'a Columns,
    pub(super) captures: Captures,
    pub(super) builder: Builder,
    pub(super) tasks: Vec<Task>,
    pub(super) values: Vec<NodeId>,
    pub(super) scratch: Vec<u8>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(text: &'a str, flat: &'a Flat, columns: &'a Columns) -> Self {
        Self {
            text,
            flat,
            columns,
            captures: Captures::new(flat, text),
            builder: Builder::new(),
            tasks: Vec::new(),
            values: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Lowers the tree whose root is the first node.
    pub(super) fn run(mut self) -> Quoted {
        if !self.flat.nodes.is_empty() {
            self.tasks.push(Task::Lower(0));
        }
        while let Some(task) = self.tasks.pop() {
            match task {
                Task::Lower(index) | Task::LowerInner(index) => {
                    let first = self.tasks.len();
                    let inner = matches!(task, Task::LowerInner(_));
                    if inner || !self.open_wide_capture(index) {
                        self.open(index);
                    }
                    if let Some(scheduled) = self.tasks.get_mut(first..) {
                        scheduled.reverse();
                    }
                }
                Task::Make {
                    kind,
                    symbol,
                    flags,
                    place,
                    kids,
                } => self.make(kind, symbol, flags, place, kids),
                Task::Block { count, place } => self.block(count, place),
                Task::CallAgain {
                    flags,
                    place,
                    arguments,
                } => self.call_again(flags, place, arguments),
            }
        }
        let root = self.values.pop();
        self.builder.finish(root)
    }

    fn make(&mut self, kind: Kind, symbol: Symbol, flags: Flags, place: Place, kids: u32) {
        let first = self.values.len().saturating_sub(kids as usize);
        let id = self.builder.add(
            kind,
            symbol,
            flags,
            place,
            self.values.get(first..).unwrap_or_default(),
        );
        self.values.truncate(first);
        self.values.push(id);
    }

    /// `build_block` of `elixir_parser.yrl`: one expression stands for itself, unless it is a lone `not`, `!` or
    /// `unquote_splicing`. A block without a place of its own takes that of the parentheses.
    fn block(&mut self, count: u32, place: Place) {
        if let (1, Some(id)) = (count, self.values.last().copied()) {
            let tree = self.builder.tree();
            let node = tree.node(id);
            if node.kind != Kind::Call {
                return;
            }
            let lone = tree.kids(id).len() == 1 && matches!(tree.text(id), "not" | "!" | "unquote_splicing");
            if !lone {
                if node.line == 0 && place.line != 0 && tree.text(id) == "__block__" {
                    self.builder.set_position(id, place.line, place.column);
                }
                return;
            }
        }
        let symbol = self.builder.symbol(b"__block__");
        let flags = if place.line == 0 {
            Flags::IMPLICIT
        } else {
            Flags::default()
        };
        self.make(Kind::Call, symbol, flags, place, count);
    }

    fn call_again(&mut self, flags: Flags, mut place: Place, arguments: u32) {
        let callee = self.values.len().saturating_sub(arguments as usize + 1);
        if let Some(callee) = self.values.get(callee) {
            let node = self.builder.tree().node(*callee);
            (place.line, place.column) = (node.line, node.column);
        }
        self.make(Kind::Apply, Symbol::NONE, flags, place, arguments + 1);
    }

    /// Schedules the lowering of a node.
    pub(super) fn lower(&mut self, index: u32) {
        self.tasks.push(Task::Lower(index));
    }

    /// Schedules a node over the `kids` values before it.
    pub(super) fn node(&mut self, kind: Kind, text: &[u8], flags: Flags, place: Place, kids: u32) {
        let symbol = self.builder.symbol(text);
        self.tasks.push(Task::Make {
            kind,
            symbol,
            flags,
            place,
            kids,
        });
    }

    /// Schedules a call by name.
    pub(super) fn call(&mut self, name: &str, flags: Flags, place: Place, kids: u32) {
        self.node(Kind::Call, name.as_bytes(), flags, place, kids);
    }

    /// Schedules an atom, which has no position in the quoted form.
    pub(super) fn atom(&mut self, text: &str, span: Place) {
        self.node(Kind::Atom, text.as_bytes(), Flags::default(), nowhere(span), 0);
    }

    /// Schedules a list over the `kids` values before it.
    pub(super) fn list(&mut self, flags: Flags, span: Place, kids: u32) {
        self.node(Kind::List, b"", flags, nowhere(span), kids);
    }

    /// Schedules what stands for a term that is not there.
    pub(super) fn absent(&mut self, span: Place) {
        self.node(Kind::Error, b"", Flags::default(), nowhere(span), 0);
    }

    /// Schedules a part that a broken tree may lack.
    pub(super) fn lower_or_absent(&mut self, part: Option<u32>, span: Place) {
        match part {
            Some(part) => self.lower(part),
            None => self.absent(span),
        }
    }

    /// The position of a node's first byte, with its span.
    pub(super) fn place(&self, index: u32) -> Place {
        let node = self.flat.node(index);
        Place {
            line: node.row + 1,
            column: self.columns.column(node.start, node.offset),
            start: node.start,
            end: node.end,
        }
    }

    /// The position of `token` with the span of `whole`.
    pub(super) fn anchored(&self, token: u32, whole: u32) -> Place {
        let whole = self.flat.node(whole);
        Place {
            start: whole.start,
            end: whole.end,
            ..self.place(token)
        }
    }

    /// The text of a node.
    pub(super) fn text_of(&self, index: u32) -> &'a str {
        let node = self.flat.node(index);
        self.slice(node.start, node.end)
    }

    pub(super) fn slice(&self, start: u32, end: u32) -> &'a str {
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Flags of what is made of this node.
    pub(super) fn flags(&self, index: u32) -> Flags {
        if self.flat.node(index).broken {
            Flags::DAMAGED
        } else {
            Flags::default()
        }
    }

    fn open(&mut self, index: u32) {
        match self.flat.syntax(index) {
            Syntax::Source => self.open_source(index),
            Syntax::Block => self.open_block(index),
            Syntax::Call => self.open_call(index),
            Syntax::AccessCall => self.open_access(index),
            Syntax::Dot => self.open_dot(index),
            Syntax::StabClause => self.open_clause(index),
            Syntax::AnonymousFunction => self.open_function(index),
            Syntax::BinaryOperator => self.open_binary(index),
            Syntax::UnaryOperator => self.open_unary(index),
            Syntax::OperatorIdentifier => self.open_operator_identifier(index),
            Syntax::Identifier => self.open_identifier(index),
            Syntax::Alias => self.open_alias(index),
            Syntax::Atom | Syntax::Keyword | Syntax::Boolean | Syntax::Nil => self.open_atom(index),
            Syntax::QuotedAtom | Syntax::QuotedKeyword => self.open_quoted_atom(index),
            Syntax::Keywords => self.open_keywords(index),
            Syntax::Pair => self.open_pair(index),
            Syntax::List => self.open_list(index),
            Syntax::Tuple => self.open_tuple(index),
            Syntax::Map => self.open_map(index),
            Syntax::Bitstring => self.open_bitstring(index),
            Syntax::String => self.open_string(index),
            Syntax::Charlist => self.open_charlist(index),
            Syntax::Sigil => self.open_sigil(index),
            Syntax::Char => self.open_char(index),
            Syntax::Integer => self.open_integer(index),
            Syntax::Float => self.open_float(index),
            _ => self.open_error(index),
        }
    }

    /// What could not be read keeps what was read inside it.
    fn open_error(&mut self, index: u32) {
        let mut kids = 0;
        for term in self.flat.terms(index) {
            self.lower(term);
            kids += 1;
        }
        let place = nowhere(self.place(index));
        self.node(Kind::Error, b"", Flags::default(), place, kids);
    }
}

/// The span alone: what has no position in the quoted form.
pub(super) fn nowhere(span: Place) -> Place {
    Place {
        line: 0,
        column: 0,
        ..span
    }
}
