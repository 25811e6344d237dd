//! A cluster on the loopback: of each member a store, a door for questions, and what it thinks of the cluster.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use collector::{ClusterView, Collector, CollectorConfig, CollectorHandle, MemberView, Shards};
use event::{Bucket, Epoch, Event, Hlc, Micros, NodeInfo, NodeKey, Producer, Seq, Shard, Span};
use host::Registry;
use placement::{MemberId, ShardMap};
use store::{FrameToStore, SpanFrameToStore};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use transport::tls::{DEV_SERVER_NAME, dev_ca};
use transport::{Client, Identity, Limits, MessageReader, Role, Server, Ways, close};
use wire::frame::{Compression, FrameBuilder};
use wire::otlp::encode_traces;
use wire::spans::{Cut, Packer, Skim, SpanBuilder};

use crate::support::{Plane, SHARDS};

pub struct Member {
    pub id: u64,
    pub collector: CollectorHandle,
    pub shards: Shards,
    pub registry: Registry,
    pub view: watch::Sender<Arc<ClusterView>>,
    /// Milliseconds that its door waits before it answers a question.
    pub delay: Arc<AtomicU64>,
    door: Arc<Server>,
    listens: JoinHandle<()>,
}

pub struct Cluster {
    pub members: Vec<Member>,
    _dir: tempfile::TempDir,
}

pub fn ids(of: &[u64]) -> Vec<MemberId> {
    of.iter().copied().map(MemberId).collect()
}

impl Cluster {
    /// Of `n` members, numbered from 1, by a map.
    pub async fn start(n: u64, map: ShardMap) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tls = dir.path().join("tls");
        dev_ca(&tls).unwrap();
        let identity = Identity::from_dir(&tls, Role::Member).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let doors: Vec<Arc<Server>> = (0..n)
            .map(|_| Arc::new(Server::bind(any, &identity, Limits::default()).unwrap()))
            .collect();
        let views = doors.iter().zip(1..).map(|(door, id)| {
            let view = MemberView {
                address: door.local_addr().to_string(),
                zone: String::new(),
                collects: true,
                removed: false,
            };
            (MemberId(id), view)
        });
        let view = Arc::new(ClusterView {
            map: Arc::new(map),
            members: views.collect(),
            store_format: store::FORMAT,
            ..ClusterView::default()
        });
        let mut members = Vec::new();
        for (door, id) in doors.into_iter().zip(1..) {
            let view = watch::Sender::new(Arc::clone(&view));
            members.push(member(dir.path(), id, door, view, &identity).await);
        }
        for member in &members {
            member.adopts(member.view.borrow().map.epoch).await;
        }
        Self { members, _dir: dir }
    }

    /// Three members, each shard on all.
    pub async fn of_three() -> Self {
        let map = ShardMap::new(vec![ids(&[1, 2, 3]); SHARDS.get().into()]);
        Self::start(3, map).await
    }

    pub fn member(&self, id: u64) -> &Member {
        &self.members[id as usize - 1]
    }

    /// Asks a member, off the async threads.
    pub async fn ask<T: Send + 'static>(
        &self,
        id: u64,
        what: impl FnOnce(&Shards) -> T + Send + 'static,
    ) -> T {
        let shards = self.member(id).shards.clone();
        tokio::task::spawn_blocking(move || what(&shards)).await.unwrap()
    }

    /// Changes the map for some members; they have adopted it when this returns.
    pub async fn set_map(&self, of: &[u64], map: &ShardMap) {
        for id in of {
            self.member(*id).view.send_modify(|view| {
                *view = Arc::new(ClusterView {
                    map: Arc::new(map.clone()),
                    ..ClusterView::clone(view)
                });
            });
            self.member(*id).adopts(map.epoch).await;
        }
    }

    /// All members hear that what a shard had before then may be lost.
    pub fn lose(&self, shard: Shard, before: Micros) {
        for member in &self.members {
            member.view.send_modify(|view| {
                let losses = [(shard, before)].into();
                *view = Arc::new(ClusterView {
                    losses,
                    ..ClusterView::clone(view)
                });
            });
        }
    }

    /// Ends all members: what threads do to their stores is over when this returns.
    pub async fn stop(self) {
        for member in &self.members {
            member.listens.abort();
            member.door.close(close::SHUTTING_DOWN, "the test is over").await;
            member.collector.shutdown().await;
        }
    }

    /// The door of a member is gone, without a word.
    pub async fn kill(&self, id: u64) {
        let member = self.member(id);
        member.listens.abort();
        member.door.close(close::SHUTTING_DOWN, "gone").await;
    }
}

async fn member(
    dir: &std::path::Path,
    id: u64,
    door: Arc<Server>,
    view: watch::Sender<Arc<ClusterView>>,
    identity: &Identity,
) -> Member {
    let config = CollectorConfig {
        access: host::access::Access::open(),
        data_dir: dir.join(format!("data{id}")),
        door: Arc::clone(door.stats()),
        // Nothing is copied: what is where is the tests' business.
        ways: Ways::alone(),
        memory_bytes: 32 << 20,
        retention: Duration::from_hours(240),
        disk_bytes_max: 0,
        hold_buckets: true,
        otlp: None,
        copying: collector::Copying::default(),
        span_metrics: None,
    };
    let registry = Registry::new();
    let plane = Arc::new(Plane::new(id, view.clone()));
    let collector = Collector::start(config, plane, registry.clone(), host::now)
        .await
        .unwrap();
    let ways = Ways::new(Arc::new(Client::new(identity).unwrap()), DEV_SERVER_NAME);
    let shards = collector.shards(ways, &registry).unwrap();
    let delay = Arc::new(AtomicU64::new(0));
    let listens = tokio::spawn(listen(Arc::clone(&door), collector.clone(), Arc::clone(&delay)));
    Member {
        id,
        collector,
        shards,
        registry,
        view,
        delay,
        door,
        listens,
    }
}

/// As the program's door does: the first byte of the first message says whose the stream is.
async fn listen(door: Arc<Server>, collector: CollectorHandle, delay: Arc<AtomicU64>) {
    while let Some(connection) = door.accept().await {
        let (collector, delay) = (collector.clone(), Arc::clone(&delay));
        tokio::spawn(async move {
            while let Ok((send, receive)) = connection.accept_bi().await {
                let (collector, delay) = (collector.clone(), Arc::clone(&delay));
                tokio::spawn(async move {
                    let first = MessageReader::new(receive, CollectorHandle::QUESTION_BYTES_MAX)
                        .next()
                        .await;
                    let Ok(Some(first)) = first else { return };
                    assert_eq!(first[0], CollectorHandle::QUESTION_FIRST_BYTE);
                    tokio::time::sleep(Duration::from_millis(delay.load(Ordering::Relaxed))).await;
                    collector.take_question(first, send).await;
                });
            }
        });
    }
}

impl Member {
    /// Waits until it has adopted a map.
    async fn adopts(&self, epoch: u64) {
        for _ in 0..1_000 {
            if self.collector.adopted().map.epoch >= epoch {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("member {} did not adopt map {epoch}", self.id);
    }

    /// Stores a batch of events.
    pub fn put(&self, shard: u16, seq: u64, events: &[Event]) {
        let now = host::now();
        let bucket = Bucket((now.0 / 600_000_000) as u32);
        let mut frame = FrameBuilder::new(Producer(7), Epoch(1), Hlc::from_micros(now), bucket);
        let nodes: BTreeSet<u64> = events.iter().map(|e| e.node.0).collect();
        for key in nodes {
            frame.node(NodeInfo {
                key: NodeKey(key),
                creation: 1,
                name: format!("n{key}@host"),
            });
        }
        frame.section(Shard(shard), Seq(seq), events);
        let bytes = frame.finish(Compression::Zstd).unwrap();
        self.collector
            .store()
            .append(vec![FrameToStore::new(bytes).unwrap()])
            .unwrap();
    }

    /// Stores a gap.
    pub fn give_up(&self, shard: u16, first: u64, last: u64) {
        let now = host::now();
        let bucket = Bucket((now.0 / 600_000_000) as u32);
        let mut frame = FrameBuilder::new(Producer(7), Epoch(1), Hlc::from_micros(now), bucket);
        let gap = wire::frame::Gap {
            last_seq: Seq(last),
            reason: wire::frame::GapReason::ALL[0],
            events: 3,
        };
        frame.gap(Shard(shard), Seq(first), gap);
        let bytes = frame.finish(Compression::Zstd).unwrap();
        self.collector
            .store()
            .append(vec![FrameToStore::new(bytes).unwrap()])
            .unwrap();
    }

    /// Stores spans, as one frame.
    pub fn put_spans(&self, spans: &[Span]) {
        put_spans(&self.collector.store(), spans);
    }

    pub fn metrics(&self) -> String {
        host::metrics::text(&self.registry)
    }
}

/// What is stored twice under one number is one: each frame has its own.
static NEXT_SEQ: AtomicU64 = AtomicU64::new(1);

pub fn put_spans(store: &store::Store, spans: &[Span]) {
    if spans.is_empty() {
        return;
    }
    let mut builder = SpanBuilder::new(1);
    let request = encode_traces(spans);
    assert!(Skim::new(&request).fill(&mut builder, usize::MAX).unwrap());
    let now = host::now();
    let cut = Cut {
        producer: Producer(1),
        epoch: Epoch(1),
        hlc: Hlc::from_micros(now),
        bucket: Bucket((now.0 / 600_000_000) as u32),
    };
    let seq = Seq(NEXT_SEQ.fetch_add(1, Ordering::Relaxed));
    let place = |trace| placement::shard_of(trace, SHARDS);
    let bytes = builder.finish(cut, place, |_| seq, &mut Packer::default());
    store
        .append_spans(vec![SpanFrameToStore::new(bytes.unwrap()).unwrap()])
        .unwrap();
}

/// Numbers, one after the other, that look random.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}
