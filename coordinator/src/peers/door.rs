//! Answers the calls of other members.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use transport::{Connection, MessageReader, MessageWriter, RecvStream, Role, SendStream, close};

use super::call::{Answer, CALL_BYTES_MAX, Call};

/// A call must be here, and its answer taken, within this time each.
const TRANSFER: Duration = Duration::from_secs(30);

/// Who answers.
pub(crate) trait Answers: Send + Sync + 'static {
    /// Answers one call.
    fn answer(&self, call: Call) -> impl Future<Output = Answer> + Send;
}

/// Answers calls until the connection ends. Calls at a time are bounded by the streams that a peer may open. A peer that is
/// no member is turned away.
pub(crate) async fn serve<A: Answers>(connection: Connection, answers: Arc<A>) {
    if connection.peer().role != Role::Member {
        connection.close(close::ROLE, "only members may call coordinators");
        return;
    }
    let mut calls = JoinSet::new();
    while let Ok((send, receive)) = connection.accept_bi().await {
        while calls.try_join_next().is_some() {}
        let answers = Arc::clone(&answers);
        calls.spawn(async move {
            if let Err(reason) = one(send, receive, &*answers).await {
                tracing::debug!(reason, "a member's call broke off");
            }
        });
    }
}

async fn one<A: Answers>(send: SendStream, receive: RecvStream, answers: &A) -> Result<(), String> {
    let mut reader = MessageReader::new(receive, CALL_BYTES_MAX);
    let read = tokio::time::timeout(TRANSFER, reader.next()).await;
    let read = read.map_err(|_| "the call did not come in time".to_owned())?;
    let message = read
        .map_err(|e| e.to_string())?
        .ok_or("a stream without a call")?;
    let answer = match Call::decode(message) {
        Ok(call) => answers.answer(call).await,
        Err(error) => Answer::Refused(error.to_string()),
    };
    let mut writer = MessageWriter::new(send, CALL_BYTES_MAX);
    let write = async {
        writer.write(&answer.encode()).await?;
        writer.finish().await
    };
    let written = tokio::time::timeout(TRANSFER, write).await;
    written
        .map_err(|_| "the answer was not taken in time".to_owned())?
        .map_err(|e| e.to_string())
}
