//! `cargo xtask fix`: formats Rust and Elixir sources, and writes what is made from other files.

use anyhow::Result;

use crate::{k8s, machine, run};

pub fn run() -> Result<()> {
    machine::for_verify()?;
    run::check(&mut run::cargo(&["fmt", "--all"]))?;
    k8s::write_rule()?;
    for project in ["beam", "beam/demo", "examples/phoenix_shaped/bookshop"] {
        let dir = run::root().join(project);
        run::check(
            run::command("mix", &["format"])
                .current_dir(dir)
                .env("MIX_ENV", "test"),
        )?;
    }
    Ok(())
}
