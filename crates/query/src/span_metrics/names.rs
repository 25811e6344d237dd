//! Names of services and of what they call, by number. Bounded: beyond, all are one.

use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of a label's value; the rest is cut off.
pub(super) const LABEL_BYTES_MAX: usize = 256;

/// The number of the empty name: nobody.
pub(super) const NOBODY: u32 = 0;
/// The number of all names that are too many.
pub(super) const OTHERS: u32 = 1;

/// Names in use.
#[derive(Debug)]
pub(super) struct Names {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Option<Arc<str>>>,
    free: Vec<u32>,
    max: usize,
}

impl Names {
    /// None but the two fixed ones.
    pub(super) fn new(max: usize) -> Self {
        let mut names = Self {
            numbers: HashMap::new(),
            texts: Vec::new(),
            free: Vec::new(),
            max: max.max(2),
        };
        names.number("");
        names.number("<others>");
        names
    }

    /// A name's number.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        let name = shortened(name);
        if let Some(known) = self.numbers.get(name) {
            return *known;
        }
        if self.numbers.len() >= self.max {
            return OTHERS;
        }
        let name: Arc<str> = name.into();
        let number = self.free.pop().unwrap_or(self.texts.len() as u32);
        match self.texts.get_mut(number as usize) {
            Some(place) => *place = Some(Arc::clone(&name)),
            None => self.texts.push(Some(Arc::clone(&name))),
        }
        self.numbers.insert(name, number);
        number
    }

    /// A name.
    pub(super) fn text(&self, number: u32) -> &str {
        let text = self.texts.get(number as usize).and_then(Option::as_ref);
        text.map(|text| &**text).unwrap_or_default()
    }

    /// Half of the room taken?
    pub(super) fn is_crowded(&self) -> bool {
        self.numbers.len() * 2 > self.max
    }

    /// Forgets names that are not in use.
    pub(super) fn retain(&mut self, used: impl Fn(u32) -> bool) {
        let free = &mut self.free;
        let texts = &mut self.texts;
        self.numbers.retain(|_, number| {
            let keep = *number <= OTHERS || used(*number);
            if !keep {
                free.push(*number);
                if let Some(place) = texts.get_mut(*number as usize) {
                    *place = None;
                }
            }
            keep
        });
        // The order of a hash map is no order: numbers are given out alike in every run.
        self.free.sort_unstable_by(|one, other| other.cmp(one));
    }
}

/// As much of a text as a label may have.
pub(super) fn shortened(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LABEL_BYTES_MAX))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: more names than there is room; then one is forgotten. Guarantee: those beyond are one name; room is used again.
    #[test]
    fn bounded_and_used_again() {
        let mut names = Names::new(4);
        let (a, b) = (names.number("a"), names.number("b"));
        assert_eq!(names.number("c"), OTHERS);
        names.retain(|number| number == b);
        assert_eq!(names.number("c"), a);
        assert_eq!((names.text(a), names.text(b), names.text(NOBODY)), ("c", "b", ""));
        assert_eq!(names.number(&"x".repeat(1000)), names.number(&"x".repeat(999)));
    }
}
