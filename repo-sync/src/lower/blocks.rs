//! Sequences of expressions: the file, parentheses, bodies of `do` blocks, clauses with `->`.

use codegraph::quoted::{Flags, Kind, Place};

use super::grammar::Syntax;
use super::machine::{Machine, Task, nowhere};

impl Machine<'_> {
    pub(super) fn open_source(&mut self, index: u32) {
        let whole = nowhere(self.place(index));
        let count = self.lower_all(index);
        if count > 0 {
            self.tasks.push(Task::Block { count, place: whole });
            return;
        }
        let place = self.first_break(whole);
        let flags = if place.line == 0 {
            Flags::IMPLICIT
        } else {
            Flags::default()
        };
        self.call("__block__", flags, place, 0);
    }

    /// A file without expressions stands where its first line ends (`grammar -> eoe`); a comment takes no columns.
    fn first_break(&self, whole: Place) -> Place {
        let Some(at) = self.text.find(['\n', ';', '#']) else {
            return whole;
        };
        let has_break = self.text.get(at..).is_some_and(|rest| rest.contains(['\n', ';']));
        let place = Place {
            line: 1,
            column: at as u32 + 1 - u32::from(self.text.get(..at).is_some_and(|line| line.ends_with('\r'))),
            ..whole
        };
        if has_break { place } else { whole }
    }

    pub(super) fn open_block(&mut self, index: u32) {
        let place = self.place(index);
        let first = self.flat.term(index);
        match first.map(|first| self.flat.syntax(first)) {
            None => {
                let inside = self.slice(place.start + 1, place.end.saturating_sub(1));
                let place = if inside.contains(';') {
                    place
                } else {
                    nowhere(place)
                };
                self.call("__block__", self.flags(index), place, 0);
            }
            Some(Syntax::StabClause) => {
                let kids = self.lower_all(index);
                self.list(self.flags(index).with(Flags::IMPLICIT), place, kids);
            }
            Some(_) => {
                let count = self.lower_all(index);
                self.tasks.push(Task::Block { count, place });
            }
        }
    }

    fn lower_all(&mut self, index: u32) -> u32 {
        let mut count = 0;
        for term in self.flat.terms(index) {
            self.lower(term);
            count += 1;
        }
        count
    }

    /// One value: the body of a section of a `do` block, or what is between `#{` and `}`. Sections that follow inside it
    /// are not part of it.
    pub(super) fn schedule_body(&mut self, index: u32) {
        let span = nowhere(self.place(index));
        let (mut count, mut clauses) = (0, false);
        for term in self.flat.terms(index) {
            if section(self.flat.syntax(term)).is_some() {
                break;
            }
            clauses |= count == 0 && self.flat.syntax(term) == Syntax::StabClause;
            self.lower(term);
            count += 1;
        }
        if count == 0 {
            self.call("__block__", Flags::IMPLICIT, span, 0);
        } else if clauses {
            self.list(Flags::IMPLICIT, span, count);
        } else {
            self.tasks.push(Task::Block { count, place: span });
        }
    }

    /// One value: `[do: ..., rescue: ...]` in the order written.
    pub(super) fn schedule_do_block(&mut self, index: u32) {
        let span = self.place(index);
        self.atom("do", span);
        self.schedule_body(index);
        self.node(Kind::Pair, b"", Flags::IMPLICIT, nowhere(span), 2);
        let mut pairs = 1;
        for part in self.flat.terms(index) {
            if pairs > 1 && self.flat.syntax(part) == Syntax::Error {
                self.lower(part);
                pairs += 1;
            } else if let Some(key) = section(self.flat.syntax(part)) {
                let span = self.place(part);
                self.atom(key, span);
                self.schedule_body(part);
                let flags = self.flags(part).with(Flags::IMPLICIT);
                self.node(Kind::Pair, b"", flags, nowhere(span), 2);
                pairs += 1;
            }
        }
        self.list(self.flags(index).with(Flags::IMPLICIT), span, pairs);
    }

    pub(super) fn open_function(&mut self, index: u32) {
        let kids = self.lower_all(index);
        let place = self.place(index);
        self.call("fn", self.flags(index), place, kids);
    }

    pub(super) fn open_clause(&mut self, index: u32) {
        let (mut left, mut arrow, mut body) = (None, None, None);
        for child in self.flat.children(index) {
            if self.flat.is_token(child) {
                arrow = arrow.or(Some(child));
            } else if arrow.is_none() {
                left = left.or(Some(child));
            } else {
                body = body.or(Some(child));
            }
        }
        let arrow = arrow.unwrap_or(index);
        self.schedule_clause_left(left, arrow);
        match body {
            Some(body) if self.flat.term(body).is_some() => self.schedule_body(body),
            _ => self.atom("nil", self.place(arrow)),
        }
        let place = self.anchored(arrow, index);
        self.call("->", self.flags(index), place, 2);
    }

    /// One value: the list of a clause's arguments, all of them inside `when` if there is a guard.
    fn schedule_clause_left(&mut self, left: Option<u32>, arrow: u32) {
        let Some(left) = left else {
            let here = Place {
                end: self.flat.node(arrow).start,
                ..self.place(arrow)
            };
            return self.list(Flags::IMPLICIT, here, 0);
        };
        let span = self.place(left);
        let kids = match self.flat.syntax(left) {
            Syntax::Arguments => self.schedule_clause_arguments(left),
            Syntax::BinaryOperator => self.schedule_guarded(left),
            _ => {
                self.lower(left);
                1
            }
        };
        self.list(self.flags(left).with(Flags::IMPLICIT), span, kids);
    }

    fn schedule_guarded(&mut self, index: u32) -> u32 {
        let Some((arguments, when, guard)) = self.operands(index) else {
            self.lower(index);
            return 1;
        };
        let mut kids = 1;
        if self.flat.syntax(arguments) == Syntax::Arguments {
            kids += self.schedule_guarded_arguments(arguments);
        } else {
            self.lower(arguments);
            kids += 1;
        }
        self.lower(guard);
        let place = self.anchored(when, index);
        self.call("when", self.flags(index), place, kids);
        1
    }

    fn schedule_guarded_arguments(&mut self, index: u32) -> u32 {
        if let Some(only) = self.parenthesized(index) {
            self.schedule_parenthesized(index, only);
            return 1;
        }
        self.lower_all(index)
    }

    fn schedule_clause_arguments(&mut self, index: u32) -> u32 {
        if let Some(only) = self.parenthesized(index) {
            return self.schedule_only_argument(index, only);
        }
        let last = self.flat.terms(index).last();
        if self.flat.child(index, Syntax::Parenthesis).is_none()
            && let Some((left, when, right)) = last.and_then(|last| self.guard(self.inner(last)))
        {
            // `unwrap_when`: a guard of the last argument is one of all.
            let mut kids = 2;
            for term in self.flat.terms(index) {
                if Some(term) != last {
                    self.lower(term);
                    kids += 1;
                }
            }
            self.lower(left);
            self.lower(right);
            let place = self.anchored(when, index);
            self.call("when", self.flags(index), place, kids);
            return 1;
        }
        self.lower_all(index)
    }

    /// `(x) ->`: the parentheses are those of an expression.
    fn schedule_only_argument(&mut self, index: u32, only: u32) -> u32 {
        if let Some((left, when, right)) = self.guard(self.inner(only)) {
            self.lower(left);
            self.lower(right);
            let place = self.anchored(when, only);
            self.call("when", self.flags(only), place, 2);
        } else {
            self.schedule_parenthesized(index, only);
        }
        1
    }

    /// `unwrap_splice`: a lone `unquote_splicing` in parentheses is no block here.
    fn schedule_parenthesized(&mut self, index: u32, only: u32) {
        let inner = self.inner(only);
        if self.is_splice(inner) {
            self.lower(inner);
            return;
        }
        self.lower(only);
        let place = self.place(index);
        self.tasks.push(Task::Block { count: 1, place });
    }

    /// The only argument in parentheses, if it is no keyword list.
    fn parenthesized(&self, index: u32) -> Option<u32> {
        self.flat.child(index, Syntax::Parenthesis)?;
        let mut terms = self.flat.terms(index);
        let only = terms.next()?;
        (terms.next().is_none() && self.flat.syntax(only) != Syntax::Keywords).then_some(only)
    }

    /// What stands in parentheses, if it is one expression; else the node itself.
    pub(super) fn inner(&self, mut index: u32) -> u32 {
        while self.flat.syntax(index) == Syntax::Block {
            let mut terms = self.flat.terms(index);
            match (terms.next(), terms.next()) {
                (Some(only), None) if self.flat.syntax(only) != Syntax::StabClause => index = only,
                _ => break,
            }
        }
        index
    }

    fn guard(&self, index: u32) -> Option<(u32, u32, u32)> {
        if self.flat.syntax(index) != Syntax::BinaryOperator {
            return None;
        }
        self.operands(index)
            .filter(|(_, operator, _)| self.text_of(*operator) == "when")
    }

    fn is_splice(&self, index: u32) -> bool {
        self.flat.syntax(index) == Syntax::Call
            && self
                .flat
                .term(index)
                .is_some_and(|target| self.text_of(target) == "unquote_splicing")
            && self
                .flat
                .child(index, Syntax::Arguments)
                .is_some_and(|arguments| self.flat.terms(arguments).count() == 1)
    }
}

/// The key of a section of a `do` block.
fn section(syntax: Syntax) -> Option<&'static str> {
    match syntax {
        Syntax::AfterBlock => Some("after"),
        Syntax::RescueBlock => Some("rescue"),
        Syntax::CatchBlock => Some("catch"),
        Syntax::ElseBlock => Some("else"),
        _ => None,
    }
}
