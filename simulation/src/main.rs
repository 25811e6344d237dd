//! Runs seeds and prints what they showed, in words and, a JSON object a line, in figures (`cargo xtask sim`).

use std::process::ExitCode;

fn main() -> ExitCode {
    let seed: u64 = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(1);
    let n: u64 = std::env::args().nth(2).and_then(|s| s.parse().ok()).unwrap_or(1);
    for s in seed..seed + n {
        if n == 1 {
            let (o, words) = simulation::run::run_in_words(s, None);
            for w in words { println!("{w}"); }
            println!("{o:?}");
        } else {
            let o = simulation::run(s, None);
            println!("{s} {:?} steps {} time {} batches {} acked {} sealed {} moves {:?} reads {:?}", o.violation, o.steps, o.time/1_000_000, o.batches, o.acked, o.sealed, o.moves, o.reads);
        }
    }
    ExitCode::SUCCESS
}
