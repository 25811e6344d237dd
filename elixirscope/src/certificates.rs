//! Certificates that change while a process runs: the files are looked at every few seconds and at SIGHUP; connections that are open live on, new
//! ones show and demand what is in the files now. And when they end, for the metric and the doctor.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;

use host::{Registry, TaskKind, Tasks};
use parking_lot::Mutex;
use prometheus::IntGaugeVec;
use tokio::signal::unix::{SignalKind, signal};
use transport::tls::CA_FILE;
use transport::{Client, Identity, Role, Server, TlsError};

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(3);
/// Between two looks whether certificates that are made here must be renewed.
const RENEW: Duration = Duration::from_hours(12);

/// When files were changed last, and their lengths; none where there is no file.
type Stamp = Vec<Option<(SystemTime, u64)>>;

/// The certificates of a folder, and who uses them. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Certificates(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    /// By an authority for development, which renews them.
    made_here: bool,
    users: Mutex<Vec<User>>,
    expires: IntGaugeVec,
}

/// Who shows a certificate.
#[derive(Clone, Debug)]
pub(crate) enum Shows {
    /// To whom it calls.
    Client(Arc<Client>),
    /// To who calls.
    Server(Arc<Server>),
}

#[derive(Debug)]
struct User {
    role: Role,
    shows: Shows,
    seen: Stamp,
}

impl Certificates {
    /// Of a folder. Nobody uses them yet.
    pub(crate) fn new(folder: PathBuf, made_here: bool, registry: &Registry) -> Result<Self> {
        let what = "When the certificate ends that is in use, Unix seconds; `ca`: the last authority that is trusted";
        let name = "elixirscope_certificate_expires_seconds";
        let expires = host::metrics::gauges(registry, name, what, &["certificate"])?;
        Ok(Self(Arc::new(Inner {
            folder,
            made_here,
            users: Mutex::default(),
            expires,
        })))
    }

    /// From now on this one is given what is in the files.
    pub(crate) fn used_by(&self, role: Role, shows: Shows) -> Result<(), TlsError> {
        let mut user = User {
            role,
            shows,
            seen: self.0.stamp(role),
        };
        self.0.give(&mut user)?;
        self.0.users.lock().push(user);
        Ok(())
    }

    /// When they end: `member`, `agent`, `ca`, and Unix seconds.
    pub(crate) fn ends(&self) -> Vec<(&'static str, i64)> {
        let mut ends: Vec<(&'static str, i64)> = Vec::new();
        let users = self.0.users.lock();
        for (role, name) in [(Role::Member, "member"), (Role::Agent, "agent")] {
            if users.iter().any(|user| user.role == role) {
                ends.push((name, self.0.expires.with_label_values(&[name]).get()));
            }
        }
        if !ends.is_empty() {
            ends.push(("ca", self.0.expires.with_label_values(&["ca"]).get()));
        }
        ends
    }

    /// Follows the files until the process stops.
    pub(crate) fn follow(&self, tasks: &Tasks) -> Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let certificates = self.clone();
        tasks.spawn(TaskKind::Signals, |stop| async move {
            let (mut look, mut renew) = (tokio::time::interval(LOOK), tokio::time::interval(RENEW));
            loop {
                let (mut told, mut renews) = (false, false);
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = look.tick() => {}
                    _ = renew.tick() => renews = certificates.0.made_here,
                    _ = hangup.recv() => told = true,
                }
                let inner = Arc::clone(&certificates.0);
                // A file system may hang.
                let looked = tokio::task::spawn_blocking(move || {
                    if renews && let Err(error) = transport::tls::dev_ca(&inner.folder) {
                        tracing::warn!(%error, "certificates were not renewed");
                    }
                    inner.refresh(told);
                });
                if looked.await.is_err() {
                    tracing::error!("certificates could not be looked at");
                    return;
                }
            }
        })?;
        Ok(())
    }
}

impl Inner {
    /// Reads the files again if they changed, or if it is told to.
    fn refresh(&self, told: bool) {
        let mut users = self.users.lock();
        let (mut read, mut failed) = (false, None);
        for user in users.iter_mut() {
            let now = self.stamp(user.role);
            if now == user.seen && !told {
                continue;
            }
            user.seen = now;
            match self.give(user) {
                Ok(()) => read = true,
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed {
            // Perhaps half of them are written; the other half changes the stamp again.
            tracing::warn!(%error, "certificates are kept as they were");
        } else if read {
            tracing::info!(folder = %self.folder.display(), "certificates were read again");
        }
    }

    /// What is in the files, to one who uses it.
    fn give(&self, user: &mut User) -> Result<(), TlsError> {
        let identity = Identity::from_dir(&self.folder, user.role)?;
        match &user.shows {
            Shows::Client(client) => client.set_identity(&identity)?,
            Shows::Server(server) => server.set_identity(&identity)?,
        }
        let ends = identity.ends();
        let name = user.role.to_string();
        self.expires
            .with_label_values(&[name.as_str()])
            .set(ends.certificate);
        self.expires.with_label_values(&["ca"]).set(ends.authority);
        Ok(())
    }

    fn stamp(&self, role: Role) -> Stamp {
        let stamp = |file: &str| {
            let meta = std::fs::metadata(self.folder.join(file)).ok()?;
            Some((meta.modified().ok()?, meta.len()))
        };
        let files = [CA_FILE.to_owned(), format!("{role}.pem"), format!("{role}.key")];
        files.iter().map(|file| stamp(file)).collect()
    }
}
