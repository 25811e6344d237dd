//! Escapes of quoted text, as `elixir_interpolation.erl` reads them.

/// What a letter after a backslash stands for; itself if nothing else (`unescape_map`).
pub(super) fn simple(escaped: char) -> char {
    match escaped {
        '0' => '\0',
        'a' => '\x07',
        'b' => '\x08',
        'd' => '\x7f',
        'e' => '\x1b',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        's' => ' ',
        't' => '\t',
        'v' => '\x0b',
        other => other,
    }
}

/// Writes `raw` with its escapes resolved. False if Elixir refuses one of them; what was written then is of no use.
pub(super) fn unescape(raw: &[u8], out: &mut Vec<u8>) -> bool {
    let mut rest = raw;
    loop {
        let Some(at) = rest.iter().position(|byte| *byte == b'\\') else {
            out.extend_from_slice(rest);
            return true;
        };
        let (plain, escape) = rest.split_at(at);
        out.extend_from_slice(plain);
        rest = match escape {
            [_, b'x', after @ ..] => match hex(after, out) {
                Some(rest) => rest,
                None => return false,
            },
            [_, b'u', after @ ..] => match unicode(after, out) {
                Some(rest) => rest,
                None => return false,
            },
            [_, b'\n', after @ ..] | [_, b'\r', b'\n', after @ ..] => after,
            [_, escaped, after @ ..] => {
                out.push(if escaped.is_ascii() {
                    simple(char::from(*escaped)) as u8
                } else {
                    *escaped
                });
                after
            }
            _ => {
                out.extend_from_slice(escape);
                return true;
            }
        };
    }
}

/// `\xHH` is a byte; the deprecated `\xH` and `\x{H...}` are code points.
fn hex<'a>(after: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    if let [first, second, rest @ ..] = after
        && let (Some(first), Some(second)) = (digit(*first), digit(*second))
    {
        out.push((first * 16 + second) as u8);
        return Some(rest);
    }
    if let [first, rest @ ..] = after
        && let Some(value) = digit(*first)
    {
        code_point(value, out)?;
        return Some(rest);
    }
    braced(after, out)
}

/// `\uHHHH` and `\u{H...}`.
fn unicode<'a>(after: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    if let Some((four, rest)) = after.split_at_checked(4)
        && let Some(value) = number(four)
    {
        code_point(value, out)?;
        return Some(rest);
    }
    braced(after, out)
}

fn braced<'a>(after: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let inside = after.strip_prefix(b"{")?;
    let end = inside.iter().take(7).position(|byte| *byte == b'}')?;
    let (digits, rest) = inside.split_at(end);
    if digits.is_empty() {
        return None;
    }
    code_point(number(digits)?, out)?;
    rest.get(1..)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits
        .iter()
        .try_fold(0, |value, byte| Some(value * 16 + digit(*byte)?))
}

fn digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

fn code_point(value: u32, out: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 4];
    out.extend_from_slice(char::from_u32(value)?.encode_utf8(&mut buffer).as_bytes());
    Some(())
}
