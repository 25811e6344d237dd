//! Certificates that change while a member runs: the files are looked at every few seconds and at SIGHUP; connections that are open live on, new
//! ones show and demand what is in the files now.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use host::{TaskKind, Tasks};
use tokio::signal::unix::{SignalKind, signal};
use transport::tls::CA_FILE;
use transport::{Client, Identity, Role, Server, TlsError};

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(3);
/// Between two looks whether certificates that are made here must be renewed.
const RENEW: Duration = Duration::from_hours(12);

/// When files were changed last, and their lengths; none where there is no file.
type Stamp = Vec<Option<(SystemTime, u64)>>;

/// A member's certificates, and who uses them.
#[derive(Debug)]
pub(crate) struct Certificates {
    folder: PathBuf,
    /// By an authority for development, which renews them.
    made_here: bool,
    server: Arc<Server>,
    client: Arc<Client>,
    seen: Stamp,
}

impl Certificates {
    /// As they were read just now.
    pub(crate) fn new(folder: PathBuf, made_here: bool, server: Arc<Server>, client: Arc<Client>) -> Self {
        let mut certificates = Self {
            folder,
            made_here,
            server,
            client,
            seen: Stamp::new(),
        };
        certificates.seen = certificates.stamp();
        certificates
    }

    /// Follows the files until the process stops.
    pub(crate) fn follow(mut self, tasks: &Tasks) -> Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        tasks.spawn(TaskKind::Signals, |stop| async move {
            let (mut look, mut renew) = (tokio::time::interval(LOOK), tokio::time::interval(RENEW));
            loop {
                let mut told = false;
                let mut renews = false;
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = look.tick() => {}
                    _ = renew.tick() => renews = self.made_here,
                    _ = hangup.recv() => told = true,
                }
                // A file system may hang.
                let looked = tokio::task::spawn_blocking(move || {
                    if renews && let Err(error) = transport::tls::dev_ca(&self.folder) {
                        tracing::warn!(%error, "certificates were not renewed");
                    }
                    self.refresh(told);
                    self
                });
                let Ok(kept) = looked.await else {
                    tracing::error!("certificates could not be looked at");
                    return;
                };
                self = kept;
            }
        })?;
        Ok(())
    }

    /// Reads the files again if they changed, or if it is told to.
    fn refresh(&mut self, told: bool) {
        let now = self.stamp();
        if now == self.seen && !told {
            return;
        }
        match self.read() {
            Ok(()) => tracing::info!(folder = %self.folder.display(), "certificates were read again"),
            // Perhaps half of them are written; the other half changes the stamp again.
            Err(error) => tracing::warn!(%error, "certificates are kept as they were"),
        }
        self.seen = now;
    }

    fn read(&self) -> Result<(), TlsError> {
        let identity = Identity::from_dir(&self.folder, Role::Member)?;
        self.client.set_identity(&identity)?;
        self.server.set_identity(&identity)
    }

    fn stamp(&self) -> Stamp {
        let files = [CA_FILE, "member.pem", "member.key"];
        let stamp = |file| {
            let meta = std::fs::metadata(self.folder.join(file)).ok()?;
            Some((meta.modified().ok()?, meta.len()))
        };
        files.into_iter().map(stamp).collect()
    }
}
