//! Differences that are known, told by the line that they are on.

/// Why a quoted form differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Nobody has looked yet.
    Unexplained,
    /// `x[a: 1]`: the grammar has no keywords in access.
    KeywordAccess,
    /// `"#{a<line break>b}"`: the grammar has no line breaks between expressions in an interpolation.
    InterpolatedLines,
    /// `a/*/b`, `//a`, `</b`: an operator before a slash is a name for Elixir anywhere, for the grammar in captures only.
    OperatorName,
    /// `[a: 1, __cursor__()]`: Elixir's own marker for completion.
    CompletionMarker,
    /// `x -> ;` before a section of a `do` block.
    EmptyClause,
}

impl Class {
    /// The class of a difference on a line of this text.
    pub(crate) fn of(text: &str, line: u32) -> Self {
        let mut lines = text.lines().skip(line.saturating_sub(1) as usize);
        let (here, next) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let around = format!("{here}\n{next}");
        let open_hole = here
            .rfind("#{")
            .is_some_and(|at| !here.get(at..).unwrap_or_default().contains('}'));
        if text.contains("__cursor__") {
            Self::CompletionMarker
        } else if open_hole {
            Self::InterpolatedLines
        } else if has_keyword_access(text) {
            Self::KeywordAccess
        } else if ["/*/", "//", "</", "&..//", "=/"]
            .iter()
            .any(|sign| around.contains(sign))
        {
            Self::OperatorName
        } else if text.contains("-> ;") {
            Self::EmptyClause
        } else {
            Self::Unexplained
        }
    }
}

/// A bracket right after a name or a closing bracket, with a key in it.
fn has_keyword_access(text: &str) -> bool {
    text.match_indices('[').any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default().trim_end_matches(' ');
        let touches = before.len() == at && before.ends_with(|one: char| one.is_alphanumeric() || one == '_');
        let after = text.get(at + 1..).unwrap_or_default().trim_start();
        let name = after
            .find(|one: char| !one.is_alphanumeric() && one != '_')
            .unwrap_or(after.len());
        let is_key = name > 0 && after.get(name..).is_some_and(|rest| rest.starts_with(": "));
        is_key && (touches || before.ends_with([']', ')']))
    })
}
