//! A module version's site table.

#![no_main]

use event::SiteId;
use fuzz::{heap, seeds};
use wire::site_table::SiteTable;

libfuzzer_sys::fuzz_target!(
    init: seeds::plant([include_bytes!("../../docs/examples/site-table-1.bin").to_vec()]),
    |data: &[u8]| {
        let Ok(table) = heap::within(data.len(), 32, || SiteTable::decode(data)) else {
            return;
        };
        assert_eq!(table.encode(), data);
        for number in 1..=table.sites.len() as u32 {
            let site = table.site(SiteId(number)).expect("a site of the table");
            assert!(table.function(site.function).is_some());
        }
        assert!(table.site(SiteId(0)).is_none());
    }
);
