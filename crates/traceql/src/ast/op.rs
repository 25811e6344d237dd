//! Operators and functions, with their spelling.

/// Defines an enum of spelled things, with `ALL`, `spelling` and `of`.
macro_rules! spelled {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// As it is written.
            pub fn spelling(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
            /// The one that is written so.
            pub fn of(spelling: &str) -> Option<Self> {
                match spelling { $($text => Some(Self::$variant),)* _ => None }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.spelling())
            }
        }
    )*};
}

spelled! {
    /// Compares two values.
    CompareOp {
        /// Equal.
        Eq = "=",
        /// Not equal.
        Ne = "!=",
        /// Greater.
        Gt = ">",
        /// Greater or equal.
        Ge = ">=",
        /// Less.
        Lt = "<",
        /// Less or equal.
        Le = "<=",
        /// The whole text matches a regular expression.
        Match = "=~",
        /// It does not.
        NoMatch = "!~",
    }
    /// Joins two truths; both bind alike, from left to right.
    LogicOp {
        /// Both.
        And = "&&",
        /// At least one.
        Or = "||",
    }
    /// Arithmetic.
    ArithmeticOp {
        /// Sum.
        Add = "+",
        /// Difference.
        Sub = "-",
        /// Product.
        Mul = "*",
        /// Quotient, of whole numbers too.
        Div = "/",
        /// Remainder, with the sign of the left side.
        Mod = "%",
        /// Power.
        Pow = "^",
    }
    /// How spans of the right side lie to spans of the left side.
    Relation {
        /// A child of one.
        Child = ">",
        /// The parent of one.
        Parent = "<",
        /// Anywhere below one.
        Descendant = ">>",
        /// Anywhere above one.
        Ancestor = "<<",
        /// Another child of the same parent.
        Sibling = "~",
    }
    /// A number out of those of a set of spans.
    Aggregate {
        /// How many spans.
        Count = "count",
        /// Mean.
        Avg = "avg",
        /// Least.
        Min = "min",
        /// Greatest.
        Max = "max",
        /// Sum.
        Sum = "sum",
    }
    /// A number out of those of the spans of a step.
    OverTime {
        /// Sum.
        Sum = "sum_over_time",
        /// Mean.
        Avg = "avg_over_time",
        /// Least.
        Min = "min_over_time",
        /// Greatest.
        Max = "max_over_time",
    }
}

/// Relates two selections of spans of one trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpansOp {
    /// Both found spans: all of both.
    And,
    /// All of both.
    Or,
    /// Spans of the right side that lie so to one of the left side.
    Related(Relation),
    /// Spans of the right side that lie so to none of the left side: `!>`.
    NotRelated(Relation),
    /// Spans of both sides that lie so to one of the other: `&>`.
    UnionRelated(Relation),
}

impl CompareOp {
    /// Whether it says that something is not so.
    pub(crate) fn negative(self) -> bool {
        matches!(self, Self::Ne | Self::NoMatch)
    }

    /// Whether its right side is a regular expression.
    pub(crate) fn is_regex(self) -> bool {
        matches!(self, Self::Match | Self::NoMatch)
    }

    /// Whether it needs an order.
    pub(crate) fn is_order(self) -> bool {
        matches!(self, Self::Gt | Self::Ge | Self::Lt | Self::Le)
    }
}

impl SpansOp {
    /// The one that is written so.
    pub(crate) fn of(spelling: &str) -> Option<Self> {
        match spelling {
            "&&" => Some(Self::And),
            "||" => Some(Self::Or),
            _ => match spelling.as_bytes().first()? {
                b'!' => Relation::of(spelling.get(1..)?).map(Self::NotRelated),
                b'&' => Relation::of(spelling.get(1..)?).map(Self::UnionRelated),
                _ => Relation::of(spelling).map(Self::Related),
            },
        }
    }
}

impl std::fmt::Display for SpansOp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::And => f.write_str("&&"),
            Self::Or => f.write_str("||"),
            Self::Related(relation) => write!(f, "{relation}"),
            Self::NotRelated(relation) => write!(f, "!{relation}"),
            Self::UnionRelated(relation) => write!(f, "&{relation}"),
        }
    }
}
