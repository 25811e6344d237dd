//! Records come back from their bytes; what a compiled module adds to hand-built sources.

use proptest::prelude::*;

use super::*;

#[derive(Default)]
struct Shop {
    functions: Vec<(&'static str, u8, u8, (u32, u32))>,
    sites: Vec<(u32, u32, Site<'static>)>,
}

impl Sources for Shop {
    fn function(&self, module: &str, name: &str, arity: u8) -> Option<KnownFunction> {
        let is = |(known, least, most, _): &(&str, u8, u8, _)| {
            module == "Elixir.Shop" && *known == name && (*least..=*most).contains(&arity)
        };
        let number = self.functions.iter().position(is)?;
        Some(KnownFunction {
            number: number as u32,
            lines: self.functions[number].3,
        })
    }

    fn sites(&self, function: u32, line: u32) -> Vec<Site<'_>> {
        let here = self
            .sites
            .iter()
            .filter(|(of, at, _)| (*of, *at) == (function, line));
        here.map(|(.., site)| *site).collect()
    }
}

fn site(number: u32, module: &'static str, name: &'static str, arity: u8, is_certain: bool) -> Site<'static> {
    Site {
        number,
        module,
        name,
        arities: (arity, arity),
        is_certain,
    }
}

/// A module `Shop` with these functions (name, arity, line, maker) and calls (function, module, name, arity, line).
fn compiled(
    functions: &[(&str, u8, u32, Option<&str>)],
    calls: &[(u32, &str, &str, u8, u32)],
) -> CompiledModule {
    let mut module = CompiledModule {
        name: "Elixir.Shop".into(),
        detail: Detail::Expanded,
        line: 1,
        ..CompiledModule::default()
    };
    for (name, arity, line, made_by) in functions {
        module.functions.push(CompiledFunction {
            name: (*name).into(),
            arity: *arity,
            line: *line,
            clauses: vec![CompiledClause {
                line: *line,
                made_by: made_by.map(Into::into),
                kept: None,
            }],
            ..CompiledFunction::default()
        });
    }
    for (function, target, name, arity, line) in calls {
        let at = module.names.len() as u32;
        module.names.push((*target).into());
        module.names.push((*name).into());
        module.calls.push(CompiledCall {
            function: *function,
            clause: 0,
            module: at,
            name: at + 1,
            arity: *arity,
            line: *line,
            column: 0,
            is_captured: false,
            is_made: false,
        });
    }
    module
}

/// Scenario: `total/1` on lines 3 to 6 calls `Map.fetch!` (compiled to `:maps.get`), an operator, what a macro on line 5
/// made, and a line that is none of its own. Guarantee: what the source shows is not added again, operators never are,
/// the macro's call has its line, and the strange line becomes the clause's.
#[test]
fn only_what_the_source_does_not_show_is_added() {
    let shop = Shop {
        functions: vec![("total", 1, 1, (3, 6))],
        sites: vec![(0, 4, site(9, "Elixir.Map", "fetch!", 2, true))],
    };
    let module = compiled(
        &[("total", 1, 3, None)],
        &[
            (0, "maps", "get", 2, 4),
            (0, "erlang", "+", 2, 4),
            (0, "Elixir.Log", "write", 1, 5),
            (0, "Elixir.Log", "far", 1, 790),
        ],
    );
    let merged = merge(&module, &shop);
    let calls: Vec<_> = merged
        .calls
        .iter()
        .map(|call| (call.line, call.name.as_str()))
        .collect();
    assert_eq!(calls, [(3, "far"), (5, "write")]);
    assert!(merged.functions.is_empty() && merged.replaced.is_empty() && merged.confirmed.is_empty());
}

/// Scenario: a macro on line 8 defines `name/1`, which calls `Helper.fetch/2`; the source has `start/1` with a default,
/// for which the compiler adds `start/0`. Guarantee: `name/1` is added with the macro's line and module, and its call;
/// `start/0` and its call are not.
#[test]
fn what_a_macro_defines_is_added_and_what_a_default_makes_is_not() {
    let shop = Shop {
        functions: vec![("start", 0, 1, (2, 2))],
        sites: Vec::new(),
    };
    let module = compiled(
        &[
            ("name", 1, 8, Some("Elixir.Maker")),
            ("start", 0, 2, None),
            ("start", 1, 2, None),
        ],
        &[
            (0, "Elixir.Helper", "fetch", 2, 8),
            (1, "Elixir.Shop", "start", 1, 2),
        ],
    );
    let merged = merge(&module, &shop);
    let [function] = merged.functions.as_slice() else {
        panic!("{merged:?}");
    };
    assert_eq!(
        (function.name.as_str(), function.arity, function.line),
        ("name", 1, 8)
    );
    assert_eq!(function.made_by.as_deref(), Some("Elixir.Maker"));
    let [call] = merged.calls.as_slice() else {
        panic!("{merged:?}");
    };
    assert_eq!(
        (call.caller.as_str(), call.name.as_str(), call.line),
        ("name", "fetch", 8)
    );
}

/// Scenario: the source cannot say what `made(x)` on line 4 is and takes it for the module's own; nor `other(x)`, which
/// is. Guarantee: the first is answered with what the compiler called, the second is confirmed, neither is doubled.
#[test]
fn what_the_source_leaves_open_is_answered() {
    let shop = Shop {
        functions: vec![("total", 1, 1, (3, 6))],
        sites: vec![
            (0, 4, site(1, "Elixir.Shop", "made", 1, false)),
            (0, 5, site(2, "Elixir.Shop", "other", 1, false)),
        ],
    };
    let module = compiled(
        &[("total", 1, 3, None)],
        &[
            (0, "Elixir.Imported", "made", 1, 4),
            (0, "Elixir.Shop", "other", 1, 5),
        ],
    );
    let merged = merge(&module, &shop);
    assert_eq!(merged.confirmed, [2]);
    let [replaced] = merged.replaced.as_slice() else {
        panic!("{merged:?}");
    };
    assert_eq!((replaced.site, replaced.module.as_str()), (1, "Elixir.Imported"));
    assert!(merged.calls.is_empty());
}

/// Scenario: the table of renamed functions. Guarantee: every row is read, and what `Kernel` renames is `Kernel`'s.
#[test]
fn the_table_of_renamed_functions_is_whole() {
    let rows = include_str!("renamed.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    for row in rows {
        let words: Vec<&str> = row.split(' ').collect();
        let [module, name, arity, to, to_name, to_arity] = words.as_slice() else {
            panic!("{row}");
        };
        let found = written(to, to_name, to_arity.parse().unwrap());
        assert!(found.contains(&(*module, *name, arity.parse().unwrap())), "{row}");
    }
    assert!(is_kernel("erlang", "+", 2) && is_kernel("Elixir.Kernel", "if", 2));
    assert!(!is_kernel("maps", "get", 2) && !is_kernel("erlang", "binary_to_float", 1));
}

fn records() -> impl Strategy<Value = CompiledModule> {
    let clause = (
        any::<u32>(),
        any::<Option<String>>(),
        any::<Option<(String, u32)>>(),
    )
        .prop_map(|(line, made_by, kept)| CompiledClause { line, made_by, kept });
    let function = (
        any::<String>(),
        any::<u8>(),
        0..4usize,
        any::<u32>(),
        prop::collection::vec(clause, 1..4),
    )
        .prop_map(|(name, arity, by, line, clauses)| CompiledFunction {
            name,
            arity,
            defined_by: DefinedBy::ALL[by],
            line,
            clauses,
        });
    let call = (any::<[u8; 4]>(), any::<(u32, u32)>(), any::<(bool, bool)>());
    let spec = (
        0..4usize,
        any::<String>(),
        any::<u8>(),
        any::<u32>(),
        any::<String>(),
    )
        .prop_map(|(kind, name, arity, line, text)| CompiledSpec {
            kind: SpecKind::ALL[kind],
            name,
            arity,
            line,
            text,
        });
    let exports = prop::collection::vec((any::<String>(), any::<u8>(), any::<bool>()), 0..4);
    let whole = (
        any::<(String, [u8; 16], String, String, u32)>(),
        exports,
        prop::collection::vec(function, 1..4),
        prop::collection::vec(call, 0..8),
        prop::collection::vec(any::<String>(), 1..6),
        prop::collection::vec(spec, 0..3),
        any::<Option<String>>(),
    );
    whole.prop_map(|(head, exports, functions, calls, names, specs, withheld)| {
        let calls = calls
            .into_iter()
            .map(|(at, (line, column), (is_captured, is_made))| {
                let function = at[0] as usize % functions.len();
                CompiledCall {
                    function: function as u32,
                    clause: u32::from(at[1]) % functions[function].clauses.len() as u32,
                    module: u32::from(at[2]) % names.len() as u32,
                    name: u32::from(at[3]) % names.len() as u32,
                    arity: at[0],
                    line,
                    column,
                    is_captured,
                    is_made,
                }
            });
        CompiledModule {
            calls: calls.collect(),
            name: head.0,
            md5: head.1,
            detail: withheld.map_or(Detail::Stripped, Detail::Withheld),
            file: head.2,
            relative_file: head.3,
            line: head.4,
            exports: exports
                .into_iter()
                .map(|(name, arity, is_macro)| Exported {
                    name,
                    arity,
                    is_macro,
                })
                .collect(),
            behaviours: names.clone(),
            functions,
            names,
            specs,
        }
    })
}

proptest! {
    /// Scenario: any record. Guarantee: it comes back from its bytes, and no cut of them does.
    #[test]
    fn records_come_back(module in records(), cut in any::<prop::sample::Index>()) {
        let bytes = encode(&module);
        prop_assert_eq!(decode(&bytes).unwrap(), module);
        prop_assert!(decode(&bytes[..cut.index(bytes.len())]).is_err());
    }

    /// Scenario: any bytes, and the bytes of a record with one changed. Guarantee: what is read has the same bytes.
    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        module in records(),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        let mut changed = encode(&module);
        let at = at.index(changed.len());
        changed[at] = to;
        for bytes in [bytes, changed] {
            if let Ok(module) = decode(&bytes) {
                prop_assert_eq!(encode(&module), bytes);
            }
        }
    }
}
