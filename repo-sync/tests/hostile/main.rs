//! What a folder can hold that is no good source: each is said in words, and the rest is indexed. Through both readers,
//! [`repo_sync::index_project`] and [`repo_sync::project::CodeProject`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken fixture is a failed test"
)]

mod nesting;
mod permission;
mod size;
mod special;
mod text;

use std::fs;
use std::path::Path;

use repo_sync::project::{CodeProject, ProjectOptions};
use repo_sync::{IndexOptions, index_project};

/// What both readers find.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    /// Paths of the files that they have.
    paths: Vec<String>,
    /// Faults as shown.
    faults: Vec<String>,
}

fn write(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A folder with one good file, which every test expects to be found.
fn project() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    write(
        root.path(),
        "lib/good.ex",
        "defmodule Good do\n  def f, do: 1\nend\n",
    );
    root
}

fn indexed(root: &Path, each: &mut dyn FnMut()) -> Found {
    let index = index_project(root, &IndexOptions::default(), &mut |_| each()).unwrap();
    Found {
        paths: index
            .manifest
            .files()
            .iter()
            .map(|file| file.path.clone())
            .collect(),
        faults: index.faults.iter().map(ToString::to_string).collect(),
    }
}

fn opened(root: &Path, each: &(dyn Fn() + Sync)) -> Found {
    let options = ProjectOptions {
        threads: 1,
        ..ProjectOptions::default()
    };
    let project = CodeProject::open(root, &options, &|_, _| each()).unwrap();
    assert!(project.functions().iter().any(|one| &*one.name == "f"));
    Found {
        paths: project.files().iter().map(|file| file.path.clone()).collect(),
        faults: project.faults().iter().map(ToString::to_string).collect(),
    }
}

/// Both readers, which must agree; the good file must be there.
#[track_caller]
fn found(root: &Path) -> Found {
    let found = indexed(root, &mut || {});
    assert_eq!(opened(root, &|| {}), found);
    assert!(found.paths.iter().any(|path| path == "lib/good.ex"), "{found:?}");
    found
}
