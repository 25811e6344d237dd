//! Operators that bind weaker than `&`, put together anew.
//!
//! In a map Elixir's `=>` binds weakest of all, in the grammar of the concrete tree it does not: `%{a => b | c}` is
//! `%{a => (b | c)}`. And `&` of the concrete tree takes weaker operators along: `[&f/1 | t]` is no capture of `f/1 | t`.
//! So an expression of such operators is taken apart into operands and operators, and built by precedence.

use codegraph::quoted::{Flags, Place};

use super::grammar::Syntax;
use super::machine::Machine;

impl Machine<'_> {
    /// A binary operator that binds weaker than `&`.
    pub(super) fn open_weak(&mut self, index: u32) {
        let items = self.items(index);
        self.schedule_infix(&items);
    }

    /// Whether the parts of a weak operator, or of `&`, need [`Machine::open_weak`].
    pub(super) fn has_weak_part(&self, parts: [u32; 2]) -> bool {
        parts
            .iter()
            .any(|part| self.weight_of(*part) > 0 || self.flat.syntax(*part) == Syntax::UnaryOperator)
    }

    /// The weight of the operator at the top of an expression.
    pub(super) fn weight_of(&self, index: u32) -> u8 {
        if self.flat.syntax(index) != Syntax::BinaryOperator {
            return 0;
        }
        let operands = self.operands(index);
        operands.map_or(0, |(_, operator, _)| weight(self.text_of(operator)).0)
    }

    pub(super) fn span_of(&self, operands: &[Operand]) -> Place {
        let start = operands.first().map_or(0, |first| first.start(self));
        let end = operands
            .last()
            .map_or(start, |last| self.flat.node(last.node).end);
        Place {
            start,
            end,
            ..Place::default()
        }
    }

    /// One value: operands and operators put together by precedence.
    pub(super) fn schedule_infix(&mut self, items: &Items) {
        // Operators that wait for their right side, with the operand that their left side begins with.
        let mut waiting: Vec<(u32, Operand)> = Vec::new();
        let mut operators = items.operators.iter();
        for operand in &items.operands {
            self.schedule_operand(*operand);
            let Some(operator) = operators.next() else {
                continue;
            };
            let (binds, right_first) = weight(self.text_of(*operator));
            let mut left = *operand;
            while let Some((before, begin)) = waiting.last().copied() {
                let (other, _) = weight(self.text_of(before));
                if other < binds || (other == binds && right_first) {
                    break;
                }
                waiting.pop();
                self.close_infix(before, begin, *operand);
                left = begin;
            }
            waiting.push((*operator, left));
        }
        let Some(last) = items.operands.last().copied() else {
            return;
        };
        while let Some((operator, begin)) = waiting.pop() {
            self.close_infix(operator, begin, last);
        }
    }

    fn close_infix(&mut self, operator: u32, first: Operand, last: Operand) {
        let place = Place {
            start: first.start(self),
            end: self.flat.node(last.node).end,
            ..self.place(operator)
        };
        self.call(self.text_of(operator), Flags::default(), place, 2);
    }

    fn schedule_operand(&mut self, operand: Operand) {
        self.lower(operand.node);
        if let Some(capture) = operand.capture {
            let place = Place {
                end: self.flat.node(operand.node).end,
                ..self.place(capture)
            };
            self.call("&", Flags::default(), place, 1);
        }
    }

    /// The weak operators at the top of an expression and what is between them.
    pub(super) fn items(&self, index: u32) -> Items {
        let mut items = Items::default();
        let mut open = vec![index];
        // A `&` before the next operand.
        let mut capture = None;
        while let Some(at) = open.pop() {
            match self.flat.syntax(at) {
                Syntax::BinaryOperator if self.weight_of(at) > 0 => {
                    if let Some((left, operator, right)) = self.operands(at) {
                        open.extend([right, operator, left]);
                    }
                }
                Syntax::UnaryOperator if capture.is_none() && self.weak_capture(at).is_some() => {
                    capture = self.flat.token(at);
                    open.extend(self.weak_capture(at));
                }
                _ if self.flat.is_token(at) => items.operators.push(at),
                _ => items.operands.push(Operand {
                    node: at,
                    capture: capture.take(),
                }),
            }
        }
        items
    }

    /// The operand of a `&` that took weaker operators along.
    pub(super) fn weak_capture(&self, index: u32) -> Option<u32> {
        let operator = self.flat.token(index)?;
        let operand = self.flat.term(index)?;
        let inside = self.flat.child(index, Syntax::Parenthesis).is_some();
        (self.text_of(operator) == "&" && !inside && self.weight_of(operand) > 0).then_some(operand)
    }
}

/// What stands between two weak operators.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand {
    pub(super) node: u32,
    /// The `&` in front of it, where the concrete tree has that around more.
    capture: Option<u32>,
}

impl Operand {
    fn start(self, machine: &Machine<'_>) -> u32 {
        machine.flat.node(self.capture.unwrap_or(self.node)).start
    }
}

/// Operands and the operators between them.
#[derive(Debug, Default)]
pub(super) struct Items {
    pub(super) operands: Vec<Operand>,
    pub(super) operators: Vec<u32>,
}

impl Items {
    /// The first `=>`.
    pub(super) fn arrow(&self, machine: &Machine<'_>) -> Option<usize> {
        self.operators.iter().position(|it| machine.text_of(*it) == "=>")
    }

    /// What is left and what is right of an operator.
    pub(super) fn split(&self, at: usize) -> (Self, Self) {
        let part = |operands: Option<&[Operand]>, operators: Option<&[u32]>| Self {
            operands: operands.unwrap_or_default().to_vec(),
            operators: operators.unwrap_or_default().to_vec(),
        };
        (
            part(self.operands.get(..=at), self.operators.get(..at)),
            part(self.operands.get(at + 1..), self.operators.get(at + 1..)),
        )
    }
}

/// How tightly an operator binds, of those that may stand around `=>`, and whether the right one of two is first; 0 for
/// all others.
pub(super) fn weight(operator: &str) -> (u8, bool) {
    match operator {
        "<-" | "\\\\" => (1, false),
        "when" => (2, true),
        "::" => (3, true),
        "|" => (4, true),
        "=>" => (5, true),
        _ => (0, false),
    }
}
