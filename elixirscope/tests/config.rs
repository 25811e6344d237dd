//! Settings files, with the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::path::PathBuf;
use std::process::{Command, Output};

fn elixirscope(words: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_elixirscope"));
    command.args(words).envs(env.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Guarantee: `docs/configuration.md` is what the flags say.
#[test]
fn the_reference_is_of_this_build() {
    let page = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default())
        .join("../docs/configuration.md");
    let made = text(&elixirscope(&["config", "reference"], &[]).stdout);
    assert!(
        made.contains("| `memory-mib` | `ELIXIRSCOPE_MEMORY_MIB` | `256` |"),
        "{made}"
    );
    let kept = std::fs::read_to_string(page).unwrap_or_default();
    assert!(
        kept == made,
        "docs/configuration.md is old: elixirscope config reference > docs/configuration.md"
    );
}

/// Scenario: a file, a variable and a default. Guarantee: `config show` says which value holds, and from where.
#[test]
fn where_values_come_from() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("es.toml");
    std::fs::write(
        &file,
        "memory-mib = 512\nzone = \"a\"\njoin = [\"x:1\", \"y:2\"]\nno-agent = true\n",
    )
    .unwrap();
    let words = ["config", "show", "up", file.to_str().unwrap(), "--json"];
    let shown = elixirscope(&words, &[("ELIXIRSCOPE_ZONE", "b")]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let of = |key: &str| {
        let all = shown.as_array().unwrap();
        let one = all.iter().find(|s| s["key"] == key).unwrap();
        format!("{} {}", one["from"].as_str().unwrap(), one["values"])
    };
    assert_eq!(of("memory-mib"), r#"file ["512"]"#);
    assert_eq!(of("zone"), r#"environment ["b"]"#);
    assert_eq!(of("join"), r#"file ["x:1","y:2"]"#);
    assert_eq!(of("no-agent"), r#"file ["true"]"#);
    assert_eq!(of("disk-mib"), r#"default ["0"]"#);
    assert_eq!(of("advertise"), "unset []");
}

/// Scenario: files that cannot be used, given to the roles themselves. Guarantee: the role does not start; file, line, key and what was
/// expected are said.
#[test]
fn what_cannot_be_used() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("es.toml");
    let name = file.to_str().unwrap();
    let cases = [
        (
            "\nmemory_mb = 5",
            vec![":2", "\"memory_mb\"", "nearest is \"memory-mib\""],
        ),
        ("memory-mib = 5", vec![":1", "--memory-mib", "32..=1048576"]),
        ("http = \"nowhere\"", vec![":1", "--http", "nowhere"]),
        ("no-agent = 5", vec![":1", "expected true or false"]),
        ("zone = ", vec!["line 1"]),
        ("[store]\na = 1", vec![":1", "store is a table"]),
    ];
    for (settings, said) in cases {
        std::fs::write(&file, settings).unwrap();
        let data = dir.path().join("data");
        for words in [
            vec!["up", "--config", name, "--data", data.to_str().unwrap()],
            vec!["config", "show", "up", name],
        ] {
            let output = elixirscope(&words, &[]);
            let error = text(&output.stderr);
            assert!(!output.status.success(), "{settings}: {error}");
            assert!(
                said.iter().all(|part| error.contains(part)),
                "{settings}: {error}"
            );
        }
        assert!(!data.exists());
    }
    let missing = elixirscope(&["up"], &[("ELIXIRSCOPE_CONFIG", "/nowhere/es.toml")]);
    assert!(text(&missing.stderr).contains("/nowhere/es.toml"));
}
