//! A term in the external term format as an arena, read without recursion: quoted forms are deeper than `wire` decodes.

use std::fmt::Write as _;

use wire::bytes::Reader;
use wire::etf::{Token, VERSION};

/// One term, in preorder.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// An integer in decimal.
    Integer(String),
    Float(f64),
    Atom(String),
    Binary(&'a [u8]),
    /// A proper list.
    List,
    Tuple,
    /// Nothing that a quoted form holds.
    Other,
}

/// A term and where its elements are.
#[derive(Debug)]
pub(crate) struct Term<'a> {
    pub(crate) value: Value<'a>,
    pub(crate) kids: Vec<usize>,
}

/// Terms by index; the first is the whole.
#[derive(Debug)]
pub(crate) struct Terms<'a>(pub(crate) Vec<Term<'a>>);

impl<'a> Terms<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        if reader.u8().ok()? != VERSION {
            return None;
        }
        let mut terms: Vec<Term<'a>> = Vec::new();
        // Open terms: index, elements to come, and whether a tail comes after them.
        let mut open: Vec<(usize, u32, bool)> = Vec::new();
        loop {
            let token = Token::read(&mut reader).ok()?;
            let index = terms.len();
            if let Some((parent, left, tail)) = open.last_mut() {
                if *left > 0 {
                    terms.get_mut(*parent)?.kids.push(index);
                    *left -= 1;
                } else if !matches!(token, Token::Nil) {
                    terms.get_mut(*parent)?.value = Value::Other;
                    *tail = false;
                } else {
                    *tail = false;
                }
            }
            let term = |value| Term {
                value,
                kids: Vec::new(),
            };
            match token {
                Token::Int(n) => terms.push(term(Value::Integer(n.to_string()))),
                Token::Big { negative, digits } => {
                    terms.push(term(Value::Integer(decimal(negative, digits))));
                }
                Token::Float(x) => terms.push(term(Value::Float(x))),
                Token::Atom(atom) => terms.push(term(Value::Atom(atom.text().into_owned()))),
                Token::Binary(bytes) => terms.push(term(Value::Binary(bytes))),
                Token::Nil => terms.push(term(Value::List)),
                Token::Bytes(bytes) => {
                    let kids = (index + 1..).take(bytes.len()).collect();
                    terms.push(Term {
                        value: Value::List,
                        kids,
                    });
                    terms.extend(bytes.iter().map(|byte| term(Value::Integer(byte.to_string()))));
                }
                Token::Tuple(count) => {
                    terms.push(term(Value::Tuple));
                    open.push((index, count, false));
                }
                Token::List(count) => {
                    terms.push(term(Value::List));
                    open.push((index, count, true));
                }
                _ => return None,
            }
            while open.last().is_some_and(|(_, left, tail)| *left == 0 && !tail) {
                open.pop();
            }
            if open.is_empty() {
                return Some(Self(terms));
            }
        }
    }

    pub(crate) fn value(&self, index: usize) -> &Value<'a> {
        self.0.get(index).map_or(&Value::Other, |term| &term.value)
    }

    pub(crate) fn kids(&self, index: usize) -> &[usize] {
        self.0.get(index).map_or(&[], |term| &term.kids)
    }

    pub(crate) fn atom(&self, index: usize) -> Option<&str> {
        match self.value(index) {
            Value::Atom(text) => Some(text),
            _ => None,
        }
    }

    /// The parts of `{name, meta, arguments}`.
    pub(crate) fn triple(&self, index: usize) -> Option<[usize; 3]> {
        match (self.value(index), self.kids(index)) {
            (Value::Tuple, [name, meta, arguments]) => Some([*name, *meta, *arguments]),
            _ => None,
        }
    }

    /// The value of a key in a keyword list.
    pub(crate) fn meta(&self, index: usize, key: &str) -> Option<&Value<'a>> {
        self.kids(index).iter().find_map(|pair| match self.kids(*pair) {
            [name, value] if self.atom(*name) == Some(key) => Some(self.value(*value)),
            _ => None,
        })
    }
}

fn decimal(negative: bool, digits: &[u8]) -> String {
    let mut limbs: Vec<u64> = vec![0];
    for byte in digits.iter().rev() {
        let mut carry = u64::from(*byte);
        for limb in &mut limbs {
            let value = *limb * 256 + carry;
            *limb = value % 1_000_000_000;
            carry = value / 1_000_000_000;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    let mut text = limbs.pop().unwrap_or_default().to_string();
    for limb in limbs.iter().rev() {
        let _ = write!(text, "{limb:09}");
    }
    if negative { format!("-{text}") } else { text }
}
