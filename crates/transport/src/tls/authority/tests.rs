//! The authority of development, made and found.

use super::*;
use std::os::unix::fs::PermissionsExt;

fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .map(|p| (p.display().to_string(), fs::read(&p).unwrap()))
        .collect();
    all.sort();
    all
}

/// Scenario: first start, then another. Guarantee: keys are private, the second start changes nothing.
#[test]
fn made_once() {
    let dir = tempfile::tempdir().unwrap();
    dev_ca(dir.path()).unwrap();
    let first = contents(dir.path());
    dev_ca(dir.path()).unwrap();
    assert_eq!(first, contents(dir.path()));
    for key in ["ca.key", "agent.key", "member.key", "client.key"] {
        assert_eq!(
            fs::metadata(dir.path().join(key)).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    for role in Role::ALL {
        assert_eq!(Identity::from_dir(dir.path(), role).unwrap().own().role, role);
    }
}

/// Scenario: a certificate near its end, one with another's key, one that is torn.
/// Guarantee: these are issued again, the authority stays.
#[test]
fn renewed_when_unusable() {
    let dir = tempfile::tempdir().unwrap();
    dev_ca(dir.path()).unwrap();
    let authority_before = fs::read(dir.path().join(CA_FILE)).unwrap();
    let past = SystemTime::now() - DAY * 70;
    issue(
        dir.path(),
        Role::Agent,
        &authority(dir.path(), past).unwrap(),
        past,
    )
    .unwrap();
    fs::copy(dir.path().join("member.key"), dir.path().join("client.key")).unwrap();
    fs::write(dir.path().join("member.pem"), "-----BEGIN CERT").unwrap();
    for role in Role::ALL {
        assert!(!is_usable(dir.path(), role, SystemTime::now()), "{role}");
    }
    dev_ca(dir.path()).unwrap();
    for role in Role::ALL {
        assert!(is_usable(dir.path(), role, SystemTime::now()), "{role}");
    }
    assert_eq!(authority_before, fs::read(dir.path().join(CA_FILE)).unwrap());
}

/// Scenario: the authority's key was deleted. Guarantee: nothing is overwritten; the error says what is missing.
#[test]
fn half_an_authority_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    dev_ca(dir.path()).unwrap();
    fs::remove_file(dir.path().join(CA_KEY_FILE)).unwrap();
    let error = dev_ca(dir.path()).unwrap_err();
    assert!(error.to_string().contains("ca.key is missing"), "{error}");
}
