//! What a module says of itself without debug info: persistent attributes (`Attr`) and how it was compiled (`CInf`).

use wire::etf::Token;

use super::terms::{self, Terms};
use super::{Beam, BeamFault};

/// What stripped modules may still say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The source, as the compiler saw it; empty if not said.
    pub source: String,
    /// Behaviours, ascending.
    pub behaviours: Vec<String>,
}

impl Beam<'_> {
    /// Reads it; chunks that are not there say nothing.
    pub fn about(&self) -> Result<About, BeamFault> {
        let mut about = About::default();
        if let Some(chunk) = self.chunk("CInf").filter(|chunk| !chunk.is_empty()) {
            let data = terms::unpacked("CInf", chunk)?;
            let terms = Terms::read("CInf", &data)?;
            let source = terms
                .get(terms.root(), "source")
                .map(|source| text(&terms, source));
            about.source = source.unwrap_or_default();
        }
        if let Some(chunk) = self.chunk("Attr").filter(|chunk| !chunk.is_empty()) {
            let data = terms::unpacked("Attr", chunk)?;
            let terms = Terms::read("Attr", &data)?;
            for pair in terms.list(terms.root()) {
                let Some([name, values]) = terms.tuple(pair) else {
                    continue;
                };
                if matches!(terms.atom(name).as_deref(), Some("behaviour" | "behavior")) {
                    let values = terms.list(values).into_iter();
                    let named = values.filter_map(|value| Some(terms.atom(value)?.into_owned()));
                    about.behaviours.extend(named);
                }
            }
        }
        about.behaviours.sort();
        about.behaviours.dedup();
        Ok(about)
    }
}

/// A path: a charlist, packed or with code points beyond a byte, or a binary.
fn text(terms: &Terms<'_>, term: super::TermRef) -> String {
    match terms.token(term) {
        Token::Bytes(bytes) => return bytes.iter().map(|byte| char::from(*byte)).collect(),
        Token::Binary(bytes) => return String::from_utf8_lossy(bytes).into_owned(),
        _ => {}
    }
    let points = terms.list(term).into_iter();
    points
        .filter_map(|point| char::from_u32(u32::try_from(terms.int(point)?).ok()?))
        .collect()
}
