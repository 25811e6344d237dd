//! Watching real folders.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Batch, Watch, WatchOptions, Why};
use crate::walk::source_files;

const CHILD: &str = "ELIXIRSCOPE_WATCH_CHILD";
const LONG: Duration = Duration::from_secs(30);
/// Longer than any batch waits that nothing is added to.
const SILENCE: Duration = Duration::from_millis(1500);
/// Tries, where the system may tell of a change late.
const TRIES: usize = 10;

/// A project with `lib/a.ex`.
fn project() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("lib")).unwrap();
    fs::write(dir.path().join("lib/a.ex"), "a").unwrap();
    dir
}

/// Watches with so much patience that what a test does at once is one batch, also on a busy machine.
fn watch(dir: &Path) -> Watch {
    let mut options = WatchOptions::default();
    options.limits.quiet = Duration::from_secs(1);
    options.limits.latest = Duration::from_secs(10);
    let watch = Watch::start(dir, &options).unwrap();
    assert_eq!(watch.polling(), None);
    watch
}

fn next(watch: &Watch) -> Batch {
    watch.next(LONG).unwrap().expect("a batch")
}

fn silent(watch: &Watch) {
    assert_eq!(watch.next(SILENCE).unwrap(), None);
}

fn files(names: &[&str]) -> Batch {
    Batch::Files(names.iter().map(|name| (*name).to_owned()).collect())
}

/// What somebody knows of a project who believes the batches.
#[derive(Default)]
struct Mirror(BTreeMap<String, Vec<u8>>);

impl Mirror {
    fn all(root: &Path) -> Self {
        let (files, _) = source_files(root, false).unwrap();
        let read = |path: &Path| fs::read(path).unwrap_or_default();
        Self(
            files
                .into_iter()
                .map(|file| (file.relative, read(&file.path)))
                .collect(),
        )
    }

    fn follow(&mut self, root: &Path, batch: Batch) {
        let files = match batch {
            Batch::Everything(_) => return *self = Self::all(root),
            Batch::Files(files) => files,
        };
        for file in files {
            let path = root.join(&file);
            let is_file = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
            match fs::read(&path) {
                Ok(bytes) if is_file => self.0.insert(file, bytes),
                _ => self.0.remove(&file),
            };
        }
    }

    /// Follows until it is as the project is.
    fn catch_up(&mut self, watch: &Watch, root: &Path) {
        let end = Instant::now() + LONG;
        while self.0 != Self::all(root).0 {
            assert!(
                Instant::now() < end,
                "{:?} is not {:?}",
                self.0,
                Self::all(root).0
            );
            if let Some(batch) = watch.next(Duration::from_millis(50)).unwrap() {
                self.follow(root, batch);
            }
        }
    }
}

/// Scenario: a source is written, written many times, saved as editors do (a temporary file that is renamed), renamed,
/// removed. Guarantee: one batch each, with the sources concerned and nothing else.
#[test]
fn changes_of_files_are_named() {
    let dir = project();
    let root = dir.path();
    let watch = watch(root);
    fs::write(root.join("lib/b.ex"), "1").unwrap();
    assert_eq!(next(&watch), files(&["lib/b.ex"]));
    for text in ["2", "22", "222"] {
        fs::write(root.join("lib/b.ex"), text).unwrap();
        fs::write(root.join("lib/a.ex"), text).unwrap();
    }
    assert_eq!(next(&watch), files(&["lib/a.ex", "lib/b.ex"]));
    fs::write(root.join("lib/.b.ex.tmp"), "3").unwrap();
    fs::write(root.join("lib/4913"), "").unwrap();
    fs::remove_file(root.join("lib/4913")).unwrap();
    fs::rename(root.join("lib/.b.ex.tmp"), root.join("lib/b.ex")).unwrap();
    assert_eq!(next(&watch), files(&["lib/b.ex"]));
    fs::rename(root.join("lib/b.ex"), root.join("lib/c.exs")).unwrap();
    assert_eq!(next(&watch), files(&["lib/b.ex", "lib/c.exs"]));
    fs::remove_file(root.join("lib/a.ex")).unwrap();
    assert_eq!(next(&watch), files(&["lib/a.ex"]));
    silent(&watch);
}

/// Scenario: sources are read; files that do not count are written: in `_build`, `deps`, `.git`, `test`, with other
/// endings. Guarantee: silence.
#[test]
fn what_does_not_count_is_silent() {
    let dir = project();
    let root = dir.path();
    for folder in [
        "_build/lib",
        "deps/x/lib",
        ".git",
        "test",
        "lib/.hidden",
        "lib/node_modules",
    ] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    let watch = watch(root);
    for file in [
        "_build/lib/x.ex",
        "deps/x/lib/y.ex",
        ".git/index",
        "test/t.exs",
        "lib/.hidden/h.ex",
        "mix.exs",
        "lib/a.txt",
    ] {
        fs::write(root.join(file), "x").unwrap();
    }
    fs::create_dir(root.join("priv")).unwrap();
    fs::read(root.join("lib/a.ex")).unwrap();
    assert_eq!(Mirror::all(root).0.len(), 1);
    silent(&watch);
}

/// Scenario: a folder comes with files and folders in it, is moved, replaced by another of its name, and removed; after
/// each, a file deep in it changes. Guarantee: everything is to be looked at, and the later change is named by its new
/// path.
#[test]
fn folders_come_and_go() {
    let dir = project();
    let root = dir.path();
    let outside = tempfile::tempdir_in(root.parent().unwrap()).unwrap();
    let fill = |folder: &Path| {
        fs::create_dir_all(folder.join("deep/deeper")).unwrap();
        fs::write(folder.join("deep/deeper/x.ex"), "x").unwrap();
    };
    let watch = watch(root);
    let folders = Batch::Everything(Why::Folders);
    // On a busy machine the end of what was done to folders may be told in a second batch.
    let edit = |path: &str| {
        let named = (0..TRIES).any(|_| {
            fs::write(root.join(path), "edited").unwrap();
            let told = next(&watch);
            assert!(told == folders || told == files(&[path]), "{told:?}");
            told != folders
        });
        assert!(named, "{path} is not named");
    };

    fill(&root.join("apps/shop/lib"));
    assert_eq!(next(&watch), folders);
    edit("apps/shop/lib/deep/deeper/x.ex");

    fs::rename(root.join("apps/shop/lib/deep"), root.join("lib/moved")).unwrap();
    assert_eq!(next(&watch), folders);
    edit("lib/moved/deeper/x.ex");

    fill(&outside.path().join("new"));
    fs::rename(root.join("lib/moved"), outside.path().join("old")).unwrap();
    fs::rename(outside.path().join("new"), root.join("lib/moved")).unwrap();
    assert_eq!(next(&watch), folders);
    edit("lib/moved/deep/deeper/x.ex");
    fs::write(outside.path().join("old/deeper/x.ex"), "not ours any more").unwrap();
    silent(&watch);

    fs::remove_dir_all(root.join("lib/moved")).unwrap();
    fill(&root.join("lib/moved"));
    assert_eq!(next(&watch), folders);
    edit("lib/moved/deep/deeper/x.ex");

    fs::remove_dir_all(root.join("lib")).unwrap();
    assert_eq!(next(&watch), folders);
    fill(&root.join("lib"));
    assert_eq!(next(&watch), folders);
    edit("lib/deep/deeper/x.ex");
}

/// Scenario: links to a folder above, to itself and to a source; then changes. Guarantee: watching ends nowhere, and changes
/// are named once, by their own path.
#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let dir = project();
    let root = dir.path();
    symlink("..", root.join("lib/up")).unwrap();
    symlink("itself", root.join("lib/itself")).unwrap();
    symlink("a.ex", root.join("lib/link.ex")).unwrap();
    let watch = watch(root);
    fs::write(root.join("lib/a.ex"), "2").unwrap();
    assert_eq!(next(&watch), files(&["lib/a.ex"]));
    fs::remove_file(root.join("lib/a.ex")).unwrap();
    symlink("/dev/null", root.join("lib/a.ex")).unwrap();
    let mut mirror = Mirror(BTreeMap::from([("lib/a.ex".to_owned(), b"2".to_vec())]));
    mirror.catch_up(&watch, root);
    assert!(mirror.0.is_empty());
}

/// Scenario: a git repository with two branches of 300 sources, a project that is a folder in it; another branch is checked out.
/// Guarantee: everything is to be looked at, because of the branch; a commit alone is silent.
#[test]
fn a_branch_switch_is_one_thing() {
    let repository = tempfile::tempdir().unwrap();
    let root = repository.path().join("shop");
    fs::create_dir_all(root.join("lib")).unwrap();
    let git = |args: &[&str]| {
        let done = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@localhost"])
            .args(args)
            .current_dir(repository.path())
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    git(&["init", "-q", "-b", "main"]);
    let write_all = |text: &str| {
        for n in 0..300 {
            fs::write(root.join(format!("lib/m{n}.ex")), format!("{text} {n}")).unwrap();
        }
    };
    write_all("main");
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "1"]);
    git(&["checkout", "-q", "-b", "other"]);
    write_all("other, longer");
    let watch = watch(&root);
    git(&["commit", "-q", "-a", "-m", "2"]);
    silent(&watch);
    let mut mirror = Mirror::all(&root);
    git(&["checkout", "-q", "main"]);
    let mut seen = Vec::new();
    while seen.last() != Some(&Batch::Everything(Why::Branch)) {
        let batch = next(&watch);
        seen.push(batch.clone());
        mirror.follow(&root, batch);
        assert!(seen.len() < 20, "{seen:?}");
    }
    assert_eq!(mirror.0, Mirror::all(&root).0);
    silent(&watch);
}

/// Scenario: 2,000 sources are written while nobody takes batches. Guarantee: what is then taken is little, and leads to
/// everything that is there.
#[test]
fn a_slow_taker_is_told_all() {
    let dir = project();
    let root = dir.path();
    let watch = watch(root);
    let mut mirror = Mirror::all(root);
    for n in 0..2000 {
        fs::write(root.join(format!("lib/m{n}.ex")), "x").unwrap();
    }
    std::thread::sleep(SILENCE);
    let mut batches = 0;
    while let Some(batch) = watch.next(SILENCE).unwrap() {
        mirror.follow(root, batch);
        batches += 1;
    }
    assert_eq!(mirror.0, Mirror::all(root).0);
    assert!(batches <= 4, "{batches}");
}

/// Scenario: a project with more folders than may be watched; another where looking was asked for. Guarantee: it says
/// so, and changes are seen all the same.
#[test]
fn looking_where_watching_cannot_be() {
    let dir = project();
    let root = dir.path();
    fs::create_dir(root.join("lib/more")).unwrap();
    for (folders_max, polling, words) in [(2, false, "more than 2 folders"), (9, true, "asked for")] {
        let options = WatchOptions {
            folders_max,
            polling,
            look_every: Duration::from_millis(20),
            ..WatchOptions::default()
        };
        let watch = Watch::start(root, &options).unwrap();
        let said = watch.polling().unwrap();
        assert!(said.contains(words), "{said}");
        let mut mirror = Mirror::all(root);
        fs::write(root.join("lib/more/new.ex"), words).unwrap();
        fs::write(root.join("lib/a.ex"), words).unwrap();
        mirror.catch_up(&watch, root);
        fs::remove_file(root.join("lib/more/new.ex")).unwrap();
        mirror.catch_up(&watch, root);
        assert_eq!(mirror.0.len(), 1);
    }
}

/// The child of the next test.
#[test]
fn limited_child() {
    let Ok(root) = std::env::var(CHILD) else { return };
    let root = Path::new(&root);
    let options = WatchOptions {
        look_every: Duration::from_millis(20),
        ..WatchOptions::default()
    };
    let watch = Watch::start(root, &options).unwrap();
    let mut mirror = Mirror::all(root);
    for n in 0..8 {
        fs::create_dir(root.join(format!("lib/more{n}"))).unwrap();
        fs::write(root.join(format!("lib/more{n}/x.ex")), "x").unwrap();
    }
    mirror.catch_up(&watch, root);
    fs::write(root.join("lib/more7/x.ex"), "edited").unwrap();
    mirror.catch_up(&watch, root);
    println!("SAID {:?}", watch.polling());
}

/// Scenario: the system allows five watches (in a user namespace of its own), folders are made until they are used up.
/// Guarantee: the setting is named, and changes are seen all the same.
#[cfg(target_os = "linux")]
#[test]
fn the_limit_of_the_system_is_named() {
    let dir = project();
    let script = "echo 5 > /proc/sys/user/max_inotify_watches || exit 77; exec \"$0\" --exact watch::tests::limited_child --nocapture";
    let Ok(child) = Command::new("unshare")
        .args(["--user", "--map-root-user", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
    else {
        println!("not run: no `unshare`");
        return;
    };
    let said = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    if child.status.code() == Some(77) || said.contains("unshare") {
        println!("not run: {said}");
        return;
    }
    assert!(child.status.success(), "{said}");
    assert!(
        said.contains("SAID Some") && said.contains("fs.inotify.max_user_watches"),
        "{said}"
    );
}

/// Scenario: a folder that is not there; a file. Guarantee: refused with its name.
#[test]
fn what_is_no_folder_is_refused() {
    let dir = project();
    for path in ["none", "lib/a.ex"] {
        let path = dir.path().join(path);
        let said = Watch::start(&path, &WatchOptions::default())
            .unwrap_err()
            .to_string();
        assert!(said.contains(&path.display().to_string()), "{said}");
    }
}

/// Scenario: dropped while changes come and nobody takes them. Guarantee: it ends at once.
#[test]
fn dropping_ends_it() {
    let dir = project();
    let watch = watch(dir.path());
    for n in 0..200 {
        fs::write(dir.path().join(format!("lib/m{n}.ex")), "x").unwrap();
    }
    let from = Instant::now();
    drop(watch);
    assert!(from.elapsed() < Duration::from_secs(2), "{:?}", from.elapsed());
}

/// One thing that somebody does to a project. Numbers choose among few names.
#[derive(Clone, Debug)]
enum Deed {
    Write(usize, u8),
    Replace(usize, u8),
    Remove(usize),
    Rename(usize, usize),
    MakeFolder(usize),
    RemoveFolder(usize),
    RenameFolder(usize, usize),
    Pause(u64),
}

const FOLDERS: [&str; 6] = ["lib", "lib/a", "lib/a/b", "lib/c.ex", "apps/x/lib", "apps/x"];

fn deed() -> impl Strategy<Value = Deed> {
    let file = 0..FOLDERS.len() * 2;
    let folder = 0..FOLDERS.len();
    prop_oneof![
        6 => (file.clone(), any::<u8>()).prop_map(|(file, text)| Deed::Write(file, text)),
        2 => (file.clone(), any::<u8>()).prop_map(|(file, text)| Deed::Replace(file, text)),
        2 => file.clone().prop_map(Deed::Remove),
        2 => (file.clone(), file).prop_map(|(from, to)| Deed::Rename(from, to)),
        2 => folder.clone().prop_map(Deed::MakeFolder),
        1 => folder.clone().prop_map(Deed::RemoveFolder),
        2 => (folder.clone(), folder).prop_map(|(from, to)| Deed::RenameFolder(from, to)),
        2 => (0..60u64).prop_map(Deed::Pause),
    ]
}

/// Does it, if it can be done.
fn act(root: &Path, deed: &Deed) {
    let file = |n: usize| root.join(FOLDERS[n / 2]).join(["x.ex", "y.exs"][n % 2]);
    let folder = |n: usize| root.join(FOLDERS[n]);
    let temporary = root.join("lib/temporary~");
    let _ = match deed {
        Deed::Write(to, text) => fs::write(file(*to), [*text]),
        Deed::Replace(to, text) => {
            fs::write(&temporary, [*text]).and_then(|()| fs::rename(&temporary, file(*to)))
        }
        Deed::Remove(of) => fs::remove_file(file(*of)),
        Deed::Rename(from, to) => fs::rename(file(*from), file(*to)),
        Deed::MakeFolder(of) => fs::create_dir_all(folder(*of)),
        Deed::RemoveFolder(of) => fs::remove_dir_all(folder(*of)),
        Deed::RenameFolder(from, to) => fs::rename(folder(*from), folder(*to)),
        Deed::Pause(millis) => {
            std::thread::sleep(Duration::from_millis(*millis));
            Ok(())
        }
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Scenario: anything is done to files and folders, at any pace, by one thread, while another follows the batches.
    /// Guarantee: who believes the batches knows, in the end, exactly what is there.
    #[test]
    fn a_mirror_ends_as_the_project_is(deeds in prop::collection::vec(deed(), 1..60)) {
        let dir = project();
        let root = dir.path().to_owned();
        let watch = Watch::start(&root, &WatchOptions::default()).unwrap();
        let mut mirror = Mirror::all(&root);
        let doing = {
            let root = root.clone();
            std::thread::spawn(move || deeds.iter().for_each(|deed| act(&root, deed)))
        };
        while !doing.is_finished() {
            if let Some(batch) = watch.next(Duration::from_millis(5)).unwrap() {
                mirror.follow(&root, batch);
            }
        }
        doing.join().unwrap();
        mirror.catch_up(&watch, &root);
        while let Some(batch) = watch.next(Duration::from_millis(100)).unwrap() {
            mirror.follow(&root, batch);
        }
        prop_assert_eq!(mirror.0, Mirror::all(&root).0);
    }
}
