//! Questions take turns: a few are answered at once, some wait, more are told to come again. Shared by the doors that read spans.

use std::sync::Arc;
use std::time::{Duration, Instant};

use query::tempo::{SpanSource, TempoError};
use tokio::sync::Semaphore;

/// Time for a question; what was not read by then is said to be missing.
const DEADLINE: Duration = Duration::from_secs(20);
/// Questions that are answered at once; others wait.
const AT_ONCE: usize = 4;
/// Questions that wait; more are told to come again.
const WAITING_MAX: usize = 60;

/// Why a question has no answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// It is wrong, may not be asked, or the store failed.
    Asked(TempoError),
    /// Too many wait.
    Crowded,
    /// A bug of ours.
    Broken(String),
}

/// A source of spans and the turns of those who ask it. Clones share the turns.
#[derive(Clone)]
pub(crate) struct Turns {
    source: Arc<dyn SpanSource>,
    at_once: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Turns {
    pub(crate) fn new(source: Arc<dyn SpanSource>) -> Self {
        Self {
            source,
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(AT_ONCE + WAITING_MAX)),
        }
    }

    /// The same turns, the source without values.
    pub(crate) fn redacted(&self) -> Self {
        let source = Arc::new(query::redact::Redacted::of(Arc::clone(&self.source)));
        Self {
            source,
            ..self.clone()
        }
    }

    /// Asks when it is this question's turn, off the asynchronous threads; `stop` turns true at the deadline.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn SpanSource, &dyn Fn() -> bool) -> Result<T, TempoError> + Send + 'static,
    ) -> Result<T, Unanswered> {
        let deadline = Instant::now() + DEADLINE;
        let Ok(_place) = self.places.try_acquire() else {
            return Err(Unanswered::Crowded);
        };
        let Ok(Ok(turn)) = tokio::time::timeout(DEADLINE, Arc::clone(&self.at_once).acquire_owned()).await
        else {
            return Err(Unanswered::Crowded);
        };
        let source = Arc::clone(&self.source);
        let asked = tokio::task::spawn_blocking(move || {
            // Held until the answer is there, also when the client is gone.
            let _turn = turn;
            question(source.as_ref(), &|| Instant::now() >= deadline)
        });
        match asked.await {
            Ok(answer) => answer.map_err(Unanswered::Asked),
            Err(error) => Err(Unanswered::Broken(format!("the question failed: {error}"))),
        }
    }
}
