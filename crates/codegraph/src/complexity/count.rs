//! One walk over a function's bodies and guards, with an explicit stack.

use super::Complexity;
use crate::definitions::{Clause, Function};
use crate::flow::forms::{Form, Forms};
use crate::quoted::{Kind, NodeId, Quoted};

/// What is still to be looked at: a node, how deep it is nested, the logical operator that it is an operand of.
#[derive(Clone, Copy)]
struct Item {
    node: NodeId,
    depth: u32,
    operator: Form,
}

struct Count<'t> {
    tree: &'t Quoted,
    forms: &'t Forms,
    function: &'t Function,
    found: Complexity,
    work: Vec<Item>,
}

pub(super) fn count(tree: &Quoted, forms: &Forms, function: &Function, clauses: &[&Clause]) -> Complexity {
    let mut count = Count {
        tree,
        forms,
        function,
        found: Complexity {
            cyclomatic: 1,
            ..Complexity::default()
        },
        work: Vec::new(),
    };
    for clause in clauses {
        count.found.lines += lines(tree, clause.node);
        if clause.index.is_none() {
            continue;
        }
        count.found.clauses += 1;
        if let Some(guard) = clause.guard {
            count.push(guard, 0);
        }
        match clause.sections {
            Some(list) if clause.body.is_some() => count.sections(list, 0),
            _ => {
                if let Some(body) = clause.body {
                    count.push(body, 0);
                }
            }
        }
        count.run();
    }
    let found = &mut count.found;
    if found.clauses > 1 {
        // Clauses are a choice, as those of a `case`.
        found.cyclomatic += found.clauses - 1;
        found.conditions += found.clauses;
        found.cognitive += 1;
    }
    found.cognitive += u32::from(found.recursive);
    count.found
}

fn lines(tree: &Quoted, node: NodeId) -> u32 {
    let nodes = tree.nodes().get(tree.subtree(node)).unwrap_or_default();
    let lines = nodes.iter().map(|node| node.line).filter(|line| *line > 0);
    let (first, last) = lines.fold((u32::MAX, 0), |(first, last), line| {
        (first.min(line), last.max(line))
    });
    (last + 1).saturating_sub(first.min(last + 1))
}

impl Count<'_> {
    fn push(&mut self, node: NodeId, depth: u32) {
        self.work.push(Item {
            node,
            depth,
            operator: Form::Plain,
        });
    }

    fn run(&mut self) {
        while let Some(item) = self.work.pop() {
            self.look(item);
        }
    }

    fn look(&mut self, item: Item) {
        let (tree, Item { node, depth, .. }) = (self.tree, item);
        let kids = tree.kids(node);
        match tree.node(node).kind {
            Kind::Call => self.call(item, kids),
            Kind::Apply => {
                self.found.branches += u32::from(!self.is_field(node));
                for kid in kids {
                    self.push(*kid, depth);
                }
            }
            _ => {
                for kid in kids {
                    self.push(*kid, depth);
                }
            }
        }
    }

    /// `map.field`: written as a call, and hardly ever one.
    fn is_field(&self, node: NodeId) -> bool {
        let Some((module, _, [])) = self.tree.remote_call(node) else {
            return false;
        };
        let is_module = self.tree.node(module).kind == Kind::Atom || self.tree.text(module) == "__aliases__";
        !is_module && self.tree.node(node).flags.has(crate::quoted::Flags::NO_PARENS)
    }

    fn call(&mut self, item: Item, kids: &[NodeId]) {
        let Item {
            node,
            depth,
            operator,
        } = item;
        let form = self.forms.get(self.tree.node(node).symbol);
        let list = kids
            .last()
            .copied()
            .filter(|list| self.tree.keyword(*list, "do").is_some());
        match (form, list) {
            (Form::If | Form::Unless, Some(list)) => {
                self.opens(depth);
                self.found.cyclomatic += 1;
                self.found.conditions += 1;
                if let Some(otherwise) = self.tree.keyword(list, "else") {
                    self.found.cognitive += 1;
                    self.found.conditions += 1;
                    self.push(otherwise, depth + 1);
                }
                self.body(list, depth + 1);
                self.rest(kids, depth);
            }
            (Form::Case | Form::Cond, Some(list)) => {
                self.opens(depth);
                self.section(list, "do", depth + 1);
                if form == Form::Cond {
                    self.conditions(list, depth);
                }
                self.rest(kids, depth);
            }
            (Form::With, Some(list)) => {
                self.opens(depth);
                let tests = kids
                    .iter()
                    .filter(|kid| self.tree.is_call(**kid, "<-", 2))
                    .count();
                self.found.cyclomatic += tests as u32;
                if self.tree.keyword(list, "else").is_some() {
                    self.found.cognitive += 1;
                    self.section(list, "else", depth + 1);
                }
                self.body(list, depth + 1);
                self.rest(kids, depth);
            }
            (Form::For, Some(list)) => {
                self.opens(depth);
                let parts = kids
                    .iter()
                    .filter(|kid| self.tree.node(**kid).kind != Kind::List)
                    .count();
                self.found.cyclomatic += parts as u32;
                self.section(list, "do", depth + 1);
                self.rest(kids, depth);
            }
            (Form::Receive, _) if !kids.is_empty() => {
                self.opens(depth);
                for list in kids {
                    self.section(*list, "do", depth + 1);
                    if self.tree.keyword(*list, "after").is_some() {
                        self.found.cyclomatic += 1;
                        self.section(*list, "after", depth + 1);
                    }
                }
            }
            (Form::Try, Some(list)) => self.sections(list, depth),
            (Form::Fn, _) => {
                self.nests(depth + 1);
                if kids.len() > 1 {
                    self.found.cognitive += 1 + depth;
                }
                self.clauses(kids, depth + 1);
            }
            (Form::And | Form::Or, _) => {
                self.found.cyclomatic += 1;
                self.found.cognitive += u32::from(operator != form);
                for kid in kids {
                    self.work.push(Item {
                        node: *kid,
                        depth,
                        operator: form,
                    });
                }
            }
            (Form::Quote | Form::Directive | Form::Literal, _) => {}
            (Form::Match | Form::Destructure, _) => {
                self.found.assignments += 1;
                self.skip_pattern(kids, depth);
            }
            _ => self.other(item, form, kids),
        }
    }

    fn other(&mut self, item: Item, form: Form, kids: &[NodeId]) {
        let name = self.tree.text(item.node);
        match form {
            Form::Plain if name == "<-" => {
                self.found.assignments += 1;
                self.skip_pattern(kids, item.depth);
                return;
            }
            Form::Plain if matches!(name, "when" | "->" | "." | "\\\\" | "unquote" | "__block__") => {}
            Form::Plain | Form::Raise | Form::Throw => {
                self.found.branches += 1;
                let same = self.tree.node(item.node).symbol == self.function.name;
                let arity = kids.len();
                // With a piped argument there is one more.
                let takes = |count: usize| u8::try_from(count).is_ok_and(|count| self.function.takes(count));
                if same && (takes(arity) || takes(arity + 1)) {
                    self.found.recursive = true;
                }
            }
            Form::Operator
                if matches!(
                    name,
                    "==" | "!=" | "===" | "!==" | "<" | ">" | "<=" | ">=" | "=~" | "in" | "not" | "!"
                ) =>
            {
                self.found.conditions += 1;
            }
            _ => {}
        }
        for kid in kids {
            self.push(*kid, item.depth);
        }
    }

    /// The right side of a match, and the guard of the left one.
    fn skip_pattern(&mut self, kids: &[NodeId], depth: u32) {
        if let [left, right] = kids {
            self.guard(*left, depth);
            self.push(*right, depth);
        }
    }

    fn guard(&mut self, pattern: NodeId, depth: u32) {
        let is_guarded = self.tree.node(pattern).kind == Kind::Call && self.tree.text(pattern) == "when";
        if let Some(guard) = self.tree.kids(pattern).last().filter(|_| is_guarded) {
            self.push(*guard, depth);
        }
    }

    /// A construct with arms that stands this deep.
    fn opens(&mut self, depth: u32) {
        self.found.cognitive = self.found.cognitive.saturating_add(1 + depth);
        self.nests(depth + 1);
    }

    fn nests(&mut self, depth: u32) {
        self.found.nesting = self.found.nesting.max(depth);
    }

    fn body(&mut self, list: NodeId, depth: u32) {
        if let Some(body) = self.tree.keyword(list, "do") {
            self.push(body, depth);
        }
    }

    /// What stands beside the last keyword list: subjects, clauses of `with`, generators.
    fn rest(&mut self, kids: &[NodeId], depth: u32) {
        for kid in kids.iter().take(kids.len().saturating_sub(1)) {
            self.push(*kid, depth);
        }
    }

    /// A section that holds clauses, or a body.
    fn section(&mut self, list: NodeId, key: &str, depth: u32) {
        let Some(body) = self.tree.keyword(list, key) else {
            return;
        };
        let clauses = self.tree.kids(body);
        let are = clauses.iter().all(|clause| self.tree.is_call(*clause, "->", 2));
        if self.tree.node(body).kind == Kind::List && are {
            self.clauses(clauses, depth);
        } else {
            self.push(body, depth);
        }
    }

    fn clauses(&mut self, clauses: &[NodeId], depth: u32) {
        let more = clauses.len().saturating_sub(1) as u32;
        self.found.cyclomatic += more;
        if more > 0 {
            self.found.conditions += more + 1;
        }
        for clause in clauses {
            let Some(&[heads, body]) = self.tree.kids(*clause).first_chunk::<2>() else {
                continue;
            };
            for head in self.tree.kids(heads) {
                self.guard(*head, depth);
            }
            self.push(body, depth);
        }
    }

    /// The left sides of `cond`.
    fn conditions(&mut self, list: NodeId, depth: u32) {
        let clauses = self.tree.keyword(list, "do").map(|body| self.tree.kids(body));
        for clause in clauses.unwrap_or_default() {
            if let Some(heads) = self.tree.kid(*clause, 0) {
                for head in self.tree.kids(heads) {
                    self.push(*head, depth);
                }
            }
        }
    }

    /// `do`, `rescue`, `catch`, `else`, `after` of `try` or of a function.
    fn sections(&mut self, list: NodeId, depth: u32) {
        self.body(list, depth);
        for key in ["rescue", "catch"] {
            if self.tree.keyword(list, key).is_some() {
                self.opens(depth);
                self.found.cyclomatic += 1;
                self.section(list, key, depth + 1);
            }
        }
        if self.tree.keyword(list, "else").is_some() {
            self.found.cognitive += 1;
            self.section(list, "else", depth + 1);
        }
        if let Some(after) = self.tree.keyword(list, "after") {
            self.push(after, depth);
        }
    }
}
