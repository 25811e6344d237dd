//! Frames of spans onto the disk: at once, not at the pace of events, since those who sent them wait. What comes while a sync is under
//! way shares the next one.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use store::{Done, FrameToStore, Receipt, Store, StoreError};

/// Requests of one commit.
const AT_ONCE: usize = 64;

type Request = (Vec<FrameToStore>, Done);

/// The way to the thread, which ends with the last of these.
#[derive(Clone, Debug)]
pub(super) struct SpanWriter(Sender<Request>);

impl SpanWriter {
    pub(super) fn start(store: Arc<Store>) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (requests, waiting) = channel();
        let thread = std::thread::Builder::new()
            .name("span-writer".to_owned())
            .spawn(move || run(&store, &waiting))?;
        Ok((Self(requests), thread))
    }

    pub(super) fn submit(&self, frames: Vec<FrameToStore>, done: Done) -> Result<(), StoreError> {
        self.0.send((frames, done)).map_err(|_| StoreError::ShutDown)
    }
}

fn run(store: &Store, waiting: &Receiver<Request>) {
    while let Ok(first) = waiting.recv() {
        let rest = std::iter::from_fn(|| waiting.try_recv().ok());
        let requests: Vec<Request> = std::iter::once(first).chain(rest).take(AT_ONCE).collect();
        let frames = requests.iter().flat_map(|(frames, _)| frames).cloned().collect();
        match store.append_spans(frames) {
            Ok(receipt) => {
                let mut outcomes = receipt.frames.into_iter();
                for (frames, done) in requests {
                    let frames = outcomes.by_ref().take(frames.len()).collect();
                    done(Ok(Receipt { frames, commit: None }));
                }
            }
            Err(error) => {
                for (_, done) in requests {
                    done(Err(error.clone()));
                }
            }
        }
    }
}
