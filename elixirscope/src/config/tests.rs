//! Settings of a file beside flags.

use super::*;
use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "es", args_override_self = true)]
struct Args {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, clap::Subcommand)]
enum Sub {
    Run(Run),
    Ask,
}

#[derive(Debug, PartialEq, clap::Args)]
struct Run {
    /// Where.
    #[arg(long)]
    data: PathBuf,
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=9))]
    memory_mib: u64,
    #[arg(long, value_delimiter = ',')]
    join: Vec<String>,
    #[arg(long, requires = "data")]
    quiet: bool,
    #[command(flatten)]
    config: ConfigArg,
}

impl PartialEq for ConfigArg {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// The words that come out for a file of this text, the file's name left out; or the error.
fn words(text: &str, flags: &[&str]) -> Result<Vec<String>, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("es.toml");
    std::fs::write(&file, text).unwrap();
    let mut all: Vec<OsString> = vec!["es".into(), "run".into(), "--config".into(), file.into()];
    all.extend(flags.iter().map(OsString::from));
    let mut command = <Args as clap::CommandFactory>::command();
    command.build();
    let found = with_file(&command, &all).map_err(|e| format!("{e:#}"))?;
    let text = found.words.iter().map(|w| w.to_string_lossy().into_owned());
    let at = found.words.len() - flags.len() - 2;
    let text: Vec<String> = text.collect();
    Ok([&text[2..at], &text[at + 2..]].concat())
}

/// Guarantee: the file's values come first, those that a flag gives again are left out, required ones may stand in the file.
#[test]
fn the_file_fills_in() {
    let text = "data = \"d\"\nmemory-mib = 7\njoin = [\"a\", \"b\"]\nquiet = true\n";
    let all = ["--data=d", "--memory-mib=7", "--join=a", "--join=b", "--quiet"];
    assert_eq!(words(text, &[]).unwrap(), all);
    let mut some = vec!["--data=d", "--memory-mib=7", "--quiet"];
    some.extend(["--join", "c"]);
    assert_eq!(words(text, &["--join", "c"]).unwrap(), some);
    assert_eq!(words("quiet = false", &[]).unwrap(), Vec::<String>::new());
}

/// Guarantee: what a role does not know, or not so, is refused with file, line and what was expected.
#[test]
fn refusals() {
    let refused = |text: &str| words(text, &[]).unwrap_err();
    let error = refused("\n\nmemory-mb = 7");
    assert!(
        error.contains("es.toml:3: `run` has no setting \"memory-mb\"; the nearest is \"memory-mib\""),
        "{error}"
    );
    assert!(refused("quiet = 1").contains("expected true or false"));
    assert!(refused("data = [\"a\"]").contains("expected one value"));
    assert!(refused("config = \"x\"").contains("no setting \"config\""));
    assert!(refused("help = true").contains("no setting \"help\""));
}

/// Guarantee: other commands, and roles without a file, are left as they are.
#[test]
fn without_a_file() {
    let command = <Args as clap::CommandFactory>::command();
    for words in [
        vec!["es", "ask"],
        vec!["es", "run", "--data", "x"],
        vec!["es", "run", "--none"],
        vec!["es"],
    ] {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        assert_eq!(with_file(&command, &words).unwrap().words, words);
    }
}
