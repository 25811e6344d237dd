//! Frames and descriptions out, in order, within the window.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::io::Errno;
use tokio::sync::Notify;
use transport::{Connection, MessageWriter, SendStream};
use wire::control::AgentMessage;
use wire::frame::{FRAME_BYTES_MAX, verify_crc};

use super::converse::Window;
use super::{Broken, Uplink};
use crate::spool::Location;

/// Our time is sent this often.
const PING: Duration = Duration::from_secs(5);
/// Descriptions that may be sent and not noted.
const DESCRIPTIONS_AT_ONCE: usize = 32;
/// Bytes read from the spool at once.
const READ_BYTES: u64 = 1 << 20;

impl Uplink {
    pub(super) async fn send_frames(
        &self,
        connection: &Connection,
        window: &Window,
        described: &Notify,
    ) -> Result<(), Broken> {
        let stream = connection.open_uni().await.map_err(|e| e.to_string())?;
        let mut writer = MessageWriter::new(stream, FRAME_BYTES_MAX);
        loop {
            let state = *window.state.lock();
            tokio::time::sleep_until(state.not_before).await;
            let places = {
                let mut index = self.shared.index.lock();
                let under_way = index.in_flight_bytes();
                let suspects = self.suspects.load(Ordering::Relaxed);
                let alone = index.oldest().is_some_and(|oldest| oldest < suspects);
                let budget = state.bytes.saturating_sub(under_way).min(READ_BYTES);
                let budget = if alone { 0 } else { budget };
                index.take_unsent(budget, under_way == 0)
            };
            if places.is_empty() {
                tokio::select! {
                    () = window.changed.notified() => {}
                    () = self.exchange.to_uplink.notified() => described.notify_one(),
                }
                continue;
            }
            for (place, frame) in self.fetch(places).await? {
                match frame {
                    Some(frame) => writer.write(&frame).await.map_err(|e| e.to_string())?,
                    None => self.unreadable(place)?,
                }
            }
        }
    }

    /// Frames from the spool; `None` where the file is damaged, or the frame is not there.
    pub(super) async fn fetch(
        &self,
        places: Vec<Location>,
    ) -> Result<Vec<(Location, Option<Vec<u8>>)>, Broken> {
        let shared = Arc::clone(&self.shared);
        let read = move || {
            places
                .into_iter()
                .map(|at| match shared.read(at) {
                    Ok(bytes) if verify_crc(&bytes).is_ok() => Ok((at, Some(bytes))),
                    Ok(_) => Ok((at, None)),
                    Err(e) if is_damage(&e) => Ok((at, None)),
                    Err(e) => Err(format!("spool: {e}")),
                })
                .collect()
        };
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|e| e.to_string())?
    }

    pub(super) async fn send_descriptions(
        &self,
        mut control: MessageWriter<SendStream>,
        described: &Notify,
    ) -> Result<(), Broken> {
        let mut ping = tokio::time::interval(PING);
        loop {
            tokio::select! {
                _ = ping.tick() => {
                    let message = AgentMessage::Ping(self.clock.tick()).encode();
                    control.write(&message).await.map_err(|e| e.to_string())?;
                }
                () = described.notified() => {}
            }
            let messages = self.shared.index.lock().take_undescribed(DESCRIPTIONS_AT_ONCE);
            for message in messages {
                control.write(&message).await.map_err(|e| e.to_string())?;
            }
        }
    }
}

/// Will reading again not help? (Too many open files, for example, is another matter.)
fn is_damage(error: &io::Error) -> bool {
    let of_the_disk = [Errno::IO, Errno::BADMSG, Errno::UCLEAN].map(Errno::raw_os_error);
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound
    ) || error.raw_os_error().is_some_and(|e| of_the_disk.contains(&e))
}
