//! Streams of other members: who speaks, then messages, each checked with its frames before the core hears of it. Whatever a member
//! does wrong ends its stream and no other.

use super::owner::{Received, Told};
use super::{Replicas, STREAM_BYTES_MAX, claims};
use crate::config::{CHECK_HERE_BYTES, CHECK_HERE_EVENTS};
use bytes::Bytes;
use placement::MemberId;
use replication::Message;
use replication::codec::{self, Hello};
use std::sync::Arc;
use store::FrameToStore;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use transport::{MessageReader, RecvStream};
use wire::frame::{FRAME_BYTES_MAX, HEADER_BYTES, peek_header};

/// Bytes of messages that were received and that the core has not looked at.
pub(super) const WAITING_BYTES_MAX: usize = 64 << 20;
/// Messages with copies that are received at once.
pub(super) const COPIES_AT_ONCE: usize = 4;
/// Bytes of the frames of one such message.
const COPY_BYTES_MAX: usize = STREAM_BYTES_MAX + (8 << 20);

/// Why a stream ended: as a metric label, and in words.
type Ended = (&'static str, String);

/// Takes one stream, whose first message was read, until it ends.
pub(super) async fn take(replicas: &Replicas, first: &Bytes, mut reader: MessageReader<RecvStream>) {
    let taken = match replicas.admit(first) {
        Ok(hello) => {
            tracing::debug!(member = %hello.member, life = hello.life, "a member's stream");
            messages(replicas, hello.member, &mut reader).await
        }
        Err(ended) => Err(ended),
    };
    if let Err((reason, words)) = taken {
        replicas.0.counts.refused(reason);
        tracing::warn!(reason, words, "a member's stream was ended");
    }
}

impl Replicas {
    /// Is whoever speaks a member of this cluster?
    fn admit(&self, first: &[u8]) -> Result<Hello, Ended> {
        let hello = Hello::decode(first).map_err(|e| ("malformed", e.to_string()))?;
        let us = &self.0;
        if hello.cluster != us.cluster {
            return Err(("cluster", format!("cluster {:032x}", hello.cluster)));
        }
        self.known(hello.member)?;
        Ok(hello)
    }

    fn known(&self, member: MemberId) -> Result<(), Ended> {
        if member == self.0.me {
            return Err(("unknown", "it says that it is this member".to_owned()));
        }
        match self.0.view.borrow().members.get(&member) {
            None => Err(("unknown", format!("member {member} is not known"))),
            Some(known) if known.removed => Err(("removed", format!("member {member} was removed"))),
            Some(_) => Ok(()),
        }
    }
}

async fn messages(
    replicas: &Replicas,
    from: MemberId,
    reader: &mut MessageReader<RecvStream>,
) -> Result<(), Ended> {
    let us = &replicas.0;
    while let Some(bytes) = next(reader).await? {
        let (mut message, count) = codec::decode(&bytes).map_err(|e| ("malformed", e.to_string()))?;
        // It may have been taken out meanwhile.
        replicas.known(from)?;
        us.links.heard(from);
        let is_copy = count > 0 && !matches!(message, Message::Append { .. });
        let copy = if is_copy {
            Some(permit(&us.copies_received, 1).await?)
        } else {
            None
        };
        let mut frames = Vec::with_capacity(usize::from(count));
        let mut size = 0;
        for _ in 0..count {
            let frame = next(reader).await?;
            let frame = frame.ok_or_else(|| ("malformed", "the stream ends before a frame".to_owned()))?;
            size += frame.len();
            let max = if is_copy { COPY_BYTES_MAX } else { FRAME_BYTES_MAX };
            if size > max {
                return Err(("malformed", format!("frames of more than {max} bytes")));
            }
            frames.push(frame);
        }
        us.counts.received((bytes.len() + size) as u64);
        let held = permit(&us.waiting, bytes.len() + size).await?;
        if is_under_way(replicas, from, &message) {
            us.counts.dropped("under_way");
            continue;
        }
        let mut checked = Vec::with_capacity(frames.len());
        for frame in frames {
            checked.push(check(&us.decode, frame).await?);
        }
        if !claims::check(&mut message, &checked) {
            return Err(("malformed", "sections that are not those of the frame".to_owned()));
        }
        let received = Received {
            from,
            message,
            frames: checked,
            _held: (held, copy),
        };
        if us.inputs.send(Told::Message(received)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Is that very frame being written for that member, under the same map? Then its answer is on its way.
fn is_under_way(replicas: &Replicas, from: MemberId, message: &Message) -> bool {
    match message {
        Message::Append { ticket, epoch, .. } => {
            let writing = replicas.0.writing.lock();
            writing.get(&(from, *ticket)).is_some_and(|under| under >= epoch)
        }
        _ => false,
    }
}

async fn next(reader: &mut MessageReader<RecvStream>) -> Result<Option<Bytes>, Ended> {
    match reader.next().await {
        Ok(message) => Ok(message),
        Err(e) if e.is_peer_fault() => Err(("malformed", e.to_string())),
        // The connection is gone: an end like others.
        Err(_) => Ok(None),
    }
}

async fn permit(of: &Arc<Semaphore>, n: usize) -> Result<OwnedSemaphorePermit, Ended> {
    let n = u32::try_from(n.min(WAITING_BYTES_MAX)).unwrap_or(u32::MAX);
    let taken = Arc::clone(of).acquire_many_owned(n).await;
    taken.map_err(|_| ("stopping", "collector is stopping".to_owned()))
}

/// Checks a frame wholly: here if that is quick, else on the blocking pool.
async fn check(decode: &Arc<Semaphore>, bytes: Bytes) -> Result<FrameToStore, Ended> {
    let malformed = |e: &dyn std::fmt::Display| ("malformed", e.to_string());
    // Copies of merged spans have another head; they are not looked into.
    let payload = match peek_header(&bytes) {
        Ok(header) if header.payload_len <= CHECK_HERE_BYTES && header.events <= CHECK_HERE_EVENTS => {
            return FrameToStore::new(bytes.to_vec()).map_err(|e| malformed(&e));
        }
        Ok(header) => header.payload_len as usize,
        Err(_) => bytes.len(),
    };
    let held = permit(decode, payload + HEADER_BYTES).await?;
    let checked = tokio::task::spawn_blocking(move || {
        let _held = held;
        FrameToStore::new(bytes.to_vec())
    });
    match checked.await {
        Ok(checked) => checked.map_err(|e| malformed(&e)),
        Err(_) => Err(("stopping", "collector is stopping".to_owned())),
    }
}
