//! One agent's session (`docs/wire-format.md`, "QUIC session"). What one agent does wrong ends its session and no other.

use crate::acks;
use crate::collector::Context;
use crate::config::{ANSWERS_MAX, FRAMES_IN_FLIGHT_MAX, HELLO_TIMEOUT, NAME_BYTES_MAX};
use crate::descriptions;
use crate::ingest::{Expected, Ingest};
use crate::maps;
use host::CancellationToken;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use transport::{
    Connection, MessageError, MessageReader, MessageWriter, RecvStream, Role, SendStream, close,
};
use wire::control::{
    AgentHello, AgentMessage, CollectorMessage, ErrorCode, HelloOk, MESSAGE_BYTES_MAX, VERSION,
    VERSION_OLDEST,
};
use wire::frame::FRAME_BYTES_MAX;

/// The last message must be gone within this time.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a session ended.
#[derive(Debug)]
pub(crate) struct End {
    /// What the agent is told; nothing if it cannot or need not be.
    tell: Option<(ErrorCode, String)>,
    /// Metric label.
    label: &'static str,
}

impl End {
    pub(crate) fn error(code: ErrorCode, reason: impl Into<String>, label: &'static str) -> Self {
        Self {
            tell: Some((code, reason.into())),
            label,
        }
    }
    pub(crate) fn stopping() -> Self {
        Self::error(ErrorCode::ShuttingDown, "collector is stopping", "stopping")
    }
    /// The store cannot go on: come back, perhaps to another member.
    pub(crate) fn store(e: impl Display) -> Self {
        tracing::error!(error = %e, "session ends because of the store");
        Self::error(ErrorCode::Busy, "store is not writable", "store")
    }
    pub(crate) fn from_message(e: &MessageError) -> Self {
        if e.is_peer_fault() {
            Self::error(ErrorCode::Malformed, e.to_string(), "malformed")
        } else {
            Self {
                tell: None,
                label: "lost",
            }
        }
    }
    fn lost() -> Self {
        Self {
            tell: None,
            label: "lost",
        }
    }
}

/// Bounded way to the agent.
#[derive(Clone, Debug)]
pub(crate) struct Answers(mpsc::Sender<CollectorMessage>);

impl Answers {
    pub(crate) async fn send(&self, message: CollectorMessage) -> Result<(), End> {
        self.0.send(message).await.map_err(|_| End::lost())
    }
}

/// Serves one connection until it ends, by itself or by `stop`.
pub(crate) async fn run(context: Arc<Context>, connection: Connection, stop: CancellationToken) {
    context.metrics.sessions.inc();
    let end = match tokio::time::timeout(HELLO_TIMEOUT, connection.accept_bi()).await {
        Ok(Ok((send, recv))) => serve(&context, &connection, send, recv, &stop).await,
        Ok(Err(_)) => End::lost(),
        Err(_) => {
            connection.close(close::PROTOCOL, "no HELLO in time");
            End {
                tell: None,
                label: "no_hello",
            }
        }
    };
    tracing::info!(peer = %connection.remote_addr(), name = connection.peer().name, why = end.label, "session ended");
    context.metrics.session_ends.with_label_values(&[end.label]).inc();
    context.metrics.sessions.dec();
}

async fn serve(
    context: &Arc<Context>,
    connection: &Connection,
    send: SendStream,
    recv: RecvStream,
    stop: &CancellationToken,
) -> End {
    let (answers, queue) = mpsc::channel(ANSWERS_MAX);
    // A message is never cut off: the writer ends when the last sender is gone.
    let writer = tokio::spawn(write_answers(send, queue));
    let answers = Answers(answers);
    let ended = tokio::select! {
        ended = converse(context, connection, recv, &answers) => ended,
        () = stop.cancelled() => Err(End::stopping()),
    };
    let end = ended.err().unwrap_or(End {
        tell: None,
        label: "done",
    });
    let told = end.tell.clone();
    if let Some((code, reason)) = told {
        let _ = tokio::time::timeout(
            GOODBYE_TIMEOUT,
            answers.send(CollectorMessage::Error { code, reason }),
        )
        .await;
    }
    drop(answers);
    let abort = writer.abort_handle();
    if tokio::time::timeout(GOODBYE_TIMEOUT, writer).await.is_err() {
        abort.abort();
    }
    let code = match &end.tell {
        None => close::DONE,
        Some((ErrorCode::ShuttingDown, _)) => close::SHUTTING_DOWN,
        Some((ErrorCode::Busy, _)) => close::BUSY,
        Some((ErrorCode::Role, _)) => close::ROLE,
        Some(_) => close::PROTOCOL,
    };
    connection.close(code, end.label);
    end
}

async fn write_answers(send: SendStream, mut queue: mpsc::Receiver<CollectorMessage>) {
    let mut writer = MessageWriter::new(send, MESSAGE_BYTES_MAX);
    while let Some(message) = queue.recv().await {
        if writer.write(&message.encode()).await.is_err() {
            return;
        }
    }
    if writer.finish().await.is_ok() {
        // Closing the connection drops what is not delivered.
        writer.into_inner().delivered().await;
    }
}

async fn converse(
    context: &Arc<Context>,
    connection: &Connection,
    recv: RecvStream,
    answers: &Answers,
) -> Result<(), End> {
    if connection.peer().role != Role::Agent {
        return Err(End::error(ErrorCode::Role, "only agents may send here", "role"));
    }
    let mut control = MessageReader::new(recv, MESSAGE_BYTES_MAX);
    let hello = tokio::time::timeout(HELLO_TIMEOUT, read_hello(&mut control))
        .await
        .map_err(|_| End::error(ErrorCode::Malformed, "no HELLO in time", "no_hello"))??;
    let (hlc, ahead) = context.clock.merge(hello.hlc).await.map_err(|e| End::store(&e))?;
    context.metrics.hlc_ahead.inc_by(u64::from(ahead.is_some()));
    let settings = context.control.settings();
    let window_bytes = u32::try_from(settings.window_bytes)
        .unwrap_or(u32::MAX)
        .max(FRAME_BYTES_MAX as u32);
    let ok = HelloOk {
        version: hello.version,
        cluster: settings.cluster,
        shards: settings.shards.get(),
        bucket_seconds: settings.bucket_seconds.get(),
        hlc,
        max_offset_ms: settings.max_offset_ms,
        frame_bytes_max: FRAME_BYTES_MAX as u32,
        window_bytes: u64::from(window_bytes),
    };
    answers.send(CollectorMessage::HelloOk(ok)).await?;
    tracing::info!(agent = hello.name, producer = %hello.producer, epoch = %hello.epoch, "agent connected");

    // Bounded by the frames in flight: the thread of replication never waits for a session.
    let (done, outcomes) = mpsc::unbounded_channel();
    let ingest = Ingest {
        context: Arc::clone(context),
        expected: Expected {
            producer: hello.producer,
            epoch: hello.epoch,
            shards: settings.shards,
        },
        answers: answers.clone(),
        done: done.clone(),
        window: Arc::new(Semaphore::new(window_bytes as usize)),
        window_bytes,
        slots: Arc::new(Semaphore::new(FRAMES_IN_FLIGHT_MAX)),
    };
    tokio::select! {
        ended = read_control(context, answers, &hello.name, &mut control) => ended,
        ended = read_data(connection, &ingest) => ended,
        ended = maps::tell(Arc::clone(context), answers.clone()), if hello.version >= maps::SINCE_VERSION => ended,
        ended = acks::answer(Arc::clone(context), answers.clone(), done, outcomes) => ended,
    }
}

async fn read_hello(control: &mut MessageReader<RecvStream>) -> Result<AgentHello, End> {
    let malformed = |reason: String| End::error(ErrorCode::Malformed, reason, "malformed");
    let message = control
        .next()
        .await
        .map_err(|e| End::from_message(&e))?
        .ok_or_else(End::lost)?;
    match AgentMessage::decode(&message) {
        Ok(AgentMessage::Hello(hello)) if !(VERSION_OLDEST..=VERSION).contains(&hello.version) => {
            let reason = format!(
                "version {} is not known, {VERSION_OLDEST} to {VERSION} are",
                hello.version
            );
            Err(End::error(ErrorCode::Version, reason, "version"))
        }
        Ok(AgentMessage::Hello(hello)) if hello.name.len() > NAME_BYTES_MAX => {
            Err(malformed(format!("agent name of {} bytes", hello.name.len())))
        }
        Ok(AgentMessage::Hello(hello)) => Ok(hello),
        Ok(_) => Err(malformed("the first message is not HELLO".to_owned())),
        Err(e) => Err(malformed(e.to_string())),
    }
}

async fn read_control(
    context: &Arc<Context>,
    answers: &Answers,
    agent: &str,
    control: &mut MessageReader<RecvStream>,
) -> Result<(), End> {
    while let Some(message) = control.next().await.map_err(|e| End::from_message(&e))? {
        let message = AgentMessage::decode(&message)
            .map_err(|e| End::error(ErrorCode::Malformed, e.to_string(), "malformed"))?;
        descriptions::handle(context, answers, agent, message).await?;
    }
    Ok(())
}

/// One data stream at a time; when it ends another may come.
async fn read_data(connection: &Connection, ingest: &Ingest) -> Result<(), End> {
    loop {
        let stream = connection.accept_uni().await.map_err(|_| End::lost())?;
        ingest.read(stream).await?;
    }
}
