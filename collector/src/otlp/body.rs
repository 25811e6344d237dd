//! Reading a request's body: bounded in bytes, in time, and by what all requests may hold together.

use std::pin::Pin;
use std::time::Duration;

use axum::body::HttpBody;
use bytes::Bytes;
use hyper::body::Incoming;

use super::budget::Reservation;
use super::config::{DRAIN_BYTES_MAX, DRAIN_TIME_MAX, STRANGER_BYTES_MAX, STRANGER_TIME_MAX};
use super::intake::Refusal;

/// Bytes that are asked of the allocator at once, at most, because a client says that so many will come.
const FIRST_ALLOCATION_BYTES_MAX: usize = 4 << 20;

/// Why there is no body.
#[derive(Debug)]
pub(super) enum BodyFault {
    /// Too large, or too much at once.
    Refused(Refusal),
    /// It did not come in time.
    TimedOut(Duration),
    /// It ended early, or is not framed as it should.
    Broken(String),
}

/// Reads a body of at most `max` bytes. One that is refused is read to its end, within limits, and thrown away: a client that
/// is still sending does not read answers.
pub(super) async fn read(
    body: &mut Incoming,
    max: usize,
    held: &mut Reservation,
    within: Duration,
) -> Result<Bytes, BodyFault> {
    let read = tokio::time::timeout(within, gather(body, max, held)).await;
    let fault = match read {
        Ok(Ok(bytes)) => return Ok(bytes),
        Ok(Err(fault)) => fault,
        Err(_) => return Err(BodyFault::TimedOut(within)),
    };
    if let BodyFault::Refused(_) = fault {
        let _ = tokio::time::timeout(DRAIN_TIME_MAX, drain(body, DRAIN_BYTES_MAX)).await;
    }
    Err(fault)
}

/// The next piece of data; `None` at the end.
async fn next(body: &mut Incoming) -> Result<Option<Bytes>, BodyFault> {
    loop {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => return Err(BodyFault::Broken(error.to_string())),
            // Trailers of a request say nothing here.
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn gather(body: &mut Incoming, max: usize, held: &mut Reservation) -> Result<Bytes, BodyFault> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let too_large = |bytes| BodyFault::Refused(Refusal::TooLarge { bytes, max });
    if declared > max {
        return Err(too_large(declared));
    }
    // A body that comes in one piece is not copied.
    let mut first = Bytes::new();
    let mut whole: Vec<u8> = Vec::new();
    while let Some(data) = next(body).await? {
        let so_far = first.len() + whole.len() + data.len();
        if so_far > max {
            return Err(too_large(so_far));
        }
        held.grow(data.len()).map_err(BodyFault::Refused)?;
        if first.is_empty() && whole.is_empty() {
            first = data;
            continue;
        }
        if whole.is_empty() {
            whole.reserve_exact(declared.min(FIRST_ALLOCATION_BYTES_MAX).max(so_far));
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&data);
    }
    Ok(if whole.is_empty() { first } else { whole.into() })
}

/// Throws away the beginning of a body whose sender is not let in.
pub(super) async fn discard(body: &mut Incoming) {
    let _ = tokio::time::timeout(STRANGER_TIME_MAX, drain(body, STRANGER_BYTES_MAX)).await;
}

async fn drain(body: &mut Incoming, mut left: usize) {
    while let Ok(Some(data)) = next(body).await {
        match left.checked_sub(data.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
