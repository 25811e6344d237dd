//! How many nids refactorings keep, over the Elixir files under the given folders. A line a refactoring.
//!
//! `cargo run -p repo-sync --example identity -- <seed> <folder>...`
#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]
#![expect(clippy::indexing_slicing, reason = "a measurement, not a service")]

mod edit;
mod measure;
mod mutate;
mod source;

use std::path::Path;

use measure::Count;
use mutate::Refactoring;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let seed: u64 = arguments.next().unwrap_or_default().parse().unwrap_or(1);
    let mut lowerer = repo_sync::lower::Lowerer::new()?;
    let mut files = Vec::new();
    for folder in arguments {
        files.extend(source::corpus(Path::new(&folder), &mut lowerer));
    }
    println!("{} files, seed {seed}", files.len());
    for kind in Refactoring::ALL {
        let mut count = Count::default();
        for (index, file) in files.iter().enumerate() {
            measure::measure(
                file,
                kind,
                seed.wrapping_mul(1_000_003) + index as u64,
                &mut lowerer,
                &mut count,
            );
        }
        println!(
            "{kind:?} {} of {} nodes kept in {} files: {:.4} (goal {}); {} unreadable; worst {:?}",
            count.kept,
            count.nodes,
            count.files,
            count.part(),
            kind.goal(),
            count.unreadable,
            count.worst
        );
    }
    Ok(())
}
