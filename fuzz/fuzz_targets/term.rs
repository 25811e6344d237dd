//! An external term: skipping and reading agree.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let skipped = wire::etf::skip_term(data);
    assert_eq!(skipped == Ok(data.len()), wire::etf::Term::decode(data).is_ok());
    let _ = wire::etf::render(data, 200);
});
