//! What stands first: weights of fields and names, and what a document's origin, visibility and importance make of its
//! score. The weights were chosen on one half of Elixir's own sources and are measured on the other
//! (`cargo xtask accuracy search`).

use tantivy::{DocId, Score, SegmentReader};

use crate::answer::Field;
use crate::document::Kind;
use crate::schema::{ORDER, TRAITS, Traits};

/// A weight for each of [`Field::ALL`].
pub(crate) type FieldWeights = [f32; Field::ALL.len()];

/// Of name, module, doc, spec, identifiers, literals, calls, path.
pub(crate) const FIELD_WEIGHTS: FieldWeights = [8.0, 3.0, 4.0, 0.3, 0.8, 0.3, 0.8, 0.1];

/// Of a name with several parts, found as a whole, against one part.
pub(crate) const WHOLE: f32 = 1.0;
/// Of words that stand in for one that nothing has.
pub(crate) const INSTEAD: f32 = 0.6;
/// Of `Stock.reserve/2` where it is exactly that.
pub(crate) const EXACT_NAME: f32 = 1000.0;
/// Of a plain word that is all of a name.
pub(crate) const EXACT_WORD: f32 = 6.0;
/// Of all words together being a name.
pub(crate) const JOINED: f32 = 6.0;
/// Of a name of which a part begins with a word.
pub(crate) const BEGINNING: f32 = 1.0;

/// What a module's score is multiplied with: it has the words of all its functions, and what it says is said of them.
const MODULE: f32 = 0.5;
/// What the score of a type, callback or implementation is multiplied with: it says which functions there are, not what
/// they do.
const DECLARED: f32 = 0.85;
/// What the score of a private function is multiplied with: only enough to stand behind an equal public one.
const PRIVATE: f32 = 0.99;
/// What the most important document's score gains.
const IMPORTANCE: f32 = 0.03;
/// To which power the share of the query's words that a document has multiplies its score.
const COVERAGE_POWER: i32 = 3;
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

/// What having so many of the query's words makes of a score.
pub(crate) fn covered(score: f32, words: usize, of: usize) -> f32 {
    if of == 0 {
        return score;
    }
    score * (words as f32 / of as f32).powi(COVERAGE_POWER)
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
