//! One piece of a term: a whole leaf, or the head of what has children. Tags: "External Term Format" of the ERTS
//! User's Guide.

use std::borrow::Cow;

use super::EtfError;
use crate::bytes::{ReadError, Reader};

/// Version byte in front of a term.
pub const VERSION: u8 = 131;
const NIL: u8 = 106;
/// Size, arity, uniq, index, number of free variables: what a fun's size field counts before its module.
const FUN_FIXED_BYTES: usize = 4 + 1 + 16 + 4 + 4;

/// An atom's text, in the encoding of its tag.
#[derive(Clone, Copy, Debug)]
pub struct AtomText<'a> {
    bytes: &'a [u8],
    utf8: bool,
}

impl<'a> AtomText<'a> {
    /// As text; bytes of the older tags are Latin-1.
    pub fn text(self) -> Cow<'a, str> {
        match std::str::from_utf8(self.bytes) {
            Ok(text) if self.utf8 || text.is_ascii() => Cow::Borrowed(text),
            _ => Cow::Owned(self.bytes.iter().map(|b| char::from(*b)).collect()),
        }
    }
}

/// A leaf, or how many children follow.
#[derive(Clone, Copy, Debug)]
pub enum Token<'a> {
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
    Atom(AtomText<'a>),
    /// A binary.
    Binary(&'a [u8]),
    /// A bitstring that ends within a byte.
    Bits {
        /// Its bytes.
        bytes: &'a [u8],
        /// Bits of the last one, at its upper end.
        last: u8,
    },
    /// A list of small integers.
    Bytes(&'a [u8]),
    /// `[]`.
    Nil,
    /// Elements.
    Tuple(u32),
    /// Elements, then a tail.
    List(u32),
    /// Pairs.
    Map(u32),
    /// A process.
    Pid {
        /// First number.
        id: u32,
        /// Second number.
        serial: u32,
    },
    /// A port.
    Port(u64),
    /// A reference's words, big-endian.
    Reference(&'a [u8]),
    /// A closure.
    Fun {
        /// Module of its code.
        module: AtomText<'a>,
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
        module: AtomText<'a>,
        /// Function.
        function: AtomText<'a>,
        /// Arity.
        arity: u8,
    },
}

impl<'a> Token<'a> {
    /// Terms that follow and belong to this one.
    pub fn children(&self) -> u64 {
        match self {
            Self::Tuple(n) => u64::from(*n),
            Self::List(n) => u64::from(*n) + 1,
            Self::Map(n) => u64::from(*n) * 2,
            _ => 0,
        }
    }

    /// Reads one; its children are known to have a byte each. The leading [`VERSION`] is not part of a term.
    pub fn read(r: &mut Reader<'a>) -> Result<Self, EtfError> {
        let at = r.position();
        let mut tag = r.u8()?;
        if tag == 121 {
            // LOCAL_EXT: a hash, then the term in its usual form.
            r.bytes(4)?;
            tag = r.u8()?;
        }
        let token = match tag {
            97 => Self::Int(i64::from(r.u8()?)),
            98 => Self::Int(i64::from(u32_be(r)? as i32)),
            110 => {
                let n = usize::from(r.u8()?);
                read_big(r, n, at)?
            }
            111 => {
                let n = u32_be(r)? as usize;
                read_big(r, n, at)?
            }
            70 => Self::Float(f64::from_be_bytes(r.array()?)),
            99 => Self::Float(old_float(r.bytes(31)?).ok_or(EtfError::Value("float", at))?),
            100 | 115 | 118 | 119 => Self::Atom(atom_body(r, tag, at)?),
            109 => {
                let n = u32_be(r)? as usize;
                Self::Binary(r.bytes(n)?)
            }
            77 => read_bits(r, at)?,
            107 => {
                let n = usize::from(u16_be(r)?);
                Self::Bytes(r.bytes(n)?)
            }
            NIL => Self::Nil,
            104 => Self::Tuple(u32::from(r.u8()?)),
            105 => Self::Tuple(u32_be(r)?),
            108 => Self::List(u32_be(r)?),
            116 => Self::Map(u32_be(r)?),
            88 | 103 => {
                node(r)?;
                let (id, serial) = (u32_be(r)?, u32_be(r)?);
                r.bytes(if tag == 88 { 4 } else { 1 })?;
                Self::Pid { id, serial }
            }
            89 | 102 | 120 => {
                node(r)?;
                let id = if tag == 120 {
                    u64::from_be_bytes(r.array()?)
                } else {
                    u32_be(r)?.into()
                };
                r.bytes(if tag == 102 { 1 } else { 4 })?;
                Self::Port(id)
            }
            90 | 101 | 114 => read_reference(r, tag, at)?,
            112 => read_fun(r, at)?,
            113 => read_export(r)?,
            80 => return Err(EtfError::Compressed),
            tag => return Err(EtfError::Tag { tag, at }),
        };
        r.count(usize::try_from(token.children()).unwrap_or(usize::MAX), 1)?;
        Ok(token)
    }
}

fn u16_be(r: &mut Reader<'_>) -> Result<u16, ReadError> {
    r.array().map(u16::from_be_bytes)
}

fn u32_be(r: &mut Reader<'_>) -> Result<u32, ReadError> {
    r.array().map(u32::from_be_bytes)
}

/// What follows an atom's tag. The text of UTF-8 atoms is checked.
fn atom_body<'a>(r: &mut Reader<'a>, tag: u8, at: usize) -> Result<AtomText<'a>, EtfError> {
    let n = if tag == 115 || tag == 119 {
        usize::from(r.u8()?)
    } else {
        usize::from(u16_be(r)?)
    };
    let (bytes, utf8) = (r.bytes(n)?, tag >= 118);
    if utf8 && std::str::from_utf8(bytes).is_err() {
        return Err(EtfError::Value("atom", at));
    }
    Ok(AtomText { bytes, utf8 })
}

fn atom<'a>(r: &mut Reader<'a>) -> Result<AtomText<'a>, EtfError> {
    let at = r.position();
    match r.u8()? {
        tag @ (100 | 115 | 118 | 119) => atom_body(r, tag, at),
        tag => Err(EtfError::Tag { tag, at }),
    }
}

/// A node's name: an atom, or nil in the local form.
fn node(r: &mut Reader<'_>) -> Result<(), EtfError> {
    if r.rest().first() == Some(&NIL) {
        r.u8()?;
        return Ok(());
    }
    atom(r).map(|_| ())
}

fn read_big<'a>(r: &mut Reader<'a>, n: usize, at: usize) -> Result<Token<'a>, EtfError> {
    let negative = match r.u8()? {
        0 => false,
        1 => true,
        _ => return Err(EtfError::Value("sign", at)),
    };
    Ok(Token::Big {
        negative,
        digits: r.bytes(n)?,
    })
}

fn read_bits<'a>(r: &mut Reader<'a>, at: usize) -> Result<Token<'a>, EtfError> {
    let n = u32_be(r)? as usize;
    let last = r.u8()?;
    let bytes = r.bytes(n)?;
    if last > 8 || (last == 0) != bytes.is_empty() {
        return Err(EtfError::Value("bit count", at));
    }
    Ok(Token::Bits { bytes, last })
}

/// 90: 4 bytes of creation; 114: 1 byte; 101: one word before its creation of 1 byte.
fn read_reference<'a>(r: &mut Reader<'a>, tag: u8, at: usize) -> Result<Token<'a>, EtfError> {
    if tag == 101 {
        node(r)?;
        let words = r.bytes(4)?;
        r.u8()?;
        return Ok(Token::Reference(words));
    }
    let n = usize::from(u16_be(r)?);
    if n == 0 || n > 5 {
        return Err(EtfError::Value("reference", at));
    }
    node(r)?;
    r.bytes(if tag == 90 { 4 } else { 1 })?;
    Ok(Token::Reference(r.bytes(n * 4)?))
}

/// A closure. Its size field says where it ends; its free variables are not looked at.
fn read_fun<'a>(r: &mut Reader<'a>, at: usize) -> Result<Token<'a>, EtfError> {
    let size = (u32_be(r)? as usize)
        .checked_sub(FUN_FIXED_BYTES)
        .ok_or(EtfError::Value("fun size", at))?;
    let (arity, _uniq, index, _free) = (r.u8()?, r.array::<16>()?, u32_be(r)?, u32_be(r)?);
    let mut rest = Reader::new(r.bytes(size)?);
    let module = atom(&mut rest)?;
    integer(&mut rest)?;
    let uniq = integer(&mut rest)?;
    Ok(Token::Fun {
        module,
        index,
        uniq,
        arity,
    })
}

/// The old index or uniq of a fun, at most 32 bits; a uniq beyond 31 bits comes as a big. Anything else is refused by
/// its tag alone: a fun there would be read by recursion, as deep as its sender likes.
fn integer(r: &mut Reader<'_>) -> Result<u32, EtfError> {
    let at = r.position();
    let n = match r.u8()? {
        97 => return Ok(u32::from(r.u8()?)),
        98 => return Ok(u32_be(r)?),
        110 => usize::from(r.u8()?),
        111 => u32_be(r)? as usize,
        tag => return Err(EtfError::Tag { tag, at }),
    };
    match read_big(r, n, at)? {
        Token::Big { digits, .. } => Ok(digits.iter().take(4).rev().fold(0, |n, d| n << 8 | u32::from(*d))),
        _ => Err(EtfError::Value("fun", at)),
    }
}

fn read_export<'a>(r: &mut Reader<'a>) -> Result<Token<'a>, EtfError> {
    let (module, function, at) = (atom(r)?, atom(r)?, r.position());
    match r.u8()? {
        97 => Ok(Token::Export {
            module,
            function,
            arity: r.u8()?,
        }),
        tag => Err(EtfError::Tag { tag, at }),
    }
}

/// Text of `sprintf("%.20e")`, padded with zeros.
fn old_float(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    text.trim_end_matches('\0')
        .trim()
        .parse()
        .ok()
        .filter(|f: &f64| f.is_finite())
}
