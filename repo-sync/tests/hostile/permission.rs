//! Files and folders that may not be read. For a superuser nothing is, so this file's test then runs itself again without
//! the capabilities that make it so.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::{found, project, write};

const HERE: &str = "permission::what_may_not_be_read";
/// Set in the run without capabilities.
const AGAIN: &str = "HOSTILE_WITHOUT_CAPABILITIES";

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Scenario: a file, a folder and `mix.exs` without any permission. Guarantee: the file and the folder are said, the
/// rest is read, the project's name is the folder's.
#[test]
fn what_may_not_be_read() {
    let root = project();
    write(
        root.path(),
        "mix.exs",
        "defmodule M do\n  def project, do: [app: :shop]\nend\n",
    );
    write(root.path(), "lib/closed.ex", "defmodule Closed do\nend\n");
    write(root.path(), "lib/folder/inside.ex", "defmodule Inside do\nend\n");
    write(root.path(), "lib/zzz.ex", "defmodule Last do\nend\n");
    let closed = ["mix.exs", "lib/closed.ex", "lib/folder"].map(|path| root.path().join(path));
    for path in &closed {
        allow(path, 0);
    }
    if fs::read(&closed[1]).is_ok() {
        assert!(std::env::var_os(AGAIN).is_none(), "capabilities are still there");
        let capabilities = "-dac_override,-dac_read_search";
        let again = Command::new("setpriv")
            .arg(format!("--bounding-set={capabilities}"))
            .arg(format!("--inh-caps={capabilities}"))
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", HERE, "--nocapture"])
            .env(AGAIN, "1")
            .output()
            .expect("setpriv (of util-linux) is needed to run this test as root");
        let printed = String::from_utf8_lossy(&again.stdout).into_owned();
        assert!(
            again.status.success() && printed.contains("1 passed"),
            "{printed}\n{}",
            String::from_utf8_lossy(&again.stderr)
        );
    } else {
        let found = found(root.path());
        let options = repo_sync::IndexOptions::default();
        let index = repo_sync::index_project(root.path(), &options, &mut |_| {}).unwrap();
        let name = root.path().file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(index.manifest.project(), name);
        assert_eq!(
            found.faults,
            [
                "lib/closed.ex: not readable: Permission denied (os error 13)",
                "lib/folder: not readable: Permission denied (os error 13)",
            ]
        );
        assert_eq!(found.paths, ["lib/good.ex", "lib/zzz.ex"]);
    }
    for path in &closed {
        allow(path, 0o700);
    }
}
