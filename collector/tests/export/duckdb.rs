//! DuckDB, as its Python package.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Runs statements, and prints the rows of each as one line of JSON.
const PROGRAM: &str = r#"
import json, sys, duckdb
db = duckdb.connect()
db.execute("SET TimeZone = 'UTC'")
db.execute("SET enable_progress_bar = false")
for sql in json.load(sys.stdin):
    print(json.dumps(db.execute(sql).fetchall(), default=str))
"#;

/// The packages of the tests of exports.
pub(crate) const RELEASES: [&str; 3] = ["duckdb==1.3.2", "moto[server]==5.2.5", "pytz==2025.2"];

/// The rows of some statements.
pub(crate) fn ask(statements: &[String]) -> Vec<Vec<Vec<Value>>> {
    let python = testbed::python("export", &RELEASES).unwrap();
    let mut child = Command::new(python)
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let written = input.write_all(&serde_json::to_vec(statements).unwrap());
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && written.is_ok(), "DuckDB: {said}");
    let lines = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// The rows of a statement that gives one column of JSON texts.
pub(crate) fn objects(statement: &str) -> Vec<Value> {
    let mut rows = ask(&[statement.to_owned()]).remove(0);
    let text = |row: &mut Vec<Value>| serde_json::from_str(row.remove(0).as_str().unwrap()).unwrap();
    rows.iter_mut().map(text).collect()
}
