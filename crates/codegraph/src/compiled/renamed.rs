//! Names that Elixir's compiler changes: `Map.merge/2` is `:maps.merge/2` in a compiled module.

use std::collections::HashMap;
use std::sync::LazyLock;

type Function<'a> = (&'a str, &'a str, u8);

const KERNEL: &str = "Elixir.Kernel";

static WRITTEN: LazyLock<HashMap<Function<'static>, Vec<Function<'static>>>> = LazyLock::new(|| {
    let mut written: HashMap<_, Vec<_>> = HashMap::new();
    let lines = include_str!("renamed.txt").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        if let [module, name, arity, to, to_name, to_arity] = words.as_slice()
            && let (Ok(arity), Ok(to_arity)) = (arity.parse(), to_arity.parse())
        {
            let written: &mut Vec<_> = written.entry((*to, *to_name, to_arity)).or_default();
            written.push((*module, *name, arity));
        }
    }
    written
});

/// What a source may have called where a compiled module calls this function: module, name, arguments. Empty where
/// nothing is renamed to it.
#[must_use]
pub fn written<'a>(module: &'a str, name: &'a str, arity: u8) -> &'a [(&'static str, &'static str, u8)] {
    WRITTEN.get(&(module, name, arity)).map_or(&[], Vec::as_slice)
}

/// Whether the function is one of `Kernel`'s, under its own name or under that which it is compiled to: operators,
/// guards. Such calls are no edges of the graph.
#[must_use]
pub fn is_kernel(module: &str, name: &str, arity: u8) -> bool {
    // What only macros of `Kernel` expand to.
    const PRIMITIVES: &[&str] = &[
        "andalso",
        "orelse",
        "error",
        "raise",
        "binary_to_term",
        "get_module_info",
    ];
    module == KERNEL
        || (module == "erlang" && PRIMITIVES.contains(&name))
        || written(module, name, arity)
            .iter()
            .any(|(module, ..)| *module == KERNEL)
}
