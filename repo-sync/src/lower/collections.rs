//! Lists, tuples, bitstrings, maps, structs and keywords.

use codegraph::quoted::{Flags, Kind};

use super::grammar::Syntax;
use super::infix::Items;
use super::machine::{Machine, nowhere};

impl Machine<'_> {
    /// Values for the elements; keywords at the end are elements of their own (`flat`) or one list.
    fn schedule_elements(&mut self, index: u32, flat: bool) -> u32 {
        let mut count = 0;
        for term in self.flat.terms(index) {
            if flat && self.flat.syntax(term) == Syntax::Keywords {
                for pair in self.flat.terms(term) {
                    self.lower(pair);
                    count += 1;
                }
            } else {
                self.lower(term);
                count += 1;
            }
        }
        count
    }

    pub(super) fn open_list(&mut self, index: u32) {
        let kids = self.schedule_elements(index, true);
        self.list(self.flags(index), self.place(index), kids);
    }

    pub(super) fn open_tuple(&mut self, index: u32) {
        let (flags, place) = (self.flags(index), self.place(index));
        let kids = self.schedule_elements(index, false);
        if kids == 2 {
            self.node(Kind::Pair, b"", flags, nowhere(place), 2);
        } else {
            self.call("{}", flags, place, kids);
        }
    }

    pub(super) fn open_bitstring(&mut self, index: u32) {
        let (flags, place) = (self.flags(index), self.place(index));
        let kids = self.schedule_elements(index, false);
        self.call("<<>>", flags, place, kids);
    }

    /// Keywords that are one argument or element.
    pub(super) fn open_keywords(&mut self, index: u32) {
        let kids = self.schedule_elements(index, true);
        self.list(self.flags(index).with(Flags::IMPLICIT), self.place(index), kids);
    }

    pub(super) fn open_pair(&mut self, index: u32) {
        let mut terms = self.flat.terms(index);
        let (key, value) = (terms.next(), terms.next());
        let place = self.place(index);
        self.lower_or_absent(key, place);
        self.lower_or_absent(value, place);
        self.node(Kind::Pair, b"", self.flags(index), nowhere(place), 2);
    }

    pub(super) fn open_map(&mut self, index: u32) {
        let whole = self.place(index);
        let flags = self.flags(index);
        let name = self.flat.child(index, Syntax::Struct);
        if let Some(name) = name {
            let inside = self.flat.term(name);
            self.lower_or_absent(inside, self.place(name));
        }
        let brace = self.flat.child(index, Syntax::Brace).unwrap_or(index);
        let mut place = self.anchored(brace, index);
        if name.is_some() {
            place.start = self.flat.node(brace).start;
        }
        let kids = match self.flat.child(index, Syntax::MapContent) {
            Some(content) => self.schedule_content(content),
            None => 0,
        };
        self.call("%{}", flags, place, kids);
        if name.is_some() {
            self.call("%", flags, whole, 2);
        }
    }

    /// Values for what is between the braces: pairs, or one update.
    fn schedule_content(&mut self, index: u32) -> u32 {
        let first = self.flat.term(index);
        if first.is_none_or(|first| self.weight_of(first) == 0) {
            return self.schedule_entries(index, None);
        }
        let items = first.map(|first| self.items(first)).unwrap_or_default();
        let arrow = items.arrow(self).unwrap_or(items.operators.len());
        let bar = items
            .operators
            .iter()
            .take(arrow)
            .position(|it| self.text_of(*it) == "|");
        let (Some(bar), Some(first)) = (bar, first) else {
            return self.schedule_entries(index, None);
        };
        let (left, right) = items.split(bar);
        self.schedule_infix(&left);
        let mut kids = match right.operands.as_slice() {
            [only] if self.flat.syntax(only.node) == Syntax::Keywords => {
                self.schedule_elements(only.node, true)
            }
            _ => {
                self.schedule_items(&right);
                1
            }
        };
        kids += self.schedule_entries(index, Some(first));
        let span = self.place(right.operands.first().map_or(first, |operand| operand.node));
        self.list(Flags::IMPLICIT, span, kids);
        let bar = items.operators.get(bar).copied().unwrap_or(first);
        let place = self.anchored(bar, index);
        self.call("|", self.flags(index), place, 2);
        1
    }

    fn schedule_entries(&mut self, index: u32, except: Option<u32>) -> u32 {
        let mut kids = 0;
        for term in self.flat.terms(index) {
            if Some(term) == except {
                continue;
            }
            if self.flat.syntax(term) == Syntax::Keywords {
                kids += self.schedule_elements(term, true);
            } else if self.weight_of(term) > 0 {
                let items = self.items(term);
                self.schedule_items(&items);
                kids += 1;
            } else {
                self.lower(term);
                kids += 1;
            }
        }
        kids
    }

    /// `key => value`, or an expression that makes pairs (`unquote_splicing(...)`).
    fn schedule_items(&mut self, items: &Items) {
        let Some(arrow) = items.arrow(self) else {
            return self.schedule_infix(items);
        };
        let (key, value) = items.split(arrow);
        self.schedule_infix(&key);
        self.schedule_infix(&value);
        let span = self.span_of(&items.operands);
        self.node(Kind::Pair, b"", Flags::IMPLICIT, nowhere(span), 2);
    }
}
