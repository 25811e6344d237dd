//! The fields of the index.

use tantivy::TantivyDocument;
use tantivy::schema::{
    Field as Id, IndexRecordOption, NumericOptions, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
};

use crate::answer::Field;
use crate::document::{Document, cut};
use crate::index::Stamp;
use crate::origin::Origin;
use crate::tokenizer::{CODE, PATH};

/// Name of the column with what ranking reads of a document.
pub(crate) const TRAITS: &str = "traits";
/// Name of the column that breaks ties.
pub(crate) const ORDER: &str = "order";
/// The term that all marks of files have.
pub(crate) const FILE_MARK: &str = "file";

/// Most of [`Traits::importance`].
const IMPORTANCE_MAX: f32 = 65_535.0;

/// The fields by their numbers.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    pub(crate) schema: Schema,
    /// Where words are looked for, in the order of [`Field::ALL`].
    pub(crate) words: [Id; Field::ALL.len()],
    /// The file: what is replaced at once.
    pub(crate) path: Id,
    pub(crate) id: Id,
    pub(crate) summary: Id,
    pub(crate) module: Id,
    pub(crate) kind: Id,
    pub(crate) exact: Id,
    pub(crate) within: Id,
    pub(crate) segments: Id,
    /// Names of those fields of prose that are not empty.
    pub(crate) has: Id,
    /// Of a file's mark: what it was made of.
    pub(crate) stamp: Id,
    pub(crate) mark: Id,
    traits: Id,
    order: Id,
}

impl Fields {
    pub(crate) fn new() -> Self {
        let mut builder = Schema::builder();
        let indexed = |tokenizer: &str, option: IndexRecordOption, lengths: bool| {
            let indexing = TextFieldIndexing::default()
                .set_tokenizer(tokenizer)
                .set_index_option(option)
                .set_fieldnorms(lengths);
            TextOptions::default().set_indexing_options(indexing)
        };
        let raw = || indexed("raw", IndexRecordOption::Basic, false);
        let words = Field::ALL.map(|field| {
            let option = if field.has_phrases() {
                IndexRecordOption::WithFreqsAndPositions
            } else {
                IndexRecordOption::WithFreqs
            };
            builder.add_text_field(field.name(), indexed(CODE, option, true))
        });
        Self {
            words,
            path: builder.add_text_field("file", STRING | STORED),
            id: builder.add_text_field("id", STORED),
            summary: builder.add_text_field("summary", STORED),
            module: builder.add_text_field("module_name", STORED),
            kind: builder.add_text_field("kind", raw()),
            exact: builder.add_text_field("exact", raw()),
            within: builder.add_text_field("within", raw()),
            segments: builder.add_text_field(
                "segments",
                indexed(PATH, IndexRecordOption::WithFreqsAndPositions, false),
            ),
            has: builder.add_text_field("has", raw()),
            stamp: builder.add_bytes_field("stamp", STORED),
            mark: builder.add_text_field("mark", raw()),
            traits: builder.add_u64_field(TRAITS, NumericOptions::default().set_fast().set_stored()),
            order: builder.add_u64_field(ORDER, NumericOptions::default().set_fast()),
            schema: builder.build(),
        }
    }

    pub(crate) fn word(&self, field: Field) -> Id {
        self.words[field as usize]
    }

    pub(crate) fn traits(&self) -> Id {
        self.traits
    }

    /// A document as the index takes it.
    pub(crate) fn document(&self, path: &str, document: &Document) -> TantivyDocument {
        let mut out = TantivyDocument::new();
        for field in Field::ALL {
            let text = field.text(document, path);
            if !text.is_empty() {
                out.add_text(self.word(field), cut(text));
                if field.is_prose() {
                    out.add_text(self.has, field.name());
                }
            }
        }
        out.add_text(self.path, path);
        out.add_text(self.id, cut(&document.id));
        out.add_text(self.module, cut(&document.module));
        if !document.summary.is_empty() {
            out.add_text(self.summary, cut(&document.summary));
        }
        out.add_text(self.kind, document.kind.name());
        out.add_text(self.segments, cut(path));
        for name in document.exact_names() {
            out.add_text(self.exact, name);
        }
        for name in document.within() {
            out.add_text(self.within, name);
        }
        out.add_u64(self.traits, Traits::of(path, document).0);
        out.add_u64(self.order, order(path, &document.id));
        out
    }

    /// The mark of a file: that it is in the index, and what it was made of.
    pub(crate) fn mark(&self, path: &str, stamp: Stamp) -> TantivyDocument {
        let mut out = TantivyDocument::new();
        out.add_text(self.path, path);
        out.add_text(self.mark, FILE_MARK);
        out.add_bytes(self.stamp, &stamp.0);
        out
    }
}

/// What ranking reads of a document, in one number: kind in bits 0 to 7, public in 8, origin in 9 to 15, importance in
/// 16 to 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traits(pub(crate) u64);

impl Traits {
    fn of(path: &str, document: &Document) -> Self {
        let importance = (document.importance.clamp(0.0, 1.0) * IMPORTANCE_MAX).round() as u64;
        let bits = document.kind as u64
            | u64::from(document.is_public) << 8
            | (Origin::of(path) as u64) << 9
            | importance << 16;
        Self(bits)
    }

    pub(crate) fn kind(self) -> Option<crate::Kind> {
        crate::Kind::of_number(self.0 & 0xff)
    }

    pub(crate) fn is_public(self) -> bool {
        self.0 & 0x100 != 0
    }

    pub(crate) fn origin(self) -> Origin {
        Origin::of_number(self.0 >> 9 & 0x7f)
    }

    /// 0 to 1.
    pub(crate) fn importance(self) -> f32 {
        (self.0 >> 16 & 0xffff) as f32 / IMPORTANCE_MAX
    }
}

/// A number by which documents of one score are ordered, whichever segment they lie in: FNV-1a of path and id.
fn order(path: &str, id: &str) -> u64 {
    let bytes = path.bytes().chain([0]).chain(id.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::Traits;
    use crate::{Document, Kind, Origin};

    /// Scenario: a private macro of a test. Guarantee: one number holds all that ranking reads.
    #[test]
    fn traits_come_back() {
        let mut document = Document::new("A.b/1", Kind::Macro, "A", "b");
        document.is_public = false;
        document.importance = 0.5;
        let traits = Traits::of("test/a_test.exs", &document);
        assert_eq!(traits.kind(), Some(Kind::Macro));
        assert!(!traits.is_public());
        assert_eq!(traits.origin(), Origin::Test);
        assert!((traits.importance() - 0.5).abs() < 1e-4);
        document.importance = f32::NAN;
        assert!(Traits::of("lib/a.ex", &document).importance() < 1e-4);
    }
}
