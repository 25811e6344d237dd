//! One task a node: messages in, STORED out.

use std::sync::Arc;
use std::time::Duration;

use host::CancellationToken;
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc};
use transport::{LengthOrder, MessageReader, MessageWriter};
use wire::node_socket::{AgentMessage as Answer, MESSAGE_BYTES_MAX};

use crate::clock::AgentClock;
use crate::metrics::Metrics;
use crate::session::{Action, Session};
use crate::spool::Shared;
use crate::spooler::{Input, StoredBoard};

/// Bytes that sessions may have handed over and that are not stored yet, all nodes together.
pub(crate) const BUDGET_BYTES: usize = 8 << 20;
/// A connection without HELLO is closed after this time.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// What sessions need.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) shared: Arc<Shared>,
    pub(crate) input: mpsc::Sender<Input>,
    pub(crate) budget: Arc<Semaphore>,
    pub(crate) clock: Arc<AgentClock>,
    pub(crate) metrics: Metrics,
    pub(crate) allowed_uids: Arc<[u32]>,
}

/// One node, until it goes or breaks the protocol.
pub(crate) async fn serve(stream: UnixStream, door: Door, stop: CancellationToken) {
    let mut session = Session::default();
    door.metrics.nodes.inc();
    tokio::select! {
        () = stop.cancelled() => {}
        end = converse(stream, &door, &mut session) => {
            if let Err((reason, error)) = end {
                door.metrics.refused.with_label_values(&[reason]).inc();
                let node = session.node().map_or("", |n| n.name.as_str());
                tracing::warn!(node, reason, error, "connection of a node closed");
            }
            if let Some(node) = session.node() {
                let _ = door.input.send(Input::NodeGone(node.key)).await;
            }
        }
    }
    door.metrics.nodes.dec();
}

/// Why the agent closes a connection: a metric label, and words.
type Closing = (&'static str, String);

async fn converse(stream: UnixStream, door: &Door, session: &mut Session) -> Result<(), Closing> {
    let (read, write) = stream.into_split();
    let mut reader = MessageReader::with_order(read, MESSAGE_BYTES_MAX, LengthOrder::Big);
    let mut writer = MessageWriter::with_order(write, MESSAGE_BYTES_MAX, LengthOrder::Big);
    let board = Arc::new(StoredBoard::default());
    let Ok(first) = tokio::time::timeout(HELLO_TIMEOUT, reader.next()).await else {
        return Err(("hello_timeout", format!("no HELLO within {HELLO_TIMEOUT:?}")));
    };
    let Some(first) = first.map_err(|e| ("framing", e.to_string()))? else {
        return Ok(());
    };
    let action = session.take(&first).map_err(|e| (e.name(), e.to_string()))?;
    let Action::Welcome(node, _) = &action else {
        return Ok(());
    };
    let node = node.clone();
    apply(action, first.len(), door, &board).await;
    let welcome = Answer::Welcome(door.shared.marks.lock().writers(node.key)).encode();
    writer
        .write(&welcome)
        .await
        .map_err(|e| ("write", e.to_string()))?;
    tracing::info!(node = node.name, key = %node.key, "node connected");
    let answers = async {
        loop {
            board.changed.notified().await;
            for (writer_id, number) in board.take() {
                let answer = Answer::Stored {
                    writer: writer_id,
                    number,
                }
                .encode();
                writer
                    .write(&answer)
                    .await
                    .map_err(|e| ("write", e.to_string()))?;
            }
        }
    };
    let messages = async {
        loop {
            let next = reader.next().await.map_err(|e| ("framing", e.to_string()))?;
            let Some(message) = next else { return Ok(()) };
            let action = session.take(&message).map_err(|e| (e.name(), e.to_string()))?;
            record_totals(&action, &node.name, door);
            apply(action, message.len(), door, &board).await;
        }
    };
    tokio::select! {
        end = messages => end,
        end = answers => end,
    }
}

/// Hands an action to the spooler; waits while too much is under way. This is the back-pressure on the node.
async fn apply(action: Action, bytes: usize, door: &Door, board: &Arc<StoredBoard>) {
    let permits = u32::try_from(bytes).unwrap_or(u32::MAX).min(BUDGET_BYTES as u32);
    let Ok(permit) = Arc::clone(&door.budget).acquire_many_owned(permits).await else {
        return;
    };
    let input = match action {
        Action::Welcome(node, description) => {
            let _ = door.input.send(Input::Node(node)).await;
            Input::Describe {
                message: description,
                permit,
            }
        }
        Action::Store(chunk) => Input::Chunk {
            chunk,
            board: Arc::clone(board),
            bytes,
            permit,
        },
        Action::Describe(message) => Input::Describe { message, permit },
        Action::Totals {
            node, at, dropped, ..
        } => Input::Totals {
            node,
            at: at.unwrap_or_else(|| door.clock.physical()),
            dropped,
        },
        Action::None => return,
    };
    // The spooler ends after the sessions do; if it has failed, the node keeps what is not confirmed.
    let _ = door.input.send(input).await;
}

fn record_totals(action: &Action, node: &str, door: &Door) {
    let (emitted, dropped) = match action {
        Action::Store(chunk) => (chunk.emitted, &chunk.dropped),
        Action::Totals { emitted, dropped, .. } => (*emitted, dropped),
        _ => return,
    };
    let gauges = &door.metrics.node_events;
    let node = door.metrics.node_names.label(node);
    gauges
        .with_label_values(&[node, "emitted"])
        .set(i64::try_from(emitted).unwrap_or(i64::MAX));
    for (reason, count) in event::DropReason::ALL.iter().zip(dropped) {
        let state = format!("dropped_{reason}");
        gauges
            .with_label_values(&[node, state.as_str()])
            .set(i64::try_from(*count).unwrap_or(i64::MAX));
    }
}
