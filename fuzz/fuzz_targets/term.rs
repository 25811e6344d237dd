//! An external term: skipping and reading agree, the text of any bytes keeps its bound. The first byte of the input is
//! the bound, in characters, divided by four.

#![no_main]

use fuzz::{heap, seeds};
use wire::etf::{Term, render, skip_term};

fn terms() -> impl Iterator<Item = Vec<u8>> {
    let terms = seeds::terms().into_iter().enumerate();
    terms.map(|(n, term)| [&[(n * 3) as u8], &term[..]].concat())
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(terms()), |data: &[u8]| {
    let Some((chars, data)) = data.split_first() else {
        return;
    };
    let skipped = heap::within(0, 0, || skip_term(data));
    let read = heap::within(data.len(), 256, || Term::decode(data));
    assert_eq!(skipped == Ok(data.len()), read.is_ok(), "{skipped:?} {read:?}");
    if let Ok(end) = skipped {
        assert!(Term::decode(&data[..end]).is_ok());
    }
    if let Ok(term) = &read {
        let _ = (term.as_i64(), term.as_atom(), term.as_text(), term.get("kind"));
    }
    let chars_max = usize::from(*chars) * 4;
    let text = heap::within(data.len(), 320, || render(data, chars_max));
    assert!(text.chars().count() <= chars_max.max(3));
});
