//! One question to one other member: a stream, the question, parts of the answer until its end.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use transport::{Connection, MessageReader, MessageWriter, Ways};

use crate::asked::codec::{End, Heard, MESSAGE_BYTES_MAX, Part, QUESTION_BYTES_MAX};

/// A connection on which a question had no word for so long is given up: its other end may be gone.
const SILENT: Duration = Duration::from_secs(1);

/// What comes of a request: parts, then an end or a failure.
#[derive(Debug)]
pub(super) enum Word {
    /// What the answer will be worth; of streamed answers.
    Head(End),
    Part(Part),
    End(End),
    Failed(String),
}

/// Words of requests, each with the number of its request.
pub(super) type Words = mpsc::Sender<(usize, Word)>;

/// A request under way; dropped, the member is told to stop.
#[derive(Debug)]
pub(super) struct Request {
    task: JoinHandle<()>,
}

impl Drop for Request {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whom to ask, and what.
#[derive(Debug)]
pub(super) struct To {
    pub(super) address: String,
    pub(super) message: Vec<u8>,
    pub(super) within: Duration,
}

impl Request {
    /// Asks; what is heard goes to `words` under this number.
    pub(super) fn send(runtime: &Handle, ways: &Ways, to: To, number: usize, words: Words) -> Self {
        let ways = ways.clone();
        let task = runtime.spawn(async move {
            let word = match exchange(&ways, &to, number, &words).await {
                Ok(end) => Word::End(end),
                Err(why) => Word::Failed(why),
            };
            let _ = words.send((number, word)).await;
        });
        Self { task }
    }
}

/// Gives a connection up if nothing was heard on it for long.
struct Silence<'w> {
    ways: &'w Ways,
    address: &'w str,
    connection: Connection,
    since: Instant,
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        if self.since.elapsed() >= SILENT {
            self.ways.give_up(self.address, &self.connection);
        }
    }
}

async fn exchange(ways: &Ways, to: &To, number: usize, words: &Words) -> Result<End, String> {
    let unreachable = |why: String| format!("cannot be reached ({why})");
    let connected = ways.connection(&to.address, to.within).await;
    let connection = connected.map_err(|e| unreachable(e.to_string()))?;
    let mut silence = Silence {
        ways,
        address: &to.address,
        connection: connection.clone(),
        since: Instant::now(),
    };
    let broke = |why: String| format!("broke off ({why})");
    let (send, receive) = connection.open_bi().await.map_err(|e| broke(e.to_string()))?;
    let mut writer = MessageWriter::new(send, QUESTION_BYTES_MAX);
    writer
        .write(&to.message)
        .await
        .map_err(|e| broke(e.to_string()))?;
    writer.finish().await.map_err(|e| broke(e.to_string()))?;
    let mut reader = MessageReader::new(receive, MESSAGE_BYTES_MAX);
    loop {
        let message = reader.next().await.map_err(|e| broke(e.to_string()))?;
        let message = message.ok_or_else(|| broke("the answer has no end".to_owned()))?;
        let heard = Heard::decode(&message).map_err(|e| format!("said what cannot be read ({e})"))?;
        silence.since = Instant::now();
        match heard {
            Heard::End(end) => return Ok(end),
            Heard::Head(end) => say(words, number, Word::Head(end)).await?,
            Heard::Part(part) => say(words, number, Word::Part(part)).await?,
        }
        silence.since = Instant::now();
    }
}

async fn say(words: &Words, number: usize, word: Word) -> Result<(), String> {
    let said = words.send((number, word)).await;
    said.map_err(|_| "nobody listens any more".to_owned())
}
