//! What doors ask at run time: the tokens as the file has them now, counted answers, and whether an address may be taken at all.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{AUTHORIZATION, HeaderMap};
use axum::http::{HeaderValue, StatusCode};
use parking_lot::{Mutex, RwLock};
use prometheus::{IntCounter, IntCounterVec, IntGauge, Registry};

use super::disk::{Stamp, TokenFileError, load_stamped};
use super::limiter::Limiter;
use super::role::{Needs, Role};
use super::token::Token;
use super::tokens::{Grant, Tokens};
use crate::tasks::{TaskKind, Tasks, TooManyTasks};
use crate::{clock, metrics};

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Told to those who failed too often.
const RETRY_AFTER_S: u32 = 5;

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No token came.
    Missing,
    /// What came is written like no token.
    Malformed,
    /// Nobody's token.
    Unknown,
    /// It held once.
    Expired,
    /// Its role may not.
    Role,
    /// Too many failures from this address.
    TooMany,
}

impl Reason {
    /// As in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Role => "role",
            Self::TooMany => "too_many",
        }
    }
}

/// A request that is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// Why.
    pub reason: Reason,
    /// What it would have needed.
    pub needs: Needs,
    /// The role that it has, if it has one.
    pub has: Option<Role>,
}

impl Denied {
    /// 401, 403 or 429.
    pub fn status(&self) -> StatusCode {
        match self.reason {
            Reason::Role => StatusCode::FORBIDDEN,
            Reason::TooMany => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// In words, for the one who asked.
    pub fn message(&self) -> String {
        let least = self.needs.least();
        match self.reason {
            Reason::Missing => format!("this needs a token of the role {least}: Authorization: Bearer ..."),
            Reason::Malformed => "the Authorization header holds no token of ElixirScope".to_owned(),
            Reason::Unknown => "this token is not known here; it may have been revoked".to_owned(),
            Reason::Expired => "this token has expired".to_owned(),
            Reason::Role => {
                let has = self.has.map_or("", Role::name);
                format!("this needs the role {least}; the token has the role {has}")
            }
            Reason::TooMany => "too many requests without a valid token from this address".to_owned(),
        }
    }

    /// `WWW-Authenticate` (RFC 6750, section 3; RFC 7617) of a 401 or 403, or `Retry-After` of a 429.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
        if self.reason == Reason::TooMany {
            headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
            return;
        }
        let realm = "Bearer realm=\"elixirscope\"";
        let bearer = match self.reason {
            Reason::Missing => realm.to_owned(),
            Reason::Role => {
                let least = self.needs.least();
                format!("{realm}, error=\"insufficient_scope\", scope=\"{least}\"")
            }
            _ => format!("{realm}, error=\"invalid_token\""),
        };
        if let Ok(value) = HeaderValue::try_from(bearer) {
            headers.insert(WWW_AUTHENTICATE, value);
        }
        if self.reason != Reason::Role {
            let basic = HeaderValue::from_static("Basic realm=\"elixirscope\", charset=\"UTF-8\"");
            headers.append(WWW_AUTHENTICATE, basic);
        }
    }
}

/// A door that would be open to anybody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {door} door would listen on {addr}, beyond this machine, and let anybody in: make tokens with `elixirscope token create` and \
     name their file by --tokens, or listen on 127.0.0.1"
)]
pub struct TooOpen {
    /// Which door.
    pub door: &'static str,
    /// Where.
    pub addr: SocketAddr,
}

/// The tokens and what was decided by them. Clones share it. Without a file everybody may do everything, and doors open on the
/// loopback only.
#[derive(Clone, Debug, Default)]
pub struct Access(Option<Arc<Guard>>);

#[derive(Debug)]
struct Guard {
    path: PathBuf,
    tokens: RwLock<Arc<Tokens>>,
    /// The file as it was last looked at, readable or not.
    seen: Mutex<Option<Stamp>>,
    failures: Mutex<Limiter>,
    granted: IntCounterVec,
    denied: IntCounterVec,
    known: IntGauge,
    reload_failures: IntCounter,
}

impl Access {
    /// Without tokens.
    pub fn open() -> Self {
        Self(None)
    }

    /// With those of a file, or without if none is named. Registers its metrics.
    pub fn of(path: Option<&Path>, registry: &Registry) -> Result<Self, AccessError> {
        let Some(path) = path else {
            return Ok(Self::open());
        };
        let (tokens, stamp) = load_stamped(path)?;
        let guard = Guard {
            path: path.to_owned(),
            granted: metrics::counters(
                registry,
                "elixirscope_access_granted_total",
                "Requests that a token let in",
                &["door", "role"],
            )?,
            denied: metrics::counters(
                registry,
                "elixirscope_access_denied_total",
                "Requests that were not let in",
                &["door", "reason"],
            )?,
            known: metrics::gauge(
                registry,
                "elixirscope_access_tokens",
                "Tokens that are known, expired ones included",
            )?,
            reload_failures: metrics::counter(
                registry,
                "elixirscope_access_reload_failures_total",
                "Changes of the token file that could not be read; the tokens before them hold on",
            )?,
            tokens: RwLock::new(Arc::new(tokens)),
            seen: Mutex::new(Some(stamp)),
            failures: Mutex::new(Limiter::new()),
        };
        guard.known.set(guard.tokens.read().entries().len() as i64);
        Ok(Self(Some(Arc::new(guard))))
    }

    /// Whether everybody may do everything.
    pub fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a door may listen there: on the loopback, or with tokens.
    pub fn may_listen(&self, door: &'static str, addr: SocketAddr) -> Result<(), TooOpen> {
        if self.is_open() && !addr.ip().to_canonical().is_loopback() {
            return Err(TooOpen { door, addr });
        }
        Ok(())
    }

    /// Decides on a request: who makes it, or why it is not let in. Counted.
    pub fn admit(
        &self,
        door: &'static str,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
        needs: Needs,
    ) -> Result<Grant, Denied> {
        let Some(guard) = &self.0 else {
            return Ok(Grant {
                name: String::new(),
                role: Role::Operator,
            });
        };
        let decided = guard.decide(headers, needs);
        match &decided {
            Ok(grant) => guard.granted.with_label_values(&[door, grant.role.name()]).inc(),
            Err(denied) => {
                let reason = guard.reason(denied, peer);
                guard.denied.with_label_values(&[door, reason.name()]).inc();
                if reason != Reason::TooMany {
                    let role = denied.has.map(Role::name);
                    tracing::info!(door, ?peer, reason = reason.name(), role, "request not let in");
                }
                return Err(Denied {
                    reason,
                    ..denied.clone()
                });
            }
        }
        decided
    }

    /// Reads the file again if it changed. What cannot be read changes nothing, and is said and counted once.
    pub fn refresh(&self) {
        if let Some(guard) = &self.0 {
            guard.refresh();
        }
    }

    /// Follows the file: once a second, and at SIGHUP.
    pub fn follow(&self, tasks: &Tasks) -> Result<(), TooManyTasks> {
        if self.is_open() {
            return Ok(());
        }
        let access = self.clone();
        tasks.spawn(TaskKind::Access, |stop| async move {
            let mut tick = tokio::time::interval(LOOK);
            let mut hangup = crate::signals::Hangup::new();
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = tick.tick() => {}
                    () = hangup.recv() => access.forget_stamp(),
                }
                let access = access.clone();
                // A file system may hang.
                if tokio::task::spawn_blocking(move || access.refresh())
                    .await
                    .is_err()
                {
                    tracing::error!("the token file could not be looked at");
                }
            }
        })
    }

    fn forget_stamp(&self) {
        if let Some(guard) = &self.0 {
            *guard.seen.lock() = None;
        }
    }
}

impl Guard {
    fn decide(&self, headers: &HeaderMap, needs: Needs) -> Result<Grant, Denied> {
        let denied = |reason, has| Denied { reason, needs, has };
        let token = presented(headers).map_err(|reason| denied(reason, None))?;
        let now_s = clock::now().to_unix_us() / 1_000_000;
        let tokens = Arc::clone(&self.tokens.read());
        match tokens.find(&token, now_s) {
            None => Err(denied(Reason::Unknown, None)),
            Some((grant, false)) => Err(denied(Reason::Expired, Some(grant.role))),
            Some((grant, true)) if !grant.role.may(needs) => Err(denied(Reason::Role, Some(grant.role))),
            Some((grant, true)) => Ok(grant),
        }
    }

    /// The reason, or that it were too many. Who has a token is told what is wrong with it, however often.
    fn reason(&self, denied: &Denied, peer: Option<IpAddr>) -> Reason {
        let Some(peer) = peer.filter(|_| denied.has.is_none()) else {
            return denied.reason;
        };
        let now_us = clock::now().to_unix_us();
        if self.failures.lock().fail(peer.to_canonical(), now_us) {
            denied.reason
        } else {
            Reason::TooMany
        }
    }

    fn refresh(&self) {
        let now = Stamp::read(&self.path).ok();
        {
            let mut seen = self.seen.lock();
            if now.is_some() && *seen == now || now.is_none() && seen.is_none() {
                return;
            }
            *seen = now;
        }
        match load_stamped(&self.path) {
            Ok((tokens, stamp)) => {
                *self.seen.lock() = Some(stamp);
                self.known.set(tokens.entries().len() as i64);
                let before = std::mem::replace(&mut *self.tokens.write(), Arc::new(tokens));
                self.say_changes(&before);
            }
            Err(error) => {
                self.reload_failures.inc();
                tracing::error!(%error, "the token file cannot be read; the tokens that were known hold on");
            }
        }
    }

    fn say_changes(&self, before: &Tokens) {
        let now = Arc::clone(&self.tokens.read());
        for entry in now
            .entries()
            .iter()
            .filter(|entry| !before.entries().contains(entry))
        {
            let role = entry.role.name();
            tracing::info!(target: "audit", token = entry.name, role, "token added or changed");
        }
        let names = |tokens: &Tokens, name: &str| tokens.entries().iter().any(|entry| entry.name == name);
        for entry in before.entries().iter().filter(|entry| !names(&now, &entry.name)) {
            tracing::info!(target: "audit", token = entry.name, role = entry.role.name(), "token revoked");
        }
    }
}

/// The token of a request: `Bearer`, or the password of `Basic` (RFC 7617), whatever the user.
fn presented(headers: &HeaderMap) -> Result<Token, Reason> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let value = given.next().ok_or(Reason::Missing)?;
    if given.next().is_some() {
        return Err(Reason::Malformed);
    }
    let text = value.to_str().map_err(|_| Reason::Malformed)?;
    let (scheme, rest) = text.trim().split_once(' ').ok_or(Reason::Malformed)?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return rest.parse().map_err(|_| Reason::Malformed);
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Reason::Malformed);
    }
    let pair = wire::base64::decode(rest.as_bytes()).ok_or(Reason::Malformed)?;
    let pair = String::from_utf8(pair).map_err(|_| Reason::Malformed)?;
    let (_, password) = pair.split_once(':').ok_or(Reason::Malformed)?;
    password.parse().map_err(|_| Reason::Malformed)
}

/// Tokens that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The file.
    #[error(transparent)]
    File(#[from] TokenFileError),
    /// A metric's name is taken.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}
