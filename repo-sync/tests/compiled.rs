//! A build next to its sources: a small project with everything that macros do, compiled by the test, and this
//! repository's shop. Without Elixir here only what needs no compiler is tested.

#![allow(clippy::unwrap_used, reason = "a broken fixture is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use codegraph::compiled::Detail;
use codegraph::fact::{Confidence, Provenance};
use codegraph::graph::EdgeKind;
use codegraph::records::{Family, Memory, Records as _};
use repo_sync::compiled::{BuildOptions, Compiled, NoBuild, Standing, expanded_text};
use repo_sync::project::{CallSite, CodeProject, Imported, LiveProject, ProjectOptions};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

fn mix(root: &Path, args: &[&str]) -> bool {
    let run = Command::new("mix")
        .args(args)
        .current_dir(root)
        .env("MIX_ENV", "dev")
        .output();
    let Ok(output) = run else { return false };
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    true
}

/// The small project, compiled once; `None` if Elixir does not run here.
fn small() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<tempfile::TempDir>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let root = tempfile::tempdir().unwrap();
        copy(
            &PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default())
                .join("tests/compiled/small"),
            root.path(),
        );
        mix(root.path(), &["compile"]).then_some(root)
    });
    built.as_ref().map(tempfile::TempDir::path)
}

fn read(root: &Path) -> Compiled {
    Compiled::of(root, &BuildOptions::default(), &Memory::default()).unwrap()
}

fn open(root: &Path) -> CodeProject {
    CodeProject::open(root, &ProjectOptions::default(), &|_, _| {}).unwrap()
}

fn imported(root: &Path) -> CodeProject {
    let build = Some(Arc::new(read(root)));
    let live = LiveProject::open_built(root, &ProjectOptions::default(), None, build, &|_, _| {});
    live.unwrap().into_project()
}

fn node(project: &CodeProject, name: &str) -> u32 {
    let asked = project.find(name).unwrap();
    assert_eq!(asked.nodes().len(), 1, "{name}");
    asked.nodes()[0]
}

fn between<'a>(project: &'a CodeProject, from: &str, to: &str) -> &'a [CallSite] {
    project.sites_between(node(project, from), node(project, to))
}

fn standing<'a>(imported: &'a Imported, name: &str) -> &'a Standing {
    let module = imported.modules.iter().find(|module| module.name == name);
    &module.unwrap().standing
}

/// The line of the small project's server that has this text.
fn line(root: &Path, text: &str) -> u32 {
    let source = fs::read_to_string(root.join("lib/server.ex")).unwrap();
    let found = source.lines().position(|line| line.contains(text));
    found.unwrap() as u32 + 1
}

/// Scenario: `use` of an own module, `use GenServer`, a macro that defines an accessor, `defstruct`. Guarantee: each of
/// the functions is in the graph, with the line of the macro's call and the module whose macro it is.
#[test]
fn functions_that_macros_made_stand_at_the_macros_call() {
    let Some(root) = small() else {
        return println!("skipped: elixir does not run here");
    };
    let before = open(root);
    let project = imported(root);
    for (name, text, by) in [
        (
            "Small.Server.made_plain/1",
            "use Small.Maker",
            "Elixir.Small.Maker",
        ),
        ("Small.Server.name/1", "getter(:name)", "Elixir.Small.Maker"),
        ("Small.Server.kept/1", "keeping()", "Elixir.Small.Maker"),
        ("Small.Server.child_spec/1", "use GenServer", "Elixir.GenServer"),
    ] {
        assert!(before.find(name).is_err() || before.place(node(&before, name)).is_none());
        let node = node(&project, name);
        assert_eq!(
            project.place(node),
            Some(("lib/server.ex", line(root, text))),
            "{name}"
        );
        let made = project.function(node).unwrap().made.as_ref().unwrap();
        assert_eq!(made.by.as_deref(), Some(by), "{name}");
    }
    let made = project
        .function(node(&project, "Small.Order.__struct__/1"))
        .unwrap();
    assert!(made.made.is_some() && made.definition.is_none());
}

/// Scenario: a macro wraps an expression, a made function calls a helper, a made function is called. Guarantee: calls
/// that only the compiled module has are edges, certain, of provenance expansion, at the line of the macro's call; a
/// call that the source shows is one site, from the source.
#[test]
fn calls_that_macros_made_are_edges_and_none_is_doubled() {
    let Some(root) = small() else {
        return println!("skipped: elixir does not run here");
    };
    let project = imported(root);
    let [log] = between(&project, "Small.Server.total/1", "Small.Helper.log/1") else {
        panic!("one call");
    };
    assert_eq!(
        (log.kind, log.how, log.line),
        (EdgeKind::CALLS, "expanded", line(root, "logged("))
    );
    assert_eq!(log.mark.provenance(), Provenance::Expansion);
    let [fetch] = between(&project, "Small.Server.name/1", "Small.Helper.fetch/2") else {
        panic!("one call");
    };
    assert_eq!(fetch.line, line(root, "getter(:name)"));
    let [kept] = between(&project, "Small.Server.kept/1", "Small.Helper.twice/1") else {
        panic!("one call");
    };
    assert_eq!(kept.line, line(root, "keeping()"));
    let [price] = between(&project, "Small.Server.total/1", "Small.Price.of/1") else {
        panic!("one call");
    };
    assert_eq!(price.mark.provenance(), Provenance::Source);
    // Compiled to `:maps.merge/2`.
    let [merge] = between(&project, "Small.Server.tricky/1", "Map.merge/2") else {
        panic!("one call");
    };
    assert_eq!(merge.mark.provenance(), Provenance::Source);
    assert!(project.find(":maps.merge/2").is_err());
    // What the source could not know: a function that `use` brought.
    let [made] = between(&project, "Small.Server.tricky/1", "Small.Server.made_plain/1") else {
        panic!("one call");
    };
    assert_eq!(made.mark.confidence(), Confidence::Certain);
    let again: Vec<_> = project
        .sites()
        .iter()
        .map(|site| (site.from, site.to, site.line, site.kind))
        .collect();
    let mut once = again.clone();
    once.dedup();
    assert_eq!(again, once);
}

/// Scenario: no line of an expanded call leaves its function. Guarantee: every site that only the compiled module has
/// lies on a line of its caller's place: of the definition, or of the macro's call.
#[test]
fn expanded_calls_lie_in_their_callers() {
    let Some(root) = small() else {
        return println!("skipped: elixir does not run here");
    };
    let project = imported(root);
    let mut seen = 0;
    for site in project.sites().iter().filter(|site| site.how == "expanded") {
        let function = project.function(site.from).unwrap();
        let lines = match (&function.definition, &function.made) {
            (Some(definition), _) => definition.line..=definition.end_line,
            (None, Some(made)) => made.line..=made.line,
            (None, None) => panic!("{} is nowhere", function.text()),
        };
        assert!(lines.contains(&site.line), "{} {site:?}", function.text());
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

/// Scenario: records are kept; the build is read again. Guarantee: each module of the project has one record, under its
/// version, and the second reading finds the same without making them again.
#[test]
fn records_are_kept_by_module_version() {
    let Some(root) = small() else {
        return println!("skipped: elixir does not run here");
    };
    let records = Memory::default();
    let first = Compiled::of(root, &BuildOptions::default(), &records).unwrap();
    let kept = records.scan(Family::Compiled, None, 100).unwrap();
    assert_eq!(kept.len(), first.modules().len());
    assert!(
        kept.iter()
            .all(|(key, _)| first.modules().iter().any(|module| module.version.0 == key[..]))
    );
    let again = Compiled::of(root, &BuildOptions::default(), &records).unwrap();
    assert_eq!(again.modules(), first.modules());
    assert_eq!(records.scan(Family::Compiled, None, 100).unwrap(), kept);
}

/// Scenario: a copy of the project in which a line was put before a function, one in which a module's file was moved,
/// one of whose modules is cut, one whose modules are stripped. Guarantee: each module says what it is, and only those
/// that match add calls.
#[test]
fn a_build_says_what_its_modules_are() {
    let Some(root) = small() else {
        return println!("skipped: elixir does not run here");
    };
    let copied = tempfile::tempdir().unwrap();
    let copied = copied.path();
    copy(root, copied);
    assert_eq!(
        standing(imported(copied).imported().unwrap(), "Elixir.Small.Server"),
        &Standing::Matches
    );
    let server = copied.join("lib/server.ex");
    let text = fs::read_to_string(&server).unwrap();
    fs::write(&server, text.replace("  def total", "  # moved\n  def total")).unwrap();
    fs::rename(copied.join("lib/helper.ex"), copied.join("lib/moved.ex")).unwrap();
    let ebin = copied.join("_build/dev/lib/small/ebin");
    let order = ebin.join("Elixir.Small.Order.beam");
    let bytes = fs::read(&order).unwrap();
    fs::write(&order, &bytes[..bytes.len() / 2]).unwrap();
    let strip = "{ok, _} = beam_lib:strip_files([\"Elixir.Small.Maker.beam\"]), halt().";
    let erl = Command::new("erl")
        .args(["-noshell", "-eval", strip])
        .current_dir(&ebin)
        .status();
    assert!(erl.unwrap().success());
    let project = imported(copied);
    let said = project.imported().unwrap();
    let Standing::Older { line, what } = standing(said, "Elixir.Small.Server") else {
        panic!("{said:?}");
    };
    assert!(*line > 1 && what.contains("was on line"), "{line} {what}");
    assert_eq!(
        standing(said, "Elixir.Small.Helper"),
        &Standing::OtherSource {
            file: "lib/helper.ex".into()
        }
    );
    assert_eq!(standing(said, "Elixir.Small.Maker"), &Standing::Stripped);
    let [fault] = said.faults.as_slice() else {
        panic!("{said:?}");
    };
    assert!(
        fault.path.ends_with("Elixir.Small.Order.beam") && fault.why.contains("truncated"),
        "{fault}"
    );
    assert!(
        project.find("Small.Server.made_plain/1").is_err() || {
            let node = node(&project, "Small.Server.made_plain/1");
            project.function(node).unwrap().made.is_none()
        }
    );
    let stripped = read(copied);
    let maker = &stripped.module("Elixir.Small.Maker").unwrap().record;
    assert_eq!(maker.detail, Detail::Stripped);
    assert!(
        maker
            .exports
            .iter()
            .any(|export| export.is_macro && export.name == "getter" && export.arity == 1)
    );
}

/// Scenario: the source was edited after the build without moving a line: another function is called. Guarantee: the
/// module is older, and says which line.
#[test]
fn an_edit_within_a_line_is_seen() {
    let Some(root) = small() else {
        return println!("skipped: elixir does not run here");
    };
    let copied = tempfile::tempdir().unwrap();
    copy(root, copied.path());
    let server = copied.path().join("lib/server.ex");
    let text = fs::read_to_string(&server).unwrap();
    assert!(text.contains("Enum.map([1]"));
    fs::write(&server, text.replace("Enum.map([1]", "Enum.any?([1]")).unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_mins(1);
    fs::File::options()
        .write(true)
        .open(&server)
        .unwrap()
        .set_modified(later)
        .unwrap();
    let project = imported(copied.path());
    let said = standing(project.imported().unwrap(), "Elixir.Small.Server");
    let Standing::Older { line: at, what } = said else {
        panic!("{said:?}");
    };
    assert_eq!(*at, line(copied.path(), "Enum.any?"));
    assert!(what.contains("any?"), "{what}");
}

/// Scenario: no build; a build of another project; a folder that is named. Guarantee: it is said what was looked for and
/// what is there; a named environment and a named folder of modules are read.
#[test]
fn a_build_that_is_not_there_is_said() {
    let empty = tempfile::tempdir().unwrap();
    let none = Compiled::of(empty.path(), &BuildOptions::default(), &Memory::default()).unwrap_err();
    assert_eq!(none, NoBuild::None(empty.path().join("_build")));
    assert!(none.to_string().contains("mix compile"), "{none}");
    let Some(root) = small() else {
        return println!("skipped: elixir does not run here");
    };
    fs::write(empty.path().join("mix.exs"), "def project, do: [app: :other]").unwrap();
    let at = |path: PathBuf| BuildOptions {
        path: Some(path),
        threads: 1,
    };
    let folders = [
        "_build",
        "_build/dev",
        "_build/dev/lib",
        "_build/dev/lib/small/ebin",
    ];
    for folder in folders {
        let options = at(root.join(folder));
        let read = Compiled::of(root, &options, &Memory::default()).unwrap();
        assert!(read.module("Elixir.Small.Server").is_some(), "{folder}");
    }
    let project = empty.path().join("_build");
    copy(&root.join("_build"), &project);
    let extra = project.join("dev/lib/more/ebin");
    fs::create_dir_all(&extra).unwrap();
    fs::write(extra.join("more.beam"), b"nothing").unwrap();
    let other = Compiled::of(empty.path(), &BuildOptions::default(), &Memory::default()).unwrap_err();
    let NoBuild::Other { wanted, found, .. } = &other else {
        panic!("{other:?}");
    };
    assert_eq!(
        (wanted.as_slice(), found.as_slice()),
        (
            &["other".to_owned()][..],
            &["more".to_owned(), "small".into()][..]
        )
    );
}

/// Scenario: a spec, a type, a callback of a protocol. Guarantee: the record has them as Elixir writes them.
#[test]
fn specs_and_types_are_read() {
    let Some(root) = small() else {
        return println!("skipped: elixir does not run here");
    };
    let build = read(root);
    let said = |module: &str| -> Vec<String> {
        let specs = &build.module(module).unwrap().record.specs;
        specs
            .iter()
            .map(|spec| format!("@{} {}", spec.kind.name(), spec.text))
            .collect()
    };
    assert_eq!(
        said("Elixir.Small.Helper"),
        [
            "@spec log(any()) :: %{optional(atom()) => [integer(), ...]}",
            "@spec twice(n()) :: n()",
            "@type n() :: integer()",
            "@type shape(a) :: {:ok, a} | (a, String.t() -> nil | 1..3)",
        ]
    );
    assert!(said("Elixir.Small.Price").contains(&"@callback of(t()) :: integer()".to_owned()));
}

/// Scenario: a live project with a build; the server is edited so that lines move, then put back. Guarantee: what macros
/// made goes while the build is older and comes back with the source it was made of.
#[test]
fn a_live_project_keeps_its_build_as_far_as_it_fits() {
    let Some(root) = small() else {
        return println!("skipped: elixir does not run here");
    };
    let copied = tempfile::tempdir().unwrap();
    copy(root, copied.path());
    let build = Some(Arc::new(read(copied.path())));
    let options = ProjectOptions::default();
    let mut live = LiveProject::open_built(copied.path(), &options, None, build, &|_, _| {}).unwrap();
    let has_made = |live: &LiveProject| {
        let functions = live.project().functions();
        functions
            .iter()
            .any(|function| &*function.name == "kept" && function.made.is_some())
    };
    assert!(has_made(&live));
    let server = copied.path().join("lib/server.ex");
    let text = fs::read_to_string(&server).unwrap();
    fs::write(&server, format!("# one line more\n{text}")).unwrap();
    assert_eq!(live.refresh().unwrap().changed, ["lib/server.ex"]);
    assert!(!has_made(&live));
    fs::write(&server, text).unwrap();
    live.refresh().unwrap();
    assert!(has_made(&live));
}

/// Scenario: the small project's build is taken as that of a dependency, by a project that imports its macros and calls
/// its functions. Guarantee: an imported macro and a function lead to the dependency's module, certainly.
#[test]
fn what_a_dependency_exports_is_known() {
    let Some(root) = small() else {
        return println!("skipped: elixir does not run here");
    };
    let user = tempfile::tempdir().unwrap();
    fs::write(user.path().join("mix.exs"), "def project, do: [app: :user]").unwrap();
    fs::create_dir_all(user.path().join("lib")).unwrap();
    let source = "defmodule User do\n  import Small.Maker\n  import Small.Helper\n  def go(x), do: logged(twice(x))\nend\n";
    fs::write(user.path().join("lib/user.ex"), source).unwrap();
    copy(&root.join("_build"), &user.path().join("_build"));
    let ebin = user.path().join("_build/dev/lib/user/ebin");
    fs::create_dir_all(&ebin).unwrap();
    let small = root.join("_build/dev/lib/small/ebin");
    fs::copy(
        small.join("Elixir.Small.Order.beam"),
        ebin.join("Elixir.Other.beam"),
    )
    .unwrap();
    let project = imported(user.path());
    assert_eq!(project.imported().unwrap().libraries, 6);
    let [macro_call] = between(&project, "User.go/1", "Small.Maker.logged/1") else {
        panic!("one call");
    };
    assert_eq!((macro_call.kind, macro_call.how), (EdgeKind::EXPANDS, "imported"));
    let [call] = between(&project, "User.go/1", "Small.Helper.twice/1") else {
        panic!("one call");
    };
    assert_eq!(
        (call.kind, call.mark.confidence()),
        (EdgeKind::CALLS, Confidence::Certain)
    );
    let without = open(user.path());
    // Which of the two imports it comes from is not known then.
    let unsure = between(&without, "User.go/1", "Small.Helper.twice/1");
    assert!(
        unsure
            .iter()
            .all(|site| site.mark.confidence() < Confidence::Certain)
    );
}

/// Scenario: functions after expansion: one with a macro inside, one with blocks, one that a macro made. Guarantee: they
/// are written as Elixir, with modules as in source, and say who made them.
#[test]
fn expanded_definitions_are_written_as_elixir() {
    let Some(root) = small() else {
        return println!("skipped: elixir does not run here");
    };
    let build = read(root);
    let module = build.module("Elixir.Small.Server").unwrap();
    let expanded = repo_sync::compiled::expanded(&module.path).unwrap();
    let text = |name: &str| {
        let function = expanded
            .functions
            .iter()
            .find(|function| function.name == name)
            .unwrap();
        let mut clauses = expanded_text(&expanded, function);
        assert_eq!(clauses.len(), 1);
        clauses.remove(0)
    };
    let total = text("total");
    assert_eq!(
        total.text,
        "def total(order) do\n  result = Small.Price.of(order)\n  Small.Helper.log(result)\n  result\nend\n"
    );
    assert_eq!((total.line, total.made_by), (line(root, "def total"), None));
    assert_eq!(text("name").made_by.as_deref(), Some("Elixir.Small.Maker"));
    let tricky = text("tricky").text;
    assert!(
        tricky.contains("case m do\n") && tricky.contains("&Small.Helper.twice/1"),
        "{tricky}"
    );
    assert!(
        tricky.contains("for i <- ") && !tricky.contains("Elixir."),
        "{tricky}"
    );
}
