//! `cargo xtask verify`: the read-only gate.

use anyhow::Result;

use crate::{machine, run, tidy};

pub fn run() -> Result<()> {
    machine::for_verify()?;
    run::check(&mut run::cargo(&["fmt", "--all", "--check"]))?;
    tidy::run()?;
    for project in ["beam", "beam/demo", "examples/phoenix_shaped/bookshop"] {
        let dir = run::root().join(project);
        let args = ["format", "--check-formatted"];
        run::check(run::command("mix", &args).current_dir(dir).env("MIX_ENV", "test"))?;
    }
    run::check(&mut run::cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    let clients = ["--manifest-path", "clients/Cargo.toml"];
    run::check(run::cargo(&["fmt", "--check"]).args(clients))?;
    run::check(
        run::cargo(&["clippy", "--all-targets"])
            .args(clients)
            .args(["--", "-D", "warnings"]),
    )?;
    // Targets of fuzzing rot unseen otherwise: they are a workspace of their own and compile files of others.
    run::check(&mut run::cargo(&["check", "--manifest-path", "fuzz/Cargo.toml"]))?;
    let mut doc = run::cargo(&[
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
        "--quiet",
    ]);
    run::check(doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    eprintln!("verify: all checks passed");
    Ok(())
}
