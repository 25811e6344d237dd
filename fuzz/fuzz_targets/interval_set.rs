//! A set of batch numbers, with bytes behind it.

#![no_main]

use fuzz::{heap, seeds};
use placement::{Interval, IntervalSet, interval_set_decode, interval_set_encode};

fn sets() -> impl Iterator<Item = Vec<u8>> {
    let whole = Interval {
        first: 0,
        last: u64::MAX,
    };
    let sparse = (0..200u64).map(|n| Interval {
        first: n * n,
        last: n * n + n / 2,
    });
    let sets = [
        IntervalSet::new(),
        IntervalSet::from_iter([whole]),
        sparse.collect(),
    ];
    sets.into_iter().map(|set| {
        let mut bytes = Vec::new();
        interval_set_encode(&set, &mut bytes);
        bytes
    })
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(sets()), |data: &[u8]| {
    let Ok((set, rest)) = heap::within(data.len(), 24, || interval_set_decode(data)) else {
        return;
    };
    assert!(data.ends_with(rest));
    let parts: Vec<Interval> = set.iter().collect();
    assert!(parts.iter().all(|part| part.first <= part.last));
    assert!(parts.windows(2).all(|two| two[0].last < two[1].first - 1));
    let mut bytes = Vec::new();
    interval_set_encode(&set, &mut bytes);
    assert!(bytes.len() <= data.len() - rest.len());
    assert_eq!(interval_set_decode(&bytes), Ok((set.clone(), &[][..])));
    // What is absent between the ends, and the set, make everything between the ends.
    if let (Some(first), Some(last)) = (parts.first(), parts.last()) {
        let mut whole = set.clone();
        for gap in set.gaps(first.first, last.last) {
            assert!(whole.insert_range(gap.first, gap.last));
        }
        assert_eq!(whole.parts(), 1);
    }
});
