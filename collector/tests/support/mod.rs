//! A collector on loopback, an agent made by hand, and frames.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::mem_forget,
    clippy::expect_used,
    reason = "only tests call this"
)]
#![allow(missing_docs, missing_debug_implementations, reason = "only tests call this")]

use collector::{
    BoxFuture, ClusterSettings, ClusterView, Collector, CollectorConfig, CollectorHandle, ControlPlane,
    ControlPlaneError, MemberView, NodeModules, NodeSeen,
};
use event::{
    Bucket, Epoch, Event, EventId, EventKind, Hlc, Micros, ModuleKey, NodeInfo, NodeKey, Pid, Producer, Seq,
    Shard, SiteId, TraceId,
};
use host::Registry;
use placement::{Change, MemberId, ShardMap};
use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use transport::tls::{DEV_SERVER_NAME, dev_ca};
use transport::{
    Client, Connection, Identity, Limits, MessageReader, MessageWriter, RecvStream, Role, SendStream, Server,
    Ways, close,
};
use wire::control::{AckRange, AgentHello, AgentMessage, CollectorMessage, HelloOk, MESSAGE_BYTES_MAX};
use wire::frame::{Compression, FRAME_BYTES_MAX, FrameBuilder};

pub const SHARDS: NonZeroU16 = NonZeroU16::new(8).unwrap();
pub const PRODUCER: Producer = Producer(0xfeed);
const WAIT: Duration = Duration::from_secs(20);

/// Remembers what it is told; unavailable for the first `unavailable` calls.
/// Of a cluster of one, unless `view` is given another one.
pub struct Plane {
    pub cluster: u128,
    pub member: u64,
    pub view: watch::Sender<Arc<ClusterView>>,
    pub tables: Mutex<Vec<Vec<u8>>>,
    pub nodes: Mutex<Vec<NodeSeen>>,
    pub modules: Mutex<Vec<NodeModules>>,
    pub unavailable: AtomicUsize,
    /// Of the disk.
    pub mark: Mutex<Option<u64>>,
    /// What it hears when it asks for a map.
    pub newest: Mutex<Option<Arc<ClusterView>>>,
}

impl Default for Plane {
    fn default() -> Self {
        let me = MemberId(1);
        let alone = MemberView {
            address: String::new(),
            zone: String::new(),
            collects: true,
            removed: false,
        };
        let view = ClusterView {
            map: Arc::new(ShardMap::new(vec![vec![me]; SHARDS.get().into()])),
            members: [(me, alone)].into(),
            store_format: store::FORMAT,
            ..ClusterView::default()
        };
        Self::new(1, watch::Sender::new(Arc::new(view)))
    }
}

impl Plane {
    /// Of a member of a cluster whose planes share `view`.
    pub fn new(member: u64, view: watch::Sender<Arc<ClusterView>>) -> Self {
        Self {
            cluster: 77,
            member,
            view,
            tables: Mutex::default(),
            nodes: Mutex::default(),
            modules: Mutex::default(),
            unavailable: AtomicUsize::default(),
            mark: Mutex::default(),
            newest: Mutex::default(),
        }
    }
    fn changed(&self, shard: Shard, change: Change) -> Result<(), ControlPlaneError> {
        let mut said = Ok(());
        self.view.send_if_modified(|view| {
            let mut map = ShardMap::clone(&view.map);
            let changed = map.change(shard, change);
            let is_new = matches!(changed, Ok(Some(_)));
            said = changed
                .map(|_| ())
                .map_err(|e| ControlPlaneError::Refused(e.to_string()));
            if is_new {
                let members = view.members.clone();
                *view = Arc::new(ClusterView {
                    map: Arc::new(map),
                    members,
                    losses: view.losses.clone(),
                    store_format: view.store_format,
                });
            }
            is_new
        });
        said
    }
    fn answer(&self) -> Result<(), ControlPlaneError> {
        let left = self
            .unavailable
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if left.is_ok() {
            Err(ControlPlaneError::Unavailable("no leader".into()))
        } else {
            Ok(())
        }
    }
}

impl ControlPlane for Plane {
    fn site_table(&self, table: Vec<u8>) -> BoxFuture<'_, Result<(), ControlPlaneError>> {
        Box::pin(async move {
            self.answer()?;
            self.tables.lock().unwrap().push(table);
            Ok(())
        })
    }
    fn node_seen(&self, node: NodeSeen) -> BoxFuture<'_, Result<(), ControlPlaneError>> {
        Box::pin(async move {
            self.answer()?;
            self.nodes.lock().unwrap().push(node);
            Ok(())
        })
    }
    fn node_modules(&self, modules: NodeModules) -> BoxFuture<'_, Result<(), ControlPlaneError>> {
        Box::pin(async move {
            self.answer()?;
            self.modules.lock().unwrap().push(modules);
            Ok(())
        })
    }
    fn change(&self, shard: Shard, change: Change) -> BoxFuture<'_, Result<(), ControlPlaneError>> {
        Box::pin(async move {
            self.answer()?;
            self.changed(shard, change)
        })
    }
    fn cluster(&self) -> watch::Receiver<Arc<ClusterView>> {
        self.view.subscribe()
    }
    fn fetch_map(&self, epoch: u64) -> BoxFuture<'_, Result<(), ControlPlaneError>> {
        Box::pin(async move {
            self.answer()?;
            let newest = self.newest.lock().unwrap().clone();
            match newest.filter(|view| view.map.epoch >= epoch) {
                Some(view) => {
                    self.view.send_replace(view);
                    Ok(())
                }
                None => Err(ControlPlaneError::Unavailable("no such map".into())),
            }
        })
    }
    fn disk_mark(&self) -> Option<u64> {
        *self.mark.lock().unwrap()
    }
    fn remember_disk(&self, mark: u64) -> BoxFuture<'_, Result<(), ControlPlaneError>> {
        *self.mark.lock().unwrap() = Some(mark);
        Box::pin(async { Ok(()) })
    }
    fn settings(&self) -> ClusterSettings {
        ClusterSettings {
            cluster: self.cluster,
            member: self.member,
            shards: SHARDS,
            bucket_seconds: NonZeroU32::new(600).unwrap(),
            max_offset_ms: 500,
            window_bytes: 8 << 20,
        }
    }
}

pub struct House {
    pub dir: tempfile::TempDir,
    pub collector: CollectorHandle,
    pub registry: Registry,
    pub plane: Arc<Plane>,
    pub door: Arc<Server>,
    pub addr: SocketAddr,
    pub listens: JoinHandle<()>,
}

impl House {
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::start_in(dir).await
    }

    pub async fn start_in(dir: tempfile::TempDir) -> Self {
        let data = dir.path().join("data");
        Self::start_with(dir, &data).await
    }

    pub async fn start_with(dir: tempfile::TempDir, data: &Path) -> Self {
        let tls = dir.path().join("tls");
        dev_ca(&tls).unwrap();
        let identity = Identity::from_dir(&tls, Role::Member).unwrap();
        let door = Server::bind("127.0.0.1:0".parse().unwrap(), &identity, Limits::default()).unwrap();
        let (addr, door) = (door.local_addr(), Arc::new(door));
        let config = CollectorConfig {
            access: host::access::Access::open(),
            data_dir: data.to_path_buf(),
            door: Arc::clone(door.stats()),
            ways: Ways::alone(),
            memory_bytes: 32 << 20,
            retention: Duration::from_hours(1),
            disk_bytes_max: 0,
            hold_buckets: false,
            otlp: None,
            copying: collector::Copying::default(),
            span_metrics: None,
        };
        let registry = Registry::new();
        let plane = Arc::new(Plane::default());
        let collector = Collector::start(config, plane.clone(), registry.clone(), host::now)
            .await
            .unwrap();
        // As the program's door does: every connection is an agent's.
        let (agents, listening) = (collector.clone(), Arc::clone(&door));
        let listens = tokio::spawn(async move {
            while let Some(connection) = listening.accept().await {
                agents.serve_agent(connection);
            }
        });
        Self {
            dir,
            collector,
            registry,
            plane,
            door,
            addr,
            listens,
        }
    }

    pub async fn connect(&self, role: Role) -> Connection {
        let identity = Identity::from_dir(&self.dir.path().join("tls"), role).unwrap();
        let client = Client::new(&identity).unwrap();
        let connection = client.connect(self.addr, DEV_SERVER_NAME).await.unwrap();
        // The connection's socket lives as long as its client.
        std::mem::forget(client);
        connection
    }

    /// An agent after HELLO.
    pub async fn agent(&self) -> Agent {
        let mut agent = Agent::new(self.connect(Role::Agent).await).await;
        agent.say(&AgentMessage::Hello(hello())).await;
        let CollectorMessage::HelloOk(ok) = agent.hear().await else {
            panic!("no HELLO_OK")
        };
        agent.ok = Some(ok);
        agent
    }

    pub fn metrics(&self) -> String {
        host::metrics::text(&self.registry)
    }

    pub async fn stop(self) -> tempfile::TempDir {
        self.collector.shutdown().await;
        self.door
            .close(close::SHUTTING_DOWN, "collector is stopping")
            .await;
        self.listens.await.unwrap();
        self.dir
    }
}

pub fn hello() -> AgentHello {
    AgentHello::new(PRODUCER, Epoch(3), Hlc::from_micros(host::now()), "test agent")
}

pub struct Agent {
    pub connection: Connection,
    pub control: MessageWriter<SendStream>,
    pub answers: MessageReader<RecvStream>,
    pub data: MessageWriter<SendStream>,
    pub ok: Option<HelloOk>,
}

impl Agent {
    pub async fn new(connection: Connection) -> Self {
        let (send, recv) = connection.open_bi().await.unwrap();
        let data = connection.open_uni().await.unwrap();
        Self {
            control: MessageWriter::new(send, MESSAGE_BYTES_MAX),
            answers: MessageReader::new(recv, MESSAGE_BYTES_MAX),
            data: MessageWriter::new(data, 2 * FRAME_BYTES_MAX),
            connection,
            ok: None,
        }
    }
    pub async fn say(&mut self, message: &AgentMessage) {
        self.control.write(&message.encode()).await.unwrap();
    }
    pub async fn send(&mut self, frame: &[u8]) {
        self.data.write(frame).await.unwrap();
    }
    /// The next message that is no map.
    pub async fn hear(&mut self) -> CollectorMessage {
        loop {
            let message = tokio::time::timeout(WAIT, self.answers.next())
                .await
                .expect("an answer in time");
            match CollectorMessage::decode(&message.unwrap().expect("an open stream")).unwrap() {
                CollectorMessage::Map(_) => {}
                message => return message,
            }
        }
    }
    /// Hears what comes until the session ends: was nothing acknowledged?
    pub async fn ends_without_ack(&mut self) -> bool {
        loop {
            let message = tokio::time::timeout(WAIT, self.answers.next())
                .await
                .expect("an end in time");
            let Ok(Some(message)) = message else { return true };
            if let CollectorMessage::Ack { .. } = CollectorMessage::decode(&message).unwrap() {
                return false;
            }
        }
    }
    /// Hears acknowledgements until they cover `n` batches.
    pub async fn acked(&mut self, n: u64) -> Vec<AckRange> {
        let mut all = Vec::new();
        let covered = |all: &[AckRange]| all.iter().map(|r| r.last.0 - r.first.0 + 1).sum::<u64>();
        while covered(&all) < n {
            match self.hear().await {
                CollectorMessage::Ack { ranges, .. } => all.extend(ranges),
                CollectorMessage::Throttle { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        all
    }
}

/// A trace id of this shard.
pub fn trace_in(shard: u16, salt: u128) -> u128 {
    let of_shard = |t: &u128| placement::shard_of(TraceId(*t), SHARDS) == Shard(shard);
    (1..10_000).map(|n| salt << 64 | n).find(of_shard).unwrap()
}

pub fn event_at(trace: u128, time: Micros, node: u64) -> Event {
    Event {
        id: EventId(1 << 10 | 1),
        hlc: Hlc::from_micros(time),
        time,
        pid: Pid(42),
        ordinal: 1,
        trace: TraceId(trace),
        module: ModuleKey(9),
        site: SiteId(3),
        ..Event::blank(EventKind::Call, NodeKey(node))
    }
}

pub fn builder(now: Micros) -> FrameBuilder {
    let mut b = FrameBuilder::new(
        PRODUCER,
        Epoch(3),
        Hlc::from_micros(now),
        Bucket((now.0 / 600_000_000) as u32),
    );
    for key in 1..=2 {
        b.node(NodeInfo {
            key: NodeKey(key),
            creation: 1,
            name: format!("n{key}@host"),
        });
    }
    b
}

/// One batch of two events of one trace; the same bytes each time.
pub fn frame(shard: u16, seq: u64) -> Vec<u8> {
    static NOW: OnceLock<Micros> = OnceLock::new();
    let now = *NOW.get_or_init(host::now);
    let trace = trace_in(shard, seq.into());
    let mut b = builder(now);
    b.section(
        Shard(shard),
        Seq(seq),
        &[event_at(trace, now, 1), event_at(trace, now, 2)],
    );
    b.finish(Compression::Zstd).unwrap()
}
