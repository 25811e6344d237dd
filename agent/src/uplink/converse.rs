//! One connection: the window that the collector grants, and what it says.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use transport::{Connection, MessageReader, RecvStream};
use wire::control::{CollectorMap, CollectorMessage};

use super::{End, Greeted, Uplink};
use crate::targets;

/// How often progress is looked at; the answer to a frame must not take longer than [`ACK_TIMEOUT`]. What is not answered within a few
/// looks is sent again.
const LOOK: Duration = Duration::from_secs(5);
const ACK_TIMEOUT: Duration = Duration::from_secs(30);
/// How often it is looked whether the collector's machine answers; while something is under way it acknowledges datagrams within 25 ms,
/// however much its disk has to do.
const LISTEN_EVERY: Duration = Duration::from_millis(250);
/// Silence after which another collector is tried, if there is one.
const SILENCE: Duration = Duration::from_secs(1);

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
    pub(super) async fn converse(&self, greeted: Greeted) -> End {
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
            end = self.send_frames(&connection, &window, &described) => end.map_err(End::Broken),
            end = self.send_descriptions(control, &described) => end.map_err(End::Broken),
            end = self.watch_progress(&window) => end,
            end = self.watch_silence(&connection) => end,
        };
        end.err().unwrap_or_else(|| End::Broken(String::new()))
    }

    async fn listen(
        &self,
        mut reader: MessageReader<RecvStream>,
        window: &Window,
        described: &Notify,
    ) -> Result<(), End> {
        loop {
            match self.read(&mut reader).await? {
                CollectorMessage::HelloOk(_) => {
                    return Err(End::Broken("HELLO_OK came twice".to_owned()));
                }
                CollectorMessage::Map(map) => self.learn(map).await?,
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
                CollectorMessage::Error { code, reason } => {
                    return Err(End::Broken(format!("closed: {code}: {reason}")));
                }
            }
            window.changed.notify_one();
            self.exchange.to_spooler.notify_one();
        }
    }

    /// Keeps the map, and leaves if it says that this is not the collector for this agent.
    async fn learn(&self, map: CollectorMap) -> Result<(), End> {
        let (news, leave) = {
            let mut targets = self.targets.lock();
            let news = targets.learn(map.clone());
            (news, targets.leave(self.now()))
        };
        if news {
            let (dir, epoch) = (self.data_dir.clone(), map.epoch);
            let kept = tokio::task::spawn_blocking(move || targets::store(&dir, &map));
            if let Ok(Err(error)) = kept.await {
                tracing::warn!(%error, "where the collectors are could not be kept");
            }
            tracing::info!(epoch, "where the collectors are was learned");
        }
        leave.map_or(Ok(()), |why| Err(End::Leave(why)))
    }

    async fn watch_progress(&self, window: &Window) -> Result<(), End> {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Some(why) = self.targets.lock().leave(self.now()) {
                return Err(End::Leave(why));
            }
            let mut state = window.state.lock();
            let mut index = self.shared.index.lock();
            if index.in_flight_bytes() == 0 || state.not_before > Instant::now() {
                state.last_progress = Instant::now();
            } else if state.last_progress.elapsed() > ACK_TIMEOUT {
                let reason = format!("no acknowledgement within {ACK_TIMEOUT:?}");
                return Err(End::Broken(reason));
            } else {
                let again = index.unsend_overdue();
                self.metrics.sent_again.inc_by(again as u64);
                window.changed.notify_one();
            }
        }
    }

    async fn watch_silence(&self, connection: &Connection) -> Result<(), End> {
        let mut heard = (connection.datagrams_received(), Instant::now());
        loop {
            tokio::time::sleep(LISTEN_EVERY).await;
            let received = connection.datagrams_received();
            let waits = self.shared.index.lock().in_flight_bytes() > 0;
            if received != heard.0 || !waits || self.targets.lock().len() < 2 {
                heard = (received, Instant::now());
            } else if heard.1.elapsed() >= SILENCE {
                self.metrics.moves.with_label_values(&["silent"]).inc();
                let reason = format!("nothing was heard of it for {SILENCE:?}");
                return Err(End::Broken(reason));
            }
        }
    }
}
