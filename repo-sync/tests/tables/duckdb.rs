//! DuckDB, as its Python package: in an environment of its own below the target folder, made the first time it is needed.
//! Without Python or the package, whoever asks fails with words.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "without DuckDB there is no test"
)]

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The release that is asked.
const RELEASE: &str = "duckdb==1.3.2";

/// Reads statements from its input, one a line as JSON, and prints the rows of each as one line of JSON.
const PROGRAM: &str = r#"
import json, os, sys, duckdb
db = duckdb.connect()
for name in sorted(os.listdir(sys.argv[1])):
    if name.endswith(".parquet"):
        path = os.path.join(sys.argv[1], name)
        db.execute(f"CREATE VIEW \"{name[:-8]}\" AS SELECT * FROM read_parquet('{path}')")
for number, line in enumerate(sys.stdin):
    sql = json.loads(line)
    if sql == "":
        continue
    rows = db.execute(sql).fetchall()
    if number > 0:
        print("\x1e".join("\x1f".join("" if v is None else str(v) for v in row) for row in rows).encode().hex())
"#;

/// The rows of some statements over the tables of a folder, as text; `before` is run first.
pub(crate) fn ask(folder: &Path, before: &str, sql: &[&str]) -> Vec<Vec<Vec<String>>> {
    let mut child = Command::new(python())
        .args(["-c", PROGRAM])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut lines = String::new();
    for statement in std::iter::once(&before).chain(sql) {
        lines.push_str(&json(statement));
        lines.push('\n');
    }
    let mut input = child.stdin.take().expect("its input");
    let written = input.write_all(lines.as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("python ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && written.is_ok(), "DuckDB: {said}");
    let printed = String::from_utf8(output.stdout).expect("hexadecimal digits");
    printed.lines().map(rows).collect()
}

fn rows(hexadecimal: &str) -> Vec<Vec<String>> {
    let byte = |at: usize| u8::from_str_radix(&hexadecimal[at..at + 2], 16).expect("a byte");
    let bytes: Vec<u8> = (0..hexadecimal.len()).step_by(2).map(byte).collect();
    let text = String::from_utf8(bytes).expect("text");
    let rows = text.split('\x1e').filter(|row| !row.is_empty());
    rows.map(|row| row.split('\x1f').map(str::to_owned).collect())
        .collect()
}

/// A text as JSON; of control characters only line ends are met.
fn json(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}

/// The environment's Python, made if it is not there. Tests run at once: one makes it, the others wait.
fn python() -> PathBuf {
    // The target folder has `deps/` and `examples/`, where programs like this one lie.
    let own = std::env::current_exe().expect("this program has a place");
    let target = own.ancestors().nth(2).expect("a target folder").to_owned();
    let folder = target.join("duckdb");
    let (python, done) = (folder.join("bin/python"), folder.join(RELEASE));
    let lock = File::create(target.join("duckdb.lock")).expect("a lock file");
    lock.lock().expect("the lock");
    if !done.is_file() {
        let _ = std::fs::remove_dir_all(&folder);
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        let mut install = Command::new(&python);
        install.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            RELEASE,
        ]);
        run(&mut install);
        File::create(&done).expect("a mark that it is complete");
    }
    python
}

fn run(command: &mut Command) {
    let shown = format!("{command:?}");
    let needs = "the tables are tested with DuckDB's Python package: needs python3 with venv, and PyPI";
    let output = match command.output() {
        Ok(output) => output,
        Err(fault) => panic!("{needs}; {shown}: {fault}"),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{needs}; {shown}: {said}");
}
