//! Unary and binary operators, and operators as names.

use codegraph::quoted::{Flags, Kind, Place};

use super::grammar::Syntax;
use super::machine::{Machine, Task};

impl Machine<'_> {
    pub(super) fn open_unary(&mut self, index: u32) {
        let mut tokens = self
            .flat
            .children(index)
            .filter(|child| self.flat.is_token(*child));
        let operator = tokens.next();
        let parenthesis = tokens
            .next()
            .filter(|it| self.flat.syntax(*it) == Syntax::Parenthesis);
        let Some(operator) = operator else {
            return self.absent(self.place(index));
        };
        if self.weak_capture(index).is_some() {
            return self.open_weak(index);
        }
        let operand = self.flat.term(index);
        let place = self.anchored(operator, index);
        if self.is_captured(index) {
            // The `&` is made over more than its parentheses.
            self.lower_or_absent(operand, place);
            let place = self.place(parenthesis.unwrap_or(index));
            self.tasks.push(Task::Block { count: 1, place });
            return;
        }
        if let Some(operand) = operand.filter(|it| self.is_attribute_alias(operator, *it)) {
            return self.open_attribute_alias(operator, operand);
        }
        self.lower_or_absent(operand, place);
        if let Some(parenthesis) = parenthesis {
            // `&(...)`: the grammar has the parentheses here.
            let place = self.place(parenthesis);
            self.tasks.push(Task::Block { count: 1, place });
        }
        self.call(self.text_of(operator), self.flags(index), place, 1);
    }

    fn is_attribute_alias(&self, operator: u32, operand: u32) -> bool {
        self.flat.syntax(operand) == Syntax::Alias
            && self.text_of(operator) == "@"
            && self.text_of(operand).contains('.')
    }

    /// `@A.B` is `(@A).B`: `@` binds tighter than the dot, which the concrete tree has inside of the alias.
    fn open_attribute_alias(&mut self, operator: u32, operand: u32) {
        let (text, whole) = (self.text_of(operand), self.place(operand));
        let dot = text.find('.').unwrap_or(text.len());
        let first = text.get(..dot).unwrap_or_default();
        let inner = Place {
            end: whole.start + first.trim_end().len() as u32,
            ..whole
        };
        self.atom(first.trim_end(), inner);
        self.call("__aliases__", Flags::default(), inner, 1);
        let at = Place {
            end: inner.end,
            ..self.place(operator)
        };
        self.call("@", Flags::default(), at, 1);
        let mut kids = 1;
        for name in text.get(dot + 1..).unwrap_or_default().split('.') {
            self.atom(name.trim(), whole);
            kids += 1;
        }
        // An alias is ASCII; a dot on a line of its own is not looked for.
        let place = Place {
            column: whole.column + dot as u32,
            start: at.start,
            ..whole
        };
        self.call("__aliases__", Flags::default(), place, kids);
    }

    /// Left, operator, right.
    pub(super) fn operands(&self, index: u32) -> Option<(u32, u32, u32)> {
        let (mut left, mut operator, mut right) = (None, None, None);
        for child in self.flat.children(index) {
            if self.flat.is_token(child) {
                operator = operator.or(Some(child));
            } else if operator.is_none() {
                left = left.or(Some(child));
            } else {
                right = right.or(Some(child));
            }
        }
        Some((left?, operator?, right?))
    }

    pub(super) fn open_binary(&mut self, index: u32) {
        let Some((left, operator, right)) = self.operands(index) else {
            return self.absent(self.place(index));
        };
        if self.flat.syntax(operator) == Syntax::NotIn {
            return self.open_in(index);
        }
        match self.text_of(operator) {
            "in" => self.open_in(index),
            "//" => self.open_step(index, left, right),
            _ if self.weight_of(index) > 0 && self.has_weak_part([left, right]) => self.open_weak(index),
            name => {
                self.lower(left);
                self.lower(right);
                let place = self.anchored(operator, index);
                self.call(name, self.flags(index), place, 2);
            }
        }
    }

    /// `a..b//c` is one call with three arguments.
    fn open_step(&mut self, index: u32, left: u32, right: u32) {
        let range = self.inner(left);
        let parts = match self.flat.syntax(range) {
            Syntax::BinaryOperator => self.operands(range),
            _ => None,
        };
        let Some((first, dots, last)) = parts.filter(|(_, dots, _)| self.text_of(*dots) == "..") else {
            // Elixir refuses it.
            self.lower(left);
            self.lower(right);
            let place = self.place(index);
            return self.node(Kind::Error, b"", Flags::default(), place, 2);
        };
        self.lower(first);
        self.lower(last);
        self.lower(right);
        let place = self.anchored(dots, index);
        self.call("..//", self.flags(index), place, 3);
    }

    /// `a in b`, `a not in b`, and `not a in b`, which means the same (`build_op`).
    fn open_in(&mut self, index: u32) {
        // The chain of `in` operators down the left, outermost first.
        let mut chain = Vec::new();
        let mut at = index;
        while self.flat.syntax(at) == Syntax::BinaryOperator
            && let Some((left, operator, right)) = self.operands(at)
        {
            let negated = self.flat.syntax(operator) == Syntax::NotIn;
            if !negated && self.text_of(operator) != "in" {
                break;
            }
            chain.push((at, operator, right, negated));
            at = left;
        }
        // A negation that is still to be put around what is on the left.
        let mut pending = None;
        match self.negation(at) {
            Some((name, place, operand)) => {
                self.lower_or_absent(operand, place);
                pending = Some((name, place));
            }
            None => self.lower(at),
        }
        for (whole, operator, right, negated) in chain.into_iter().rev() {
            let place = self.anchored(operator, whole);
            if negated {
                if let Some((name, place)) = pending {
                    self.call(name, Flags::default(), place, 1);
                }
                pending = Some(("not", place));
            } else if let Some((name, _)) = pending {
                pending = Some((name, place));
            }
            self.lower(right);
            self.call("in", self.flags(whole), place, 2);
        }
        if let Some((name, place)) = pending {
            self.call(name, Flags::default(), place, 1);
        }
    }

    /// `not x` and `!x`, by name, position and operand.
    fn negation(&self, index: u32) -> Option<(&'static str, Place, Option<u32>)> {
        if self.flat.syntax(index) != Syntax::UnaryOperator {
            return None;
        }
        let operator = self.flat.token(index)?;
        let name = match self.text_of(operator) {
            "not" => "not",
            "!" => "!",
            _ => return None,
        };
        Some((name, self.anchored(operator, index), self.flat.term(index)))
    }

    /// `+` of `&+/2`, which is a name, or `..` alone, which is a call.
    pub(super) fn open_operator_identifier(&mut self, index: u32) {
        let (text, place) = (self.text_of(index), self.place(index));
        let rest = self.text.get(place.end as usize..).unwrap_or_default();
        let is_name = text != ".." || rest.trim_start_matches([' ', '\t']).starts_with('/');
        let kind = if is_name { Kind::Variable } else { Kind::Call };
        self.node(kind, text.as_bytes(), Flags::default(), place, 0);
    }
}
