//! Lists, tuples, bitstrings, maps, structs and keywords.

use codegraph::quoted::{Flags, Kind};

use super::grammar::Syntax;
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
        let update = first.and_then(|first| self.update(first));
        let Some((left, bar, right)) = update else {
            return self.schedule_entries(index, None);
        };
        self.lower(left);
        let mut kids = if self.flat.syntax(right) == Syntax::Keywords {
            self.schedule_elements(right, true)
        } else {
            self.schedule_entry(right);
            1
        };
        kids += self.schedule_entries(index, first);
        let place = self.anchored(bar, index);
        self.list(Flags::IMPLICIT, self.place(right), kids);
        self.call("|", self.flags(index), place, 2);
        1
    }

    /// The parts of `map | ...`.
    fn update(&self, index: u32) -> Option<(u32, u32, u32)> {
        if self.flat.syntax(index) != Syntax::BinaryOperator {
            return None;
        }
        self.operands(index)
            .filter(|(_, bar, _)| self.text_of(*bar) == "|")
    }

    fn schedule_entries(&mut self, index: u32, except: Option<u32>) -> u32 {
        let mut kids = 0;
        for term in self.flat.terms(index) {
            if Some(term) == except {
                continue;
            }
            if self.flat.syntax(term) == Syntax::Keywords {
                kids += self.schedule_elements(term, true);
            } else {
                self.schedule_entry(term);
                kids += 1;
            }
        }
        kids
    }

    /// `key => value`, or an expression that makes pairs (`unquote_splicing(...)`).
    fn schedule_entry(&mut self, index: u32) {
        let operands = match self.flat.syntax(index) {
            Syntax::BinaryOperator => self.operands(index),
            _ => None,
        };
        match operands.filter(|(_, arrow, _)| self.text_of(*arrow) == "=>") {
            Some((key, _, value)) => {
                self.lower(key);
                self.lower(value);
                let place = self.place(index);
                self.node(Kind::Pair, b"", self.flags(index), nowhere(place), 2);
            }
            None => self.lower(index),
        }
    }
}
