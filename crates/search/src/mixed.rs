//! One word in all fields: BM25F (Robertson, Zaragoza, Taylor, "Simple BM25 extension to multiple weighted fields", 2004).
//!
//! How often a field has the word counts by the field's weight and length; the sum over the fields is damped once. Adding
//! the fields' own BM25 would damp each field alone: then what one field says of a word could not stand up to what another
//! says, however much of it there is.

use std::sync::Arc;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::{Postings as _, SegmentPostings};
use tantivy::query::{Bm25StatisticsProvider, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::{Field as Id, IndexRecordOption};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError, Term};

use crate::rank;

/// Looks for a word in fields.
#[derive(Clone, Debug)]
pub(crate) struct Mixed {
    pub(crate) word: String,
    /// Fields with their weights.
    pub(crate) fields: Vec<(Id, f32)>,
    /// How much the word says.
    pub(crate) rarity: f32,
    /// The documentation: where it is empty, what the code says counts more.
    pub(crate) prose: Id,
    /// Those fields of the code.
    pub(crate) bare: [Id; 2],
}

impl Query for Mixed {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let mut weighed = Weighed {
            fields: Vec::with_capacity(self.fields.len()),
            rarity: self.rarity,
            prose: self.prose,
        };
        let statistics: Option<&dyn Bm25StatisticsProvider> = match scoring {
            EnableScoring::Enabled {
                statistics_provider, ..
            } => Some(statistics_provider),
            EnableScoring::Disabled { .. } => None,
        };
        let documents = statistics.map_or(Ok(0), Bm25StatisticsProvider::total_num_docs)?;
        for (field, weight) in &self.fields {
            let tokens = statistics.map_or(Ok(0), |statistics| statistics.total_num_tokens(*field))?;
            let average = tokens as f32 / documents.max(1) as f32;
            let count = |id: u8| rank::occurrence(*weight, FieldNormReader::id_to_fieldnorm(id), average);
            weighed.fields.push(Counted {
                term: Term::from_field_text(*field, &self.word),
                bare: if self.bare.contains(field) {
                    rank::BARE
                } else {
                    1.0
                },
                counts: (0..=u8::MAX).map(count).collect(),
            });
        }
        Ok(Box::new(weighed))
    }
}

struct Counted {
    term: Term,
    // What is to be multiplied with it in a document without documentation.
    bare: f32,
    // What one occurrence counts, by the length of the field as the engine notes it.
    counts: Arc<[f32]>,
}

struct Weighed {
    fields: Vec<Counted>,
    prose: Id,
    rarity: f32,
}

impl Weight for Weighed {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let mut parts = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let inverted = reader.inverted_index(field.term.field())?;
            let Some(postings) = inverted.read_postings(&field.term, IndexRecordOption::WithFreqs)? else {
                continue;
            };
            let lengths = reader.fieldnorms_readers().get_field(field.term.field())?;
            parts.push(Part {
                postings,
                lengths: lengths.unwrap_or_else(|| FieldNormReader::constant(reader.max_doc(), 1)),
                counts: field.counts.clone(),
                bare: field.bare,
            });
        }
        let prose = reader.fieldnorms_readers().get_field(self.prose)?;
        let mut found = Found {
            parts,
            prose: prose.unwrap_or_else(|| FieldNormReader::constant(reader.max_doc(), 1)),
            doc: TERMINATED,
            factor: boost * self.rarity,
        };
        found.doc = found.least();
        Ok(Box::new(found))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Err(TantivyError::InvalidArgument(
            "answers are explained by their words".to_owned(),
        ))
    }
}

struct Part {
    postings: SegmentPostings,
    lengths: FieldNormReader,
    counts: Arc<[f32]>,
    bare: f32,
}

/// The documents that have the word in one of the fields.
struct Found {
    parts: Vec<Part>,
    prose: FieldNormReader,
    doc: DocId,
    factor: f32,
}

impl Found {
    fn least(&self) -> DocId {
        let docs = self.parts.iter().map(|part| part.postings.doc());
        docs.min().unwrap_or(TERMINATED)
    }
}

impl DocSet for Found {
    fn advance(&mut self) -> DocId {
        for part in self
            .parts
            .iter_mut()
            .filter(|part| part.postings.doc() == self.doc)
        {
            part.postings.advance();
        }
        self.doc = self.least();
        self.doc
    }

    fn seek(&mut self, target: DocId) -> DocId {
        for part in self.parts.iter_mut().filter(|part| part.postings.doc() < target) {
            part.postings.seek(target);
        }
        self.doc = self.least();
        self.doc
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        let hints = self.parts.iter().map(|part| part.postings.size_hint());
        hints.max().unwrap_or_default()
    }
}

impl Scorer for Found {
    fn score(&mut self) -> Score {
        let is_bare = self.prose.fieldnorm_id(self.doc) == 0;
        let mut often = 0.0;
        for part in self.parts.iter().filter(|part| part.postings.doc() == self.doc) {
            let length = part.lengths.fieldnorm_id(self.doc);
            let count = part.counts.get(usize::from(length)).copied();
            let bare = if is_bare { part.bare } else { 1.0 };
            often += bare * count.unwrap_or_default() * part.postings.term_freq() as f32;
        }
        self.factor * rank::damped(often)
    }
}
