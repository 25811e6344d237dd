//! From a [`Query`] to what the engine runs.
//!
//! A word is looked for in all fields at once ([`crate::mixed`]). How rare a word is counts alike in all fields (its document
//! frequency is the greatest of all fields'): else `of` would be rare in names and outweigh everything there. Filters only
//! narrow.

use std::collections::BTreeMap;

use tantivy::query::{
    AllQuery, Bm25StatisticsProvider, BooleanQuery, BoostQuery, ConstScoreQuery, Occur, PhraseQuery,
    Query as EngineQuery, TermQuery,
};
use tantivy::schema::{Field as Id, IndexRecordOption};
use tantivy::{Searcher, Term};

use crate::answer::{Field, Instead};
use crate::excluded::Excluded;
use crate::expand;
use crate::mixed::Mixed;
use crate::query::{Asked, Query, What};
use crate::rank::{self, FieldWeights};
use crate::schema::Fields;
use crate::tokenizer::asked_segments;
use crate::words::{Role, words};

/// Most words that stand in for one that nothing has.
const INSTEAD_MAX: usize = 6;
/// Most names that begin with a typed word and are preferred.
const BEGINNINGS_MAX: usize = 12;
/// Words that together may be one name.
const JOINED: std::ops::RangeInclusive<usize> = 2..=5;

type Part = (Occur, Box<dyn EngineQuery>);

/// What the engine runs, and what answers are explained by.
pub(crate) struct Plan {
    pub(crate) query: Box<dyn EngineQuery>,
    /// Of each word: as it is shown, and its forms in the index.
    pub(crate) evidence: Vec<(String, Vec<String>)>,
    /// Names of which each is exactly what was typed.
    pub(crate) exact: Vec<String>,
    pub(crate) instead: Vec<Instead>,
    /// In how many documents each form is, at most.
    pub(crate) frequencies: BTreeMap<String, u64>,
    /// How much each form says.
    rarities: BTreeMap<String, f32>,
}

impl Plan {
    /// How rare the most frequent of these forms is; of a word that nothing has, as if one document had it.
    pub(crate) fn rarity(&self, forms: &[String]) -> f32 {
        let known = forms.iter().filter_map(|form| self.rarities.get(form).copied());
        known.reduce(f32::min).unwrap_or(1.0)
    }
}

/// Plans a query.
pub(crate) fn plan(searcher: &Searcher, fields: &Fields, query: &Query) -> tantivy::Result<Plan> {
    let mut planner = Planner {
        searcher,
        fields,
        weights: &rank::FIELD_WEIGHTS,
        wanted: Vec::new(),
        required: Vec::new(),
        plan: Plan {
            query: Box::new(AllQuery),
            evidence: Vec::new(),
            exact: Vec::new(),
            instead: Vec::new(),
            frequencies: BTreeMap::new(),
            rarities: BTreeMap::new(),
        },
    };
    planner.filters(query);
    let mut parts: Vec<String> = Vec::new();
    for clause in &query.clauses {
        match (&clause.what, clause.is_excluded) {
            (What::Word(typed), false) => {
                let asked = Asked::of(typed);
                parts.extend(asked.parts.iter().map(|word| word.text.clone()));
                planner.word(typed, &asked)?;
            }
            (What::Phrase(text), false) => planner.phrase(text, Occur::Must)?,
            (What::Word(typed), true) => planner.excluded(typed),
            (What::Phrase(text), true) => planner.phrase(text, Occur::MustNot)?,
            _ => {}
        }
    }
    planner.joined(query);
    Ok(planner.finish())
}

struct Planner<'a> {
    searcher: &'a Searcher,
    fields: &'a Fields,
    weights: &'a FieldWeights,
    // Of which one must be there, unless something is required.
    wanted: Vec<Part>,
    required: Vec<Part>,
    plan: Plan,
}

impl Planner<'_> {
    fn finish(mut self) -> Plan {
        if !self.wanted.is_empty() {
            let has_phrase = self.required.iter().any(|(occur, query)| {
                *occur == Occur::Must && query.downcast_ref::<ConstScoreQuery>().is_none()
            });
            let occur = if has_phrase { Occur::Should } else { Occur::Must };
            let wanted = std::mem::take(&mut self.wanted);
            self.required.push((occur, Box::new(BooleanQuery::new(wanted))));
        } else if !self.required.iter().any(|(occur, _)| *occur == Occur::Must) {
            self.required.push((Occur::Must, Box::new(AllQuery)));
        }
        let required = self.required.into_iter().map(|(occur, query)| match occur {
            Occur::MustNot => (occur, Box::new(Excluded(query)) as Box<dyn EngineQuery>),
            _ => (occur, query),
        });
        self.plan.query = Box::new(BooleanQuery::new(required.collect()));
        self.plan
    }

    fn want(&mut self, query: Box<dyn EngineQuery>) {
        self.wanted.push((Occur::Should, query));
    }

    fn exactly(&mut self, name: &str, weight: f32) {
        let query = constant(self.fields.exact, name, weight);
        self.plan.exact.push(name.to_owned());
        self.want(query);
    }

    /// In how many documents a form is: the greatest number of all fields. Notes how rare that makes it.
    fn frequency(&mut self, form: &str) -> tantivy::Result<u64> {
        if let Some(known) = self.plan.frequencies.get(form) {
            return Ok(*known);
        }
        let (mut most, mut rarity) = (0, f32::INFINITY);
        let documents = self.searcher.total_num_docs()?;
        for field in Field::ALL {
            let term = Term::from_field_text(self.fields.word(field), form);
            let having = self.searcher.doc_freq(&term)?;
            // `the` is rare among all documents, because few have any prose; it is everywhere in prose.
            let of = if field.is_prose() {
                let prose = Term::from_field_text(self.fields.has, field.name());
                self.searcher.doc_freq(&prose)?
            } else {
                documents
            };
            if having > 0 {
                rarity = rarity.min(rank::rarity(having, of));
            }
            most = most.max(having);
        }
        self.plan.frequencies.insert(form.to_owned(), most);
        if most > 0 {
            self.plan.rarities.insert(form.to_owned(), rarity);
        }
        Ok(most)
    }

    fn word(&mut self, typed: &str, asked: &Asked) -> tantivy::Result<()> {
        let weight = if asked.is_name {
            rank::EXACT_NAME
        } else {
            rank::EXACT_WORD
        };
        self.exactly(&asked.exact, weight);
        for whole in &asked.wholes {
            if self.frequency(&whole.text)? > 0 {
                self.in_fields(&whole.text, rank::WHOLE);
                self.plan
                    .evidence
                    .push((typed.to_owned(), vec![whole.text.clone()]));
            }
        }
        for part in &asked.parts {
            let shown = if part.role == Role::Only && asked.parts.len() == 1 {
                typed.to_owned()
            } else {
                part.text.clone()
            };
            if self.frequency(&part.text)? > 0 {
                self.in_fields(&part.text, 1.0);
                self.beginning(&part.text)?;
                self.plan.evidence.push((shown, vec![part.text.clone()]));
                continue;
            }
            let taken = self.instead(&part.text)?;
            if taken.is_empty() {
                self.plan.evidence.push((shown, Vec::new()));
                continue;
            }
            for word in &taken {
                self.frequency(word)?;
                self.in_fields(word, rank::INSTEAD);
            }
            self.plan.evidence.push((shown.clone(), taken.clone()));
            self.plan.instead.push(Instead { typed: shown, taken });
        }
        Ok(())
    }

    fn in_fields(&mut self, form: &str, scale: f32) {
        let fields = Field::ALL.map(|field| (self.fields.word(field), self.weights[field as usize]));
        let query = Mixed {
            word: form.to_owned(),
            fields: fields.to_vec(),
            prose: self.fields.word(Field::Doc),
            bare: [Field::Spec, Field::Identifiers].map(|field| self.fields.word(field)),
            rarity: self.plan.rarities.get(form).copied().unwrap_or_default(),
        };
        self.want(Box::new(BoostQuery::new(Box::new(query), scale)));
    }

    /// Names of which a part begins with the word.
    fn beginning(&mut self, word: &str) -> tantivy::Result<()> {
        let name = self.fields.word(Field::Name);
        for longer in expand::beginning(self.searcher, &[name], word, BEGINNINGS_MAX)? {
            self.want(constant(name, &longer, rank::BEGINNING));
        }
        Ok(())
    }

    /// What stands in for a word that nothing has.
    fn instead(&self, word: &str) -> tantivy::Result<Vec<String>> {
        let longer = expand::beginning(self.searcher, &self.fields.words, word, INSTEAD_MAX)?;
        if !longer.is_empty() {
            return Ok(longer);
        }
        Ok(expand::mistyped(
            self.searcher,
            &self.fields.words,
            word,
            INSTEAD_MAX,
        )?)
    }

    /// All plain words together as one name: `reserve items` is `reserve_items`.
    fn joined(&mut self, query: &Query) {
        let clauses = query.clauses.iter().filter(|clause| !clause.is_excluded);
        let typed: Vec<&str> = clauses
            .filter_map(|clause| match &clause.what {
                What::Word(typed) => Some(typed.as_str()),
                _ => None,
            })
            .collect();
        if !JOINED.contains(&typed.len()) || typed.iter().any(|word| Asked::of(word).is_name) {
            return;
        }
        self.exactly(&typed.join("_").to_lowercase(), rank::EXACT_WORD);
        let whole: String = typed
            .iter()
            .flat_map(|word| word.chars())
            .filter(|char| *char != '_')
            .collect();
        self.want(constant(
            self.fields.word(Field::Name),
            &whole.to_lowercase(),
            rank::JOINED,
        ));
    }

    /// Words next to one another, in one of the fields that have positions.
    fn phrase(&mut self, text: &str, occur: Occur) -> tantivy::Result<()> {
        let found: Vec<_> = words(text)
            .into_iter()
            .filter(|word| word.role != Role::Whole)
            .collect();
        let first = found.first().map_or(0, |word| word.position);
        for word in &found {
            self.frequency(&word.text)?;
        }
        let phrases = Field::ALL
            .into_iter()
            .filter(|field| field.has_phrases())
            .map(|field| {
                let id = self.fields.word(field);
                let terms = found
                    .iter()
                    .map(|word| (word.position - first, Term::from_field_text(id, &word.text)));
                let mut terms: Vec<(usize, Term)> = terms.collect();
                let query: Box<dyn EngineQuery> = if terms.len() == 1 {
                    let (_, term) = terms.remove(0);
                    Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))
                } else {
                    Box::new(PhraseQuery::new_with_offset(terms))
                };
                let weight = rank::damped(self.weights[field as usize]);
                (
                    Occur::Should,
                    Box::new(BoostQuery::new(query, weight)) as Box<dyn EngineQuery>,
                )
            });
        let query = BooleanQuery::new(phrases.collect());
        self.required.push((occur, Box::new(query)));
        if occur == Occur::Must {
            let forms = found.into_iter().map(|word| (word.text.clone(), vec![word.text]));
            self.plan.evidence.extend(forms);
        }
        Ok(())
    }

    /// Each name of the word must be missing from all fields at once.
    fn excluded(&mut self, typed: &str) {
        let asked = Asked::of(typed);
        if asked.is_name || asked.parts.is_empty() {
            let query = constant(self.fields.exact, &asked.exact, 1.0);
            self.required.push((Occur::MustNot, query));
            return;
        }
        let names = words(typed).into_iter().filter(|word| word.role != Role::Part);
        let names = names.map(|word| {
            let fields = self
                .fields
                .words
                .iter()
                .map(|field| (Occur::Should, constant(*field, &word.text, 1.0)));
            (
                Occur::Must,
                Box::new(BooleanQuery::new(fields.collect())) as Box<dyn EngineQuery>,
            )
        });
        let query = BooleanQuery::new(names.collect());
        self.required.push((Occur::MustNot, Box::new(query)));
    }

    /// Filters of one name: one of them must hold.
    fn filters(&mut self, query: &Query) {
        let mut wanted: BTreeMap<u8, Vec<Part>> = BTreeMap::new();
        for clause in &query.clauses {
            let (group, query): (u8, Box<dyn EngineQuery>) = match &clause.what {
                What::Kind(kind) => (0, constant(self.fields.kind, kind.name(), 0.0)),
                What::In(module) => (1, constant(self.fields.within, module, 0.0)),
                What::Path(path) => (2, self.below(path)),
                What::Word(_) | What::Phrase(_) => continue,
            };
            if clause.is_excluded {
                self.required.push((Occur::MustNot, query));
            } else {
                wanted.entry(group).or_default().push((Occur::Should, query));
            }
        }
        for any in wanted.into_values() {
            let query = ConstScoreQuery::new(Box::new(BooleanQuery::new(any)), 0.0);
            self.required.push((Occur::Must, Box::new(query)));
        }
    }

    /// Files with these folders, next to one another, in their path.
    fn below(&self, path: &str) -> Box<dyn EngineQuery> {
        let segments = asked_segments(path);
        let terms: Vec<Term> = segments
            .iter()
            .map(|segment| Term::from_field_text(self.fields.segments, segment))
            .collect();
        match <[Term; 1]>::try_from(terms) {
            Ok([term]) => Box::new(TermQuery::new(term, IndexRecordOption::Basic)),
            Err(terms) => Box::new(PhraseQuery::new(terms)),
        }
    }
}

fn constant(field: Id, text: &str, score: f32) -> Box<dyn EngineQuery> {
    let term = Term::from_field_text(field, text);
    let query = TermQuery::new(term, IndexRecordOption::Basic);
    Box::new(ConstScoreQuery::new(Box::new(query), score))
}

/// Document frequencies that are alike in all fields.
pub(crate) struct Frequencies<'a> {
    pub(crate) searcher: &'a Searcher,
    pub(crate) plan: &'a Plan,
    pub(crate) fields: &'a Fields,
}

impl Bm25StatisticsProvider for Frequencies<'_> {
    fn total_num_tokens(&self, field: Id) -> tantivy::Result<u64> {
        Bm25StatisticsProvider::total_num_tokens(self.searcher, field)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Bm25StatisticsProvider::total_num_docs(self.searcher)
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        let shared = self.fields.words.contains(&term.field());
        let text = if shared {
            term.value().as_str().map(str::to_owned)
        } else {
            None
        };
        match text.and_then(|text| self.plan.frequencies.get(&text).copied()) {
            Some(known) => Ok(known),
            None => self.searcher.doc_freq(term),
        }
    }
}
