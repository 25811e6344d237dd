//! A site table.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = wire::site_table::SiteTable::decode(data);
});
