//! Tests of what the tracer does not see come with `repo-sync`; here is what needs no parser.

use super::Exports;

/// Scenario: names of Elixir's own modules. Guarantee: functions and macros by arity, operators included.
#[test]
fn elixirs_own_exports_are_known() {
    let exports = Exports::new();
    let find =
        |module: &str, name: &str, arity| exports.find(module, name, arity).map(|export| export.is_macro);
    assert_eq!(find("Elixir.Kernel", "+", 2), Some(false));
    assert_eq!(find("Elixir.Kernel", "|>", 2), Some(true));
    assert_eq!(find("Elixir.Kernel", "//", 2), None);
    assert_eq!(find("Elixir.Enum", "map", 2), Some(false));
    assert_eq!(find("Elixir.Enum", "map", 3), None);
    assert_eq!(find("Elixir.Logger", "info", 1), Some(true));
    assert!(!exports.knows("Elixir.Shop"));
}
