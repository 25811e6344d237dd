//! Durations, counted twice: over classic buckets whose bounds double, and sparsely over the exponential ones of Prometheus'
//! native histograms (schema 3: eight buckets an octave, no bound is more than 9.1 % above the next lower one).

use event::TraceId;

/// Exponent of the resolution: 2 to the 3rd buckets an octave.
pub const SCHEMA: i8 = 3;
const OCTAVE: usize = 1 << SCHEMA;

/// Mantissas between 1/2 and 1 at which a bucket begins: 2^(k/8 - 1).
const BOUNDS: [f64; OCTAVE] = [
    0.5,
    0.545_253_866_332_628_8,
    0.594_603_557_501_360_5,
    0.648_419_777_325_504_8,
    0.707_106_781_186_547_5,
    0.771_105_412_703_970_4,
    0.840_896_415_253_714_5,
    0.917_004_043_204_671_2,
];

/// One duration, and where to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exemplar {
    /// Its trace.
    pub trace: TraceId,
    /// Nanoseconds.
    pub duration_ns: u64,
    /// When it ended, Unix nanoseconds.
    pub time_ns: u64,
}

/// A histogram of durations. The bound of classic bucket `n` is `BASE_NS << n`; the last one, `N - 1`, has none.
#[derive(Clone, Debug)]
pub struct Histogram<const BASE_NS: u64, const N: usize> {
    classic: [u64; N],
    sum_ns: u128,
    zeros: u64,
    /// Index of the first of `native`.
    first: i32,
    native: Vec<u64>,
    /// Buckets whose exemplar was asked for since it was taken, as bits: the next duration there brings another.
    fresh: u32,
    exemplars: [Option<Box<Exemplar>>; N],
}

impl<const BASE_NS: u64, const N: usize> Default for Histogram<BASE_NS, N> {
    fn default() -> Self {
        const { assert!(N >= 2 && N <= 32 && BASE_NS > 0) };
        Self {
            classic: [0; N],
            sum_ns: 0,
            zeros: 0,
            first: 0,
            native: Vec::new(),
            fresh: 0,
            exemplars: [const { None }; N],
        }
    }
}

impl<const BASE_NS: u64, const N: usize> Histogram<BASE_NS, N> {
    /// Counts a duration that ended at `end_ns`.
    #[inline]
    pub fn count(&mut self, duration_ns: u64, end_ns: u64, trace: impl FnOnce() -> TraceId) {
        let classic = self.count_unpointed(duration_ns);
        let bit = 1u32 << classic;
        if self.fresh & bit == 0 {
            self.fresh |= bit;
            self.point_at(classic, trace(), duration_ns, end_ns);
        }
    }

    /// Counts a duration of which the trace is not known; its classic bucket.
    #[inline]
    pub fn count_unpointed(&mut self, duration_ns: u64) -> usize {
        let classic = Self::classic_of(duration_ns);
        if let Some(count) = self.classic.get_mut(classic) {
            *count += 1;
        }
        self.sum_ns += u128::from(duration_ns);
        if duration_ns == 0 {
            self.zeros += 1;
        } else {
            let at = native_of(duration_ns).wrapping_sub(self.first);
            match usize::try_from(at).ok().and_then(|at| self.native.get_mut(at)) {
                Some(count) => *count += 1,
                None => self.widen(native_of(duration_ns)),
            }
        }
        classic
    }

    #[inline]
    fn classic_of(duration_ns: u64) -> usize {
        let over = duration_ns.saturating_sub(1) / BASE_NS;
        ((u64::BITS - over.leading_zeros()) as usize).min(N - 1)
    }

    #[cold]
    fn point_at(&mut self, classic: usize, trace: TraceId, duration_ns: u64, time_ns: u64) {
        if let Some(place) = self.exemplars.get_mut(classic) {
            *place = Some(Box::new(Exemplar {
                trace,
                duration_ns,
                time_ns,
            }));
        }
    }

    /// Makes room for an index and counts it. Indices of 64-bit nanoseconds span 512 buckets.
    #[cold]
    fn widen(&mut self, index: i32) {
        if self.native.is_empty() {
            self.first = index;
        }
        if index < self.first {
            let more = (self.first - index) as usize;
            self.native.splice(0..0, std::iter::repeat_n(0, more));
            self.first = index;
        }
        let at = (index - self.first) as usize;
        if at >= self.native.len() {
            self.native.resize(at + 1, 0);
        }
        if let Some(count) = self.native.get_mut(at) {
            *count += 1;
        }
    }

    /// How many.
    pub fn total(&self) -> u64 {
        self.classic.iter().sum()
    }

    /// Sum of all, seconds.
    pub fn sum_seconds(&self) -> f64 {
        self.sum_ns as f64 / 1e9
    }

    /// Classic buckets: upper bound in seconds (of the last one none), count, exemplar.
    pub fn classic(&self) -> impl Iterator<Item = (f64, u64, Option<Exemplar>)> {
        let bound = |at: usize| {
            if at + 1 == N {
                f64::INFINITY
            } else {
                (BASE_NS << at) as f64 / 1e9
            }
        };
        let counts = self.classic.iter().zip(&self.exemplars).enumerate();
        counts.map(move |(at, (count, exemplar))| (bound(at), *count, exemplar.as_deref().copied()))
    }

    /// Durations of 0.
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    /// Native buckets that are not empty, ascending: index and count. The bound of index `i` is `2^(i/8)` seconds.
    pub fn native(&self) -> impl Iterator<Item = (i32, u64)> {
        let counts = (self.first..).zip(&self.native);
        counts
            .filter(|(_, count)| **count > 0)
            .map(|(index, count)| (index, *count))
    }

    /// From now on each bucket takes a new exemplar; the old ones stay until then.
    pub fn renew(&mut self) {
        self.fresh = 0;
    }

    /// Bytes of memory, about.
    pub fn memory_bytes(&self) -> usize {
        let exemplars = self.exemplars.iter().flatten().count();
        size_of::<Self>() + self.native.capacity() * 8 + exemplars * size_of::<Exemplar>()
    }
}

/// The native bucket of a duration above 0, as Prometheus' own client finds it: by mantissa and exponent.
#[inline]
fn native_of(duration_ns: u64) -> i32 {
    let seconds = duration_ns as f64 / 1e9;
    let bits = seconds.to_bits();
    // Neither zero nor subnormal: from 1e-9 on.
    let exponent = ((bits >> 52) & 0x7ff) as i32 - 1022;
    let mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1022 << 52));
    let above: i32 = BOUNDS.iter().map(|bound| i32::from(mantissa > *bound)).sum();
    (exponent - 1) * OCTAVE as i32 + above
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Spans = Histogram<2_000_000, 15>;

    proptest! {
        /// Scenario: any duration. Guarantee: it lies in its native bucket, by the bounds that Prometheus computes, and in the first
        /// classic one whose bound is not below it.
        #[test]
        fn within_bounds(duration_ns in prop_oneof![1u64..=u64::MAX, 1u64..20_000_000_000]) {
            let seconds = duration_ns as f64 / 1e9;
            let index = native_of(duration_ns);
            let bound = |index: i32| (f64::from(index) / 8.0).exp2();
            prop_assert!(seconds <= bound(index) * (1.0 + 1e-15));
            prop_assert!(seconds > bound(index - 1) * (1.0 - 1e-15));
            let classic = Spans::classic_of(duration_ns);
            let wanted = (0..14).find(|n| duration_ns <= 2_000_000u64 << n).unwrap_or(14);
            prop_assert_eq!(classic, wanted);
        }

        /// Scenario: any durations in any order. Guarantee: both kinds of buckets hold all of them, ascending, and the sum is exact.
        #[test]
        fn nothing_is_lost(durations in prop::collection::vec(prop_oneof![Just(0u64), any::<u64>(), 1u64..1_000_000], 0..60)) {
            let mut histogram = Spans::default();
            for duration in &durations {
                histogram.count(*duration, 9, || TraceId(1));
            }
            let sum: u128 = durations.iter().map(|d| u128::from(*d)).sum();
            prop_assert_eq!(histogram.sum_ns, sum);
            prop_assert_eq!(histogram.total(), durations.len() as u64);
            let native: Vec<(i32, u64)> = histogram.native().collect();
            prop_assert!(native.is_sorted_by(|one, two| one.0 < two.0));
            let counted: u64 = native.iter().map(|(_, count)| count).sum();
            prop_assert_eq!(counted + histogram.zeros(), durations.len() as u64);
            prop_assert!(histogram.native.len() <= 520);
        }
    }

    /// Scenario: powers of two seconds, which are bounds themselves. Guarantee: each is in the bucket that it bounds.
    #[test]
    fn bounds_are_inclusive() {
        assert_eq!(native_of(1_000_000_000), 0);
        assert_eq!(native_of(1_000_000_001), 1);
        assert_eq!(native_of(2_000_000_000), 8);
        assert_eq!(native_of(500_000_000), -8);
        assert_eq!(Spans::classic_of(2_000_000), 0);
        assert_eq!(Spans::classic_of(2_000_001), 1);
    }

    /// Scenario: two durations in one bucket; then the exemplars are asked for; a third. Guarantee: the first stays until then.
    #[test]
    fn exemplars_are_renewed() {
        let mut histogram = Spans::default();
        let first = |h: &Spans| h.classic().next().and_then(|(_, _, e)| e).map(|e| e.trace.0);
        histogram.count(5, 10, || TraceId(1));
        histogram.count(5, 11, || TraceId(2));
        assert_eq!(first(&histogram), Some(1));
        histogram.renew();
        assert_eq!(first(&histogram), Some(1));
        histogram.count(5, 12, || TraceId(3));
        assert_eq!(first(&histogram), Some(3));
    }
}
