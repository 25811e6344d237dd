//! What stands first: weights of fields and names, and what a document's origin, visibility and importance make of its
//! score. The weights were chosen on one half of Elixir's own sources and are measured on the other
//! (`cargo xtask accuracy search`).

use tantivy::{DocId, Score, SegmentReader};

use crate::answer::Field;
use crate::document::Kind;
use crate::schema::{ORDER, TRAITS, Traits};

/// A weight for each of [`Field::ALL`].
pub(crate) type FieldWeights = [f32; Field::ALL.len()];

/// Of name, module, doc, comments, spec, identifiers, literals, calls, path: how much one occurrence counts there.
pub(crate) const FIELD_WEIGHTS: FieldWeights = [20.0, 6.0, 3.0, 2.0, 1.0, 2.0, 1.0, 2.0, 0.3];
/// What a definition without documentation says of itself in its specification and its variables' names counts so many
/// times.
pub(crate) const BARE: f32 = 4.0;

/// Of a name with several parts, found as a whole, against one part.
pub(crate) const WHOLE: f32 = 1.0;
/// Of words that stand in for one that nothing has.
pub(crate) const INSTEAD: f32 = 0.6;
/// Of `Stock.reserve/2` where it is exactly that.
pub(crate) const EXACT_NAME: f32 = 1000.0;
/// Of a plain word that is all of a name.
pub(crate) const EXACT_WORD: f32 = 0.3;
/// Of all words together being a name.
pub(crate) const JOINED: f32 = 0.3;
/// Of a name of which a part begins with a word.
pub(crate) const BEGINNING: f32 = 0.05;

/// What a module's score is multiplied with: it has the words of all its functions, and what it says is said of them.
const MODULE: f32 = 0.5;
/// What the score of a type, callback or implementation is multiplied with: it says which functions there are, not what
/// they do.
const DECLARED: f32 = 0.85;
/// What the score of a private function is multiplied with: only enough to stand behind an equal public one.
const PRIVATE: f32 = 0.99;
/// What the most important document's score gains.
const IMPORTANCE: f32 = 0.03;
/// Steps of a score: smaller differences come from the order of adding, not from the documents.
const STEPS: f32 = 4096.0;

/// A score as a number that is compared, and below it what breaks ties.
pub(crate) type Key = (u64, u64);

/// The score of a key.
pub(crate) fn score_of(key: Key) -> f32 {
    key.0 as f32 / STEPS
}

/// What a document's traits make of its score.
pub(crate) fn weighted(score: f32, traits: Traits) -> f32 {
    let visible = if traits.is_public() { 1.0 } else { PRIVATE };
    let kind = match traits.kind() {
        Some(Kind::Module | Kind::Protocol) => MODULE,
        Some(Kind::Type | Kind::Callback | Kind::Implementation) => DECLARED,
        _ => 1.0,
    };
    score * visible * kind * traits.origin().weight() * (1.0 + IMPORTANCE * traits.importance())
}

/// What having some of the query's words makes of a score: it is multiplied with their share of all of them, each counted by
/// its rarity.
pub(crate) fn covered(score: f32, had: f32, of: f32) -> f32 {
    if of <= 0.0 {
        return score;
    }
    score * (had / of)
}

/// How soon more of a word says nothing more.
const K1: f32 = 1.2;
/// How much a field's length counts.
const B: f32 = 0.75;

/// What one occurrence in a field of this length counts, beside others' average.
pub(crate) fn occurrence(weight: f32, length: u32, average: f32) -> f32 {
    weight / (1.0 - B + B * length as f32 / average.max(f32::EPSILON))
}

/// What that many occurrences, so counted, are worth together.
pub(crate) fn damped(often: f32) -> f32 {
    often * (K1 + 1.0) / (often + K1)
}

/// How much a word says that so many of all documents have (Robertson, Walker 1994, as BM25 counts it).
pub(crate) fn rarity(having: u64, of: u64) -> f32 {
    let (having, of) = (having.min(of) as f32, of as f32);
    (1.0 + (of - having + 0.5) / (having + 0.5)).ln()
}

/// For a segment: what makes keys of its documents and their BM25.
pub(crate) fn keys(segment: &SegmentReader) -> impl Fn(DocId, Score) -> Key + use<> {
    let column = |name: &str| {
        let column = segment.fast_fields().u64(name).ok()?;
        Some(column.first_or_default_col(0))
    };
    let (traits, order) = (column(TRAITS), column(ORDER));
    move |doc, score| {
        let value = |column: &Option<_>| {
            let column: &std::sync::Arc<dyn tantivy::columnar::ColumnValues<u64>> = column.as_ref()?;
            Some(column.get_val(doc))
        };
        let traits = Traits(value(&traits).unwrap_or_default());
        let steps = (weighted(score, traits).max(0.0) * STEPS).round();
        (steps as u64, value(&order).unwrap_or_default())
    }
}
