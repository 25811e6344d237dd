//! What an answer lacks, as a header: for bodies whose shape has no place for it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use query::tempo::Missing;

const MISSING: HeaderName = HeaderName::from_static("x-elixirscope-missing");
/// Characters of that header.
const CHARS_MAX: usize = 1_000;

/// Says it, if there is something.
pub(crate) fn say(missing: &Missing, headers: &mut HeaderMap) {
    if missing.is_empty() {
        return;
    }
    let text = missing
        .join("; ")
        .replace(|c: char| !(' '..='~').contains(&c), "?");
    let text = text.get(..CHARS_MAX).unwrap_or(&text);
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(MISSING, value);
    }
}
