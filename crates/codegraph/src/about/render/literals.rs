//! Atoms, numbers, text, sigils.

use std::fmt::Write as _;

use super::{Context, Task, UNARY, Writer};
use crate::quoted::{Kind, NodeId, Quoted};

/// Operators that are atoms and keys without quotes.
const OPERATORS: &[&str] = &[
    "+", "-", "*", "/", "**", "++", "--", "+++", "---", "<>", "==", "!=", "===", "!==", "=~", "<", ">", "<=",
    ">=", "&&", "||", "&&&", "|||", "<<<", ">>>", "|>", "<|>", "<~", "~>", "<~>", "<<~", "~>>", "^^^", "=",
    "|", "!", "^", "&", "@", "~~~", "..", "::", "<-", "\\\\", "=>", ".", "{}", "%{}", "<<>>", "%", "->",
];
/// Delimiters of sigils, the better first.
const DELIMITERS: &[(char, char)] = &[
    ('(', ')'),
    ('/', '/'),
    ('[', ']'),
    ('{', '}'),
    ('|', '|'),
    ('"', '"'),
    ('\'', '\''),
    ('<', '>'),
];

/// Whether a name can be written as it is: ASCII letters, digits, `_` and `@`, a `?` or `!` at the end.
pub(super) fn is_name(text: &str) -> bool {
    let inner = text.strip_suffix(['?', '!']).unwrap_or(text);
    let mut chars = inner.chars();
    chars.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_atom(text: &str) -> bool {
    let inner = text.strip_suffix(['?', '!']).unwrap_or(text);
    let mut chars = inner.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '@')
}

/// Appends text between quotes: what would end it, begin an escape or an interpolation, or not be seen, as an escape.
pub(super) fn escape(bytes: &[u8], quote: char, out: &mut String) {
    for chunk in bytes.utf8_chunks() {
        let mut chars = chunk.valid().chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                '#' if chars.peek() == Some(&'{') => out.push_str("\\#"),
                _ if char == quote => {
                    out.push('\\');
                    out.push(char);
                }
                '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
                    let _ = write!(out, "\\u{{{:X}}}", u32::from(char));
                }
                _ if char.is_control() => {
                    let _ = write!(out, "\\u{{{:X}}}", u32::from(char));
                }
                _ => out.push(char),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02X}");
        }
    }
}

impl Writer<'_> {
    pub(super) fn atom(&mut self, node: NodeId) {
        let text = self.tree.text(node);
        if matches!(text, "nil" | "true" | "false") {
            return self.put(text);
        }
        if is_atom(text) || OPERATORS.contains(&text) {
            self.put(":");
            return self.out.push_str(text);
        }
        self.put(":\"");
        escape(self.tree.bytes(node), '"', &mut self.out);
        self.out.push('"');
    }

    pub(super) fn key(&mut self, node: NodeId) {
        let text = self.tree.text(node);
        if is_atom(text) {
            self.put(text);
        } else {
            self.put("\"");
            escape(self.tree.bytes(node), '"', &mut self.out);
            self.out.push('"');
        }
        self.out.push_str(": ");
    }

    pub(super) fn number(&mut self, node: NodeId, context: Context) {
        let text = self.tree.text(node);
        // Negative ones are in expanded code only.
        let bare = !text.starts_with('-') || !matches!(context, Context::Operand(UNARY..));
        if !bare {
            self.put("(");
        }
        match text.find('e') {
            Some(at) if !text.contains('.') => {
                let (digits, exponent) = text.split_at(at);
                self.put(digits);
                self.out.push_str(".0");
                self.out.push_str(exponent);
            }
            _ => self.put(text),
        }
        if !bare {
            self.put(")");
        }
    }

    pub(super) fn string(&mut self, node: NodeId) {
        self.put("\"");
        escape(self.tree.bytes(node), '"', &mut self.out);
        self.out.push('"');
    }

    pub(super) fn charlist(&mut self, node: NodeId) {
        self.put("'");
        escape(self.tree.bytes(node), '\'', &mut self.out);
        self.out.push('\'');
    }

    /// `"a#{x}"`, which is `<<"a", Kernel.to_string(x)::binary>>` with the module as an atom. False for all else.
    pub(super) fn interpolated(&mut self, node: NodeId) -> bool {
        if !is_interpolated(self.tree, node) {
            return false;
        }
        self.put("\"");
        for kid in self.tree.kids(node) {
            self.then(Task::Piece(*kid, '"'));
        }
        self.then(Task::Text("\""));
        true
    }

    pub(super) fn piece(&mut self, node: NodeId, quote: char) {
        let Some(inside) = hole(self.tree, node) else {
            return escape(self.tree.bytes(node), quote, &mut self.out);
        };
        self.out.push_str("#{");
        if !(self.tree.is_call(inside, "__block__", 0)) {
            self.then(Task::Node(unwrapped(self.tree, inside), Context::Element));
        }
        self.then(Task::Text("}"));
    }

    /// `~s(...)`: as a sigil if some delimiter is not in the text, else as the call that it stands for. False: no sigil.
    pub(super) fn sigil(&mut self, node: NodeId) -> bool {
        let tree = self.tree;
        let (Some(name), [content, modifiers]) = (tree.text(node).strip_prefix("sigil_"), tree.kids(node))
        else {
            return false;
        };
        let letters = name.len() == 1 && name.bytes().all(|byte| byte.is_ascii_alphabetic());
        let modifiers = match tree.node(*modifiers).kind {
            Kind::Charlist if tree.bytes(*modifiers).iter().all(u8::is_ascii_alphabetic) => {
                tree.text(*modifiers)
            }
            Kind::List if tree.kids(*modifiers).is_empty() => "",
            _ => return false,
        };
        let [piece] = tree.kids(*content) else {
            return false;
        };
        let text = tree.text(*piece);
        let plain = tree.is_call(*content, "<<>>", 1) && tree.node(*piece).kind == Kind::String;
        let lower = name.bytes().all(|byte| byte.is_ascii_lowercase());
        if !letters || !plain || text.ends_with('\\') || text.contains('\r') || (lower && text.contains("#{"))
        {
            return false;
        }
        let fits = |(open, close): &&(char, char)| !text.contains([*open, *close]);
        let Some((open, close)) = DELIMITERS.iter().find(fits) else {
            return false;
        };
        if tree.bytes(*piece).len() != text.len() {
            return false;
        }
        self.put("~");
        self.out.push_str(name);
        self.out.push(*open);
        self.out.push_str(text);
        self.out.push(*close);
        self.out.push_str(modifiers);
        true
    }
}

/// Whether it is a string with interpolation.
pub(in crate::about) fn is_interpolated(tree: &Quoted, node: NodeId) -> bool {
    let mut before_text = false;
    let mut holes = 0;
    let is_part = |kid: &NodeId| {
        if hole(tree, *kid).is_some() {
            (before_text, holes) = (false, holes + 1);
            return true;
        }
        let text = tree.node(*kid).kind == Kind::String && !tree.bytes(*kid).is_empty();
        !std::mem::replace(&mut before_text, text) && text
    };
    tree.node(node).kind == Kind::Call
        && tree.text(node) == "<<>>"
        && tree.kids(node).iter().all(is_part)
        && holes > 0
}

/// What is between `#{` and `}`, if it can be written there.
pub(in crate::about) fn hole(tree: &Quoted, node: NodeId) -> Option<NodeId> {
    let [call, kind] = tree.kids(node) else {
        return None;
    };
    let (module, name, arguments) = tree.remote_call(*call)?;
    let is_binary = tree.is_call(node, "::", 2)
        && tree.node(*kind).kind == Kind::Variable
        && tree.text(*kind) == "binary";
    let is_text =
        tree.node(module).kind == Kind::Atom && tree.text(module) == "Elixir.Kernel" && name == "to_string";
    match arguments {
        [inside] if is_binary && is_text => {
            let block = tree.node(*inside).kind == Kind::Call && tree.text(*inside) == "__block__";
            (!block || tree.kids(*inside).len() < 2).then_some(*inside)
        }
        _ => None,
    }
}

/// What is in a block of one expression: the block comes back when the text is read.
pub(super) fn unwrapped(tree: &Quoted, node: NodeId) -> NodeId {
    match tree.kids(node) {
        [only] if tree.is_call(node, "__block__", 1) && is_lone(tree, *only) => *only,
        _ => node,
    }
}

/// What Elixir wraps in a block when it is alone in a body or in parentheses.
pub(super) fn is_lone(tree: &Quoted, node: NodeId) -> bool {
    tree.node(node).kind == Kind::Call
        && tree.kids(node).len() == 1
        && matches!(tree.text(node), "not" | "!" | "unquote_splicing")
}
