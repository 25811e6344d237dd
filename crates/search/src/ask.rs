//! Searching: runs what [`crate::plan`] made, and explains what was found.

use std::cmp::Reverse;

use tantivy::collector::TopDocs;
use tantivy::schema::{Field as Id, IndexRecordOption, Value as _};
use tantivy::{DocAddress, DocSet as _, Searcher, TantivyDocument, Term};

use crate::answer::{Answer, Field, Hit, Reason};
use crate::document::Kind;
use crate::fault::SearchFault;
use crate::index::Index;
use crate::plan::{Frequencies, plan};
use crate::query::Query;
use crate::rank;
use crate::schema::{Fields, Traits};

/// Most hits of one answer.
const LIMIT_MAX: usize = 10_000;
/// So many more than asked for are looked at again, with how many of the words each has.
const CANDIDATES_MORE: usize = 50;

impl Index {
    /// The documents that fit best, at most `limit` (at most 10,000). The same documents and query give the same answer,
    /// in whatever order files were put in, except that documents which were taken out count in how rare a word is until
    /// the engine has cleaned up.
    pub fn search(&self, query: &Query, limit: usize) -> Result<Answer, SearchFault> {
        let (searcher, fields) = (self.searcher(), &self.fields);
        let limit = limit.min(LIMIT_MAX);
        if limit == 0 {
            return Ok(Answer::default());
        }
        let plan = plan(&searcher, fields, query)?;
        let statistics = Frequencies {
            searcher: &searcher,
            plan: &plan,
            fields,
        };
        let best = TopDocs::with_limit(limit + CANDIDATES_MORE).tweak_score(rank::keys);
        let found = searcher.search_with_statistics_provider(&*plan.query, &best, &statistics)?;

        let addresses: Vec<DocAddress> = found.iter().map(|(_, address)| *address).collect();
        let evidence = plan.evidence.iter().map(|(word, forms)| {
            let fields = fields_with(&searcher, fields, forms, &addresses)?;
            Ok((word.as_str(), fields))
        });
        let evidence: Vec<(&str, Vec<Fieldset>)> = evidence.collect::<Result<_, SearchFault>>()?;
        let rarity = plan.evidence.iter().map(|(_, forms)| plan.rarity(forms));
        let rarity: Vec<f32> = rarity.collect();
        let all: f32 = rarity.iter().sum();
        let exact = has_any(&searcher, fields.exact, &plan.exact, &addresses)?;

        let mut hits = Vec::with_capacity(found.len());
        for (at, (key, address)) in found.into_iter().enumerate() {
            let has = |fields: &Vec<Fieldset>| fields.get(at).copied().unwrap_or_default();
            let had = evidence
                .iter()
                .zip(&rarity)
                .filter(|((_, fields), _)| has(fields).0 != 0);
            let had: f32 = had.map(|(_, rarity)| rarity).sum();
            let is_exact = exact.get(at).is_some_and(|fields| fields.0 != 0);
            let score = rank::covered(rank::score_of(key), had, all);
            hits.push((score, key.1, address, at, is_exact));
        }
        hits.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| Reverse(a.1).cmp(&Reverse(b.1))));
        hits.truncate(limit);
        let hits = hits.into_iter().map(|(score, _, address, at, is_exact)| {
            let document: TantivyDocument = searcher.doc(address)?;
            let why = evidence.iter().filter_map(|(word, fields)| {
                let fields = fields.get(at).copied().unwrap_or_default();
                (fields.0 != 0).then(|| Reason {
                    word: (*word).to_owned(),
                    fields: fields.list(),
                })
            });
            Ok(hit(fields, &document, score, is_exact, why.collect()))
        });
        let mut hits = hits.collect::<Result<Vec<Hit>, SearchFault>>()?;
        hits.sort_by(|a, b| {
            let by_score = b.score.total_cmp(&a.score);
            by_score.then_with(|| (&a.path, &a.id).cmp(&(&b.path, &b.id)))
        });
        Ok(Answer {
            hits,
            instead: plan.instead,
        })
    }
}

fn hit(fields: &Fields, document: &TantivyDocument, score: f32, is_exact: bool, why: Vec<Reason>) -> Hit {
    let text = |field: Id| {
        let value = document.get_first(field).and_then(|value| value.as_str());
        value.unwrap_or_default().to_owned()
    };
    let traits = document
        .get_first(fields.traits())
        .and_then(|value| value.as_u64());
    let traits = Traits(traits.unwrap_or_default());
    Hit {
        id: text(fields.id),
        path: text(fields.path),
        kind: traits.kind().unwrap_or(Kind::Function),
        module: text(fields.module),
        summary: text(fields.summary),
        is_public: traits.is_public(),
        origin: traits.origin(),
        score,
        is_exact,
        why,
    }
}

/// Fields as bits.
#[derive(Clone, Copy, Debug, Default)]
struct Fieldset(u16);

impl Fieldset {
    fn list(self) -> Vec<Field> {
        let has = |field: &Field| self.0 & (1 << (*field as u16)) != 0;
        Field::ALL.into_iter().filter(has).collect()
    }
}

/// In which fields each of the documents has one of the forms.
fn fields_with(
    searcher: &Searcher,
    fields: &Fields,
    forms: &[String],
    addresses: &[DocAddress],
) -> Result<Vec<Fieldset>, SearchFault> {
    let mut out = vec![Fieldset::default(); addresses.len()];
    for field in Field::ALL {
        let found = has_any(searcher, fields.word(field), forms, addresses)?;
        for (all, one) in out.iter_mut().zip(found) {
            all.0 |= one.0 << (field as u16);
        }
    }
    Ok(out)
}

/// Which of the documents have one of the terms in a field: bit 0.
fn has_any(
    searcher: &Searcher,
    field: Id,
    forms: &[String],
    addresses: &[DocAddress],
) -> Result<Vec<Fieldset>, SearchFault> {
    let mut out = vec![Fieldset::default(); addresses.len()];
    let mut order: Vec<(DocAddress, usize)> = addresses.iter().copied().zip(0..).collect();
    order.sort_unstable();
    let io = |fault: std::io::Error| SearchFault::Engine(fault.to_string());
    for of_segment in order.chunk_by(|a, b| a.0.segment_ord == b.0.segment_ord) {
        let Some((first, _)) = of_segment.first() else {
            continue;
        };
        let inverted = searcher.segment_reader(first.segment_ord).inverted_index(field)?;
        for form in forms {
            let term = Term::from_field_text(field, form);
            let postings = inverted
                .read_postings(&term, IndexRecordOption::Basic)
                .map_err(io)?;
            let Some(mut postings) = postings else {
                continue;
            };
            for (address, at) in of_segment {
                if postings.doc() < address.doc_id {
                    postings.seek(address.doc_id);
                }
                if postings.doc() == address.doc_id {
                    out[*at].0 |= 1;
                }
            }
        }
    }
    Ok(out)
}
