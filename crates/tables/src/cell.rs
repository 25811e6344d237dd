//! The types of columns: how a Rust value becomes a cell, and what that is in Arrow and SQL.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, StringBuilder, StringDictionaryBuilder,
};
use arrow_array::types::Int32Type;
use arrow_schema::DataType;

/// A text of few distinct values: a file, a module, a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Word<'a>(pub &'a str);

/// A text that names one thing: hardly any two rows have the same, neighbours begin alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Id<'a>(pub &'a str);

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Few distinct texts: a dictionary.
    Word,
    /// Ids, as text: written as the difference from the one before.
    Id,
    /// 32 bits, signed.
    Integer,
    /// 64 bits, signed.
    Long,
    /// 64 bits, floating.
    Number,
    /// True or false.
    Flag,
}

impl Kind {
    /// The type in Arrow.
    #[must_use]
    pub fn arrow(self) -> DataType {
        match self {
            Self::Text | Self::Id => DataType::Utf8,
            Self::Word => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            Self::Integer => DataType::Int32,
            Self::Long => DataType::Int64,
            Self::Number => DataType::Float64,
            Self::Flag => DataType::Boolean,
        }
    }

    /// The type in SQL.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Self::Text | Self::Word | Self::Id => "VARCHAR",
            Self::Integer => "INTEGER",
            Self::Long => "BIGINT",
            Self::Number => "DOUBLE",
            Self::Flag => "BOOLEAN",
        }
    }
}

/// A column of a batch that is being filled.
pub(crate) enum Cells {
    Text(StringBuilder),
    Word(StringDictionaryBuilder<Int32Type>),
    Integer(Int32Builder),
    Long(Int64Builder),
    Number(Float64Builder),
    Flag(BooleanBuilder),
}

impl std::fmt::Debug for Cells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text",
            Self::Word(_) => "Word",
            Self::Integer(_) => "Integer",
            Self::Long(_) => "Long",
            Self::Number(_) => "Number",
            Self::Flag(_) => "Flag",
        })
    }
}

impl Cells {
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text | Kind::Id => Self::Text(StringBuilder::new()),
            Kind::Word => Self::Word(StringDictionaryBuilder::new()),
            Kind::Integer => Self::Integer(Int32Builder::new()),
            Kind::Long => Self::Long(Int64Builder::new()),
            Kind::Number => Self::Number(Float64Builder::new()),
            Kind::Flag => Self::Flag(BooleanBuilder::new()),
        }
    }

    /// The column, and begins anew.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(cells) => Arc::new(cells.finish()),
            Self::Word(cells) => Arc::new(cells.finish()),
            Self::Integer(cells) => Arc::new(cells.finish()),
            Self::Long(cells) => Arc::new(cells.finish()),
            Self::Number(cells) => Arc::new(cells.finish()),
            Self::Flag(cells) => Arc::new(cells.finish()),
        }
    }

    /// Puts a text, or none. Returns its bytes.
    fn text(&mut self, text: Option<&str>) -> usize {
        match self {
            Self::Text(cells) => cells.append_option(text),
            Self::Word(cells) => cells.append_option(text),
            // A row's types and its table's columns come from one description.
            _ => debug_assert!(false, "a text in a column of numbers"),
        }
        text.map_or(0, str::len)
    }
}

/// What can stand in a column.
pub(crate) trait Cell {
    /// The column's type.
    const KIND: Kind;
    /// Whether there may be nothing.
    const NULLABLE: bool = false;

    /// Adds this value, or none, to its column; returns the bytes of its text.
    fn put(value: Option<&Self>, to: &mut Cells) -> usize;
}

macro_rules! texts {
    ($($type:ty, $kind:ident, $text:expr;)+) => {
        $(impl Cell for $type {
            const KIND: Kind = Kind::$kind;

            fn put(value: Option<&Self>, to: &mut Cells) -> usize {
                let text: fn(&Self) -> &str = $text;
                to.text(value.map(text))
            }
        })+
    };
}

texts! {
    &str, Text, |text| text;
    Word<'_>, Word, |word| word.0;
    Id<'_>, Id, |id| id.0;
}

macro_rules! numbers {
    ($($type:ty, $kind:ident;)+) => {
        $(impl Cell for $type {
            const KIND: Kind = Kind::$kind;

            fn put(value: Option<&Self>, to: &mut Cells) -> usize {
                match to {
                    Cells::$kind(cells) => cells.append_option(value.copied()),
                    _ => debug_assert!(false, "a value of another type"),
                }
                0
            }
        })+
    };
}

numbers! {
    i32, Integer;
    i64, Long;
    f64, Number;
    bool, Flag;
}

impl<T: Cell> Cell for Option<T> {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = true;

    fn put(value: Option<&Self>, to: &mut Cells) -> usize {
        T::put(value.and_then(Option::as_ref), to)
    }
}
