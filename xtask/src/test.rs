//! `cargo xtask test`: all tests, Rust and Elixir.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{examples, faults, image, k8s, machine, metrics, run};

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[derive(clap::Args)]
pub struct Args {
    /// Run only the Rust tests.
    #[arg(long, conflicts_with = "beam")]
    rust: bool,
    /// Run only the Elixir tests.
    #[arg(long)]
    beam: bool,
    /// Run only the short forms of `cargo xtask faults`.
    #[arg(long, conflicts_with_all = ["rust", "beam", "metrics"])]
    faults: bool,
    /// Run only the expressions of dashboards and rules, in a real Prometheus that scrapes a real member.
    #[arg(long, conflicts_with_all = ["rust", "beam"])]
    metrics: bool,
    /// Run only the tests with clients that others wrote (`clients/`): OpenTelemetry's SDK and gRPC.
    #[arg(long, conflicts_with_all = ["rust", "beam", "faults", "metrics"])]
    clients: bool,
    /// Run only the checks of the manifests (`cargo xtask k8s --short`).
    #[arg(long, conflicts_with_all = ["rust", "beam", "faults", "metrics", "clients"])]
    k8s: bool,
    /// Run only the image: its program confined as in a cluster (root only).
    #[arg(long, conflicts_with_all = ["rust", "beam", "faults", "metrics", "clients", "k8s"])]
    image: bool,
    /// Run only the example projects: each is changed as its diff says, released, run and traced.
    #[arg(long, conflicts_with_all = ["rust", "beam", "faults", "metrics", "clients", "k8s", "image"])]
    examples: bool,
    /// Folder of programs that are built already, for `--metrics`, `--clients`, `--k8s`, `--image` and `--examples`.
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
}

/// Runs every suite, also if one before it failed.
pub fn run(args: &Args) -> Result<()> {
    machine::for_tests()?;
    let mut failed = Vec::new();
    let mut suite = |name: &str, outcome: Result<()>| {
        if let Err(error) = outcome {
            failed.push(format!("{name}: {error:#}"));
        }
    };
    let all = ![
        args.rust,
        args.beam,
        args.metrics,
        args.faults,
        args.clients,
        args.k8s,
        args.image,
        args.examples,
    ]
    .contains(&true);
    if all || args.beam {
        suite("beam", beam("beam"));
        suite("beam/demo", beam("beam/demo"));
    }
    if all || args.rust {
        suite("rust", rust());
    }
    if all || args.clients {
        suite("clients", clients(args.programs.as_deref()));
    }
    if all || args.image {
        suite("image", image::test(args.programs.as_deref()));
    }
    if all || args.examples {
        suite("examples", examples::run(args.programs.as_deref()));
    }
    if args.faults {
        suite("faults", faults::short());
    }
    if all || args.metrics {
        suite("metrics", metrics::run(args.programs.as_deref()));
    }
    if all || args.k8s {
        suite("k8s", k8s(args.programs.as_deref()));
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("{}", failed.join("; "))
}

/// The whole workspace at once: a part of it would resolve other features, and RocksDB be built again.
fn rust() -> Result<()> {
    run::check(&mut run::cargo(&[
        "nextest",
        "run",
        "--workspace",
        "--no-fail-fast",
    ]))
}

/// `clients/` is a workspace of its own: it is built for itself, and starts the program that was built here.
fn clients(built: Option<&Path>) -> Result<()> {
    if built.is_none() {
        run::check(&mut run::cargo(&["build", "--workspace", "--bins"]))?;
    }
    let program = built.map_or_else(|| run::target().join("debug"), Path::to_path_buf);
    let manifest = ["--manifest-path", "clients/Cargo.toml"];
    let mut tests = run::cargo(&["nextest", "run", "--no-fail-fast"]);
    run::check(
        tests
            .args(manifest)
            .env("ELIXIRSCOPE_PROGRAM", program.join("elixirscope")),
    )
}

/// The manifests, without checkov: that one takes longer than all the rest, and what it finds changes seldom.
fn k8s(built: Option<&Path>) -> Result<()> {
    if built.is_none() {
        run::check(&mut run::cargo(&["build", "--workspace", "--bins"]))?;
    }
    let program = built.map_or_else(|| run::target().join("debug"), Path::to_path_buf);
    k8s::run(&k8s::Args::short(program.join("elixirscope")))
}

/// ExUnit of one Mix project, built outside the source tree. Some tests race real nodes and sockets for time on a busy
/// machine: what failed runs once more, alone, and is reported as unsteady if it then holds; a second failure counts.
fn beam(project: &str) -> Result<()> {
    let build = run::mix_build(&format!("beam-test/{}", project.replace('/', "-")))?;
    let mix = |args: &[&str]| {
        let mut mix = run::command("mix", args);
        mix.current_dir(run::root().join(project))
            .env("MIX_ENV", "test")
            .env("MIX_BUILD_PATH", &build);
        run::check(&mut mix)
    };
    let Err(first) = mix(&["test"]) else { return Ok(()) };
    mix(&["test", "--failed"]).with_context(|| format!("{first:#}, and again alone"))?;
    eprintln!("unsteady: tests of {project} failed among others and passed alone; see above");
    Ok(())
}
