//! Base64 (RFC 4648): written in the standard alphabet with padding; read in the standard and the URL-safe one, with padding or
//! without, as protobuf's JSON mapping asks.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends `bytes`, in the standard alphabet, with padding.
pub fn encode(bytes: &[u8], out: &mut String) {
    for three in bytes.chunks(3) {
        let mut group = 0u32;
        for place in 0..3 {
            group = group << 8 | u32::from(three.get(place).copied().unwrap_or(0));
        }
        for place in 0..4 {
            let index = group >> (18 - 6 * place) & 63;
            let digit = ALPHABET.get(index as usize).copied().unwrap_or_default();
            out.push(if place <= three.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
}

/// The bytes; `None` if it is not base64.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let digits = match text {
        [head @ .., b'=', b'='] | [head @ .., b'='] if text.len().is_multiple_of(4) => head,
        all => all,
    };
    let mut out = Vec::with_capacity(digits.len() / 4 * 3 + 3);
    for four in digits.chunks(4) {
        let mut group = 0u32;
        for &digit in four {
            group = group << 6 | u32::from(value(digit)?);
        }
        match four.len() {
            4 => out.extend_from_slice(&[(group >> 16) as u8, (group >> 8) as u8, group as u8]),
            3 => out.extend_from_slice(&[(group >> 10) as u8, (group >> 2) as u8]),
            2 => out.push((group >> 4) as u8),
            _ => return None,
        }
    }
    Some(out)
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}
