//! A term as a tree, borrowed from its bytes.

use std::borrow::Cow;

use super::token::{Token, VERSION};
use super::{EtfError, skip_term};
use crate::bytes::Reader;

/// A term. Its tree holds at most one node a byte, and is at most [`super::DEPTH_MAX`] deep.
#[derive(Clone, Debug, PartialEq)]
pub enum Term<'a> {
    /// An integer of at most 32 bits.
    Int(i64),
    /// A larger one: its bytes, least first.
    Big {
        /// Below zero?
        negative: bool,
        /// Magnitude.
        digits: &'a [u8],
    },
    /// A float.
    Float(f64),
    /// An atom.
    Atom(Cow<'a, str>),
    /// A binary.
    Binary(&'a [u8]),
    /// A bitstring that ends within a byte.
    Bits {
        /// Its bytes.
        bytes: &'a [u8],
        /// Bits of the last one, at its upper end.
        last: u8,
    },
    /// A list of integers below 256, as the BEAM packs them.
    Bytes(&'a [u8]),
    /// A list; its tail, unless that is `[]`.
    List(Vec<Term<'a>>, Option<Box<Term<'a>>>),
    /// A tuple.
    Tuple(Vec<Term<'a>>),
    /// A map, in the order of its bytes.
    Map(Vec<(Term<'a>, Term<'a>)>),
    /// A process.
    Pid {
        /// First number.
        id: u32,
        /// Second number.
        serial: u32,
    },
    /// A port.
    Port(u64),
    /// A reference, its words as they are written.
    Reference(Vec<u32>),
    /// A closure.
    Fun {
        /// Module of its code.
        module: Cow<'a, str>,
        /// Its number in the module.
        index: u32,
        /// Hash of its code.
        uniq: u32,
        /// Arity.
        arity: u8,
    },
    /// `&Module.function/arity`.
    Export {
        /// Module.
        module: Cow<'a, str>,
        /// Function.
        function: Cow<'a, str>,
        /// Arity.
        arity: u8,
    },
}

impl<'a> Term<'a> {
    /// The term that fills `data`, with or without a leading 131.
    pub fn decode(data: &'a [u8]) -> Result<Self, EtfError> {
        // Bounds the depth of the recursion below, and checks every count.
        let len = skip_term(data)?;
        let mut r = Reader::new(data);
        if data.first() == Some(&VERSION) {
            r.u8()?;
        }
        let term = Self::read(&mut r)?;
        debug_assert_eq!(
            r.position(),
            len,
            "skipping and reading agree on the end of a term"
        );
        r.finish()?;
        Ok(term)
    }

    fn read(r: &mut Reader<'a>) -> Result<Self, EtfError> {
        Ok(match Token::read(r)? {
            Token::Int(n) => Self::Int(n),
            Token::Big { negative, digits } => Self::Big { negative, digits },
            Token::Float(x) => Self::Float(x),
            Token::Atom(atom) => Self::Atom(atom.text()),
            Token::Binary(bytes) | Token::Bits { bytes, last: 8 } => Self::Binary(bytes),
            Token::Bits { bytes, last } => Self::Bits { bytes, last },
            Token::Bytes(bytes) => Self::Bytes(bytes),
            Token::Nil => Self::List(Vec::new(), None),
            Token::Tuple(n) => Self::Tuple(Self::read_n(r, n)?),
            Token::List(n) => {
                let elements = Self::read_n(r, n)?;
                let tail = Some(Self::read(r)?).filter(|tail| !tail.is_nil());
                Self::List(elements, tail.map(Box::new))
            }
            Token::Map(n) => Self::Map(
                (0..n)
                    .map(|_| Ok((Self::read(r)?, Self::read(r)?)))
                    .collect::<Result<_, EtfError>>()?,
            ),
            Token::Pid { id, serial } => Self::Pid { id, serial },
            Token::Port(id) => Self::Port(id),
            Token::Reference(words) => Self::Reference(
                words
                    .as_chunks()
                    .0
                    .iter()
                    .map(|w| u32::from_be_bytes(*w))
                    .collect(),
            ),
            Token::Fun {
                module,
                index,
                uniq,
                arity,
            } => Self::Fun {
                module: module.text(),
                index,
                uniq,
                arity,
            },
            Token::Export {
                module,
                function,
                arity,
            } => Self::Export {
                module: module.text(),
                function: function.text(),
                arity,
            },
        })
    }

    fn read_n(r: &mut Reader<'a>, n: u32) -> Result<Vec<Self>, EtfError> {
        (0..n).map(|_| Self::read(r)).collect()
    }

    /// Is it `[]`?
    fn is_nil(&self) -> bool {
        matches!(self, Self::List(elements, None) if elements.is_empty())
    }

    /// Of a map, the value at this atom.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(pairs) = self else { return None };
        pairs
            .iter()
            .find(|(k, _)| k.as_atom() == Some(key))
            .map(|(_, value)| value)
    }

    /// The atom's text.
    pub fn as_atom(&self) -> Option<&str> {
        if let Self::Atom(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The binary's bytes as text; bytes that are no UTF-8 become replacement characters.
    pub fn as_text(&self) -> Option<Cow<'a, str>> {
        if let Self::Binary(bytes) = self {
            Some(String::from_utf8_lossy(bytes))
        } else {
            None
        }
    }

    /// The integer, if it has at most 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            Self::Big { negative, digits } => {
                let (low, high) = digits.split_at_checked(8).unwrap_or((digits, &[]));
                if high.iter().any(|d| *d != 0) {
                    return None;
                }
                let magnitude = low.iter().rev().fold(0i128, |n, d| n << 8 | i128::from(*d));
                i64::try_from(if *negative { -magnitude } else { magnitude }).ok()
            }
            _ => None,
        }
    }
}
