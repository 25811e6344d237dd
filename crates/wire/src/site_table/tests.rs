//! Round trips, the example that the BEAM library wrote, hostile input.

use event::ModuleKey;
use proptest::prelude::*;

use super::*;

const EXAMPLE: &[u8] = include_bytes!("../../../../docs/examples/site-table-1.bin");

fn table() -> impl Strategy<Value = SiteTable> {
    let function = (
        ".{0,12}",
        any::<u8>(),
        proptest::sample::select(FunctionKind::ALL),
    )
        .prop_map(|(name, arity, kind)| Function { name, arity, kind });
    let site = (
        proptest::sample::select(SiteKind::ALL),
        any::<(u8, u16, u16, u32, u32)>(),
        ".{0,12}",
    )
        .prop_map(|(kind, (flags, function, clause, line, column), token)| Site {
            kind,
            flags,
            function,
            clause,
            line,
            column,
            token,
        });
    let functions = proptest::collection::vec(function, 1..6);
    let sites = proptest::collection::vec(site, 0..12);
    let head = (
        any::<(u128, [u8; 16], [u8; 32])>(),
        proptest::sample::select(SourceState::ALL),
    );
    (head, any::<[String; 3]>(), functions, sites).prop_map(|(head, texts, functions, mut sites)| {
        let ((version, md5, source), source_state) = head;
        let [module, file, application] = texts;
        for site in &mut sites {
            site.function %= functions.len() as u16;
        }
        let version = ModuleVersion(version);
        SiteTable {
            version,
            md5,
            source,
            source_state,
            module,
            file,
            application,
            functions,
            sites,
        }
    })
}

proptest! {
    /// Scenario: any table, then with a byte changed or cut. Guarantee: it comes back; no panic.
    #[test]
    fn tables_come_back(table in table(), at: prop::sample::Index, value: u8) {
        let mut bytes = table.encode();
        prop_assert_eq!(SiteTable::decode(&bytes).unwrap(), table);
        let at = at.index(bytes.len());
        prop_assert!(SiteTable::decode(&bytes[..at]).is_err());
        bytes[at] = value;
        let _ = SiteTable::decode(&bytes);
    }

    /// Scenario: any bytes. Guarantee: no panic.
    #[test]
    fn any_bytes_are_read_or_refused(mut bytes: Vec<u8>) {
        let _ = SiteTable::decode(&bytes);
        bytes.splice(0..0, *b"ESST\x01\x00");
        let _ = SiteTable::decode(&bytes);
    }
}

/// Scenario: the bytes that the BEAM library wrote. Guarantee: they say what `docs/examples/site-table-1.md` says,
/// and are written the same.
#[test]
fn the_example_is_read_and_written() {
    let table = SiteTable::decode(EXAMPLE).unwrap();
    assert_eq!(table.version.to_string(), "1032547698badcfe0001020304050607");
    assert_eq!(table.version.key(), ModuleKey(36_471_503_805_863_655));
    assert_eq!(table.source_state, SourceState::Build);
    assert_eq!((table.md5[15], table.source[31]), (0xaf, 0x3f));
    let names = (
        table.module.as_str(),
        table.file.as_str(),
        table.application.as_str(),
    );
    assert_eq!(names, ("Elixir.Shop.Stock", "lib/shop/stock.ex", "shop"));
    let larger = Function {
        name: "gr\u{f6}\u{df}er?".into(),
        arity: 1,
        kind: FunctionKind::Defp,
    };
    assert_eq!(table.function(1), Some(&larger));
    let kinds: Vec<_> = table.sites.iter().map(|site| site.kind.code()).collect();
    assert_eq!(kinds, [13, 14, 3, 3, 1, 17]);
    let third = table.site(SiteId(3)).unwrap();
    assert_eq!((third.line, third.column, third.token.as_str()), (14, 31, "->"));
    assert!(table.site(SiteId(4)).unwrap().is_macro_made());
    let last = table.site(SiteId(6)).unwrap();
    assert_eq!(
        (last.clause, last.is_generated(), last.is_macro_made()),
        (NO_CLAUSE, true, true)
    );
    assert_eq!((table.site(SiteId(0)), table.site(SiteId(7))), (None, None));
    assert_eq!(table.encode(), EXAMPLE);
}

/// Scenario: a table that claims 2^32 - 1 sites, and a site in function 9 of 2. Guarantee: refused; nothing large is
/// made.
#[test]
fn tables_that_lie_are_refused() {
    let mut bytes = EXAMPLE.to_vec();
    let sites = bytes.windows(4).position(|w| w == [6, 0, 0, 0]).unwrap();
    bytes[sites..sites + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(SiteTable::decode(&bytes), Err(DecodeError::Read(_))));
    let mut table = SiteTable::decode(EXAMPLE).unwrap();
    table.sites[0].function = 9;
    let error = SiteTable::decode(&table.encode()).unwrap_err();
    assert_eq!(
        error,
        DecodeError::Unknown {
            what: "function index",
            code: 9
        }
    );
}
