//! Where requests wait in columns until their frame is cut. As many lanes as processors, so that they do not wait for one
//! another.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;
use wire::otlp::proto::ProtoError;
use wire::spans::{Mark, Skim, Skimmed, SpanBuilder};

use crate::otlp::Refusal;

/// A frame is cut at the latest when its payload may take so many bytes; below the greatest body of a frame by more than a
/// span may be long.
pub(super) const FRAME_BYTES: usize = 2_500_000;
/// Full builders that may wait for the disk; beyond, requests are told to come again.
const FULL_MAX: usize = 6;

/// What became of the frame that a request's spans are in.
pub(super) type Outcome = Result<(), Refusal>;

/// Spans of requests, and who waits for them.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) builder: SpanBuilder,
    pub(super) waiting: Vec<oneshot::Sender<Outcome>>,
}

impl Load {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            builder: SpanBuilder::new(seed),
            waiting: Vec::new(),
        }
    }
}

/// All lanes and what is full.
#[derive(Debug)]
pub(super) struct Lanes {
    seed: u64,
    loads: Vec<Mutex<Load>>,
    full: Mutex<Full>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Full {
    loads: VecDeque<Load>,
    /// Emptied builders, to be used again.
    spare: Vec<Load>,
    /// Something is in a lane.
    pending: bool,
    stopped: bool,
}

/// A request that was taken in: what became of it, and what to wait for.
pub(super) struct Taken {
    pub(super) skimmed: Skimmed,
    pub(super) frames: Vec<oneshot::Receiver<Outcome>>,
}

/// Why a request was not taken in.
pub(super) enum NotTaken {
    Malformed(ProtoError),
    Busy,
    Stopped,
}

impl Lanes {
    pub(super) fn new(lanes: usize, seed: u64) -> Self {
        Self {
            seed,
            loads: (0..lanes.max(1)).map(|_| Mutex::new(Load::new(seed))).collect(),
            full: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Skims a request into a lane. Costs some 0.4 microseconds a span.
    pub(super) fn take(&self, lane: usize, request: &[u8]) -> Result<Taken, NotTaken> {
        let Some(lane) = self.loads.get(lane % self.loads.len()) else {
            return Err(NotTaken::Stopped);
        };
        let mut load = lane.lock();
        if self.full.lock().stopped {
            return Err(NotTaken::Stopped);
        }
        if load.builder.byte_len() + request.len() > FRAME_BYTES {
            self.cut(&mut load, false)?;
        }
        let mark = load.builder.mark();
        let mut skim = Skim::new(request);
        let mut frames = Vec::new();
        let mut checked = false;
        loop {
            let done = match skim.fill(&mut load.builder, FRAME_BYTES) {
                Ok(done) => done,
                Err(error) => {
                    forget(&mut load.builder, mark);
                    return Err(NotTaken::Malformed(error));
                }
            };
            // Its first part goes before the rest is seen: of a malformed request nothing may be stored. How much it takes says
            // the builder, not its length: new keys of attributes take many times what they came in.
            if !done && !checked {
                if let Err(why) = self.check(request) {
                    forget(&mut load.builder, mark);
                    return Err(why);
                }
                checked = true;
            }
            if skim.done.spans > 0 {
                let (tell, told) = oneshot::channel();
                load.waiting.push(tell);
                frames.push(told);
            }
            if done {
                break;
            }
            // Begun is finished: there is room for what one request brings.
            self.cut(&mut load, true)?;
        }
        drop(load);
        if !frames.is_empty() {
            let mut full = self.full.lock();
            if !full.pending {
                full.pending = true;
                self.changed.notify_one();
            }
        }
        Ok(Taken {
            skimmed: skim.done,
            frames,
        })
    }

    fn check(&self, request: &[u8]) -> Result<(), NotTaken> {
        let mut scratch = SpanBuilder::new(self.seed);
        let mut skim = Skim::new(request);
        while !skim
            .fill(&mut scratch, FRAME_BYTES)
            .map_err(NotTaken::Malformed)?
        {
            scratch.clear();
        }
        Ok(())
    }

    /// Puts a lane's load among the full ones and gives the lane an empty one.
    fn cut(&self, load: &mut Load, anyway: bool) -> Result<(), NotTaken> {
        if load.builder.is_empty() {
            return Ok(());
        }
        let mut full = self.full.lock();
        if full.loads.len() >= FULL_MAX && !anyway {
            return Err(NotTaken::Busy);
        }
        let empty = full.spare.pop().unwrap_or_else(|| Load::new(self.seed));
        full.loads.push_back(std::mem::replace(load, empty));
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for loads and takes them all; nothing once it is stopped and empty.
    pub(super) fn next(&self) -> Option<Vec<Load>> {
        let (mut loads, stopped): (Vec<Load>, bool) = {
            let mut full = self.full.lock();
            while full.loads.is_empty() && !full.pending && !full.stopped {
                self.changed.wait(&mut full);
            }
            full.pending = false;
            (full.loads.drain(..).collect(), full.stopped)
        };
        for lane in &self.loads {
            let mut load = lane.lock();
            if !load.builder.is_empty() || !load.waiting.is_empty() {
                let spare = self.full.lock().spare.pop();
                let empty = spare.unwrap_or_else(|| Load::new(self.seed));
                loads.push(std::mem::replace(&mut *load, empty));
            }
        }
        (!loads.is_empty() || !stopped).then_some(loads)
    }

    /// Gives builders back.
    pub(super) fn give_back(&self, mut load: Load) {
        load.builder.clear();
        load.waiting.clear();
        let mut full = self.full.lock();
        if full.spare.len() < self.loads.len() + 2 {
            full.spare.push(load);
        }
    }

    /// No more requests are taken; what is there is still handed out.
    pub(super) fn stop(&self) {
        self.full.lock().stopped = true;
        self.changed.notify_all();
    }
}

/// Forgets a request's spans, and its texts and columns too if nobody else's spans are there: no frame would ever take them away.
fn forget(builder: &mut SpanBuilder, mark: Mark) {
    builder.back_to(mark);
    if builder.is_empty() {
        builder.clear();
    }
}

#[cfg(test)]
mod tests;
