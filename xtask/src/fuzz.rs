//! `cargo xtask fuzz`: libFuzzer on every decoder of the pure crates (`fuzz/`), with the address sanitizer.
//!
//! Builds into a target folder of its own, because `cargo fuzz` brings its own flags. The corpus stays there and
//! grows from run to run; reproducers of findings are put beside it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{machine, report, run};

/// Greatest input, in bytes.
const INPUT_BYTES_MAX: u32 = 16 << 10;
/// An input that takes longer is a finding, in seconds.
const INPUT_SECONDS_MAX: u32 = 10;

#[derive(clap::Args)]
pub struct Args {
    /// Seconds for each target.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Five seconds for each target.
    #[arg(long, conflicts_with = "seconds")]
    short: bool,
    /// Only this target.
    target: Option<String>,
}

/// What a run of a target came to.
struct Outcome {
    target: String,
    executions: u64,
    seconds: u64,
    edges: u64,
    reproducer: Option<String>,
}

pub fn run(args: &Args) -> Result<()> {
    machine::for_fuzz()?;
    let all = run::output(&mut cargo_fuzz("list"))?;
    let targets: Vec<&str> = all
        .lines()
        .filter(|line| args.target.as_deref().is_none_or(|target| target == *line))
        .collect();
    if targets.is_empty() {
        let asked = args.target.as_deref().unwrap_or_default();
        bail!(
            "no target {asked:?}; there are: {}",
            all.trim().replace('\n', ", ")
        );
    }
    let mut build = cargo_fuzz("build");
    build.arg("--target-dir").arg(target_dir());
    run::check(build.args(&args.target))?;
    println!(
        "{:<20} {:>12} {:>8} {:>12} {:>8}  findings",
        "target", "executions", "seconds", "per second", "edges"
    );
    let mut outcomes = Vec::new();
    for target in targets {
        let outcome = fuzz(target, if args.short { 5 } else { args.seconds })?;
        println!(
            "{:<20} {:>12} {:>8} {:>12} {:>8}  {}",
            outcome.target,
            outcome.executions,
            outcome.seconds,
            outcome.executions / outcome.seconds.max(1),
            outcome.edges,
            outcome.reproducer.as_deref().unwrap_or("none")
        );
        outcomes.push(outcome);
    }
    report::write("fuzz", outcomes.iter().flat_map(figures).collect())?;
    let found: Vec<&str> = outcomes.iter().filter_map(|o| o.reproducer.as_deref()).collect();
    if !found.is_empty() {
        bail!(
            "{} findings; inputs that show them:\n  {}",
            found.len(),
            found.join("\n  ")
        );
    }
    Ok(())
}

/// Runs one target to its time, or to its first finding.
fn fuzz(target: &str, seconds: u32) -> Result<Outcome> {
    let corpus = target_dir().join("corpus").join(target);
    let findings = target_dir().join("findings").join(target);
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&findings)?;
    let mut fuzz = cargo_fuzz("run");
    fuzz.arg("--target-dir").arg(target_dir());
    fuzz.args([Path::new(target), &corpus]).arg("--");
    fuzz.arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .args(["-print_final_stats=1", "-verbosity=1"])
        .env("ELIXIRSCOPE_FUZZ_CORPUS", &corpus)
        .stdin(Stdio::null());
    let started = Instant::now();
    let output = fuzz.output().context("cannot start cargo fuzz")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let reproducer = said
        .lines()
        .find_map(|line| line.split_once("Test unit written to "))
        .map(|(_, path)| path.trim().to_owned());
    if reproducer.is_some() || !output.status.success() {
        let log = findings.join("output.txt");
        fs::write(&log, said.as_bytes())?;
        eprintln!("{}\nall of it is in {}", gist(&said), log.display());
    }
    if reproducer.is_none() && !output.status.success() {
        bail!("{target} did not run: {}", output.status);
    }
    Ok(Outcome {
        target: target.to_owned(),
        executions: statistic(&said, "stat::number_of_executed_units:"),
        seconds: seconds_of(&said).unwrap_or(started.elapsed().as_secs()),
        edges: said
            .lines()
            .filter_map(|line| number_after(line, " cov: "))
            .max()
            .unwrap_or_default(),
        reproducer,
    })
}

/// What was wrong: from the panic or the sanitizer's error to the stack below it; of anything else, the last lines.
fn gist(said: &str) -> String {
    let begins = |line: &&str| line.contains("panicked at") || line.contains("ERROR: ");
    let mut lines = said.lines().skip_while(|line| !begins(line)).peekable();
    if lines.peek().is_some() {
        let below =
            |line: &&str| !line.starts_with("stack backtrace") && !line.trim_start().starts_with("#0 ");
        return lines.take_while(below).take(12).collect::<Vec<_>>().join("\n");
    }
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// The figures of a target: one a column of the table.
fn figures(outcome: &Outcome) -> [Value; 5] {
    let figure = |what: &str, value: u64, unit: &str, goal: Option<u64>| json!({"name": format!("{}: {what}", outcome.target), "value": value, "unit": unit, "goal": goal});
    let findings = u64::from(outcome.reproducer.is_some());
    [
        figure("executions", outcome.executions, "1", None),
        figure("time", outcome.seconds, "s", None),
        figure("rate", outcome.executions / outcome.seconds.max(1), "1/s", None),
        figure("coverage", outcome.edges, "edges", None),
        figure("findings", findings, "1", Some(0)),
    ]
}

/// `Done 1234 runs in 61 second(s)`.
fn seconds_of(said: &str) -> Option<u64> {
    let done = said.lines().rfind(|line| line.starts_with("Done "))?;
    number_after(done, " runs in ")
}

fn statistic(said: &str, name: &str) -> u64 {
    let line = said.lines().rfind(|line| line.starts_with(name));
    line.and_then(|line| number_after(line, name)).unwrap_or_default()
}

fn number_after(line: &str, mark: &str) -> Option<u64> {
    let (_, rest) = line.split_once(mark)?;
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// `cargo fuzz` on the crate `fuzz/`; the sanitizer's flags are not stable, so that the compiler must be told.
fn cargo_fuzz(subcommand: &str) -> Command {
    let mut command = run::cargo(&["fuzz", subcommand, "--fuzz-dir", "fuzz"]);
    command.env("RUSTC_BOOTSTRAP", "1").env_remove("CARGO_TARGET_DIR");
    command
}

/// Beside `CARGO_TARGET_DIR` if that is set, so that builds do not wait for each other; else in `fuzz/`.
fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(
        || run::root().join("fuzz/target"),
        |dir| PathBuf::from(dir).with_file_name("fuzz-target"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: the last lines of a run of libFuzzer. Guarantee: its counts are read.
    #[test]
    fn what_libfuzzer_says_is_read() {
        let said = "#2\tINITED cov: 19 ft: 20 corp: 1/1b exec/s: 0 rss: 40Mb\n\
            #77\tDONE   cov: 512 ft: 900 corp: 30/2Kb lim: 4096 exec/s: 38 rss: 60Mb\n\
            Done 77 runs in 2 second(s)\nstat::number_of_executed_units: 77\n";
        assert_eq!(statistic(said, "stat::number_of_executed_units:"), 77);
        assert_eq!(seconds_of(said), Some(2));
        let edges = said.lines().filter_map(|line| number_after(line, " cov: ")).max();
        assert_eq!(edges, Some(512));
    }
}
