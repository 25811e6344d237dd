//! Work in parallel, and what reading files needs.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::SourceFault;
pub(super) use crate::index::read as bytes_of;
use crate::lower::Lowerer;

/// Applies `work` to all items, by as many threads as there are states; results in the order of the items.
pub(super) fn in_parallel<S: Send, T: Sync, R: Send>(
    states: &mut [S],
    items: &[T],
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let (next, work) = (AtomicUsize::new(0), &work);
    let take = |state: &mut S| {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else {
                return done;
            };
            done.push((at, work(state, item)));
        }
    };
    let take = &take;
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let threads: Vec<_> = states
            .iter_mut()
            .map(|state| scope.spawn(move || take(state)))
            .collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect()
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, found)| found).collect()
}

/// A parser for each of so many threads; 0: as many as the machine has processors.
pub(super) fn lowerers(threads: usize) -> Result<Vec<Lowerer>, SourceFault> {
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    (0..threads).map(|_| Lowerer::new()).collect()
}

/// The line of a byte, from 1.
pub(super) fn line_at(starts: &[u32], byte: u32) -> u32 {
    starts.partition_point(|start| *start <= byte) as u32
}
