//! Atoms, numbers and characters.

use std::fmt::Write as _;

use codegraph::quoted::{Flags, Kind};

use super::escapes;
use super::grammar::Syntax;
use super::machine::{Machine, nowhere};
use super::names::normal;

/// Digits of the longest number in a base other than ten that is converted.
const DIGITS_MAX: usize = 1 << 14;
/// Nine decimal digits.
const LIMB: u64 = 1_000_000_000;

impl Machine<'_> {
    pub(super) fn open_atom(&mut self, index: u32) {
        let text = self.text_of(index);
        let name = match self.flat.syntax(index) {
            Syntax::Atom => text.strip_prefix(':').unwrap_or(text),
            Syntax::Keyword => text.trim_end().strip_suffix(':').unwrap_or(text),
            _ => text,
        };
        self.atom(&normal(name), self.place(index));
    }

    pub(super) fn open_char(&mut self, index: u32) {
        let text = self.text_of(index);
        let mut written = text.chars().skip(1);
        let code = match (written.next(), written.next()) {
            (Some('\\'), Some(escaped)) => Some(escapes::simple(escaped)),
            (Some(plain), _) => Some(plain),
            _ => None,
        };
        match code {
            Some(code) => self.number(index, Kind::Integer, &u32::from(code).to_string()),
            None => self.absent(self.place(index)),
        }
    }

    pub(super) fn open_integer(&mut self, index: u32) {
        let text = self.text_of(index);
        let digits: String = text.chars().filter(|digit| *digit != '_').collect();
        let base = match digits.get(..2) {
            Some("0x") => 16,
            Some("0o") => 8,
            Some("0b") => 2,
            _ => 10,
        };
        let decimal = if base == 10 {
            let significant = digits.trim_start_matches('0');
            Some(if significant.is_empty() { "0" } else { significant }.to_owned())
        } else {
            digits.get(2..).and_then(|digits| decimal(digits, base))
        };
        match decimal {
            Some(decimal) => self.number(index, Kind::Integer, &decimal),
            None => self.absent(self.place(index)),
        }
    }

    pub(super) fn open_float(&mut self, index: u32) {
        let text: String = self
            .text_of(index)
            .chars()
            .filter(|digit| *digit != '_')
            .collect();
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => self.number(index, Kind::Float, &format!("{value:?}")),
            _ => self.absent(self.place(index)),
        }
    }

    fn number(&mut self, index: u32, kind: Kind, text: &str) {
        let place = nowhere(self.place(index));
        self.node(kind, text.as_bytes(), Flags::default(), place, 0);
    }
}

/// Digits of a base that is a power of two, in decimal; `None` for none, wrong ones or too many.
fn decimal(digits: &str, base: u32) -> Option<String> {
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    // Limbs, least significant first.
    let mut limbs: Vec<u64> = vec![0];
    for digit in digits.chars() {
        let mut carry = u64::from(digit.to_digit(base)?);
        for limb in &mut limbs {
            let value = *limb * u64::from(base) + carry;
            *limb = value % LIMB;
            carry = value / LIMB;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let mut text = limbs.pop()?.to_string();
    for limb in limbs.iter().rev() {
        let _ = write!(text, "{limb:09}");
    }
    Some(text)
}
