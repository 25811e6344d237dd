//! A chunk's term in reading order: each piece with the place after its last descendant. No recursion, one allocation
//! that grows with what is there, so that code nested thousands deep is read and hostile lengths are not believed.

use std::borrow::Cow;
use std::io::Read;

use wire::bytes::Reader;
use wire::etf::{EtfError, Token, VERSION};

use super::{BeamFault, TERM_BYTES_MAX, TERM_DEPTH_MAX, TERM_PIECES_MAX};

const COMPRESSED: u8 = 80;

/// The bytes of a term, uncompressed. Tag 80: length and zlib data.
pub(super) fn unpacked<'a>(chunk: &'static str, data: &'a [u8]) -> Result<Cow<'a, [u8]>, BeamFault> {
    let Some([VERSION, COMPRESSED, header @ ..]) = data.get(..6) else {
        return Ok(Cow::Borrowed(data.strip_prefix(&[VERSION]).unwrap_or(data)));
    };
    let length = header
        .try_into()
        .map_or(usize::MAX, |length| u32::from_be_bytes(length) as usize);
    if length > TERM_BYTES_MAX {
        return Err(BeamFault::TermTooLarge);
    }
    let mut out = Vec::new();
    flate2::read::ZlibDecoder::new(data.get(6..).unwrap_or_default())
        .take(length as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|fault| BeamFault::Unpack {
            what: chunk,
            why: fault.to_string(),
        })?;
    if out.len() != length {
        return Err(BeamFault::Chunk {
            chunk,
            why: "its term is not as long as it says",
        });
    }
    Ok(Cow::Owned(out))
}

/// A term's pieces.
#[derive(Clone, Debug)]
pub struct Terms<'a> {
    pieces: Vec<Token<'a>>,
    // For each piece: the index after its last descendant.
    ends: Vec<u32>,
}

/// A term: an index into [`Terms`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermRef(u32);

impl<'a> Terms<'a> {
    /// Reads the one term that `data` holds, without a leading version byte.
    pub fn read(chunk: &'static str, data: &'a [u8]) -> Result<Self, BeamFault> {
        let term = |why: EtfError| BeamFault::Term { chunk, why };
        let mut reader = Reader::new(data);
        let (mut pieces, mut ends) = (Vec::new(), Vec::<u32>::new());
        // Terms that have children to come: place and how many.
        let mut open: Vec<(usize, u64)> = Vec::new();
        loop {
            let token = Token::read(&mut reader).map_err(term)?;
            let (here, children) = (pieces.len(), token.children());
            if here >= TERM_PIECES_MAX || open.len() >= TERM_DEPTH_MAX {
                return Err(BeamFault::TermTooLarge);
            }
            pieces.push(token);
            ends.push(here as u32 + 1);
            if children > 0 {
                open.push((here, children));
                continue;
            }
            while let Some((parent, left)) = open.last_mut() {
                *left -= 1;
                if *left > 0 {
                    break;
                }
                if let Some(end) = ends.get_mut(*parent) {
                    *end = pieces.len() as u32;
                }
                open.pop();
            }
            if open.is_empty() {
                break;
            }
        }
        reader.finish().map_err(|why| term(why.into()))?;
        Ok(Self { pieces, ends })
    }

    /// The whole term.
    #[must_use]
    pub fn root(&self) -> TermRef {
        TermRef(0)
    }

    /// How many pieces there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// Never: a term has a piece.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// A term's first piece.
    #[must_use]
    pub fn token(&self, term: TermRef) -> Token<'a> {
        self.pieces.get(term.0 as usize).copied().unwrap_or(Token::Nil)
    }

    /// The terms inside one: a tuple's elements, a list's elements and then its tail, a map's keys and values in turn.
    pub fn children(&self, term: TermRef) -> impl Iterator<Item = TermRef> + '_ {
        let count = self.token(term).children();
        let mut next = term.0 + 1;
        (0..count).map(move |_| {
            let here = TermRef(next);
            next = self.ends.get(next as usize).copied().unwrap_or(u32::MAX);
            here
        })
    }

    /// A tuple's elements, if there are `N` of them.
    #[must_use]
    pub fn tuple<const N: usize>(&self, term: TermRef) -> Option<[TermRef; N]> {
        match self.token(term) {
            Token::Tuple(n) if n as usize == N => {
                let elements: Vec<_> = self.children(term).collect();
                elements.try_into().ok()
            }
            _ => None,
        }
    }

    /// A proper list's elements; nothing for anything else. Lists of small integers, which the BEAM packs as bytes,
    /// are not among them: see [`Terms::bytes`].
    #[must_use]
    pub fn list(&self, term: TermRef) -> Vec<TermRef> {
        match self.token(term) {
            Token::List(n) => self.children(term).take(n as usize).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the term is a list, packed or not.
    #[must_use]
    pub fn is_list(&self, term: TermRef) -> bool {
        matches!(self.token(term), Token::List(_) | Token::Nil | Token::Bytes(_))
    }

    /// The bytes of a binary or of a packed list.
    #[must_use]
    pub fn bytes(&self, term: TermRef) -> Option<&'a [u8]> {
        match self.token(term) {
            Token::Binary(bytes) | Token::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// An atom's text.
    #[must_use]
    pub fn atom(&self, term: TermRef) -> Option<Cow<'a, str>> {
        match self.token(term) {
            Token::Atom(atom) => Some(atom.text()),
            _ => None,
        }
    }

    /// A small integer.
    #[must_use]
    pub fn int(&self, term: TermRef) -> Option<i64> {
        match self.token(term) {
            Token::Int(n) => Some(n),
            _ => None,
        }
    }

    /// The value under an atom key of a map or of a keyword list.
    #[must_use]
    pub fn get(&self, term: TermRef, key: &str) -> Option<TermRef> {
        let is_key = |name: TermRef| self.atom(name).is_some_and(|name| name == key);
        match self.token(term) {
            Token::Map(_) => {
                let mut parts = self.children(term);
                while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
                    if is_key(name) {
                        return Some(value);
                    }
                }
                None
            }
            Token::List(_) => self.list(term).into_iter().find_map(|pair| {
                let [name, value] = self.tuple(pair)?;
                is_key(name).then_some(value)
            }),
            _ => None,
        }
    }
}
