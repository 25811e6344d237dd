//! A collector that keeps what it gets, and behaves as it is told.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use event::{Event, EventKind, Hlc, Seq, Shard};
use parking_lot::Mutex;
use transport::tls::dev_ca;
use transport::{Connection, Identity, Limits, MessageReader, MessageWriter, Role, SendStream, Server};
use wire::control::{
    AckRange, AgentMessage, CollectorMap, CollectorMessage, HelloOk, MESSAGE_BYTES_MAX, RejectCode, VERSION,
};
use wire::frame::{FRAME_BYTES_MAX, SectionBody, decode};

/// (epoch, shard, seq)
pub type Key = (u64, u16, u64);

/// What a collector holds, and how it behaves.
#[derive(Default)]
pub struct Memory {
    pub batches: Mutex<BTreeMap<Key, Vec<Event>>>,
    pub gaps: Mutex<BTreeMap<Key, u64>>,
    pub repeated: AtomicU32,
    pub described: Mutex<Vec<AgentMessage>>,
    pub silent: AtomicBool,
    /// The next section that arrives is rejected.
    pub reject_next: AtomicBool,
    /// Frames that were rejected as not readable, without saying which.
    pub unreadable: AtomicU32,
    pub throttle_next: AtomicBool,
    pub connections: Mutex<Vec<Connection>>,
    /// Said after HELLO_OK.
    pub map: Mutex<Option<CollectorMap>>,
}

impl Memory {
    pub fn events(&self) -> Vec<Event> {
        self.batches.lock().values().flatten().cloned().collect()
    }
    /// Ids of events that nodes made, sorted, with repetitions.
    pub fn ids(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self
            .events()
            .iter()
            .filter(|e| e.kind == EventKind::Call)
            .map(|e| e.id.0)
            .collect();
        ids.sort_unstable();
        ids
    }
}

pub struct Collector {
    pub server: Arc<Server>,
    pub memory: Arc<Memory>,
}

impl Collector {
    pub fn start(dir: &Path, addr: Option<SocketAddr>, memory: Arc<Memory>) -> Self {
        dev_ca(dir).unwrap();
        let addr = addr.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into());
        let identity = Identity::from_dir(dir, Role::Member).unwrap();
        // A server that has just stopped gives its port back when its last connection has gone.
        let bound = (0..500).find_map(|_| match Server::bind(addr, &identity, Limits::default()) {
            Ok(server) => Some(server),
            Err(transport::BindError::AddressInUse(_)) => {
                std::thread::sleep(Duration::from_millis(10));
                None
            }
            Err(error) => panic!("{error}"),
        });
        let server = Arc::new(bound.expect("the port within 5 s"));
        let (accepting, held) = (Arc::clone(&server), Arc::clone(&memory));
        tokio::spawn(async move {
            while let Some(connection) = accepting.accept().await {
                held.connections.lock().push(connection.clone());
                tokio::spawn(serve(connection, Arc::clone(&held)));
            }
        });
        Self { server, memory }
    }
    pub fn addr(&self) -> SocketAddr {
        self.server.local_addr()
    }
    pub async fn stop(self) {
        self.memory.connections.lock().clear();
        self.server.close(transport::close::SHUTTING_DOWN, "test").await;
    }
}

fn hlc() -> Hlc {
    Hlc::from_micros(host::now())
}

async fn serve(connection: Connection, memory: Arc<Memory>) -> Option<()> {
    let (send, recv) = connection.accept_bi().await.ok()?;
    let mut reader = MessageReader::new(recv, MESSAGE_BYTES_MAX);
    let writer = Arc::new(tokio::sync::Mutex::new(MessageWriter::new(
        send,
        MESSAGE_BYTES_MAX,
    )));
    let hello = AgentMessage::decode(&reader.next().await.ok()??).unwrap();
    assert!(matches!(hello, AgentMessage::Hello(_)), "{hello:?}");
    let ok = HelloOk {
        version: VERSION,
        cluster: 1,
        shards: 8,
        bucket_seconds: 600,
        hlc: hlc(),
        max_offset_ms: 500,
        frame_bytes_max: FRAME_BYTES_MAX as u32,
        window_bytes: 4 << 20,
    };
    answer(&writer, &CollectorMessage::HelloOk(ok)).await?;
    let map = memory.map.lock().clone();
    if let Some(map) = map {
        answer(&writer, &CollectorMessage::Map(map)).await?;
    }
    let control = async {
        while let Ok(Some(message)) = reader.next().await {
            let message = AgentMessage::decode(&message).unwrap();
            let token = match &message {
                AgentMessage::Define { token, .. }
                | AgentMessage::Node { token, .. }
                | AgentMessage::Modules { token, .. } => *token,
                _ => continue,
            };
            memory.described.lock().push(message);
            answer(&writer, &CollectorMessage::Noted(token)).await?;
        }
        Some(())
    };
    let data = async {
        let mut reader = MessageReader::new(connection.accept_uni().await.ok()?, FRAME_BYTES_MAX);
        while let Ok(Some(bytes)) = reader.next().await {
            store(&bytes, &memory, &writer).await?;
        }
        Some(())
    };
    tokio::join!(control, data);
    Some(())
}

type Writer = Arc<tokio::sync::Mutex<MessageWriter<SendStream>>>;

async fn answer(writer: &Writer, message: &CollectorMessage) -> Option<()> {
    writer.lock().await.write(&message.encode()).await.ok()
}

async fn store(bytes: &[u8], memory: &Memory, writer: &Writer) -> Option<()> {
    let frame = decode(bytes).unwrap();
    // An event with this payload makes its frame unreadable.
    if frame.events().any(|e| e.payload == b"unreadable") {
        memory.unreadable.fetch_add(1, Ordering::SeqCst);
        let range = AckRange {
            epoch: frame.header.epoch,
            shard: Shard(0),
            first: Seq(0),
            last: Seq(0),
        };
        let reject = CollectorMessage::Reject {
            range,
            code: RejectCode::Crc,
            reason: "test".into(),
        };
        return answer(writer, &reject).await;
    }
    let mut ranges = Vec::new();
    for section in frame.sections {
        let key = (frame.header.epoch.0, section.shard.0, section.seq.0);
        let mut range = AckRange {
            epoch: frame.header.epoch,
            shard: section.shard,
            first: section.seq,
            last: section.seq,
        };
        match section.body {
            SectionBody::Gap(gap) => {
                range.last = gap.last_seq;
                memory.gaps.lock().insert(key, gap.events);
            }
            SectionBody::Rows(events) => {
                if memory.reject_next.swap(false, Ordering::SeqCst) {
                    let reject = CollectorMessage::Reject {
                        range,
                        code: RejectCode::Malformed,
                        reason: "test".into(),
                    };
                    answer(writer, &reject).await?;
                    continue;
                }
                let old = memory.batches.lock().insert(key, events.clone());
                if let Some(old) = old {
                    assert_eq!(old, events, "{key:?} has come with other content");
                    memory.repeated.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
        ranges.push(range);
    }
    if memory.throttle_next.swap(false, Ordering::SeqCst) {
        answer(
            writer,
            &CollectorMessage::Throttle {
                retry_after_ms: 50,
                credit_bytes: 0,
            },
        )
        .await?;
    }
    if memory.silent.load(Ordering::SeqCst) || ranges.is_empty() {
        return Some(());
    }
    answer(writer, &CollectorMessage::Ack { hlc: hlc(), ranges }).await
}
