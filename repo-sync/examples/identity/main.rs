//! How many nids refactorings keep, over the Elixir files under the given folders. A line a refactoring.
//!
//! `cargo run -p repo-sync --example identity -- <seed> <folder>...`
#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]
#![expect(clippy::indexing_slicing, reason = "a measurement, not a service")]

mod edit;
mod measure;
mod mutate;
mod plant;
mod source;

use std::path::Path;

use codegraph::clones::CloneType;
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
    let only_clones = std::env::var_os("ONLY_CLONES").is_some();
    for kind in Refactoring::ALL.into_iter().filter(|_| !only_clones) {
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
    for kind in [CloneType::One, CloneType::Two, CloneType::Three] {
        let planted = plant::plant(&files, kind, seed, &mut lowerer);
        println!(
            "clones {kind:?}: {} of {} found, {} as that type; {} of {} pairs right; missed {:#?}; weak {:#?}; wrong {:#?}",
            planted.found,
            planted.planted,
            planted.typed,
            planted.right,
            planted.pairs,
            planted.missed,
            planted.weak,
            planted.wrong
        );
    }
    Ok(())
}
