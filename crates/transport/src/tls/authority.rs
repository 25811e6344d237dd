//! A development certificate authority, made on first start in a folder: `ca.pem`, `ca.key` (mode 0600) and, for each
//! role, `<role>.pem` and `<role>.key`. In Kubernetes mounted secrets take its place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls::pki_types::UnixTime;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Identity, TlsError, refused};
use crate::peer::{PeerIdentity, Role};

/// The authority's certificate.
pub const CA_FILE: &str = "ca.pem";
/// The authority's private key.
pub const CA_KEY_FILE: &str = "ca.key";
/// A DNS name that every development certificate of a member carries, beside `localhost` and the loopback addresses.
pub const DEV_SERVER_NAME: &str = "elixirscope";

/// Name in the certificates that are made here.
const DEV_NAME: &str = "dev";
const DAY: Duration = Duration::from_hours(24);
const CA_LIFE: Duration = DAY.saturating_mul(3650);
const LEAF_LIFE: Duration = DAY.saturating_mul(90);
/// Certificates begin this much in the past, for clocks that are behind.
const BACKDATED: Duration = DAY;

/// Makes what is missing in `dir`; renews certificates of which less than a third of life is left, that belong to
/// another authority, or that do not fit their key. Processes may call it at the same time.
pub fn dev_ca(dir: &Path) -> Result<(), TlsError> {
    fs::create_dir_all(dir).map_err(|source| TlsError::File {
        path: dir.to_owned(),
        source,
    })?;
    let lock_path = dir.join(".lock");
    let at_lock = |source| TlsError::File {
        path: lock_path.clone(),
        source,
    };
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(at_lock)?;
    lock.lock().map_err(at_lock)?;
    let now = SystemTime::now();
    let issuer = authority(dir, now)?;
    for role in Role::ALL {
        if !is_usable(dir, role, now) {
            issue(dir, role, &issuer, now)?;
        }
    }
    Ok(())
}

fn authority(dir: &Path, now: SystemTime) -> Result<Issuer<'static, KeyPair>, TlsError> {
    let (certificate, key) = (dir.join(CA_FILE), dir.join(CA_KEY_FILE));
    match (certificate.exists(), key.exists()) {
        (true, true) => {
            let text = |path: &Path| {
                fs::read_to_string(path).map_err(|source| TlsError::File {
                    path: path.to_owned(),
                    source,
                })
            };
            let pair = KeyPair::from_pem(&text(&key)?).map_err(|e| content(&key, "private key", &e))?;
            Issuer::from_ca_cert_pem(&text(&certificate)?, pair)
                .map_err(|e| content(&certificate, "certificate", &e))
        }
        (false, false) => {
            let pair = KeyPair::generate().map_err(refused)?;
            let mut params = params("ElixirScope development authority", now, CA_LIFE);
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            let own = params.self_signed(&pair).map_err(refused)?;
            write(&key, &pair.serialize_pem(), 0o600)?;
            write(&certificate, &own.pem(), 0o644)?;
            Ok(Issuer::new(params, pair))
        }
        (true, false) => Err(TlsError::HalfAnAuthority {
            missing: key,
            present: certificate,
        }),
        (false, true) => Err(TlsError::HalfAnAuthority {
            missing: certificate,
            present: key,
        }),
    }
}

fn issue(dir: &Path, role: Role, issuer: &Issuer<'_, KeyPair>, now: SystemTime) -> Result<(), TlsError> {
    let pair = KeyPair::generate().map_err(refused)?;
    let identity = PeerIdentity {
        role,
        name: DEV_NAME.to_owned(),
    };
    let mut params = params(&format!("ElixirScope {role}"), now, LEAF_LIFE);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![SanType::URI(identity.to_string().try_into().map_err(refused)?)];
    if role == Role::Member {
        params
            .extended_key_usages
            .push(ExtendedKeyUsagePurpose::ServerAuth);
        for name in [DEV_SERVER_NAME, "localhost"] {
            params
                .subject_alt_names
                .push(SanType::DnsName(name.try_into().map_err(refused)?));
        }
        params
            .subject_alt_names
            .push(SanType::IpAddress([127, 0, 0, 1].into()));
        params
            .subject_alt_names
            .push(SanType::IpAddress([0, 0, 0, 0, 0, 0, 0, 1_u16].into()));
    }
    let certificate = params.signed_by(&pair, issuer).map_err(refused)?;
    write(&dir.join(format!("{role}.key")), &pair.serialize_pem(), 0o600)?;
    write(&dir.join(format!("{role}.pem")), &certificate.pem(), 0o644)
}

/// Loads, belongs to the authority, fits its key, and has a third of its life left.
fn is_usable(dir: &Path, role: Role, now: SystemTime) -> bool {
    let Ok(identity) = Identity::from_dir(dir, role) else {
        return false;
    };
    let Some(leaf) = identity.leaf() else { return false };
    let Ok(unix_now) = now.duration_since(UNIX_EPOCH) else {
        return false;
    };
    let verified = identity.client_verifier().is_ok_and(|v| {
        v.verify_client_cert(leaf, &[], UnixTime::since_unix_epoch(unix_now))
            .is_ok()
    });
    let Ok((_, certificate)) = X509Certificate::from_der(leaf) else {
        return false;
    };
    let key_fits = fs::read_to_string(dir.join(format!("{role}.key")))
        .ok()
        .and_then(|pem| KeyPair::from_pem(&pem).ok())
        .is_some_and(|pair| pair.der_bytes() == certificate.public_key().subject_public_key.data.as_ref());
    let (from, to) = (
        certificate.validity().not_before.timestamp(),
        certificate.validity().not_after.timestamp(),
    );
    let left = to.saturating_sub(unix_now.as_secs().cast_signed());
    verified && key_fits && identity.own().role == role && left > to.saturating_sub(from) / 3
}

fn params(common_name: &str, now: SystemTime, life: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_1970.saturating_sub(BACKDATED);
    params.not_after = epoch + since_1970.saturating_add(life);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

/// Whole or not at all: to a file beside it, synced, renamed.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    let beside = PathBuf::from(format!("{}.new", path.display()));
    let attempt = || -> io::Result<()> {
        let _ = fs::remove_file(&beside);
        let mut file: File = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(mode)
            .open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    attempt().map_err(|source| TlsError::File {
        path: path.to_owned(),
        source,
    })
}

fn content(path: &Path, what: &'static str, error: &rcgen::Error) -> TlsError {
    TlsError::Content {
        path: path.to_owned(),
        what,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
