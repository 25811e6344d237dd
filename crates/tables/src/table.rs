//! What is known of a table before it has rows.

use std::fmt;
use std::sync::Arc;

use arrow_schema::{Field, Schema, SchemaRef};

use crate::cell::{Cells, Kind};
use crate::rows;

/// The version of all tables together. A column that is added keeps it; one that goes, or means something else, makes a
/// new one.
pub const SCHEMA_VERSION: u32 = 1;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether it may be empty.
    pub nullable: bool,
    /// What it is counted in.
    pub unit: Option<&'static str>,
    /// `table.column` of the row that it names, in the same version.
    pub of: Option<&'static str>,
    /// What it means.
    pub about: &'static str,
}

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub name: &'static str,
    /// What a row is.
    pub about: &'static str,
    /// Columns that together name a row.
    pub key: &'static [&'static str],
    /// Its columns, in order.
    pub columns: &'static [Column],
}

/// A row of one of the tables.
pub trait Row: Sealed {
    /// Its table.
    const TABLE: Table;
}

/// How a row is described and written: made by the description of each table alone.
pub trait Sealed {
    #[doc(hidden)]
    const ABOUT: About;

    /// Adds the row to columns; returns the bytes of its texts.
    #[doc(hidden)]
    fn put(&self, to: &mut Columns) -> usize;
}

/// The columns of a batch that is being filled.
#[derive(Debug)]
pub struct Columns(pub(crate) Vec<Cells>);

macro_rules! tables {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// The tables.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Table {
            $($(#[$doc])+ $name,)+
        }

        impl Table {
            /// All of them, in the order of the page.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// What is known of it.
            #[must_use]
            pub fn about(self) -> &'static About {
                match self {
                    $(Self::$name => const { &<rows::$name<'static> as Sealed>::ABOUT },)+
                }
            }
        }

        $(impl Row for rows::$name<'_> {
            const TABLE: Table = Table::$name;
        })+
    };
}

tables! {
    /// Versions.
    Version,
    /// Modules.
    Module,
    /// Functions.
    Function,
    /// Clauses.
    Clause,
    /// Syntax nodes.
    AstNode,
    /// What stands in what.
    AstEdge,
    /// What runs after what.
    CfgEdge,
    /// Variables.
    DfgVar,
    /// Readings of variables.
    DfgUse,
    /// Calls and messages.
    Call,
    /// What has an id that outlives its name.
    Entity,
    /// What became of it.
    Lineage,
    /// Repeated code.
    Clone,
    /// Measures.
    Metric,
}

impl Table {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.about().name
    }

    /// Its columns in Arrow.
    #[must_use]
    pub fn schema(self) -> SchemaRef {
        let columns = self.about().columns.iter();
        let fields: Vec<Field> = columns
            .map(|column| Field::new(column.name, column.kind.arrow(), column.nullable))
            .collect();
        Arc::new(Schema::new(fields))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
