//! Numbers, durations and strings.

use crate::ast::UNITS;
use crate::error::Fault;
use crate::lex::Rest;
use crate::token::{Kind, is_word_char};

/// `12`, `.5`, `1e9`, `1h30m`, `1.5s`.
pub(crate) fn number(rest: &mut Rest<'_>) -> Result<Kind, Fault> {
    let start = *rest;
    let mut digits = part(rest);
    let exponent = exponent_bytes(rest.text);
    if exponent > 0 {
        rest.skip(exponent);
        digits = start.text.get(..rest.offset - start.offset).unwrap_or_default();
    }
    if rest.text.starts_with(is_unit_char) {
        return if exponent > 0 {
            rest.fault("expected no unit after an exponent")
        } else {
            duration(start, rest)
        };
    }
    if rest.text.starts_with('.') {
        return rest.fault("expected one decimal point in a number");
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return match digits.parse() {
            Ok(number) => Ok(Kind::Int(number)),
            Err(_) => start.fault("expected a whole number of at most 64 bits"),
        };
    }
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Kind::Float(number)),
        _ => start.fault("expected a number that a 64-bit float can hold"),
    }
}

fn is_unit_char(c: char) -> bool {
    is_word_char(c) || c == '\u{b5}' || c == '\u{3bc}'
}

/// Digits with at most one decimal point.
fn part<'a>(rest: &mut Rest<'a>) -> &'a str {
    let start = *rest;
    rest.take(|c| c.is_ascii_digit());
    if rest.text.starts_with('.') {
        rest.skip(1);
        rest.take(|c| c.is_ascii_digit());
    }
    start.text.get(..rest.offset - start.offset).unwrap_or_default()
}

/// Length of `e10`, `E-3`, 0 if there is none.
fn exponent_bytes(text: &str) -> usize {
    let Some(after) = text.strip_prefix(['e', 'E']) else {
        return 0;
    };
    let unsigned = after.strip_prefix(['+', '-']).unwrap_or(after);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        0
    } else {
        text.len() - unsigned.len() + digits
    }
}

/// A number with a unit, and more of these.
fn duration<'a>(mut start: Rest<'a>, rest: &mut Rest<'a>) -> Result<Kind, Fault> {
    let whole = start;
    let mut total = 0_u64;
    loop {
        let digits = part(&mut start);
        let at = start;
        let unit = start.take(|c| is_unit_char(c) && !c.is_ascii_digit());
        let plain = if unit == "\u{b5}s" || unit == "\u{3bc}s" {
            "us"
        } else {
            unit
        };
        let Some((_, unit_ns)) = UNITS.iter().find(|(name, _)| *name == plain) else {
            return at.fault(format!("expected a unit (ns, us, ms, s, m, h), found `{unit}`"));
        };
        let Some(sum) = nanoseconds(digits, *unit_ns).and_then(|ns| total.checked_add(ns)) else {
            return whole.fault("expected a duration of at most 292 years");
        };
        total = sum;
        if !start.text.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            break;
        }
    }
    *rest = start;
    if i64::try_from(total).is_err() {
        return whole.fault("expected a duration of at most 292 years");
    }
    Ok(Kind::Duration(total))
}

/// `1.5` of a unit, exact and rounded down to nanoseconds.
fn nanoseconds(digits: &str, unit_ns: u64) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut sum = whole.checked_mul(unit_ns)?;
    let (mut unit, mut parts) = (u128::from(unit_ns), 1_u128);
    let mut numerator = 0_u128;
    for digit in fraction.bytes().take(18) {
        numerator = numerator * 10 + u128::from(digit - b'0');
        parts *= 10;
    }
    unit *= numerator;
    sum = sum.checked_add(u64::try_from(unit / parts).ok()?)?;
    Some(sum)
}

/// A string in double quotes with escapes, or in backticks without.
pub(crate) fn string(rest: &mut Rest<'_>) -> Result<String, Fault> {
    let start = *rest;
    let raw = rest.text.starts_with('`');
    rest.skip(1);
    let mut text = String::new();
    loop {
        if raw {
            text.push_str(rest.take(|c| c != '`'));
        } else {
            text.push_str(rest.take(|c| c != '"' && c != '\\' && c != '\n'));
        }
        match rest.text.chars().next() {
            Some('"' | '`') => {
                rest.skip(1);
                return Ok(text);
            }
            Some('\\') => text.push(escape(rest)?),
            _ => return start.fault("expected a closing quote of the string"),
        }
    }
}

/// The escapes of Go's interpreted strings.
fn escape(rest: &mut Rest<'_>) -> Result<char, Fault> {
    let start = *rest;
    rest.skip(1);
    let Some(kind) = rest.text.chars().next() else {
        return start.fault("expected an escape after the backslash");
    };
    let simple = match kind {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '\\' => '\\',
        '"' => '"',
        '\'' => '\'',
        _ => {
            let (skip, count, radix) = match kind {
                'x' => (1, 2, 16),
                'u' => (1, 4, 16),
                'U' => (1, 8, 16),
                '0'..='7' => (0, 3, 8),
                _ => {
                    return start
                        .fault("expected an escape: \\n \\t \\r \\\\ \\\" \\xhh \\uhhhh \\Uhhhhhhhh \\ooo");
                }
            };
            rest.skip(skip);
            let digits = rest
                .text
                .get(..count)
                .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
            let code = digits.and_then(|digits| u32::from_str_radix(digits, radix).ok());
            let Some(c) = code.and_then(char::from_u32) else {
                return start.fault(format!(
                    "expected {count} digits of a character after the backslash"
                ));
            };
            rest.skip(count);
            return Ok(c);
        }
    };
    rest.skip(kind.len_utf8());
    Ok(simple)
}

/// A duration alone, in nanoseconds: `1h30m`.
pub fn duration_ns(text: &str) -> Option<u64> {
    let mut rest = Rest { text, offset: 0 };
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    match number(&mut rest) {
        Ok(Kind::Duration(ns)) if rest.text.is_empty() => Some(ns),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::duration_ns;

    /// Scenario: durations as Go writes them, and texts that are none. Guarantee: nanoseconds, or nothing.
    #[test]
    fn durations_alone() {
        for (text, ns) in [
            ("1h30m", 5_400_000_000_000),
            ("1.5s", 1_500_000_000),
            ("20ms", 20_000_000),
            ("100us", 100_000),
            ("100\u{b5}s", 100_000),
            ("7ns", 7),
        ] {
            assert_eq!(duration_ns(text), Some(ns), "{text}");
        }
        for wrong in ["", "5", "ms", "1x", "1s2", "-1s"] {
            assert_eq!(duration_ns(wrong), None, "{wrong}");
        }
    }
}
