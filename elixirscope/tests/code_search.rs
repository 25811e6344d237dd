//! The search index beside the code store, by the real program: what is kept, who writes it, what removes it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a broken fixture is a failed test"
)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A folder with a project and a store.
struct Fixture {
    dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(fixture.project().join("lib")).unwrap();
        fixture.write("stock.ex", "Shop.Stock", "reserve");
        fixture.write("orders.ex", "Shop.Orders", "place");
        fixture
    }

    fn project(&self) -> PathBuf {
        self.dir.path().join("shop")
    }

    fn write(&self, file: &str, module: &str, function: &str) {
        let text = format!("defmodule {module} do\n  def {function}(goods), do: goods\nend\n");
        fs::write(self.project().join("lib").join(file), text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_elixirscope"));
        command
            .arg("code")
            .args(args)
            .arg("--project")
            .arg(self.project());
        command.arg("--store").arg(self.dir.path().join("store"));
        command.args(["--no-build", "--json"]);
        command
    }

    /// Functions that a search finds, and what it says besides.
    fn found(&self, words: &str) -> (Vec<String>, String) {
        let Output {
            status,
            stdout,
            stderr,
        } = self
            .command(&["search", words, "kind:function"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&stderr).into_owned();
        assert!(status.success(), "{said}");
        let answer: Value = serde_json::from_slice(&stdout).unwrap();
        let hits = answer["hits"].as_array().unwrap().iter();
        let names = hits.map(|hit| hit["name"].as_str().unwrap().to_owned());
        (names.collect(), said)
    }

    /// The folders of the indexes.
    fn indexes(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.dir.path().join("store/search"));
        let entries = entries.into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

fn of(names: &[&str]) -> (Vec<String>, String) {
    let names = names.iter().map(|name| (*name).to_owned());
    (names.collect(), String::new())
}

/// The newest change of any file of the engine.
fn written(index: &Path) -> std::time::SystemTime {
    let entries = fs::read_dir(index.join("index/index")).unwrap();
    let times = entries.map(|entry| entry.unwrap().metadata().unwrap().modified().unwrap());
    times.max().unwrap()
}

/// Scenario: a question twice; a file changes, one goes; the index is from a later program, or of an
/// older one that holds it; the project's folder is gone.
/// Guarantee: the second question writes nothing; what changed is found as it is now; an index that cannot be used is
/// said and the answer is the same; `gc` removes what no project leads to, and nothing else.
#[test]
fn an_index_is_kept_brought_up_to_date_and_removed() {
    let shop = Fixture::new();
    assert_eq!(shop.found("reserve"), of(&["Shop.Stock.reserve/1"]));
    let index = shop.indexes().remove(0);
    let before = written(&index);
    assert_eq!(shop.found("place"), of(&["Shop.Orders.place/1"]));
    assert_eq!(written(&index), before);

    shop.write("stock.ex", "Shop.Stock", "set_aside");
    fs::remove_file(shop.project().join("lib/orders.ex")).unwrap();
    assert_eq!(shop.found("aside"), of(&["Shop.Stock.set_aside/1"]));
    assert_eq!(shop.found("place"), of(&[]));
    assert_eq!(shop.indexes(), std::slice::from_ref(&index));

    let format = index.join("index/format");
    let kept = fs::read(&format).unwrap();
    fs::write(&format, "elixirscope search index 999\n").unwrap();
    let (names, said) = shop.found("aside");
    assert_eq!(names, ["Shop.Stock.set_aside/1"]);
    assert!(said.contains("format 999"), "{said}");
    // An older program holds its own index.
    fs::write(&format, "elixirscope search index 1\n").unwrap();
    let lock = fs::File::options()
        .write(true)
        .open(index.join("index/lock"))
        .unwrap();
    lock.lock().unwrap();
    assert_eq!(shop.found("aside").0, ["Shop.Stock.set_aside/1"]);
    assert!(fs::read_to_string(&format).unwrap().ends_with(" 1\n"));
    drop(lock);
    assert_eq!(shop.found("aside"), of(&["Shop.Stock.set_aside/1"]));
    assert_eq!(fs::read(&format).unwrap(), kept);

    assert!(shop.command(&["gc"]).status().unwrap().success());
    assert_eq!(shop.indexes(), std::slice::from_ref(&index));
    fs::rename(shop.project(), shop.dir.path().join("moved")).unwrap();
    let gone = shop.command(&["gc"]).output().unwrap();
    let said: Value = serde_json::from_slice(&gone.stdout).unwrap();
    assert_eq!(said["search_indexes"].as_array().unwrap().len(), 1, "{said:#}");
    assert!(shop.indexes().is_empty());
}

/// Stops the program that watches, also when the test fails.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Scenario: `watch` holds the store and the index while files are edited, and questions are asked at once. Guarantee: no
/// question is refused, each answers as the files are; after its last change `watch` ends with an index that is complete,
/// so that the next question writes nothing.
#[test]
fn questions_are_answered_while_another_process_writes() {
    let shop = Fixture::new();
    let child = shop
        .command(&["watch", "--changes", "2"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut watch = Watching(child);
    let mut told = BufReader::new(watch.0.stdout.take().unwrap()).lines();
    let ready = told.next().unwrap().unwrap();
    assert!(ready.contains("\"ready\""), "{ready}");
    assert_eq!(shop.found("reserve").0, ["Shop.Stock.reserve/1"]);
    for (name, gone) in [("set_aside", "reserve"), ("put_away", "aside")] {
        shop.write("stock.ex", "Shop.Stock", name);
        let changed = told.next().unwrap().unwrap();
        assert!(changed.contains("\"changed\""), "{changed}");
        assert_eq!(
            shop.found(&name.replace('_', " ")).0,
            [format!("Shop.Stock.{name}/1")]
        );
        assert!(shop.found(gone).0.is_empty());
    }
    assert!(watch.0.wait().unwrap().success());
    let before = written(&shop.indexes().remove(0));
    assert_eq!(shop.found("put away"), of(&["Shop.Stock.put_away/1"]));
    assert_eq!(written(&shop.indexes().remove(0)), before);
}

/// Scenario: the index is taken away below `watch`, files are edited. Guarantee: the fault is said; the next change makes
/// the index anew, with what the fault left out.
#[test]
fn what_could_not_be_written_is_written_at_the_next_change() {
    let shop = Fixture::new();
    assert_eq!(shop.found("reserve"), of(&["Shop.Stock.reserve/1"]));
    let meta = shop.indexes().remove(0).join("index/index/meta.json");
    let before = fs::read(&meta).unwrap();
    let child = shop
        .command(&["watch", "--changes", "3"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut watch = Watching(child);
    let mut told = BufReader::new(watch.0.stdout.take().unwrap()).lines();
    let mut said = BufReader::new(watch.0.stderr.take().unwrap()).lines();
    told.next().unwrap().unwrap();
    shop.write("stock.ex", "Shop.Stock", "lend");
    told.next().unwrap().unwrap();
    while fs::read(&meta).unwrap() == before {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let index = shop.dir.path().join("store/search");
    fs::rename(index, shop.dir.path().join("taken")).unwrap();
    shop.write("stock.ex", "Shop.Stock", "set_aside");
    told.next().unwrap().unwrap();
    let fault = said.find(|line| line.as_ref().unwrap().contains("until the next change"));
    assert!(fault.is_some());
    shop.write("orders.ex", "Shop.Orders", "put_away");
    told.next().unwrap().unwrap();
    assert!(watch.0.wait().unwrap().success());
    let index = shop.indexes().remove(0);
    let before = written(&index);
    assert_eq!(shop.found("aside"), of(&["Shop.Stock.set_aside/1"]));
    assert_eq!(shop.found("put away"), of(&["Shop.Orders.put_away/1"]));
    assert_eq!(written(&index), before);
}
