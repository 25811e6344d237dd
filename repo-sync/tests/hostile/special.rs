//! Directory entries that are no plain files, names that are no text, and files that come and go.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use super::{Found, found, indexed, opened, project, write};

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Runs on a thread of its own, so that a hang is a failed test.
fn in_time(root: &Path) -> Found {
    let (sender, receiver) = mpsc::channel();
    let root = root.to_owned();
    std::thread::spawn(move || sender.send(found(&root)));
    match receiver.recv_timeout(Duration::from_mins(1)) {
        Ok(found) => found,
        Err(fault) => panic!("it hangs: {fault}"),
    }
}

/// Scenario: a FIFO and a socket named like sources, a FIFO in place of `mix.exs`, a folder named like a source.
/// Guarantee: nobody waits for a writer; the first two are said, the folder is entered.
#[test]
fn what_is_neither_file_nor_folder() {
    let root = project();
    fifo(&root.path().join("lib/pipe.ex"));
    fifo(&root.path().join("mix.exs"));
    let socket = UnixListener::bind(root.path().join("lib/socket.exs")).unwrap();
    write(
        root.path(),
        "lib/folder.ex/inside.ex",
        "defmodule Inside do\nend\n",
    );
    let found = in_time(root.path());
    drop(socket);
    assert_eq!(
        found.faults,
        [
            "lib/pipe.ex: not readable: neither a file nor a folder",
            "lib/socket.exs: not readable: neither a file nor a folder",
        ]
    );
    assert_eq!(found.paths, ["lib/folder.ex/inside.ex", "lib/good.ex"]);
}

/// Scenario: links that lead up, to themselves, to a file outside, to nothing. Guarantee: none is followed, those that could
/// be sources are said.
#[test]
fn links_that_lead_in_circles() {
    let root = project();
    write(root.path(), "lib/a/b/c.ex", "defmodule C do\nend\n");
    symlink(root.path().join("lib"), root.path().join("lib/a/b/up")).unwrap();
    symlink("self", root.path().join("lib/self")).unwrap();
    symlink("/etc/passwd", root.path().join("lib/passwd.ex")).unwrap();
    symlink("nowhere", root.path().join("lib/nowhere.exs")).unwrap();
    let found = in_time(root.path());
    assert_eq!(
        found.faults,
        [
            "lib/a/b/up: symbolic links are not followed",
            "lib/nowhere.exs: symbolic links are not followed",
            "lib/passwd.ex: symbolic links are not followed",
        ]
    );
    assert_eq!(found.paths, ["lib/a/b/c.ex", "lib/good.ex"]);
}

/// Scenario: a file and a folder whose names are no UTF-8, a name with a line break. Guarantee: said, not read.
#[test]
fn names_that_are_no_text() {
    let root = project();
    let lib = root.path().join("lib");
    fs::write(lib.join(OsStr::from_bytes(b"a\xff.ex")), "x").unwrap();
    fs::create_dir(lib.join(OsStr::from_bytes(b"b\xfe"))).unwrap();
    fs::write(lib.join(OsStr::from_bytes(b"b\xfe/c.ex")), "x").unwrap();
    fs::write(lib.join("d\n.ex"), "x").unwrap();
    let found = found(root.path());
    assert_eq!(
        found.faults,
        [
            "lib/a\u{fffd}.ex: the name is not UTF-8, or has control characters",
            "lib/b\u{fffd}: the name is not UTF-8, or has control characters",
            "lib/d\n.ex: the name is not UTF-8, or has control characters",
        ]
    );
    assert_eq!(found.paths, ["lib/good.ex"]);
}

/// Scenario: a file that is there when the folder is listed and gone, or a FIFO, when it is to be read. Guarantee: said, and
/// the files after it are read.
#[test]
fn files_that_vanish() {
    let files = |root: &Path| {
        for name in ["lib/aaa.ex", "lib/gone.ex", "lib/zzz.ex"] {
            write(root, name, "defmodule A do\nend\n");
        }
    };
    let expected = Found {
        paths: ["lib/aaa.ex", "lib/good.ex", "lib/zzz.ex"]
            .map(str::to_owned)
            .into(),
        faults: vec!["lib/gone.ex: not readable: No such file or directory (os error 2)".to_owned()],
    };
    let root = project();
    files(root.path());
    let gone = root.path().join("lib/gone.ex");
    let vanish = || {
        let _ = fs::remove_file(&gone);
    };
    assert_eq!(indexed(root.path(), &mut || vanish()), expected);
    files(root.path());
    assert_eq!(opened(root.path(), &vanish), expected);
}

/// Scenario: the project's folder is absent, or a file. Guarantee: an error that names it.
#[test]
fn no_project_at_all() {
    let root = project();
    let options = repo_sync::IndexOptions::default();
    for (path, end) in [
        ("absent", "No such file or directory (os error 2)"),
        ("lib/good.ex", "not a directory"),
    ] {
        let path = root.path().join(path);
        let expected = format!("{}: {end}", path.display());
        let fault = repo_sync::index_project(&path, &options, &mut |_| {}).unwrap_err();
        assert_eq!(fault.to_string(), expected);
        let fault = repo_sync::project::CodeProject::open(
            &path,
            &repo_sync::project::ProjectOptions::default(),
            &|_, _| {},
        )
        .unwrap_err();
        assert_eq!(fault.to_string(), expected);
    }
}
