//! How Elixir spells atoms, text, bits and numbers.

use std::fmt::Write as _;

use super::printer::Printer;

/// Bigs of more bytes are named by their size: their decimal digits cost the square of it.
const BIG_BYTES_MAX: usize = 512;

pub(super) fn is_alias(text: &str) -> bool {
    text.strip_prefix("Elixir.").is_some_and(|name| {
        name.split('.').all(|part| {
            part.starts_with(|c: char| c.is_ascii_uppercase())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
    })
}

/// `foo`, `Foo`, `foo?`, `foo!`, `foo@bar`.
fn is_identifier(text: &str) -> bool {
    let body = text.strip_suffix(['?', '!']).unwrap_or(text);
    body.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && body
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '@'))
}

fn is_operator(text: &str) -> bool {
    const OPERATORS: &str = "! != !== && &&& ** * + ++ +++ - -- --- .. / < <- <= <> <<< <<~ <|> <~ <~> = == === \
        => =~ > >= >>> @ \\\\ ^ ^^^ | |> || ||| ~> ~>> ~~~ :: & {} %{} <<>> % ... . -> ";
    OPERATORS.split(' ').any(|operator| operator == text) && !text.is_empty()
}

pub(super) fn print_atom(out: &mut Printer, text: &str) {
    if matches!(text, "nil" | "true" | "false" | "Elixir") {
        out.push(text);
    } else if is_alias(text) {
        out.push(text.strip_prefix("Elixir.").unwrap_or(text));
    } else {
        out.push(":");
        print_key(out, text);
    }
}

pub(super) fn print_quoted(out: &mut Printer, text: &str) {
    out.push("\"");
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if out.is_cut() {
            return;
        }
        match c {
            '"' => out.push("\\\""),
            '\\' => out.push("\\\\"),
            '\n' => out.push("\\n"),
            '\r' => out.push("\\r"),
            '\t' => out.push("\\t"),
            '\0' => out.push("\\0"),
            '\u{7}' => out.push("\\a"),
            '\u{8}' => out.push("\\b"),
            '\u{b}' => out.push("\\v"),
            '\u{c}' => out.push("\\f"),
            '\u{1b}' => out.push("\\e"),
            '\u{7f}' => out.push("\\d"),
            '#' if chars.peek() == Some(&'{') => out.push("\\#"),
            c if c.is_control() => {
                let _ = write!(out, "\\x{{{:X}}}", u32::from(c));
            }
            c => out.push_char(c),
        }
    }
    out.push("\"");
}

/// Text if it is UTF-8 without unprintable characters, else bytes.
pub(super) fn print_binary(out: &mut Printer, bytes: &[u8]) {
    let printable = |c: char| !c.is_control() || matches!(c, '\u{7}'..='\r' | '\u{1b}' | '\u{7f}');
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(printable) => print_quoted(out, text),
        _ => enclosed(out, "<<", ">>", bytes, |out, b| {
            let _ = write!(out, "{b}");
        }),
    }
}

pub(super) fn print_bits(out: &mut Printer, bytes: &[u8], last: u8) {
    let Some((final_byte, whole)) = bytes.split_last() else {
        return;
    };
    let final_bits = final_byte >> (8 - u32::from(last.min(8)));
    out.push("<<");
    for byte in whole {
        if out.is_cut() {
            return;
        }
        let _ = write!(out, "{byte}, ");
    }
    let _ = write!(out, "{final_bits}::size({last})>>");
}

/// `key`, or `"quoted key"`.
pub(super) fn print_key(out: &mut Printer, text: &str) {
    if is_identifier(text) || is_operator(text) {
        out.push(text);
    } else {
        print_quoted(out, text);
    }
}

/// Shortest digits that read back the same, always with a point.
pub(super) fn float(x: f64) -> String {
    let text = format!("{x:?}");
    match text.split_once('e') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0e{exponent}"),
        _ => text,
    }
}

/// Decimal digits of a magnitude, least byte first.
pub(super) fn print_big(out: &mut Printer, negative: bool, digits: &[u8]) {
    const GROUP: u64 = 1_000_000_000;
    if digits.len() > BIG_BYTES_MAX {
        let _ = write!(out, "#Integer<{} bytes>", digits.len());
        return;
    }
    // Groups of nine decimal digits, least first.
    let mut groups: Vec<u64> = vec![0];
    for digit in digits.iter().rev() {
        let mut carry = u64::from(*digit);
        for group in &mut groups {
            let value = *group * 256 + carry;
            *group = value % GROUP;
            carry = value / GROUP;
        }
        if carry > 0 {
            groups.push(carry);
        }
    }
    let mut groups = groups.iter().rev();
    let sign = if negative { "-" } else { "" };
    let _ = write!(out, "{sign}{}", groups.next().copied().unwrap_or_default());
    for group in groups {
        let _ = write!(out, "{group:09}");
    }
}

/// Items between commas. Stops where the text is cut, so that its time is bounded by the text, not by the term.
pub(super) fn enclosed<T>(
    out: &mut Printer,
    begin: &str,
    end: &str,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut Printer, T),
) {
    out.push(begin);
    for (i, item) in items.into_iter().enumerate() {
        if out.is_cut() {
            return;
        }
        if i > 0 {
            out.push(", ");
        }
        each(out, item);
    }
    out.push(end);
}
