//! Text with a bound: what does not fit is cut with `...`.

use std::fmt;

/// What stands for what was cut.
pub(super) const CUT: &str = "...";

/// Takes text until its bound is reached, and then none.
#[derive(Debug)]
pub(super) struct Printer {
    text: String,
    chars_left: usize,
    cut: bool,
}

impl Printer {
    pub(super) fn new(chars_max: usize) -> Self {
        Self {
            text: String::new(),
            chars_left: chars_max,
            cut: false,
        }
    }

    /// Is there no room left? Then there is no use in going on.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    pub(super) fn push(&mut self, text: &str) {
        for c in text.chars() {
            self.push_char(c);
            if self.cut {
                return;
            }
        }
    }

    pub(super) fn push_char(&mut self, c: char) {
        match self.chars_left.checked_sub(1) {
            Some(left) if !self.cut => {
                self.chars_left = left;
                self.text.push(c);
            }
            _ => self.cut = true,
        }
    }

    /// The text; if it was cut, it ends in `...` within the bound (unless the bound is less than three).
    pub(super) fn finish(mut self) -> String {
        if self.cut {
            for _ in 0..CUT.len() {
                self.text.pop();
            }
            self.text.push_str(CUT);
        }
        self.text
    }
}

impl fmt::Write for Printer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}
