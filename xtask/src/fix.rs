//! `cargo xtask fix`: formats Rust and Elixir sources.

use anyhow::Result;

use crate::{machine, run};

pub fn run() -> Result<()> {
    machine::for_verify()?;
    run::check(&mut run::cargo(&["fmt", "--all"]))?;
    for project in ["beam", "beam/demo"] {
        let dir = run::root().join(project);
        run::check(
            run::command("mix", &["format"])
                .current_dir(dir)
                .env("MIX_ENV", "test"),
        )?;
    }
    Ok(())
}
