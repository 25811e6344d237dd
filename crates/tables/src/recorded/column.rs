//! Columns with nested cells: their types, and one description of a table from which its schema, its builders and its page come.

use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BinaryBuilder, BooleanBuilder, Int32Builder, Int64Builder, ListBuilder, MapBuilder,
    MapFieldNames, StringBuilder, StructBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, Fields};

/// A column, for the page and for checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedColumn {
    /// Its name.
    pub name: &'static str,
    /// Its type in SQL.
    pub sql: &'static str,
    /// What it means.
    pub about: &'static str,
}

/// The builder of a column.
pub(crate) trait ColumnBuilder {
    /// The type in SQL.
    const SQL: &'static str;

    fn make() -> Self;

    /// The column so far, and begins anew.
    fn take(&mut self) -> ArrayRef;
}

macro_rules! plain {
    ($($builder:ty, $sql:literal;)+) => {
        $(impl ColumnBuilder for $builder {
            const SQL: &'static str = $sql;

            fn make() -> Self {
                Self::new()
            }

            fn take(&mut self) -> ArrayRef {
                Arc::new(self.finish())
            }
        })+
    };
}

plain! {
    StringBuilder, "VARCHAR";
    Int32Builder, "INTEGER";
    Int64Builder, "BIGINT";
    BooleanBuilder, "BOOLEAN";
    BinaryBuilder, "BLOB";
}

impl ColumnBuilder for TimestampMicrosecondBuilder {
    const SQL: &'static str = "TIMESTAMPTZ";

    fn make() -> Self {
        Self::new().with_timezone("UTC")
    }

    fn take(&mut self) -> ArrayRef {
        Arc::new(self.finish())
    }
}

/// A map from text to text, with the names that Parquet's specification gives its parts.
pub(crate) type TextMap = MapBuilder<StringBuilder, StringBuilder>;

impl ColumnBuilder for TextMap {
    const SQL: &'static str = "MAP(VARCHAR, VARCHAR)";

    fn make() -> Self {
        let names = MapFieldNames {
            entry: "key_value".to_owned(),
            key: "key".to_owned(),
            value: "value".to_owned(),
        };
        Self::new(Some(names), StringBuilder::new(), StringBuilder::new())
    }

    fn take(&mut self) -> ArrayRef {
        Arc::new(self.finish())
    }
}

/// A list of structures.
#[derive(Debug)]
pub(crate) struct Structs(pub(crate) ListBuilder<StructBuilder>);

impl Structs {
    pub(crate) fn of(parts: Vec<(&str, Box<dyn ArrayBuilder>)>) -> Self {
        let mut fields = Vec::with_capacity(parts.len());
        let mut builders = Vec::with_capacity(parts.len());
        for (name, mut builder) in parts {
            fields.push(Field::new(name, builder.finish().data_type().clone(), true));
            builders.push(builder);
        }
        let fields = Fields::from(fields);
        let element = Field::new("element", DataType::Struct(fields.clone()), true);
        Self(ListBuilder::new(StructBuilder::new(fields, builders)).with_field(element))
    }
}

/// Microseconds of a time in Unix nanoseconds; none of 0, which is "not known".
pub(crate) fn micros(ns: u64) -> Option<i64> {
    (ns != 0).then_some((ns / 1_000) as i64)
}

/// A number that SQL's BIGINT may not hold; then the greatest that it does.
pub(crate) fn long(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A text, or none if it is empty.
pub(crate) fn text(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// Describes a table: its columns with their builders, in order.
macro_rules! columns {
    ($(#[$doc:meta])+ $name:ident { $($(#[doc = $about:literal])+ $column:ident: $builder:ty;)+ }) => {
        $(#[$doc])+
        pub(crate) struct $name {
            $(pub(crate) $column: $builder,)+
        }

        impl $name {
            pub(crate) const COLUMNS: &'static [$crate::recorded::RecordedColumn] = &[$(
                $crate::recorded::RecordedColumn {
                    name: stringify!($column),
                    sql: <$builder as $crate::recorded::column::ColumnBuilder>::SQL,
                    about: concat!($($about),+),
                },
            )+];

            pub(crate) fn make() -> Self {
                Self { $($column: <$builder as $crate::recorded::column::ColumnBuilder>::make(),)+ }
            }

            pub(crate) fn take(&mut self) -> Vec<arrow_array::ArrayRef> {
                vec![$($crate::recorded::column::ColumnBuilder::take(&mut self.$column),)+]
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use columns;
