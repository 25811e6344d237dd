//! What of a span a query can name: attributes of a scope, and intrinsics in their two spellings.

/// Something of a span.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// An attribute: `span.http.method`.
    Attribute {
        /// Whose.
        scope: Scope,
        /// Its key.
        name: String,
    },
    /// What every span has: `duration`.
    Intrinsic {
        /// Which.
        which: Intrinsic,
        /// Written with its scope: `span:duration`.
        scoped: bool,
    },
}

/// Where an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// `.x`: of the span, else of its resource.
    Any,
    /// `span.x`
    Span,
    /// `resource.x`
    Resource,
    /// `event.x`: of any event.
    Event,
    /// `link.x`: of any link.
    Link,
    /// `instrumentation.x`
    Instrumentation,
    /// `parent.x`: of the parent, else of its resource.
    Parent,
    /// `parent.span.x`
    ParentSpan,
    /// `parent.resource.x`
    ParentResource,
}

/// Type of a field or expression, as far as it is known before a span is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// An attribute's, known at run time.
    Any,
    Nil,
    Bool,
    /// Whole numbers, fractions, durations.
    Number,
    String,
    Status,
    Kind,
}

impl Type {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "an attribute",
            Self::Nil => "nil",
            Self::Bool => "a truth value",
            Self::Number => "a number or duration",
            Self::String => "a string",
            Self::Status => "a status",
            Self::Kind => "a kind",
        }
    }
}

impl Scope {
    /// All scopes with their spelling, longer ones first.
    pub(crate) const SPELLED: [(Self, &'static str); 9] = [
        (Self::ParentSpan, "parent.span."),
        (Self::ParentResource, "parent.resource."),
        (Self::Parent, "parent."),
        (Self::Span, "span."),
        (Self::Resource, "resource."),
        (Self::Event, "event."),
        (Self::Link, "link."),
        (Self::Instrumentation, "instrumentation."),
        (Self::Any, "."),
    ];

    /// As it is written, with the dot.
    pub fn spelling(self) -> &'static str {
        let found = Self::SPELLED.iter().find(|(scope, _)| *scope == self);
        found.map_or(".", |(_, spelling)| spelling)
    }
}

/// Defines intrinsics: `Variant = bare spelling, scoped spelling, type`; an empty spelling does not exist.
macro_rules! intrinsics {
    ($($(#[$doc:meta])* $variant:ident = $bare:literal, $scoped:literal, $kind:ident;)*) => {
        /// What every span has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Intrinsic { $($(#[$doc])* $variant,)* }

        impl Intrinsic {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As it is written without a scope (`duration`) and with one (`span:duration`).
            pub fn spellings(self) -> (Option<&'static str>, Option<&'static str>) {
                let (bare, scoped) = match self { $(Self::$variant => ($bare, $scoped),)* };
                (Some(bare).filter(|s| !s.is_empty()), Some(scoped).filter(|s| !s.is_empty()))
            }

            pub(crate) fn kind(self) -> Type {
                match self { $(Self::$variant => Type::$kind,)* }
            }
        }
    };
}

intrinsics! {
    /// Operation.
    Name = "name", "span:name", String;
    /// How it ended.
    Status = "status", "span:status", Status;
    /// What was said of the status.
    StatusMessage = "statusMessage", "span:statusMessage", String;
    /// Kind.
    Kind = "kind", "span:kind", Kind;
    /// How long it took.
    Duration = "duration", "span:duration", Number;
    /// Its id, 16 hexadecimal digits.
    SpanId = "", "span:id", String;
    /// Its parent's id, 16 hexadecimal digits; empty of a root.
    ParentId = "", "span:parentID", String;
    /// Spans of which it is the parent.
    ChildCount = "childCount", "span:childCount", Number;
    /// From the first start to the last end of the trace's spans.
    TraceDuration = "traceDuration", "trace:duration", Number;
    /// Operation of the root.
    RootName = "rootName", "trace:rootName", String;
    /// Service of the root.
    RootService = "rootServiceName", "trace:rootService", String;
    /// The trace's id, 32 hexadecimal digits.
    TraceId = "", "trace:id", String;
    /// Names of its events.
    EventName = "", "event:name", String;
    /// Times of its events after its start.
    EventTimeSinceStart = "", "event:timeSinceStart", Number;
    /// Traces of its links.
    LinkTraceId = "", "link:traceID", String;
    /// Spans of its links.
    LinkSpanId = "", "link:spanID", String;
    /// The library that made it.
    InstrumentationName = "", "instrumentation:name", String;
    /// The version of the library.
    InstrumentationVersion = "", "instrumentation:version", String;
    /// Number when the walk over the tree comes to the span, from 1.
    NestedSetLeft = "nestedSetLeft", "", Number;
    /// Number when the walk leaves it.
    NestedSetRight = "nestedSetRight", "", Number;
    /// The parent's left number; -1 of a root, 0 if the parent is not there.
    NestedSetParent = "nestedSetParent", "", Number;
}

impl Intrinsic {
    /// The one that is written so, and whether with a scope.
    pub fn of(spelling: &str) -> Option<(Self, bool)> {
        Self::ALL.iter().find_map(|one| {
            let (bare, scoped) = one.spellings();
            if bare == Some(spelling) {
                Some((*one, false))
            } else {
                (scoped == Some(spelling)).then_some((*one, true))
            }
        })
    }

    /// As it is written.
    pub fn spelling(self, scoped: bool) -> &'static str {
        let (bare, with) = self.spellings();
        let (first, second) = if scoped { (with, bare) } else { (bare, with) };
        first.or(second).unwrap_or_default()
    }
}

impl Field {
    /// An intrinsic in its short spelling, if it has one.
    pub fn intrinsic(which: Intrinsic) -> Self {
        let scoped = which.spellings().0.is_none();
        Self::Intrinsic { which, scoped }
    }

    /// An attribute.
    pub fn attribute(scope: Scope, name: impl Into<String>) -> Self {
        Self::Attribute {
            scope,
            name: name.into(),
        }
    }

    /// Its key in a span's answer: the attribute's without its scope, the intrinsic's as written.
    pub fn key(&self) -> &str {
        match self {
            Self::Attribute { name, .. } => name,
            Self::Intrinsic { which, scoped } => which.spelling(*scoped),
        }
    }

    /// Whether a span can have several of it: what is of events or links.
    pub(crate) fn is_many(&self) -> bool {
        match self {
            Self::Attribute { scope, .. } => matches!(scope, Scope::Event | Scope::Link),
            Self::Intrinsic { which, .. } => matches!(
                which,
                Intrinsic::EventName
                    | Intrinsic::EventTimeSinceStart
                    | Intrinsic::LinkTraceId
                    | Intrinsic::LinkSpanId
            ),
        }
    }

    pub(crate) fn kind(&self) -> Type {
        match self {
            Self::Attribute { .. } => Type::Any,
            Self::Intrinsic { which, .. } => which.kind(),
        }
    }
}
