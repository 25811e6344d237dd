//! Caps on connections and the count of refusals. No sockets here.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::limits::Limits;
use crate::peer::PeerIdentity;

/// Why a connection was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Refusal {
    /// Too many handshakes at once.
    TooManyHandshakes,
    /// Told to prove its address first (it may come back).
    AddressUnproven,
    /// The handshake took too long.
    HandshakeTimeout,
    /// It showed no certificate.
    NoCertificate,
    /// Its certificate was not accepted, or it did not accept ours.
    BadCertificate,
    /// It does not speak our application protocol.
    WrongProtocol,
    /// Any other failure of the handshake.
    Handshake,
    /// Its certificate names no role.
    NoIdentity,
    /// Too many connections.
    ConnectionsMax,
    /// Too many connections from its address.
    AddressMax,
    /// Too many connections with its identity.
    IdentityMax,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::TooManyHandshakes,
        Self::AddressUnproven,
        Self::HandshakeTimeout,
        Self::NoCertificate,
        Self::BadCertificate,
        Self::WrongProtocol,
        Self::Handshake,
        Self::NoIdentity,
        Self::ConnectionsMax,
        Self::AddressMax,
        Self::IdentityMax,
    ];

    /// As a metric label.
    pub fn name(self) -> &'static str {
        match self {
            Self::TooManyHandshakes => "too_many_handshakes",
            Self::AddressUnproven => "address_unproven",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::NoCertificate => "no_certificate",
            Self::BadCertificate => "bad_certificate",
            Self::WrongProtocol => "wrong_protocol",
            Self::Handshake => "handshake",
            Self::NoIdentity => "no_identity",
            Self::ConnectionsMax => "connections_max",
            Self::AddressMax => "address_max",
            Self::IdentityMax => "identity_max",
        }
    }
}

/// Counters of a server, read by whoever exports metrics.
#[derive(Debug, Default)]
pub struct ServerStats {
    refused: [AtomicU64; Refusal::ALL.len()],
    accepted: AtomicU64,
    pub(crate) handshakes: AtomicUsize,
    pub(crate) connections: AtomicUsize,
}

impl ServerStats {
    /// Refusals so far, for one reason.
    pub fn refused(&self, reason: Refusal) -> u64 {
        self.refused[reason as usize].load(Ordering::Relaxed)
    }
    /// Connections accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }
    /// Handshakes under way.
    pub fn handshakes(&self) -> usize {
        self.handshakes.load(Ordering::Relaxed)
    }
    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
    pub(crate) fn refuse(&self, reason: Refusal) {
        self.refused[reason as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// Who holds how many connections.
#[derive(Debug)]
pub(crate) struct Admission {
    limits: Limits,
    held: Mutex<Held>,
    pub(crate) stats: Arc<ServerStats>,
}

#[derive(Debug, Default)]
struct Held {
    addresses: HashMap<IpAddr, usize>,
    identities: HashMap<PeerIdentity, usize>,
    total: usize,
}

impl Admission {
    pub(crate) fn new(limits: Limits, stats: Arc<ServerStats>) -> Self {
        Self {
            limits,
            held: Mutex::default(),
            stats,
        }
    }

    /// Before the handshake: would this address be refused anyway?
    pub(crate) fn precheck(&self, address: IpAddr) -> Result<(), Refusal> {
        let held = self.held.lock();
        if held.total >= self.limits.connections_max {
            return Err(Refusal::ConnectionsMax);
        }
        let of_address = held.addresses.get(&address).copied().unwrap_or(0);
        if of_address >= self.limits.connections_per_address_max {
            return Err(Refusal::AddressMax);
        }
        Ok(())
    }

    /// After the handshake: a slot, given back when dropped.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr, peer: &PeerIdentity) -> Result<Slot, Refusal> {
        self.precheck(address)?;
        let mut held = self.held.lock();
        let of_identity = held.identities.get(peer).copied().unwrap_or(0);
        if of_identity >= self.limits.connections_per_identity_max {
            return Err(Refusal::IdentityMax);
        }
        *held.addresses.entry(address).or_default() += 1;
        *held.identities.entry(peer.clone()).or_default() += 1;
        held.total += 1;
        self.stats.accepted.fetch_add(1, Ordering::Relaxed);
        self.stats.connections.store(held.total, Ordering::Relaxed);
        Ok(Slot {
            admission: Arc::clone(self),
            address,
            peer: peer.clone(),
        })
    }
}

/// One admitted connection.
#[derive(Debug)]
pub(crate) struct Slot {
    admission: Arc<Admission>,
    address: IpAddr,
    peer: PeerIdentity,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut held = self.admission.held.lock();
        release(&mut held.addresses, &self.address);
        release(&mut held.identities, &self.peer);
        held.total = held.total.saturating_sub(1);
        self.admission
            .stats
            .connections
            .store(held.total, Ordering::Relaxed);
    }
}

fn release<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Role;

    /// Scenario: caps of 3 in all, 2 an address, 1 an identity. Guarantee: each refuses, and a freed slot is usable.
    #[test]
    fn caps() {
        let limits = Limits {
            connections_max: 3,
            connections_per_address_max: 2,
            connections_per_identity_max: 1,
            ..Limits::default()
        };
        let admission = Arc::new(Admission::new(limits, Arc::default()));
        let peer = |n: &str| PeerIdentity {
            role: Role::Agent,
            name: n.into(),
        };
        let ip = |n: u8| IpAddr::from([10, 0, 0, n]);
        let a = admission.admit(ip(1), &peer("a")).unwrap();
        assert_eq!(
            admission.admit(ip(2), &peer("a")).unwrap_err(),
            Refusal::IdentityMax
        );
        let _b = admission.admit(ip(1), &peer("b")).unwrap();
        assert_eq!(
            admission.admit(ip(1), &peer("c")).unwrap_err(),
            Refusal::AddressMax
        );
        let _c = admission.admit(ip(2), &peer("c")).unwrap();
        assert_eq!(
            admission.admit(ip(3), &peer("d")).unwrap_err(),
            Refusal::ConnectionsMax
        );
        drop(a);
        assert_eq!(admission.stats.connections(), 2);
        admission.admit(ip(3), &peer("a")).unwrap();
        assert!(
            !admission.held.lock().addresses.contains_key(&ip(3)),
            "empty entries are removed"
        );
    }
}
