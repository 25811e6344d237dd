//! `cargo xtask`: the commands that build, test, check, measure and show ElixirScope. Depends on nothing of the product.

mod accuracy;
mod bench;
mod compat;
mod dashboards;
mod date;
mod demo;
mod dist;
mod examples;
mod faults;
mod fix;
mod fuzz;
mod image;
mod k8s;
mod k8s_test;
mod machine;
mod metrics;
mod pack;
mod report;
mod run;
mod sim;
mod test;
mod tidy;
mod usage;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build, test, check and show ElixirScope.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing, build, run a three-node BEAM shop under load and show its cross-node traces.
    Demo(demo::Args),
    /// Install what is missing and run all tests, Rust and Elixir.
    Test(test::Args),
    /// Run the Elixir library's tests on OTP 27 / Elixir 1.18 (Debian trixie in a folder; root only).
    Compat,
    /// Measure, print a table and write `target/report/NAME.json`.
    Bench(bench::Args),
    /// Compare the code graph with what Elixir says and write `target/report/accuracy-NAME.json`.
    Accuracy(accuracy::Args),
    /// Kill the collector and the agent under load and run with wrong clocks, many times.
    Faults(faults::Args),
    /// Give the decoders random bytes: a coverage-guided run of each target of `fuzz/`.
    Fuzz(fuzz::Args),
    /// Render the manifests of `k8s/` and check all that can be checked without a cluster.
    K8s(k8s::Args),
    /// Run the rendered manifests in network namespaces, without a cluster: install, load, rolling updates, a comparison (root only).
    K8sTest(k8s_test::Args),
    /// Run the cluster in one thread, seed after seed, with everything breaking, and write `target/report/sim.json`.
    Sim(sim::Args),
    /// Show that the simulation finds each planted mistake, and write `target/report/planted.json`.
    Planted(sim::Args),
    /// Make the image of the program without a container engine: a root file system and an OCI archive.
    Image(image::Args),
    /// Make a release: tarball, Debian package, image, list of what is linked in, symbols, checksums.
    Dist(dist::Args),
    /// Check format, lints, documentation and layering. Writes nothing.
    Verify,
    /// Format sources. The only command that writes to them.
    Fix,
}

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Accuracy(args) => accuracy::run(&args),
        Command::Faults(args) => faults::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::K8s(args) => k8s::run(&args),
        Command::K8sTest(args) => k8s_test::run(&args),
        Command::Sim(args) => sim::run(&args, "sim"),
        Command::Planted(args) => sim::run(&args, "planted"),
        Command::Image(args) => image::run(&args),
        Command::Dist(args) => dist::run(&args),
        Command::Compat => compat::run(),
        Command::Verify => verify::run(),
        Command::Fix => fix::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
