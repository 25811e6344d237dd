//! A compiled module's record: any bytes are a record with just these bytes, or are refused; what is read leads nowhere
//! outside of itself.

#![no_main]

use codegraph::compiled::{
    CompiledCall, CompiledClause, CompiledFunction, CompiledModule, CompiledSpec, Detail, Exported, decode,
    encode,
};
use fuzz::{heap, seeds};

fn records() -> impl Iterator<Item = Vec<u8>> {
    let clause = |n: u32| CompiledClause {
        line: n,
        made_by: (n % 2 == 0).then(|| "Elixir.Maker".to_owned()),
        kept: (n % 3 == 0).then(|| ("lib/maker.ex".to_owned(), n)),
    };
    let record = move |size: u32| CompiledModule {
        name: "Elixir.Shop".to_owned(),
        detail: Detail::Withheld("why".to_owned()),
        exports: vec![Exported {
            name: "take".to_owned(),
            arity: 2,
            is_macro: false,
        }],
        functions: (0..size)
            .map(|n| CompiledFunction {
                name: format!("f{n}"),
                clauses: (0..=n).map(clause).collect(),
                ..CompiledFunction::default()
            })
            .collect(),
        calls: (0..size)
            .map(|n| CompiledCall {
                function: n,
                clause: n / 2,
                module: 0,
                name: 1,
                arity: 1,
                line: n,
                column: 0,
                is_captured: n % 2 == 1,
                is_made: n % 3 == 1,
            })
            .collect(),
        names: vec!["maps".to_owned(), "get".to_owned()],
        specs: vec![CompiledSpec::default()],
        ..CompiledModule::default()
    };
    [0, 1, 5].into_iter().map(move |size| encode(&record(size)))
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(records()), |data: &[u8]| {
    let Ok(module) = heap::within(data.len(), 256, || decode(data)) else {
        return;
    };
    assert_eq!(encode(&module), data);
    for call in &module.calls {
        assert!(module.clause_of(call).is_some());
        assert!((call.module as usize) < module.names.len() && (call.name as usize) < module.names.len());
    }
});
