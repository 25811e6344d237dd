//! Valid encodings as a beginning: each target writes its own when it starts.

use std::path::Path;
use std::{env, fs};

/// Folder of the corpus of the target that runs; set by `cargo xtask fuzz`.
pub const FOLDER: &str = "ELIXIRSCOPE_FUZZ_CORPUS";

/// Writes seeds into the folder that [`FOLDER`] names, if it is set.
pub fn plant(seeds: impl IntoIterator<Item = Vec<u8>>) {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    fs::create_dir_all(folder).expect("the corpus folder can be made");
    for (number, seed) in seeds.into_iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:03}")), seed).expect("a seed can be written");
    }
}

/// Terms that Elixir wrote itself, with their leading 131.
pub fn terms() -> Vec<Vec<u8>> {
    let lines = include_str!("../../crates/wire/src/etf/tests/inspect.txt").lines();
    let hex = lines.filter_map(|line| line.split('\t').next());
    hex.map(|hex| {
        (0..hex.len() / 2)
            .filter_map(|i| u8::from_str_radix(&hex[i * 2..i * 2 + 2], 16).ok())
            .collect()
    })
    .collect()
}
