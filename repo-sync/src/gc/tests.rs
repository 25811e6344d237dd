//! What is led to stays, what is not goes, at whatever point it is interrupted.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use codegraph::identity::ContentId;
use codegraph::local::Places;
use codegraph::records::{Change, Family, Memory, Pairs, Records, RecordsFault};
use codegraph::version::delta::{Stored, patch};
use codegraph::version::{Entry, FileRecord, Folder, Ids, RecordId, VersionRecord};
use codegraph::{ContentHash, SourceHash, VersionId};

use super::{SWEPT, collect};
use crate::project::{LiveProject, ProjectOptions};

type All = BTreeMap<(Family, Vec<u8>), Vec<u8>>;

fn all(records: &dyn Records) -> All {
    let rows = |family| -> Pairs { records.scan(family, None, usize::MAX).unwrap() };
    Family::ALL
        .into_iter()
        .flat_map(|family| {
            rows(family)
                .into_iter()
                .map(move |(key, value)| ((family, key), value))
        })
        .collect()
}

/// Records of a small history, written by hand.
#[derive(Default)]
struct Story(Vec<Change>);

impl Story {
    fn put(&mut self, family: Family, key: &[u8], value: Vec<u8>) {
        self.0.push(Change::Put(family, key.to_vec(), value));
    }

    /// A source with its place and facts; kept as a patch of another text, if one is given.
    fn source(&mut self, text: &str, base: Option<(&str, u8)>) -> SourceHash {
        let hash = SourceHash::of(text.as_bytes());
        let kept = base.map_or_else(
            || text.as_bytes().to_vec(),
            |(base, depth)| {
                let key = SourceHash::of(base.as_bytes()).0;
                patch(text.as_bytes(), base.as_bytes(), &key, depth).unwrap()
            },
        );
        self.put(Family::Source, &hash.0, kept);
        let shape = ContentId(*hash.0.first_chunk().unwrap());
        let places = Places {
            shape,
            ..Places::default()
        };
        self.put(Family::Place, &hash.0, places.encode());
        self.put(Family::Local, &shape.0, b"local".to_vec());
        self.put(Family::Reads, &shape.0, b"reads".to_vec());
        for answers in [[1; 16], [2; 16]] {
            self.put(Family::Link, &[shape.0, answers].concat(), b"link".to_vec());
        }
        hash
    }

    fn folder(&mut self, entries: &[(&str, Entry)]) -> RecordId {
        let mut folder = Folder::default();
        for (name, entry) in entries {
            folder.set(name, Some(*entry));
        }
        let bytes = folder.encode();
        let id = RecordId::of(&bytes);
        self.put(Family::Tree, &id.0, bytes);
        id
    }

    /// A version with `lib/a.ex`, which has this text, and a file of the same text that could not be read since.
    fn version(&mut self, source: SourceHash, parent: Option<VersionId>, commit: u8) -> VersionId {
        let ids = RecordId::of(&source.0);
        self.put(Family::Identities, &ids.0, source.0.to_vec());
        let file = FileRecord {
            source,
            ids: Ids::Read(ids),
        };
        let lib = self.folder(&[("a.ex", Entry::File(file))]);
        let root = self.folder(&[("lib", Entry::Folder(lib))]);
        let version = VersionRecord {
            parent,
            root: Some(root),
            subject: format!("commit {commit}"),
            ..VersionRecord::default()
        };
        let id = VersionId(ContentHash([commit; 32]));
        self.put(Family::Version, &id.0.0, version.encode());
        id
    }

    fn records(self) -> Memory {
        let memory = Memory::default();
        memory.write(self.0).unwrap();
        memory
    }
}

/// A text of some length, nearly the same for all numbers.
fn text(number: u32) -> String {
    let lines = |n: u32| format!("  def f{n}(x), do: x + {n}\n");
    let body: String = (0..40).map(lines).collect();
    format!("defmodule A do\n{body}  def last, do: {number}\nend\n")
}

/// Versions 1 and 2 are led to, 3 (another line, on 2's sources) and 4 (after 3) are not. All texts but the first are
/// patches, 2's of 1's and so on; one more text is led to by nothing, and is the base of nothing.
fn story(head: bool) -> Story {
    let mut story = Story::default();
    let texts: Vec<String> = (0..6).map(text).collect();
    story.source(&texts[0], None);
    let mut sources = vec![];
    for (n, two) in texts.windows(2).enumerate() {
        sources.push(story.source(&two[1], Some((&two[0], n as u8))));
    }
    let one = story.version(sources[0], None, 1);
    let two = story.version(sources[1], Some(one), 2);
    let three = story.version(sources[2], Some(one), 3);
    story.version(sources[3], Some(three), 4);
    story.put(Family::Compiled, b"compiled", b"kept".to_vec());
    if head {
        story.put(Family::Head, b"branch/main", two.0.0.to_vec());
    }
    story
}

/// Scenario: two versions are led to by a branch, two others by nothing. Guarantee: the two stay with their folders, ids,
/// facts and texts, and with the texts that those are patches of; all else is gone and counted; again removes nothing.
#[test]
fn what_is_led_to_stays() {
    let records = story(true).records();
    let before = all(&records);
    let collected = collect(&records).unwrap();
    let after = all(&records);
    assert!(collected.damaged.is_empty());
    assert_eq!(collected.records(), (before.len() - after.len()) as u64);
    let count = |family| after.keys().filter(|(of, _)| *of == family).count();
    let counts = Family::ALL.map(|family| (family.name(), count(family)));
    let expected = [
        // Version 2's text is a patch of 1's, and that of one which no version has.
        ("places", 3),
        ("local facts", 2),
        ("reads", 2),
        ("link facts", 4),
        ("sources", 3),
        ("folders", 4),
        ("identities", 2),
        ("versions", 2),
        ("heads", 1),
        ("compiled modules", 1),
    ];
    assert_eq!(counts, expected);
    for (key, value) in &after {
        assert_eq!(before.get(key), Some(value));
    }
    let kept: u64 = collected.removed.iter().map(|removed| removed.kept).sum();
    assert_eq!(kept as usize, after.len() - 2);
    let bytes = |all: &All| -> usize { all.iter().map(|((_, key), value)| key.len() + value.len()).sum() };
    assert_eq!(collected.bytes() as usize, bytes(&before) - bytes(&after));

    let again = collect(&records).unwrap();
    assert_eq!((again.records(), again.bytes()), (0, 0));
    assert_eq!(all(&records), after);
}

/// Scenario: no head at all. Guarantee: only what is made by builds is left.
#[test]
fn without_heads_nothing_is_led_to() {
    let records = story(false).records();
    collect(&records).unwrap();
    let left = all(&records);
    assert!(left.keys().all(|(family, _)| *family == Family::Compiled));
    assert_eq!(left.len(), 1);
}

/// Records whose writing fails after some writes.
struct Failing<'r>(&'r Memory, AtomicUsize);

impl Records for Failing<'_> {
    fn get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, RecordsFault> {
        self.0.get(family, keys)
    }

    fn write(&self, changes: Vec<Change>) -> Result<(), RecordsFault> {
        let left = self.1.load(Ordering::Relaxed);
        if left == 0 {
            return Err(RecordsFault("interrupted".to_owned()));
        }
        self.1.store(left - 1, Ordering::Relaxed);
        self.0.write(changes)
    }

    fn scan(&self, family: Family, after: Option<&[u8]>, limit: usize) -> Result<Pairs, RecordsFault> {
        self.0.scan(family, after, limit)
    }

    fn is_writable(&self) -> bool {
        true
    }
}

/// Whatever a record leads to, of these kinds, is there.
fn assert_whole(all: &All) {
    let has =
        |family, key: &[u8]| assert!(all.contains_key(&(family, key.to_vec())), "{family:?} is missing");
    for ((family, _), value) in all {
        match family {
            Family::Version => {
                let version = VersionRecord::decode(value).unwrap();
                has(Family::Tree, &version.root.unwrap().0);
            }
            Family::Tree => {
                for (_, entry) in Folder::decode(value).unwrap().entries() {
                    if let Entry::File(file) = entry {
                        has(Family::Source, &file.source.0);
                        has(Family::Identities, &file.readable().unwrap().1.0);
                    }
                }
            }
            Family::Source => {
                if let Stored::Patch(patch) = Stored::of(value) {
                    has(Family::Source, patch.key);
                }
            }
            _ => {}
        }
    }
}

/// Scenario: the sweep is interrupted after each possible number of batches. Guarantee: at no point does a version lack
/// its folder, a folder its files' texts and ids, a patch its base; the next collection ends as one that was not interrupted.
#[test]
fn an_interrupted_sweep_harms_nothing() {
    let whole = story(true).records();
    assert_whole(&all(&whole));
    collect(&whole).unwrap();
    let end = all(&whole);
    assert_whole(&end);
    let mut interrupted = 0;
    for writes in 0.. {
        let records = story(true).records();
        let failing = Failing(&records, AtomicUsize::new(writes));
        let done = collect(&failing).is_ok();
        let now = all(&records);
        assert_whole(&now);
        assert!(end.iter().all(|(key, value)| now.get(key) == Some(value)));
        collect(&records).unwrap();
        assert_eq!(all(&records), end);
        if done {
            break;
        }
        interrupted += 1;
    }
    assert!(interrupted > SWEPT.len(), "{interrupted}");
}

/// Scenario: a folder that a version leads to is damaged. Guarantee: it is named; of versions, folders, ids and texts
/// nothing goes.
#[test]
fn damage_keeps_all_that_it_could_lead_to() {
    let records = story(true).records();
    let before = all(&records);
    let version = before.get(&(Family::Version, vec![2; 32])).unwrap();
    let root = VersionRecord::decode(version).unwrap().root.unwrap();
    let cut = before.get(&(Family::Tree, root.0.to_vec())).unwrap()[..5].to_vec();
    records
        .write(vec![Change::Put(Family::Tree, root.0.to_vec(), cut)])
        .unwrap();
    let collected = collect(&records).unwrap();
    assert_eq!(collected.damaged.len(), 1);
    assert!(
        root.to_string()
            .starts_with(collected.damaged[0].trim_start_matches("folder "))
    );
    let after = all(&records);
    for family in [Family::Version, Family::Tree, Family::Identities, Family::Source] {
        let count = |all: &All| all.keys().filter(|(of, _)| *of == family).count();
        assert_eq!(count(&before), count(&after), "{family:?}");
    }
}

/// Scenario: a real project is read and saved, a file is edited, another removed, saved again; then collected. Guarantee:
/// records of the former texts go, and the project is opened again without making a record anew.
#[test]
fn a_project_loses_its_past_only() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("lib")).unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join("lib").join(name), text).unwrap();
    write("a.ex", "defmodule A do\n  def a(x), do: B.b(x)\nend\n");
    write("b.ex", "defmodule B do\n  def b(x), do: x\nend\n");
    write("c.ex", "defmodule C do\n  def c(x), do: A.a(x)\nend\n");
    let records: Arc<dyn Records> = Arc::new(Memory::default());
    let open = || {
        LiveProject::open(
            dir.path(),
            &ProjectOptions::default(),
            Some(records.clone()),
            &|_, _| {},
        )
        .unwrap()
    };
    let mut live = open();
    live.save().unwrap();
    assert_eq!(collect(&*records).unwrap().records(), 0);
    write("a.ex", "defmodule A do\n  def a(x), do: B.b(x) + 1\nend\n");
    fs::remove_file(dir.path().join("lib/c.ex")).unwrap();
    live.refresh().unwrap();
    live.save().unwrap();
    drop(live);
    let collected = collect(&*records).unwrap();
    // Of the two former files: place, local facts, reads, links.
    assert_eq!(collected.records(), 8);
    let left = all(&*records);
    let live = open();
    live.save().unwrap();
    let kept: All = all(&*records);
    let same = |all: &All| -> Vec<(Family, Vec<u8>)> { all.keys().cloned().collect() };
    assert_eq!(same(&kept), same(&left), "nothing was made again");
    assert_eq!(live.project().modules().len(), 2);
}
