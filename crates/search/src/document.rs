//! What is found: a function, a module, a type, as the words by which someone looks for it.

/// Stands between texts of one field that are not one text (two strings of a body): no phrase reaches across it.
pub const SEPARATOR: char = '\u{1e}';

/// Most bytes of one field; what lies beyond is not searched. A generated function of 10 MB must not fill the index.
pub(crate) const FIELD_BYTES_MAX: usize = 64 << 10;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// `def`, `defp`, `defdelegate`.
    Function = 0,
    /// `defmacro`, `defmacrop`.
    Macro = 1,
    /// `defguard`, `defguardp`.
    Guard = 2,
    /// `defmodule`.
    Module = 3,
    /// `defprotocol`.
    Protocol = 4,
    /// `defimpl`.
    Implementation = 5,
    /// `@type`, `@typep`, `@opaque`.
    Type = 6,
    /// `@callback`, `@macrocallback`.
    Callback = 7,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Function,
        Self::Macro,
        Self::Guard,
        Self::Module,
        Self::Protocol,
        Self::Implementation,
        Self::Type,
        Self::Callback,
    ];

    /// Its name, as `kind:` takes it and answers show it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Macro => "macro",
            Self::Guard => "guard",
            Self::Module => "module",
            Self::Protocol => "protocol",
            Self::Implementation => "implementation",
            Self::Type => "type",
            Self::Callback => "callback",
        }
    }

    /// By its name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    pub(crate) fn of_number(number: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

/// One thing that can be found. Texts are plain; the index splits them into words. A text beyond 64 KiB is cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// How answers name it, and what tells it from the others of its file: `Shop.Stock.reserve/2`, `Shop.Stock`.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// Its own name: `reserve`; of a module the whole one.
    pub name: String,
    /// Its module, as the source has it (`Shop.Stock`, `maps`); of a module itself.
    pub module: String,
    /// Number of parameters; `None` of what has none.
    pub arity: Option<u8>,
    /// Can other modules name it?
    pub is_public: bool,
    /// 0 to 1: its place among all by how much leads to it (`PageRank`). Other values are clamped.
    pub importance: f32,
    /// The first line of its documentation, for answers.
    pub summary: String,
    /// Its documentation.
    pub doc: String,
    /// What else is said in prose: its comments, its log and error messages, with [`SEPARATOR`] between.
    pub comments: String,
    /// Its specification, as written.
    pub spec: String,
    /// Variables, attributes, struct fields, keys of its body.
    pub identifiers: String,
    /// Texts and atoms of its body, with [`SEPARATOR`] between.
    pub literals: String,
    /// What it calls: `Enum.map GenServer.call`.
    pub calls: String,
}

impl Document {
    /// A document with nothing but its name.
    #[must_use]
    pub fn new(id: &str, kind: Kind, module: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            kind,
            name: name.to_owned(),
            module: module.to_owned(),
            arity: None,
            is_public: true,
            importance: 0.0,
            summary: String::new(),
            doc: String::new(),
            comments: String::new(),
            spec: String::new(),
            identifiers: String::new(),
            literals: String::new(),
            calls: String::new(),
        }
    }

    /// Names that find exactly this, in lower case: `reserve`, `reserve/2`, and both behind each ending of the module's
    /// path (`stock.reserve/2`, `shop.stock.reserve/2`).
    pub(crate) fn exact_names(&self) -> Vec<String> {
        let module = self.module.to_lowercase();
        let starts = std::iter::once(0).chain(module.match_indices('.').map(|(at, _)| at + 1));
        let paths: Vec<&str> = starts.filter_map(|at| module.get(at..)).collect();
        if matches!(self.kind, Kind::Module | Kind::Protocol | Kind::Implementation) {
            return paths.into_iter().map(str::to_owned).collect();
        }
        let name = self.name.to_lowercase();
        let before = std::iter::once(String::new()).chain(paths.iter().map(|path| format!("{path}.")));
        let names = before.flat_map(|before| {
            let plain = format!("{before}{name}");
            let counted = self.arity.map(|arity| format!("{plain}/{arity}"));
            [Some(plain), counted].into_iter().flatten()
        });
        names.collect()
    }

    /// The module's path and each path above it, in lower case: what `in:` names.
    pub(crate) fn within(&self) -> Vec<String> {
        let module = self.module.to_lowercase();
        let ends = module.match_indices('.').map(|(at, _)| at);
        let ends: Vec<usize> = ends.chain([module.len()]).collect();
        ends.into_iter()
            .filter_map(|end| module.get(..end).map(str::to_owned))
            .collect()
    }
}

/// As much of a text as a field takes.
pub(crate) fn cut(text: &str) -> &str {
    let mut end = text.len().min(FIELD_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Document, FIELD_BYTES_MAX, Kind, cut};

    /// Scenario: a function of a nested module. Guarantee: it is found by its name alone, with the number of its
    /// parameters, and behind any ending of its module's path; and it lies in its module and those above.
    #[test]
    fn a_function_has_all_its_names() {
        let mut document = Document::new("Shop.Stock.reserve/2", Kind::Function, "Shop.Stock", "reserve");
        document.arity = Some(2);
        assert_eq!(
            document.exact_names(),
            [
                "reserve",
                "reserve/2",
                "shop.stock.reserve",
                "shop.stock.reserve/2",
                "stock.reserve",
                "stock.reserve/2"
            ]
        );
        assert_eq!(document.within(), ["shop", "shop.stock"]);
        let module = Document::new("Shop.Stock", Kind::Module, "Shop.Stock", "Shop.Stock");
        assert_eq!(module.exact_names(), ["shop.stock", "stock"]);
    }

    /// Scenario: a text longer than a field, with a character of two bytes across its end. Guarantee: it is cut before
    /// that character.
    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = format!("{}\u{e9}", "a".repeat(FIELD_BYTES_MAX - 1));
        assert_eq!(cut(&long).len(), FIELD_BYTES_MAX - 1);
        assert_eq!(cut("short"), "short");
    }
}
