//! Buckets of numbers. For quantiles: 32 to each power of two, equally wide, so that the middle of what is in a bucket is within 1/64
//! (1.6 %) of any number in it; the layout of HdrHistogram over the bits of a double. For histograms: one to each power of two.

/// Bits of a double's significand that a bucket keeps.
const FRACTION_BITS: u32 = 5;
const SHIFT: u32 = 52 - FRACTION_BITS;
const SIGN: u64 = 1 << 63;

/// The bucket of a number; in the order of numbers.
pub(crate) fn fine(number: f64) -> i32 {
    let bits = (number + 0.0).to_bits();
    let size = ((bits & !SIGN) >> SHIFT) as i32;
    if bits & SIGN == 0 { size } else { -size - 1 }
}

/// The least power of two that is not less than a number; 0 of what is not positive.
pub(crate) fn power_of_two(number: f64) -> f64 {
    if number <= 0.0 {
        return 0.0;
    }
    let floor = f64::from_bits(number.to_bits() & (0x7ff << 52));
    if floor == 0.0 {
        return f64::MIN_POSITIVE;
    }
    if floor < number { floor * 2.0 } else { floor }
}
