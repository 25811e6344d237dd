//! The one description of a table: `rows!` makes of it the row struct, the columns, and how a row is written.

/// Row structs with what is known of their tables. A column: its meaning as a doc comment, `name: type`, and where it
/// applies `in "unit"` and `of "table.column"`.
macro_rules! rows {
    ($(
        $(#[doc = $about:literal])+
        $row:ident $name:literal key [$($key:literal),+] {
            $(
                $(#[doc = $meaning:literal])+
                $column:ident: $type:ty $(, in $unit:literal)? $(, of $of:literal)?;
            )+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Clone, Copy, Debug, PartialEq)]
            pub struct $row<'a> {
                $($(#[doc = $meaning])+ pub $column: $type,)+
            }

            impl<'a> $crate::table::Sealed for $row<'a> {
                const ABOUT: $crate::table::About = $crate::table::About {
                    name: $name,
                    about: concat!($($about),+),
                    key: &[$($key),+],
                    columns: &[$($crate::table::Column {
                        name: stringify!($column),
                        kind: <$type as $crate::cell::Cell>::KIND,
                        nullable: <$type as $crate::cell::Cell>::NULLABLE,
                        unit: $crate::describe::rows!(@option $($unit)?),
                        of: $crate::describe::rows!(@option $($of)?),
                        about: concat!($($meaning),+),
                    }),+],
                };

                fn put(&self, to: &mut $crate::table::Columns) -> usize {
                    let mut columns = to.0.iter_mut();
                    let mut bytes = 0;
                    $(if let Some(column) = columns.next() {
                        bytes += <$type as $crate::cell::Cell>::put(Some(&self.$column), column);
                    })+
                    bytes
                }
            }
        )+
    };
    (@option) => { None };
    (@option $value:literal) => { Some($value) };
}

pub(crate) use rows;
