//! A node: its records and its end of the socket.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use event::{EventId, EventKind, Flags, Hlc, Micros, ModuleKey, NodeKey, Pid, ResultClass, SiteId, TraceId};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use transport::{LengthOrder, MessageReader, MessageWriter};
use wire::node_socket::{self, Chunk, Hello, NodeMessage, Record};

pub fn record(id: u64, payload: &[u8]) -> Record<'_> {
    Record {
        id: EventId(id),
        kind: EventKind::Call,
        class: ResultClass::Other,
        flags: Flags(if payload.is_empty() { 0 } else { Flags::PAYLOAD }),
        site: SiteId(1),
        shape: 0,
        hlc: Hlc(id),
        time: Micros(id),
        module: ModuleKey(1),
        trace: TraceId(u128::from(id % 31 + 1)),
        ordinal: 1,
        pid: Pid(1),
        parent: EventId(0),
        remote_node: NodeKey(0),
        remote_time: Micros(0),
        linked: TraceId(0),
        payload,
    }
}

/// As in `docs/node-socket.md`.
fn node_key(hello: &Hello) -> NodeKey {
    let (name, creation, start) = (&hello.name, hello.creation, hello.vm_start.0);
    let text = format!("elixirscope node 1\n{name}\n{creation}\n{start}\n");
    let digest = <sha2::Sha256 as sha2::Digest>::digest(text.as_bytes());
    NodeKey(u64::from_be_bytes(*digest.first_chunk().unwrap()) >> 5)
}

/// A node's end of the socket.
pub struct Node {
    pub reader: MessageReader<OwnedReadHalf>,
    pub writer: MessageWriter<OwnedWriteHalf>,
    /// Highest numbers, from WELCOME and STORED.
    pub stored: BTreeMap<u16, u64>,
}

impl Node {
    /// Waits for the socket, says HELLO, reads WELCOME.
    pub async fn connect(path: &Path, key: u64) -> Self {
        loop {
            if let Some(node) = Self::try_connect(path, key).await {
                return node;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn try_connect(path: &Path, key: u64) -> Option<Self> {
        let (read, write) = UnixStream::connect(path).await.ok()?.into_split();
        let max = node_socket::MESSAGE_BYTES_MAX;
        let mut node = Self {
            reader: MessageReader::with_order(read, max, LengthOrder::Big),
            writer: MessageWriter::with_order(write, max, LengthOrder::Big),
            stored: BTreeMap::new(),
        };
        let mut hello = Hello {
            node: NodeKey(0),
            creation: 1,
            vm_start: Micros(1),
            name: format!("n{key}@h"),
            otp_release: "25".into(),
            elixir_version: "1.14.0".into(),
            os_pid: 1,
        };
        hello.node = node_key(&hello);
        node.send(&NodeMessage::Hello(hello)).await?;
        node.answer().await?;
        Some(node)
    }

    pub async fn send(&mut self, message: &NodeMessage<'_>) -> Option<()> {
        self.writer.write(&message.encode()).await.ok()
    }

    /// A chunk of writer 1 with events whose ids are their numbers.
    pub async fn chunk(&mut self, numbers: std::ops::RangeInclusive<u64>, payload: &[u8]) -> Option<()> {
        self.chunk_with(numbers, payload, [0; 8]).await
    }

    pub async fn chunk_with(
        &mut self,
        numbers: std::ops::RangeInclusive<u64>,
        payload: &[u8],
        dropped: [u64; 8],
    ) -> Option<()> {
        let chunk = Chunk {
            writer: 1,
            first_number: *numbers.start(),
            sent_at: Micros(1_000),
            emitted: *numbers.end(),
            dropped,
            records: numbers.map(|n| record(n, payload)).collect(),
        };
        self.send(&NodeMessage::Chunk(chunk)).await
    }

    /// One answer; `None` when the agent is gone.
    pub async fn answer(&mut self) -> Option<()> {
        let message = self.reader.next().await.ok()??;
        match node_socket::AgentMessage::decode(&message).unwrap() {
            node_socket::AgentMessage::Welcome(numbers) => self.stored.extend(numbers),
            node_socket::AgentMessage::Stored { writer, number } => {
                self.stored.insert(writer, number);
            }
            node_socket::AgentMessage::Settings { .. } => {}
        }
        Some(())
    }

    pub fn stored(&self) -> u64 {
        self.stored.get(&1).copied().unwrap_or(0)
    }

    pub async fn until_stored(&mut self, number: u64) {
        while self.stored() < number {
            let answer = tokio::time::timeout(Duration::from_mins(1), self.answer()).await;
            assert_eq!(
                answer.ok(),
                Some(Some(())),
                "{number} not stored, {} is",
                self.stored()
            );
        }
    }
}
