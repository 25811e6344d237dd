//! Who is at the other end: role and name, from the URI in its certificate.

use std::fmt;
use std::str::FromStr;

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Trust domain of the URIs.
const PREFIX: &str = "spiffe://elixirscope/";
/// A name longer than this is refused, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// What a process is in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Collector or coordinator.
    Member,
    /// Beside BEAM nodes.
    Agent,
    /// Asks and publishes.
    Client,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Member, Self::Agent, Self::Client];

    /// As in the URI.
    pub fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Agent => "agent",
            Self::Client => "client",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Role and name of a peer, proven by its certificate: `spiffe://elixirscope/<role>/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeerIdentity {
    /// Its role.
    pub role: Role,
    /// Its name.
    pub name: String,
}

/// A certificate without one well-formed URI of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate names no role: {0}")]
pub struct BadPeerUri(pub String);

impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}/{}", self.role, self.name)
    }
}

impl FromStr for PeerIdentity {
    type Err = BadPeerUri;

    fn from_str(uri: &str) -> Result<Self, BadPeerUri> {
        let bad = || BadPeerUri(format!("uri {:?} is not {PREFIX}<role>/<name>", shortened(uri)));
        let (role, name) = uri
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(bad)?;
        let role = Role::ALL.into_iter().find(|r| r.name() == role).ok_or_else(bad)?;
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-_.@".contains(&b);
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(legal) {
            return Err(bad());
        }
        Ok(Self {
            role,
            name: name.to_owned(),
        })
    }
}

fn shortened(uri: &str) -> String {
    uri.chars().take(200).collect()
}

impl PeerIdentity {
    /// From a certificate whose chain has been verified.
    pub(crate) fn from_certificate(der: &CertificateDer<'_>) -> Result<Self, BadPeerUri> {
        let (_, certificate) =
            X509Certificate::from_der(der).map_err(|e| BadPeerUri(format!("not a certificate: {e}")))?;
        let names = certificate
            .subject_alternative_name()
            .map_err(|e| BadPeerUri(format!("subject alternative name: {e}")))?
            .ok_or_else(|| BadPeerUri("no subject alternative name".into()))?;
        let mut uris = names.value.general_names.iter().filter_map(|n| match n {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        });
        match (uris.next(), uris.next()) {
            (Some(uri), None) => uri.parse(),
            (None, _) => Err(BadPeerUri("no uri among the subject alternative names".into())),
            (Some(_), Some(_)) => Err(BadPeerUri(
                "more than one uri among the subject alternative names".into(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Guarantee: what is printed is parsed back.
        #[test]
        fn uri_round_trip(role in 0..3_usize, name in "[A-Za-z0-9._@-]{1,128}") {
            let identity = PeerIdentity { role: Role::ALL[role], name };
            prop_assert_eq!(identity.to_string().parse::<PeerIdentity>(), Ok(identity));
        }

        /// Guarantee: no text and no bytes make the parsers panic.
        #[test]
        fn total(uri in ".{0,300}", der in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = uri.parse::<PeerIdentity>();
            let _ = PeerIdentity::from_certificate(&der.into());
        }
    }

    /// Guarantee: other trust domains, unknown roles, empty and nested names are refused.
    #[test]
    fn refused() {
        for uri in [
            "spiffe://other/agent/a",
            "spiffe://elixirscope/root/a",
            "spiffe://elixirscope/agent/",
            "spiffe://elixirscope/agent",
            "spiffe://elixirscope/agent/a/b",
        ] {
            assert!(uri.parse::<PeerIdentity>().is_err(), "{uri}");
        }
    }
}
