//! Numbers as text, as quoted forms name them.

use std::fmt::Write as _;

/// Shortest text that reads back to the same float, with a point.
pub(super) fn float(x: f64) -> String {
    format!("{x:?}")
}

/// Decimal digits of a magnitude, least byte first. Numbers of more than 4096 bits are named by their size.
pub(super) fn decimal(digits: &[u8]) -> String {
    const GROUP: u64 = 1_000_000_000;
    if digits.len() > 512 {
        return format!("0x[{} bytes]", digits.len());
    }
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
    let mut text = groups.next().copied().unwrap_or_default().to_string();
    for group in groups {
        let _ = write!(text, "{group:09}");
    }
    text
}
