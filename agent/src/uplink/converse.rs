//! One connection: the window that the collector grants, and what it says.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use transport::{MessageReader, RecvStream};
use wire::control::CollectorMessage;

use super::{Broken, Greeted, Uplink};

/// How often progress is looked at; the answer to a frame must not take longer than [`ACK_TIMEOUT`].
const LOOK: Duration = Duration::from_secs(5);
const ACK_TIMEOUT: Duration = Duration::from_secs(30);

/// What the collector allows on this connection.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) state: Mutex<WindowState>,
    pub(super) changed: Notify,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct WindowState {
    granted: u64,
    pub(super) bytes: u64,
    pub(super) not_before: Instant,
    last_progress: Instant,
}

impl Uplink {
    /// Returns why it ended.
    pub(super) async fn converse(&self, greeted: Greeted) -> Broken {
        let Greeted {
            connection,
            writer: control,
            reader,
            hello,
        } = greeted;
        let now = Instant::now();
        let granted = hello.window_bytes.max(1);
        let state = WindowState {
            granted,
            bytes: granted,
            not_before: now,
            last_progress: now,
        };
        let window = Window {
            state: Mutex::new(state),
            changed: Notify::new(),
        };
        let described = Notify::new();
        described.notify_one();
        let end = tokio::select! {
            end = self.listen(reader, &window, &described) => end,
            end = self.send_frames(&connection, &window, &described) => end,
            end = self.send_descriptions(control, &described) => end,
            end = self.watch_progress(&window) => end,
        };
        end.err().unwrap_or_default()
    }

    async fn listen(
        &self,
        mut reader: MessageReader<RecvStream>,
        window: &Window,
        described: &Notify,
    ) -> Result<(), Broken> {
        loop {
            match self.read(&mut reader).await? {
                CollectorMessage::HelloOk(_) => return Err("HELLO_OK came twice".into()),
                CollectorMessage::Ack { hlc, ranges } => {
                    self.metrics.clock_offset_us.set(self.clock.merge(hlc));
                    {
                        let mut index = self.shared.index.lock();
                        for range in &ranges {
                            index.ack(*range);
                        }
                    }
                    self.exchange.outcomes.lock().acks.extend(ranges);
                    let mut state = window.state.lock();
                    state.bytes = state.granted;
                    state.last_progress = Instant::now();
                }
                CollectorMessage::Reject { range, code, reason } if range.first.0 == 0 => {
                    tracing::error!(%code, reason, "a frame is not readable to the collector");
                    self.rejected_unnamed().await?;
                }
                CollectorMessage::Reject { range, code, reason } => {
                    tracing::error!(epoch = %range.epoch, shard = %range.shard, first = %range.first, %code, reason,
                        "batch rejected for ever");
                    self.rejected(range, code).await;
                }
                CollectorMessage::Throttle {
                    retry_after_ms,
                    credit_bytes,
                } => {
                    self.metrics.throttled.inc();
                    let mut state = window.state.lock();
                    state.not_before = Instant::now() + Duration::from_millis(retry_after_ms.into());
                    state.bytes = credit_bytes.min(state.granted);
                }
                CollectorMessage::Noted(token) => {
                    if self.shared.index.lock().noted(token) {
                        self.exchange.outcomes.lock().noted.push(token);
                    }
                    described.notify_one();
                }
                CollectorMessage::Error { code, reason } => return Err(format!("closed: {code}: {reason}")),
            }
            window.changed.notify_one();
            self.exchange.to_spooler.notify_one();
        }
    }

    async fn watch_progress(&self, window: &Window) -> Result<(), Broken> {
        loop {
            tokio::time::sleep(LOOK).await;
            let mut state = window.state.lock();
            if self.shared.index.lock().in_flight_bytes() == 0 || state.not_before > Instant::now() {
                state.last_progress = Instant::now();
            } else if state.last_progress.elapsed() > ACK_TIMEOUT {
                return Err(format!("no acknowledgement within {ACK_TIMEOUT:?}"));
            }
        }
    }
}
