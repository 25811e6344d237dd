//! `elixirscope code export --parquet` on this repository's shop: what it says, and what it leaves. No server runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::Result;
use serde_json::Value;

fn export(folder: &Path, more: &[&str]) -> Result<Output> {
    let shop = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../beam/demo");
    let mut command = Command::new(env!("CARGO_BIN_EXE_elixirscope"));
    command.args(["code", "export", "--no-store", "--parquet"]);
    Ok(command.arg(folder).args(more).current_dir(shop).output()?)
}

/// Scenario: the shop is exported, for people and for programs. Guarantee: both name every table with its rows, the files
/// are there and as long as said, and the version is the same.
#[test]
fn tables_are_written_and_counted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let tables = folder.path().join("new/tables");
    let answer = export(&tables, &["--json"])?;
    assert!(
        answer.status.success(),
        "{}",
        String::from_utf8_lossy(&answer.stderr)
    );
    let answer: Value = serde_json::from_slice(&answer.stdout)?;
    let listed = answer["parquet"]["tables"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    assert_eq!(listed.len(), 14);
    for one in &listed {
        let name = one["table"].as_str().unwrap_or_default();
        let bytes = std::fs::metadata(tables.join(format!("{name}.parquet")))?.len();
        assert_eq!(one["bytes"], bytes, "{name}");
    }
    let text = String::from_utf8(export(&tables, &[])?.stdout)?;
    let version = answer["parquet"]["version"].as_str().unwrap_or_default();
    assert!(version.len() == 64 && text.contains(version), "{text}");
    for one in &listed {
        let (name, rows) = (one["table"].as_str().unwrap_or_default(), one["rows"].to_string());
        let row = text
            .lines()
            .find(|line| line.split_whitespace().next() == Some(name));
        let shown = row.and_then(|row| row.split_whitespace().nth(1));
        assert_eq!(shown, Some(rows.as_str()), "{text}");
    }
    Ok(())
}

/// Scenario: the folder's name is a file's. Guarantee: an error that names it, no panic, and the file is as it was.
#[test]
fn a_folder_that_cannot_be_written_is_said() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let taken = folder.path().join("taken");
    std::fs::write(&taken, "text")?;
    let answer = export(&taken, &[])?;
    let said = String::from_utf8_lossy(&answer.stderr).into_owned();
    assert!(!answer.status.success() && !said.contains("panicked"), "{said}");
    assert!(
        said.contains("cannot write into the folder") && said.contains("taken"),
        "{said}"
    );
    assert_eq!(std::fs::read_to_string(&taken)?, "text");
    Ok(())
}
