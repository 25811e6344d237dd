//! Answers the calls of other members that come through the member's door.

use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;

use super::call::{Answer, Call};
use crate::founding::Blank;
use crate::participant::Participant;

/// The calls of other members: what opens the member's door hands them over here. Made before the coordinator, because a member must
/// answer while it joins. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    participant: Arc<OnceLock<Weak<Participant>>>,
    blank: Arc<Blank>,
}

impl Calls {
    /// Longest call or answer, in bytes.
    pub const BYTES_MAX: usize = super::call::CALL_BYTES_MAX;
    /// First byte of every call.
    pub const FIRST_BYTE: u8 = super::call::FORMAT;

    /// Answers one call, whatever it is: both are one message. Only members may call.
    pub async fn answer(&self, call: Bytes) -> Bytes {
        let answer = match (Call::decode(call), self.participant.get().map(Weak::upgrade)) {
            (Err(error), _) => Answer::Refused(error.to_string()),
            (Ok(call), Some(Some(participant))) => participant.answer(call).await,
            (Ok(call), None) => self.blank.answer(&call),
            (Ok(_), Some(None)) => Answer::Unavailable("this member is stopping".to_owned()),
        };
        answer.encode()
    }

    /// From now on calls are answered by this one.
    pub(crate) fn open(&self, participant: &Arc<Participant>) {
        let _ = self.participant.set(Arc::downgrade(participant));
    }

    /// What is answered until then.
    pub(crate) fn blank(&self) -> &Arc<Blank> {
        &self.blank
    }
}
