//! Frames of members that know a later map than this one has adopted wait here for it, a moment.
//!
//! A map reaches all members within milliseconds of each other, and each syncs it before it counts. Answering *behind* meanwhile would
//! have the writer wait until it sends again, half a second: while shards move, and the map changes several times a second, that would be
//! the fate of many frames. To the core this is a network that was slow.

use std::time::Duration;

use replication::Message;

use super::owner::Received;

/// So long at most; then the writer hears *behind*. Shorter than its retry.
const WAIT: Duration = Duration::from_millis(300);
/// Messages at most. Their bytes count against what waits to be looked at.
const MESSAGES_MAX: usize = 1024;

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Parked {
    waiting: Vec<(Duration, u64, Received)>,
}

impl Parked {
    /// Takes a frame that was written under a later map than `adopted`; gives back everything else.
    pub(super) fn take(&mut self, now: Duration, adopted: u64, received: Received) -> Option<Received> {
        match received.message {
            Message::Append { epoch, .. } if epoch > adopted && self.waiting.len() < MESSAGES_MAX => {
                self.waiting.push((now + WAIT, epoch, received));
                None
            }
            _ => Some(received),
        }
    }

    /// What has waited enough: its map is adopted, or its time is over.
    pub(super) fn due(&mut self, now: Duration, adopted: u64) -> Vec<Received> {
        let due = self
            .waiting
            .extract_if(.., |(until, epoch, _)| *epoch <= adopted || *until <= now);
        due.map(|(_, _, received)| received).collect()
    }

    /// When the first one's time is over.
    pub(super) fn wake_at(&self) -> Option<Duration> {
        self.waiting.iter().map(|(until, ..)| *until).min()
    }

    /// The latest map that something waits for.
    pub(super) fn latest(&self) -> Option<u64> {
        self.waiting.iter().map(|(_, epoch, _)| *epoch).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use placement::MemberId;
    use replication::Ticket;
    use std::sync::Arc;
    use tokio::sync::Semaphore;

    fn append(number: u64, epoch: u64) -> Received {
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let ticket = Ticket { life: 1, number };
        let sections = Vec::new();
        Received {
            from: MemberId(2),
            message: Message::Append {
                ticket,
                epoch,
                sections,
            },
            frames: Vec::new(),
            _held: (permit, None),
        }
    }

    fn numbers(of: &[Received]) -> Vec<u64> {
        let number = |r: &Received| match r.message {
            Message::Append { ticket, .. } => ticket.number,
            _ => 0,
        };
        of.iter().map(number).collect()
    }

    /// Scenario: frames of the adopted map and of two later ones. Guarantee: the first passes; each other one waits for its own map, or 300 ms.
    #[test]
    fn each_waits_for_its_map() {
        let (mut parked, ms) = (Parked::default(), Duration::from_millis);
        assert!(parked.take(ms(0), 7, append(1, 7)).is_some());
        for (number, epoch) in [(2, 9), (3, 8)] {
            assert!(parked.take(ms(number), 7, append(number, epoch)).is_none());
        }
        assert_eq!((parked.latest(), parked.wake_at()), (Some(9), Some(ms(302))));
        assert!(parked.due(ms(10), 7).is_empty());
        assert_eq!(numbers(&parked.due(ms(20), 8)), [3]);
        assert!(parked.due(ms(301), 8).is_empty());
        assert_eq!(numbers(&parked.due(ms(302), 8)), [2]);
        assert_eq!(parked.wake_at(), None);
    }

    /// Scenario: more frames than may wait. Guarantee: the rest passes, and is answered at once.
    #[test]
    fn a_bounded_number_waits() {
        let mut parked = Parked::default();
        for number in 0..MESSAGES_MAX as u64 {
            assert!(parked.take(Duration::ZERO, 1, append(number, 2)).is_none());
        }
        assert!(parked.take(Duration::ZERO, 1, append(9999, 2)).is_some());
    }
}
