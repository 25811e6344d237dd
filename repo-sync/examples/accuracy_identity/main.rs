//! How many nids mechanical refactorings keep, and how many planted clones are found, over the Elixir files under the
//! given folders: a line each, then the figures as JSON, a line each. What is measured is what was lost.
//!
//! `cargo run -p repo-sync --example accuracy_identity -- <seed> <folder>...`
#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]
#![expect(clippy::indexing_slicing, reason = "a measurement, not a service")]

mod edit;
mod measure;
mod mutate;
mod plant;
mod restructure;
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
    for kind in Refactoring::ALL {
        let mut count = Count::default();
        for (index, file) in files.iter().enumerate() {
            let seed = seed.wrapping_mul(1_000_003) + index as u64;
            measure::measure(file, kind, seed, &mut lowerer, &mut count);
        }
        println!(
            "{kind:?}: {} of {} nodes of {} files keep their nid; {} not readable after; worst {:?}",
            count.kept, count.nodes, count.files, count.unreadable, count.worst
        );
        figure(
            &format!("nids lost, {kind:?}"),
            1.0 - count.part(),
            1.0 - kind.goal(),
        );
    }
    for (kind, goal) in [
        (CloneType::One, 0.0),
        (CloneType::Two, 0.01),
        (CloneType::Three, 0.1),
    ] {
        let planted = plant::plant(&files, kind, seed, &mut lowerer);
        println!(
            "clones of type {kind:?}: {} of {} found, {} as that type or a stronger; {} of {} pairs right",
            planted.found, planted.count, planted.typed, planted.right, planted.pairs
        );
        println!("  missed {:?}", planted.missed);
        println!("  of a weaker type {:?}", planted.weak);
        println!("  wrong {:?}", planted.wrong);
        let part = |part: u32, of: u32| 1.0 - f64::from(part) / f64::from(of.max(1));
        figure(
            &format!("clones missed, type {kind:?}"),
            part(planted.found, planted.count),
            goal,
        );
        figure(
            &format!("clone pairs wrong, type {kind:?}"),
            part(planted.right, planted.pairs),
            0.1,
        );
    }
    Ok(())
}

fn figure(name: &str, value: f64, goal: f64) {
    let (value, goal) = (100.0 * value, 100.0 * goal);
    println!(r#"{{"name": "{name}", "value": {value:.4}, "unit": "%", "goal": {goal:.1}}}"#);
}
