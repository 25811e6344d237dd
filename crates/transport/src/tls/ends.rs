//! When certificates end.

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Identity;
use crate::connection::Connection;

/// When the certificates of an identity end, Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Our own, or what it was made with, whichever ends first.
    pub certificate: i64,
    /// The last of the authorities that we trust.
    pub authority: i64,
}

impl Identity {
    /// When they end. What cannot be read has ended long ago.
    pub fn ends(&self) -> Ends {
        Ends {
            certificate: self.chain.iter().map(end).min().unwrap_or_default(),
            authority: self.authority.iter().map(end).max().unwrap_or_default(),
        }
    }
}

impl Connection {
    /// When the certificate ends that the peer showed, Unix seconds.
    pub fn peer_certificate_ends(&self) -> Option<i64> {
        self.peer_certificates()?.iter().map(end).min()
    }
}

fn end(certificate: &CertificateDer<'_>) -> i64 {
    match X509Certificate::from_der(certificate) {
        Ok((_, read)) => read.validity().not_after.timestamp(),
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Role;
    use std::time::{SystemTime, UNIX_EPOCH};

    /// Scenario: certificates made just now, for members and agents. Guarantee: they end in the future, not after their authority.
    #[test]
    fn made_ones_end_in_the_future() {
        let dir = tempfile::tempdir().unwrap();
        super::super::dev_ca(dir.path()).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        for role in [Role::Member, Role::Agent] {
            let ends = Identity::from_dir(dir.path(), role).unwrap().ends();
            assert!(ends.certificate > now + 86_400 * 7, "{ends:?}");
            assert!(ends.authority >= ends.certificate, "{ends:?}");
        }
    }
}
