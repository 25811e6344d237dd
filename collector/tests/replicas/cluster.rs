//! Collectors on loopback that are members of one cluster: real stores, QUIC with TLS, the production shell. Only the coordinators are a
//! double: a view of the cluster that the test sets.

use crate::support::{Agent, Plane, SHARDS, hello};
use collector::{
    ClusterView, Collector, CollectorConfig, CollectorHandle, MemberView, OtlpConfig, OtlpLimits,
};
use event::{Bucket, Shard};
use host::Registry;
use placement::{MemberId, ShardMap};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use transport::tls::{DEV_SERVER_NAME, dev_ca};
use transport::{Client, Connection, Identity, Limits, MessageReader, Role, Server, Ways, close};
use wire::control::{AgentMessage, CollectorMessage};

/// What must happen happens within this time.
pub const SOON: Duration = Duration::from_secs(40);

/// The members, by id from 1.
pub struct Cluster {
    pub tls: tempfile::TempDir,
    pub view: watch::Sender<Arc<ClusterView>>,
    pub nodes: BTreeMap<u64, Node>,
    stopped: BTreeMap<u64, Stopped>,
}

/// A member's machine.
pub struct Node {
    pub collector: CollectorHandle,
    pub registry: Registry,
    pub plane: Arc<Plane>,
    pub addr: SocketAddr,
    data: tempfile::TempDir,
    door: Arc<Server>,
    ways: Ways,
    listens: JoinHandle<()>,
}

/// A machine whose process is not running.
pub struct Stopped {
    pub plane: Arc<Plane>,
    pub data: tempfile::TempDir,
    pub addr: SocketAddr,
}

/// A map in which each shard has the holders that `of` says.
pub fn map(of: impl Fn(u16) -> Vec<u64>) -> Arc<ShardMap> {
    let holders = |shard| of(shard).into_iter().map(MemberId).collect();
    Arc::new(ShardMap::new((0..SHARDS.get()).map(holders).collect()))
}

impl Cluster {
    /// As many members, with this map.
    pub async fn start(members: u64, map: Arc<ShardMap>) -> Self {
        let tls = tempfile::tempdir().unwrap();
        dev_ca(tls.path()).unwrap();
        let mut cluster = Self {
            tls,
            view: watch::Sender::new(Arc::default()),
            nodes: BTreeMap::new(),
            stopped: BTreeMap::new(),
        };
        let mut doors = Vec::new();
        let mut known = BTreeMap::new();
        for id in 1..=members {
            let door = cluster.bind("127.0.0.1:0".parse().unwrap());
            let view = MemberView {
                address: door.local_addr().to_string(),
                zone: String::new(),
                collects: true,
                removed: false,
            };
            known.insert(MemberId(id), view);
            doors.push((id, door));
        }
        cluster.view.send_replace(Arc::new(ClusterView {
            map,
            members: known,
            store_format: store::FORMAT,
            ..ClusterView::default()
        }));
        for (id, door) in doors {
            let plane = Arc::new(Plane::new(id, cluster.view.clone()));
            let data = tempfile::tempdir().unwrap();
            cluster.run(id, door, plane, data).await;
        }
        cluster
    }

    fn identity(&self, role: Role) -> Identity {
        Identity::from_dir(self.tls.path(), role).unwrap()
    }

    fn bind(&self, addr: SocketAddr) -> Server {
        Server::bind(addr, &self.identity(Role::Member), Limits::default()).unwrap()
    }

    async fn run(&mut self, id: u64, door: Server, plane: Arc<Plane>, data: tempfile::TempDir) {
        let (addr, door) = (door.local_addr(), Arc::new(door));
        let client = Arc::new(Client::new(&self.identity(Role::Member)).unwrap());
        let ways = Ways::new(client, DEV_SERVER_NAME);
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let config = CollectorConfig {
            access: host::access::Access::open(),
            data_dir: data.path().join("data"),
            door: Arc::clone(door.stats()),
            ways: ways.clone(),
            memory_bytes: 32 << 20,
            retention: Duration::from_hours(1),
            disk_bytes_max: 0,
            hold_buckets: false,
            otlp: Some(OtlpConfig {
                grpc: any,
                http: any,
                limits: OtlpLimits::default(),
            }),
            copying: collector::Copying::default(),
            span_metrics: None,
        };
        let registry = Registry::new();
        let collector = Collector::start(config, plane.clone(), registry.clone(), host::now)
            .await
            .unwrap();
        let listens = tokio::spawn(listen(Arc::clone(&door), collector.clone()));
        let node = Node {
            collector,
            registry,
            plane,
            addr,
            data,
            door,
            ways,
            listens,
        };
        self.nodes.insert(id, node);
    }

    /// Ends a member's process.
    pub async fn stop(&mut self, id: u64) {
        let node = self.nodes.remove(&id).unwrap();
        node.collector.shutdown().await;
        node.ways.close();
        node.door.close(close::SHUTTING_DOWN, "stopping").await;
        node.listens.await.unwrap();
        let stopped = Stopped {
            plane: node.plane,
            data: node.data,
            addr: node.addr,
        };
        self.stopped.insert(id, stopped);
    }

    /// A member that was stopped: to be changed before it starts again.
    pub fn stopped(&mut self, id: u64) -> &mut Stopped {
        self.stopped.get_mut(&id).unwrap()
    }

    /// Starts a member again, at its address, or at another one if that was taken meanwhile.
    pub async fn start_again(&mut self, id: u64) {
        let Stopped { plane, data, addr } = self.stopped.remove(&id).unwrap();
        let identity = self.identity(Role::Member);
        let door = Server::bind(addr, &identity, Limits::default());
        let door = door.unwrap_or_else(|_| self.bind("127.0.0.1:0".parse().unwrap()));
        let now = door.local_addr().to_string();
        self.change(|view| view.members.get_mut(&MemberId(id)).unwrap().address = now);
        self.run(id, door, plane, data).await;
    }

    /// A connection to a member.
    pub async fn connect(&self, id: u64, role: Role) -> Connection {
        let client = Client::new(&self.identity(role)).unwrap();
        let connection = client
            .connect(self.nodes[&id].addr, DEV_SERVER_NAME)
            .await
            .unwrap();
        // The connection's socket lives as long as its client.
        std::mem::forget(client);
        connection
    }

    /// An agent after HELLO.
    pub async fn agent(&self, id: u64) -> Agent {
        let mut agent = Agent::new(self.connect(id, Role::Agent).await).await;
        agent.say(&AgentMessage::Hello(hello())).await;
        let CollectorMessage::HelloOk(ok) = agent.hear().await else {
            panic!("no HELLO_OK")
        };
        agent.ok = Some(ok);
        agent
    }

    /// The cluster as these members see it.
    pub fn change(&self, change: impl FnOnce(&mut ClusterView)) {
        self.view.send_modify(|view| change(Arc::make_mut(view)));
    }

    /// Digests of a bucket, by member.
    pub fn digests(&self, bucket: Bucket) -> BTreeMap<u64, BTreeMap<Shard, u128>> {
        let of = |(id, node): (&u64, &Node)| (*id, node.collector.store().digests(bucket).unwrap());
        self.nodes.iter().map(of).collect()
    }

    /// What replication counts, for who looks why something did not happen.
    pub fn counts(&self) -> String {
        let of = |(id, node): (&u64, &Node)| {
            let text = host::metrics::text(&node.registry);
            let lines = text.lines().filter(|l| l.starts_with("elixirscope_replication"));
            let lines: Vec<&str> = lines.filter(|l| !l.ends_with(" 0")).collect();
            format!("member {id}:\n{}\n", lines.join("\n"))
        };
        self.nodes.iter().map(of).collect()
    }

    /// Waits until each holder of each shard has the same, and each shard of `shards` something.
    pub async fn equal(&self, bucket: Bucket, shards: impl Iterator<Item = u16>) {
        let map = Arc::clone(&self.view.borrow().map);
        let shards: Vec<u16> = shards.collect();
        until_or(
            "holders have the same",
            || self.counts(),
            || {
                let digests = self.digests(bucket);
                shards.iter().all(|shard| {
                    let holders = map.shards[usize::from(*shard)].all();
                    let mut of = holders.map(|m| digests.get(&m.0)?.get(&Shard(*shard)));
                    let first = of.next().flatten();
                    first.is_some() && of.all(|other| other == first)
                })
            },
        )
        .await;
    }
}

impl Node {
    /// A number of the metrics, 0 if it is not there.
    pub fn metric(&self, name: &str) -> u64 {
        let text = host::metrics::text(&self.registry);
        let line = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |n| n.parse().unwrap())
    }
}

/// As the program's door does.
async fn listen(door: Arc<Server>, collector: CollectorHandle) {
    while let Some(connection) = door.accept().await {
        if connection.peer().role == Role::Agent {
            collector.serve_agent(connection);
            continue;
        }
        let collector = collector.clone();
        tokio::spawn(async move {
            while let Ok(stream) = connection.accept_uni().await {
                let collector = collector.clone();
                tokio::spawn(async move {
                    let mut reader = MessageReader::new(stream, CollectorHandle::STREAM_BYTES_MAX);
                    if let Ok(Some(first)) = reader.next().await {
                        collector.take_stream(first, reader).await;
                    }
                });
            }
        });
    }
}

/// Waits for it.
pub async fn until(what: &str, is_so: impl FnMut() -> bool) {
    until_or(what, String::new, is_so).await;
}

/// Waits for it; `why` is said if it does not happen.
pub async fn until_or(what: &str, why: impl Fn() -> String, mut is_so: impl FnMut() -> bool) {
    let end = tokio::time::Instant::now() + SOON;
    while !is_so() {
        assert!(
            tokio::time::Instant::now() < end,
            "not in time: {what}\n{}",
            why()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
