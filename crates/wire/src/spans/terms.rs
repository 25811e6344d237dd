//! What a frame of spans is found by: a number ([`Term`]) for each text in a place, and one for each text together with the
//! service of a span that has it, so that a search for a service *and* something else passes over what has both, but never on
//! one span.

use event::Value;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::parts::column;
use super::read::SpanFrame;
use super::select::{Ask, Field, all, has_attributes};
use super::shape::CellKind;
use crate::frame::FrameError;

/// Key of the attribute that names a service.
pub const SERVICE: &str = "service.name";
/// Most bits of a table of services and texts: beyond it, a column's pairs are left out.
const PAIRS_MAX: usize = 1 << 22;

/// A text or code in a place, as a number for an index: equal ones are equal, different ones nearly always differ (xxh3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(pub u64);

impl Term {
    /// Of a text.
    pub fn of(field: Field<'_>, text: &[u8]) -> Self {
        let (kind, name) = match field {
            Field::Name => (1, ""),
            Field::StatusMessage => (2, ""),
            Field::Span(name) => (3, name),
            Field::Resource(name) => (4, name),
            Field::Status => (5, ""),
            Field::Kind | Field::Duration | Field::Either(_) => (0, ""),
        };
        Self(xxh3_64_with_seed(text, xxh3_64_with_seed(name.as_bytes(), kind)))
    }

    /// Of the code of a status.
    pub fn of_status(code: u8) -> Self {
        Self::of(Field::Status, &[code])
    }

    /// Of what this is of, on a span of a service.
    #[must_use]
    pub fn with_service(self, service: &[u8]) -> Self {
        Self(xxh3_64_with_seed(service, self.0))
    }
}

/// What of a frame has no terms.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// The texts of an attribute, by key: too many.
    Attribute(String),
    /// Attributes that are in no column, of any key.
    OtherAttributes,
    /// The texts of an attribute together with services: too many.
    AttributePairs(String),
    /// Names and statuses together with services: too many.
    OtherPairs,
}

/// The terms of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameTerms {
    /// Ascending, each once.
    pub terms: Vec<Term>,
    /// What has none.
    pub left_out: Vec<LeftOut>,
}

impl SpanFrame<'_> {
    /// The terms of names, statuses, attributes of spans and of resources, and of all but the last with the service. Columns with
    /// more than `texts_max` different texts, or pairs, are left out.
    pub fn terms(&self, texts_max: usize) -> Result<FrameTerms, FrameError> {
        let mut found = FrameTerms::default();
        let ask = Ask::of(self)?;
        let services = Services::of(self, ask.resources()?, &mut found.terms)?;
        let names = self.parts.texts(column::NAME)?;
        let names: Vec<Term> = all(&names).map(|text| Term::of(Field::Name, text)).collect();
        let of_rows = (0..).zip(ask.names()?.iter().copied());
        found.add(&services, of_rows, names, texts_max, LeftOut::OtherPairs);
        let statuses: Vec<Term> = (0..=2).map(Term::of_status).collect();
        let of_rows = self.parts.indices(column::STATUS, 0..self.rows() as usize)?;
        let of_rows = (0..).zip(of_rows);
        found.add(&services, of_rows, statuses, usize::MAX, LeftOut::OtherPairs);
        for (number, attribute) in (0u16..).zip(&self.attributes) {
            if attribute.kind != CellKind::Text {
                continue;
            }
            let key = String::from_utf8_lossy(attribute.key);
            let texts = self.parts.texts(column::ATTRIBUTES.saturating_add(number))?;
            if texts.len() > texts_max {
                found.left_out.push(LeftOut::Attribute(key.into_owned()));
                continue;
            }
            let field = Field::Span(&key);
            let texts: Vec<Term> = all(&texts).map(|text| Term::of(field, text)).collect();
            let cells = ask.cells(number, attribute.kind)?.into_iter();
            let of_rows = cells.map(|(row, cell)| (row, cell as u32));
            let left_out = LeftOut::AttributePairs(key.into_owned());
            found.add(&services, of_rows, texts, texts_max, left_out);
        }
        if all(&self.parts.texts(column::REST)?).any(has_attributes) {
            found.left_out.push(LeftOut::OtherAttributes);
        }
        found.terms.sort_unstable();
        found.terms.dedup();
        Ok(found)
    }
}

impl FrameTerms {
    /// Adds the entries of a dictionary, and of those that rows (with their entries) have the pairs with their services; what is
    /// left out if these are too many.
    fn add(
        &mut self,
        services: &Services,
        rows: impl Iterator<Item = (usize, u32)>,
        entries: Vec<Term>,
        most: usize,
        left_out: LeftOut,
    ) {
        if !services.pairs(rows, &entries, most, &mut self.terms) {
            self.left_out.push(left_out);
        }
        self.terms.extend(entries);
    }
}

/// The services of a frame.
struct Services {
    names: Vec<Vec<u8>>,
    /// By row; beyond the names: none.
    of_rows: Vec<u32>,
    /// A resource names two.
    ambiguous: bool,
}

impl Services {
    /// Of a frame; the terms of its resources are added.
    fn of(frame: &SpanFrame<'_>, of_rows: &[u32], terms: &mut Vec<Term>) -> Result<Self, FrameError> {
        let mut names: Vec<Vec<u8>> = Vec::new();
        let (mut of_resources, mut ambiguous) = (Vec::new(), false);
        for resource in frame.resources()? {
            let mut service = u32::MAX;
            for attribute in &resource.attributes {
                let Value::String(text) = &attribute.value else {
                    continue;
                };
                terms.push(Term::of(Field::Resource(&attribute.key), text.as_bytes()));
                if attribute.key == SERVICE {
                    ambiguous |= service != u32::MAX;
                    let known = names.iter().position(|name| name == text.as_bytes());
                    service = known.unwrap_or(names.len()) as u32;
                    if known.is_none() {
                        names.push(text.as_bytes().to_vec());
                    }
                }
            }
            of_resources.push(service);
        }
        let service = |resource: &u32| of_resources.get(*resource as usize).copied().unwrap_or(u32::MAX);
        Ok(Self {
            names,
            of_rows: of_rows.iter().map(service).collect(),
            ambiguous,
        })
    }

    /// Adds the terms of what rows have, with their services; adds none and says `false` if there are too many.
    fn pairs(
        &self,
        rows: impl Iterator<Item = (usize, u32)>,
        entries: &[Term],
        most: usize,
        terms: &mut Vec<Term>,
    ) -> bool {
        let bits = self.names.len() * entries.len();
        if self.ambiguous || bits > PAIRS_MAX {
            return false;
        }
        let mut has = vec![false; bits];
        for (row, entry) in rows {
            let service = self.of_rows.get(row).copied().unwrap_or(u32::MAX) as usize;
            if service < self.names.len()
                && (entry as usize) < entries.len()
                && let Some(has) = has.get_mut(service * entries.len() + entry as usize)
            {
                *has = true;
            }
        }
        if has.iter().filter(|has| **has).count() > most {
            return false;
        }
        for (name, has) in self.names.iter().zip(has.chunks(entries.len().max(1))) {
            let of_service = entries.iter().zip(has).filter(|(_, has)| **has);
            terms.extend(of_service.map(|(term, _)| term.with_service(name)));
        }
        true
    }
}
