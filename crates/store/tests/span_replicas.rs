//! Frames of spans have identities: stored once, chosen, compared, copied, before and after sealing and merging.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{Bucket, Epoch, Hlc, Producer, Seq, Shard, Span, SpanId, SpanKind, TraceId};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::path::Path;
use store::{Admission, FrameToStore, HeldSection, Store};
use support::{after, bucket_at, options, put};
use wire::otlp::encode_traces;
use wire::spans::{Cut, Packer, Skim, SpanBuilder};

const SHARDS: NonZeroU16 = NonZeroU16::new(4).unwrap();
const LATE: u64 = 300;

fn open(path: &Path) -> Store {
    let mut options = options();
    options.shards = SHARDS;
    Store::open(path, options).unwrap()
}

fn shard_of(trace: u128) -> Shard {
    placement::shard_of(TraceId(trace), SHARDS)
}

fn span(trace: u128, id: u64) -> Span {
    Span {
        trace: TraceId(trace),
        id: SpanId(id),
        name: format!("operation {}", id % 3),
        start_ns: 1000 * id,
        end_ns: 1000 * id + 7,
        kind: SpanKind::Server,
        ..Span::blank()
    }
}

/// A frame of these spans (trace, id) of the collector `producer`, with the next number of each shard.
fn frame(producer: u128, seqs: &mut BTreeMap<(u128, Shard), u64>, spans: &[(u128, u64)]) -> FrameToStore {
    let spans: Vec<Span> = spans.iter().map(|(trace, id)| span(*trace, *id)).collect();
    let mut builder = SpanBuilder::new(3);
    assert!(
        Skim::new(&encode_traces(&spans))
            .fill(&mut builder, usize::MAX)
            .unwrap()
    );
    let cut = Cut {
        producer: Producer(producer),
        epoch: Epoch(1),
        hlc: Hlc(1),
        bucket: bucket_at(0),
    };
    let seq_of = |shard| {
        let seq = seqs.entry((producer, shard)).or_default();
        *seq += 1;
        Seq(*seq)
    };
    let shard_of = |trace| placement::shard_of(trace, SHARDS);
    let bytes = builder.finish(cut, shard_of, seq_of, &mut Packer::quick());
    FrameToStore::new(bytes.unwrap()).unwrap()
}

fn seal(store: &Store) {
    store.keep_up(after(LATE)).unwrap();
}

/// Which spans of traces 1 to 9 are found.
fn found(store: &Store) -> BTreeSet<(u128, u64)> {
    let of = |trace| store.trace_spans(TraceId(trace)).unwrap();
    let all = (1..10).flat_map(|trace| of(trace).into_iter().map(move |span| (trace, span.id.0)));
    let list: Vec<_> = all.collect();
    let set: BTreeSet<_> = list.iter().copied().collect();
    assert_eq!(list.len(), set.len(), "a span is there twice");
    set
}

/// All batches, as a peer finds them; digests fit.
fn batches(store: &Store) -> Vec<HeldSection> {
    let view = store.synced();
    let mut all = Vec::new();
    for shard in (0..SHARDS.get()).map(Shard) {
        for (bucket, sum) in view.buckets(shard) {
            assert_eq!(store.digests(bucket).unwrap().get(&shard), Some(&sum));
            let mut of_sources = 0u128;
            for (source, digest) in view.sources(shard, bucket).unwrap() {
                of_sources = of_sources.wrapping_add(digest);
                let list = view.list(shard, bucket, source, Seq(0), 1000).unwrap();
                for s in &list {
                    assert!(view.has(source, shard, s.first, bucket).unwrap() && s.bytes > 0);
                }
                all.extend(list);
            }
            assert_eq!(of_sources, sum);
        }
    }
    for s in &mut all {
        s.bytes = 0;
    }
    all.sort_unstable();
    all
}

/// Copies batches; what came.
fn copy(from: &Store, to: &Store, wanted: &[HeldSection]) -> BTreeSet<HeldSection> {
    let mut came = BTreeSet::new();
    for cut in from.synced().frames(wanted).unwrap() {
        let frame = FrameToStore::new(cut.bytes).unwrap();
        assert!(frame.is_spans());
        for (at, asked) in cut.positions.iter().zip(&cut.sections) {
            let section = &frame.digest().sections[usize::from(*at)];
            assert_eq!(
                (section.shard, section.seq, section.content),
                (asked.shard, asked.first, asked.content)
            );
            assert_eq!(
                (frame.digest().producer, frame.digest().bucket),
                (asked.producer, asked.bucket)
            );
        }
        let admissions = put(to, frame.choosing(&cut.positions));
        assert_eq!(admissions.len(), cut.positions.len());
        assert!(!admissions.contains(&Admission::Conflict));
        came.extend(cut.sections);
    }
    came
}

/// Scenario: a frame twice; after sealing; after merging; after a restart; another frame with its numbers. Guarantee: stored once, then a duplicate
/// each time; the other is a conflict and not found.
#[test]
fn a_frame_of_spans_is_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let mut seqs = BTreeMap::new();
    let first = frame(7, &mut seqs, &[(1, 1), (2, 1), (3, 1)]);
    let sections = first.digest().sections.len();
    assert_eq!(put(&store, first.clone()), vec![Admission::Stored; sections]);
    let other = frame(7, &mut BTreeMap::new(), &[(1, 9), (2, 9), (3, 9)]);
    for _ in 0..4 {
        assert_eq!(put(&store, first.clone()), vec![Admission::Duplicate; sections]);
        assert_eq!(put(&store, other.clone()), vec![Admission::Conflict; sections]);
        assert!(!found(&store).iter().any(|(_, id)| *id == 9));
        seal(&store);
        // Parts of the same traces, so that runs are merged.
        let new = 100 + seqs.values().sum::<u64>();
        put(&store, frame(7, &mut seqs, &[(1, new), (2, 2), (3, 3)]));
        seal(&store);
        drop(store);
        store = open(dir.path());
    }
    assert!(store.span_stats().runs < 4, "{:?}", store.span_stats());
}

/// Scenario: one shard of a frame is chosen; restart; sealing; then the others are chosen. Guarantee: the digests know the chosen one alone; after
/// sealing its spans alone are there; the others come as new.
#[test]
fn foreign_spans_go_with_sealing() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let spans: Vec<(u128, u64)> = (1..10).map(|trace| (trace, 1)).collect();
    let whole = frame(7, &mut BTreeMap::new(), &spans);
    let shards: Vec<Shard> = whole.digest().sections.iter().map(|s| s.shard).collect();
    assert!(shards.len() > 2);
    assert_eq!(put(&store, whole.choosing(&[1])), [Admission::Stored]);
    for _ in 0..3 {
        let held = batches(&store);
        assert_eq!((held.len(), held[0].shard), (1, shards[1]));
        drop(store);
        store = open(dir.path());
        seal(&store);
    }
    let of_shard: BTreeSet<_> = spans
        .iter()
        .copied()
        .filter(|(trace, _)| shard_of(*trace) == shards[1])
        .collect();
    assert_eq!(found(&store), of_shard);
    let mut expected = vec![Admission::Stored; shards.len()];
    expected[1] = Admission::Duplicate;
    assert_eq!(put(&store, whole), expected);
    seal(&store);
    assert_eq!(found(&store), spans.iter().copied().collect());
}

/// One step of a story.
#[derive(Clone, Debug)]
enum Step {
    /// A frame of this collector with these spans; which of its sections are chosen, as bits.
    Put(u128, Vec<(u128, u64)>, u8),
    Seal,
    Reopen,
    /// Batches are copied to the other store, so many at a time.
    Copy(usize),
    SealCopy,
}

fn any_step() -> impl Strategy<Value = Step> {
    let spans = prop::collection::vec((1..10u128, 1..6u64), 1..9);
    prop_oneof![
        5 => (7..9u128, spans, 0..16u8).prop_map(|(p, spans, mask)| Step::Put(p, spans, mask)),
        2 => Just(Step::Seal),
        1 => Just(Step::Reopen),
        2 => (1..30usize).prop_map(Step::Copy),
        1 => Just(Step::SealCopy),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Scenario: frames of two collectors, some sections foreign, in any order with sealing, merging, restarts and copying to another store, which
    /// seals at other times. Guarantee: once all is copied, both have the same batches and digests and find the same spans, open, sealed or
    /// merged; nothing that was copied is a conflict; what was sealed can be copied back as duplicates.
    #[test]
    fn copies_of_spans_are_the_same(steps in prop::collection::vec(any_step(), 1..16)) {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (mut one, other) = (open(a.path()), open(b.path()));
        let mut seqs = BTreeMap::new();
        let mut held = BTreeSet::new();
        for step in steps.into_iter().chain([Step::Copy(7)]) {
            match step {
                Step::Put(producer, spans, mask) => {
                    let frame = frame(producer, &mut seqs, &spans);
                    let n = frame.digest().sections.len() as u16;
                    let chosen: Vec<u16> = (0..n).filter(|at| mask == 0 || mask & 1 << at != 0).collect();
                    let shards: Vec<Shard> = chosen.iter().map(|at| frame.digest().sections[usize::from(*at)].shard).collect();
                    held.extend(spans.into_iter().filter(|(trace, _)| shards.contains(&shard_of(*trace))));
                    put(&one, frame.choosing(&chosen));
                }
                Step::Seal => seal(&one),
                Step::Reopen => {
                    let before = batches(&one);
                    drop(one);
                    one = open(a.path());
                    prop_assert_eq!(batches(&one), before);
                }
                Step::Copy(at_once) => {
                    let all = batches(&one);
                    let mut came = BTreeSet::new();
                    for wanted in all.chunks(at_once) {
                        came.extend(copy(&one, &other, wanted));
                    }
                    prop_assert_eq!(came.into_iter().collect::<Vec<_>>(), all);
                }
                Step::SealCopy => seal(&other),
            }
        }
        prop_assert_eq!(batches(&one), batches(&other));
        seal(&one);
        prop_assert_eq!(batches(&one), batches(&other));
        prop_assert_eq!(found(&one), held.clone());
        seal(&other);
        prop_assert_eq!(batches(&one), batches(&other));
        prop_assert_eq!(found(&other), held.clone());
        for cut in other.synced().frames(&batches(&other)).unwrap() {
            let admissions = put(&one, FrameToStore::new(cut.bytes).unwrap().choosing(&cut.positions));
            prop_assert!(admissions.iter().all(|a| *a == Admission::Duplicate));
        }
        drop(other);
        let other = open(b.path());
        prop_assert_eq!(batches(&one), batches(&other));
        prop_assert_eq!(found(&other), held);
    }
}

/// Scenario: batches that are not held are asked for with one that is; a bucket that is not there. Guarantee: what is there comes.
#[test]
fn spans_that_are_not_held_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, frame(7, &mut BTreeMap::new(), &[(1, 1)]));
    for _ in 0..2 {
        let held = batches(&store)[0];
        let others = [
            HeldSection {
                first: Seq(2),
                last: Seq(2),
                ..held
            },
            HeldSection {
                producer: Producer(8),
                ..held
            },
            HeldSection {
                bucket: Bucket(1),
                ..held
            },
        ];
        assert!(store.synced().frames(&others).unwrap().is_empty());
        let cut = store.synced().frames(&[others[0], held, others[1]]).unwrap();
        assert_eq!((cut.len(), &cut[0].sections), (1, &vec![held]));
        seal(&store);
    }
}

/// Scenario: frames of spans that format 2 stored, of which it kept no account of batches; the store is opened. Guarantee: their batches are held, in
/// digests and lists, and duplicates when they come again; sealed, they stay so.
#[test]
fn open_frames_of_format_2_are_accounted_for() {
    use rocksdb::{ColumnFamilyDescriptor, DB, IteratorMode, Options};
    let dir = tempfile::tempdir().unwrap();
    let sent = frame(7, &mut BTreeMap::new(), &[(1, 1), (2, 1), (3, 1)]);
    let before = {
        let store = open(dir.path());
        put(&store, sent.clone());
        batches(&store)
    };
    {
        let families = DB::list_cf(&Options::default(), dir.path()).unwrap();
        let families = families
            .iter()
            .map(|f| ColumnFamilyDescriptor::new(f, Options::default()));
        let db = DB::open_cf_descriptors(&Options::default(), dir.path(), families).unwrap();
        let producers = db.cf_handle("producers").unwrap();
        for item in db.iterator_cf(producers, IteratorMode::Start) {
            db.delete_cf(producers, item.unwrap().0).unwrap();
        }
        db.put_cf(db.cf_handle("meta").unwrap(), b"format", 2u32.to_be_bytes())
            .unwrap();
    }
    for _ in 0..2 {
        let store = open(dir.path());
        assert_eq!(batches(&store), before);
        let again = put(&store, sent.clone());
        assert!(again.iter().all(|a| *a == Admission::Duplicate), "{again:?}");
        seal(&store);
        assert_eq!(batches(&store), before);
    }
}

/// Scenario: sealed runs of spans that format 2 stored, without an account of their batches; the store is opened, twice, and merges; then two
/// others, which are empty, compare themselves with it, and a third with the second. Guarantee: the runs have batches, the same each time;
/// all four hold all spans and have the same digests.
#[test]
fn runs_of_format_2_are_copied() {
    use rocksdb::{ColumnFamilyDescriptor, DB, IteratorMode, Options};
    let dir = tempfile::tempdir().unwrap();
    let mut seqs = BTreeMap::new();
    let spans = {
        let store = open(dir.path());
        put(&store, frame(7, &mut seqs, &[(1, 1), (2, 1), (3, 1), (4, 1)]));
        seal(&store);
        put(&store, frame(7, &mut seqs, &[(5, 1), (6, 1), (1, 2)]));
        seal(&store);
        found(&store)
    };
    assert_eq!(spans.len(), 7);
    {
        let families = DB::list_cf(&Options::default(), dir.path()).unwrap();
        let families = families
            .iter()
            .map(|f| ColumnFamilyDescriptor::new(f, Options::default()));
        let db = DB::open_cf_descriptors(&Options::default(), dir.path(), families).unwrap();
        for family in ["producers", "span_batches"] {
            let family = db.cf_handle(family).unwrap();
            for item in db.iterator_cf(family, IteratorMode::Start) {
                db.delete_cf(family, item.unwrap().0).unwrap();
            }
        }
        db.put_cf(db.cf_handle("meta").unwrap(), b"format", 2u32.to_be_bytes())
            .unwrap();
    }
    let named = batches(&open(dir.path()));
    assert!(!named.is_empty());
    assert_eq!(named.len() % usize::from(SHARDS.get()), 0);
    let first = open(dir.path());
    assert_eq!(batches(&first), named);
    assert_eq!(found(&first), spans);
    put(&first, frame(7, &mut seqs, &[(1, 3), (2, 2)]));
    seal(&first);
    let all = batches(&first);
    assert!(named.iter().all(|s| all.contains(s)));
    let others: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let stores: Vec<Store> = others.iter().map(|dir| open(dir.path())).collect();
    for (from, to) in [
        (&first, &stores[0]),
        (&first, &stores[1]),
        (&stores[1], &stores[2]),
    ] {
        for shard in (0..SHARDS.get()).map(Shard) {
            let wanted: Vec<HeldSection> = batches(from).into_iter().filter(|s| s.shard == shard).collect();
            let came = copy(from, to, &wanted);
            assert_eq!(came, wanted.into_iter().collect());
        }
        seal(to);
        assert_eq!(found(to), found(&first));
        assert_eq!(batches(to), all);
        assert_eq!(
            to.digests(bucket_at(0)).unwrap(),
            first.digests(bucket_at(0)).unwrap()
        );
    }
}

/// Copies page by page with what happens between two pages; how many pages with spans, and what came.
fn copy_pages(
    from: &Store,
    to: &Store,
    wanted: &[HeldSection],
    mut between: impl FnMut(usize),
) -> (usize, BTreeSet<HeldSection>) {
    let (mut at, mut pages, mut came) = (0, 0, BTreeSet::new());
    loop {
        let page = from.synced().span_page(wanted, at).unwrap();
        for cut in page.frames {
            let frame = FrameToStore::new(cut.bytes).unwrap();
            assert_eq!(frame.is_part(), page.next != 0);
            assert_eq!(frame.digest().sections.len(), cut.sections.len());
            pages += usize::from(frame.is_part());
            assert!(put(to, frame).iter().all(|a| *a == Admission::Stored));
            came.extend(cut.sections);
        }
        if page.next == 0 {
            return (pages, came);
        }
        assert!(page.next > at);
        assert!(came.is_empty());
        at = page.next;
        between(pages);
    }
}

/// Scenario: a shard of a bucket with a trace of 4,000 spans and many small ones, of two sources, in several runs, too large for a page of 8 KiB;
/// it is copied page by page to a store that seals after every third page, and while it is, other batches come, and the source seals
/// and merges. Guarantee: it does not come in one answer; page by page all spans come; the batches are there when the last page is, not
/// before; a second time nothing is missing, and both have the same digests.
#[test]
fn a_bucket_of_any_size_is_copied_page_by_page() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (source, target) = (open(one.path()), open(other.path()));
    let mut seqs = BTreeMap::new();
    let shard = shard_of(1);
    let small: Vec<u128> = (2..4_000).filter(|trace| shard_of(*trace) == shard).collect();
    for (n, traces) in small.chunks(100).enumerate() {
        let n = n as u64;
        let large = (n * 400..(n + 1) * 400).map(|id| (1, id + 1));
        let spans: Vec<(u128, u64)> = large.chain(traces.iter().map(|trace| (*trace, 1))).collect();
        put(&source, frame(u128::from(7 + n % 2), &mut seqs, &spans));
        if n.is_multiple_of(3) {
            seal(&source);
        }
    }
    let late = frame(7, &mut seqs, &[(1, 1_000_000)]);
    put(&source, frame(8, &mut seqs, &[(1, 2_000_000)]));
    source.limit_pages(8 << 10);
    let wanted: Vec<HeldSection> = batches(&source)
        .into_iter()
        .filter(|s| s.shard == shard)
        .collect();
    seal(&source);
    assert!(source.synced().frames(&wanted).unwrap().is_empty());
    let mut late = Some(late);
    let (pages, came) = copy_pages(&source, &target, &wanted, |page| {
        assert!(
            batches(&target).is_empty(),
            "nothing is held before the last page"
        );
        if page == 2 {
            put(&source, late.take().unwrap());
            seal(&source);
        }
        if page % 3 == 0 {
            seal(&target);
        }
    });
    assert!(pages >= 8, "{pages} pages");
    assert_eq!(came, wanted.iter().copied().collect());
    let mut all: Vec<u128> = small;
    all.push(1);
    let spans = |store: &Store| -> BTreeMap<u128, BTreeSet<u64>> {
        let of = |trace: &u128| {
            let spans = store.trace_spans(TraceId(*trace)).unwrap();
            (*trace, spans.iter().map(|span| span.id.0).collect())
        };
        all.iter().map(of).collect()
    };
    let (mut here, there) = (spans(&source), spans(&target));
    assert!(here.get_mut(&1).unwrap().remove(&1_000_000));
    let mut there_without_late = there;
    there_without_late.get_mut(&1).unwrap().remove(&1_000_000);
    assert_eq!(here, there_without_late);
    let rest: Vec<HeldSection> = {
        let held: BTreeSet<HeldSection> = batches(&target).into_iter().collect();
        let of_shard = batches(&source).into_iter().filter(|s| s.shard == shard);
        of_shard.filter(|s| !held.contains(s)).collect()
    };
    assert_eq!(rest.len(), 1);
    copy_pages(&source, &target, &rest, |_| ());
    let of = |store: &Store| store.digests(bucket_at(0)).unwrap()[&shard];
    assert_eq!(of(&source), of(&target));
    drop(target);
    let target = open(other.path());
    seal(&target);
    assert_eq!(of(&source), of(&target));
    assert_eq!(spans(&source), spans(&target));
}
