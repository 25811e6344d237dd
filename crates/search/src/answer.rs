//! What a search answers.

use crate::document::{Document, Kind};
use crate::origin::Origin;

/// Where a word is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Field {
    /// The name and its parts.
    Name = 0,
    /// The module's path.
    Module = 1,
    /// The documentation.
    Doc = 2,
    /// Comments and messages.
    Comments = 3,
    /// The specification.
    Spec = 4,
    /// Names in the body.
    Identifiers = 5,
    /// Texts and atoms in the body.
    Literals = 6,
    /// What it calls.
    Calls = 7,
    /// The file's path.
    Path = 8,
}

impl Field {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Name,
        Self::Module,
        Self::Doc,
        Self::Comments,
        Self::Spec,
        Self::Identifiers,
        Self::Literals,
        Self::Calls,
        Self::Path,
    ];

    /// Its name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Module => "module",
            Self::Doc => "doc",
            Self::Comments => "comments",
            Self::Spec => "spec",
            Self::Identifiers => "identifiers",
            Self::Literals => "literals",
            Self::Calls => "calls",
            Self::Path => "path",
        }
    }

    /// Are there positions in it, so that phrases are found?
    pub(crate) fn has_phrases(self) -> bool {
        matches!(
            self,
            Self::Name | Self::Module | Self::Doc | Self::Comments | Self::Literals
        )
    }

    /// Is it written for people? Then most of its words are everywhere, but only a few documents have any.
    pub(crate) fn is_prose(self) -> bool {
        matches!(self, Self::Doc | Self::Comments)
    }

    pub(crate) fn text<'a>(self, document: &'a Document, path: &'a str) -> &'a str {
        match self {
            // A module's name is its path's last part; all of it is in its own field.
            Self::Name => match document.kind {
                Kind::Module | Kind::Protocol | Kind::Implementation => {
                    document.name.rsplit('.').next().unwrap_or_default()
                }
                _ => &document.name,
            },
            Self::Module => &document.module,
            Self::Doc => &document.doc,
            Self::Comments => &document.comments,
            Self::Spec => &document.spec,
            Self::Identifiers => &document.identifiers,
            Self::Literals => &document.literals,
            Self::Calls => &document.calls,
            Self::Path => path,
        }
    }
}

/// A word of the query and where a document has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// As it was typed, or what was taken instead.
    pub word: String,
    /// Where it is, in the order of [`Field::ALL`].
    pub fields: Vec<Field>,
}

/// A document that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// [`Document::id`].
    pub id: String,
    /// Its file.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Its module.
    pub module: String,
    /// The first line of its documentation.
    pub summary: String,
    /// Can other modules name it?
    pub is_public: bool,
    /// Where its file comes from.
    pub origin: Origin,
    /// How well it fits: only good for comparing within one answer.
    pub score: f32,
    /// Is its name what was typed?
    pub is_exact: bool,
    /// Which words it has, and where.
    pub why: Vec<Reason>,
}

/// Words that were taken instead of one that nothing has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instead {
    /// As it was typed.
    pub typed: String,
    /// What was taken: words that begin with it, or that are one letter away.
    pub taken: Vec<String>,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The best first; of equal score by path and id.
    pub hits: Vec<Hit>,
    /// Of words that nothing has.
    pub instead: Vec<Instead>,
}
