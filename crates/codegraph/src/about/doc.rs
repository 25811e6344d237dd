//! Documentation: the text of `@moduledoc`, `@doc` and `@typedoc`, and the keywords that they may be given.

use super::render::{hole, is_interpolated};
use super::{DOC_BYTES_MAX, VALUE_BYTES_MAX, render};
use crate::quoted::{Kind, NodeId, Quoted};

/// What is documented.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doc {
    /// Nothing.
    #[default]
    None,
    /// `false`: it is not for others.
    Hidden,
    /// The text, as written: Markdown by convention.
    Text(String),
    /// The text is known only when it is compiled: the Elixir that makes it, interpolated parts as `#{...}`.
    Computed(String),
}

impl Doc {
    /// The text, as far as it is known.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Computed(text) => Some(text),
            Self::None | Self::Hidden => None,
        }
    }
}

/// `since: "1.2"` and the like: name and value as Elixir.
pub(super) type Metadata = Vec<(String, String)>;

/// What the value of `@doc` says. Keywords go to `metadata`, all else replaces `doc`.
pub(super) fn read(tree: &Quoted, value: NodeId, doc: &mut Doc, metadata: &mut Metadata) {
    let text = |bytes: &[u8]| cut(String::from_utf8_lossy(bytes).into_owned());
    *doc = match tree.node(value).kind {
        Kind::Atom if tree.text(value) == "false" => Doc::Hidden,
        Kind::Atom if tree.text(value) == "nil" => Doc::None,
        Kind::String => Doc::Text(text(tree.bytes(value))),
        Kind::List => {
            for pair in tree.kids(value) {
                if let (Kind::Pair, [key, value]) = (tree.node(*pair).kind, tree.kids(*pair)) {
                    let value =
                        plain(tree, *value).unwrap_or_else(|| render(tree, *value, VALUE_BYTES_MAX).text);
                    metadata.push((tree.text(*key).to_owned(), value));
                }
            }
            return;
        }
        Kind::Call if is_interpolated(tree, value) => Doc::Computed(cut(pieces(tree, value))),
        Kind::Call => sigil(tree, value).unwrap_or_else(|| computed(tree, value)),
        _ => computed(tree, value),
    };
}

fn computed(tree: &Quoted, value: NodeId) -> Doc {
    Doc::Computed(render(tree, value, VALUE_BYTES_MAX).text)
}

/// A string without its quotes; `None` of all else.
pub(super) fn plain(tree: &Quoted, value: NodeId) -> Option<String> {
    (tree.node(value).kind == Kind::String)
        .then(|| cut(String::from_utf8_lossy(tree.bytes(value)).into_owned()))
}

fn cut(mut text: String) -> String {
    let mut end = DOC_BYTES_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// Interpolated text, its holes as Elixir.
fn pieces(tree: &Quoted, node: NodeId) -> String {
    let mut text = String::new();
    for piece in tree.kids(node) {
        match hole(tree, *piece) {
            Some(inside) => {
                text.push_str("#{");
                text.push_str(&render(tree, inside, VALUE_BYTES_MAX).text);
                text.push('}');
            }
            None => text.push_str(&String::from_utf8_lossy(tree.bytes(*piece))),
        }
    }
    text
}

/// `~S` and `~s`.
fn sigil(tree: &Quoted, node: NodeId) -> Option<Doc> {
    let [content, _] = tree.kids(node) else {
        return None;
    };
    let raw = match tree.text(node) {
        "sigil_S" => true,
        "sigil_s" => false,
        _ => return None,
    };
    if is_interpolated(tree, *content) {
        return Some(Doc::Computed(cut(pieces(tree, *content))));
    }
    let [piece] = tree.kids(*content) else {
        return None;
    };
    let text = String::from_utf8_lossy(tree.bytes(*piece));
    Some(Doc::Text(cut(if raw {
        text.into_owned()
    } else {
        unescaped(&text)
    })))
}

/// The escapes of a `~s`, which the quoted form keeps as written: letters, `\uHHHH`, `\u{...}`; of a code point that is
/// none, the text as it is.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut chars = after.chars();
        let escaped = chars.next();
        rest = chars.as_str();
        match escaped {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('s') => out.push(' '),
            Some('e') => out.push('\u{1b}'),
            Some('0') => out.push('\0'),
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('d') => out.push('\u{7f}'),
            Some('f') => out.push('\u{c}'),
            Some('v') => out.push('\u{b}'),
            Some('\n') | None => {}
            Some(kind @ ('u' | 'x')) => {
                let digits = match rest.strip_prefix('{').and_then(|inside| inside.split_once('}')) {
                    Some((digits, after)) => Some((digits, after)),
                    None => rest.split_at_checked(if kind == 'u' { 4 } else { 2 }),
                };
                let found = digits.and_then(|(digits, after)| {
                    let code = u32::from_str_radix(digits, 16).ok()?;
                    Some((char::from_u32(code)?, after))
                });
                if let Some((char, after)) = found {
                    out.push(char);
                    rest = after;
                } else {
                    out.extend(['\\', kind]);
                }
            }
            Some(other) => out.push(other),
        }
    }
    out.push_str(rest);
    out
}
