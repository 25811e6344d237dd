//! Tokens at run time: a file that changes, headers as clients send them, an address that fails too often.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use host::Registry;
use host::access::{Access, Denied, Entry, Grant, Needs, Reason, Role, Token, Tokens, save};

fn entry(name: &str, secret: u8, role: Role) -> Entry {
    Entry {
        name: name.to_owned(),
        role,
        digest: Token::new([secret; 32]).digest(),
        created_s: 0,
        expires_s: None,
    }
}

/// A file with a viewer's token of bytes 1.
fn file(folder: &Path) -> (PathBuf, Tokens) {
    let mut tokens = Tokens::default();
    tokens.add(entry("one", 1, Role::Viewer)).unwrap();
    let path = folder.join("inside").join("tokens.toml");
    save(&path, &tokens).unwrap();
    (path, tokens)
}

fn headers(authorization: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, authorization.parse().unwrap());
    headers
}

fn bearer(secret: u8) -> HeaderMap {
    headers(&format!("Bearer {}", Token::new([secret; 32]).reveal()))
}

fn ask(access: &Access, headers: &HeaderMap, needs: Needs) -> Result<Grant, Denied> {
    access.admit("test", headers, None, needs)
}

/// Scenario: a token is added to the file, the file is broken, mended without the token, gone. Guarantee: what could be read last holds; what
/// cannot be read is counted once.
#[test]
fn the_file_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut tokens) = file(folder.path());
    let registry = Registry::new();
    let access = Access::of(Some(&path), &registry).unwrap();
    let failures = || {
        let text = host::metrics::text(&registry);
        let line = text
            .lines()
            .find(|line| line.starts_with("elixirscope_access_reload_failures_total "));
        line.and_then(|line| line.rsplit_once(' ')).unwrap().1.to_owned()
    };
    assert!(ask(&access, &bearer(1), Needs::See).is_ok());
    assert_eq!(
        ask(&access, &bearer(2), Needs::See).unwrap_err().reason,
        Reason::Unknown
    );
    tokens.add(entry("two", 2, Role::Operator)).unwrap();
    save(&path, &tokens).unwrap();
    access.refresh();
    assert_eq!(ask(&access, &bearer(2), Needs::Operate).unwrap().name, "two");
    std::fs::write(&path, "[[token]]\nname = 'x'\n").unwrap();
    access.refresh();
    access.refresh();
    assert!(ask(&access, &bearer(2), Needs::Operate).is_ok());
    assert_eq!(failures(), "1");
    tokens.remove("two").unwrap();
    save(&path, &tokens).unwrap();
    access.refresh();
    assert_eq!(
        ask(&access, &bearer(2), Needs::See).unwrap_err().reason,
        Reason::Unknown
    );
    std::fs::remove_file(&path).unwrap();
    access.refresh();
    access.refresh();
    assert!(ask(&access, &bearer(1), Needs::See).is_ok());
    assert_eq!(failures(), "2");
}

/// Scenario: headers as clients send them, right and wrong. Guarantee: the token of `Bearer` or the password of `Basic`, in any case of letters;
/// else the reason, and the headers of the answer.
#[test]
fn headers_of_requests() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(folder.path());
    let access = Access::of(Some(&path), &Registry::new()).unwrap();
    let token = Token::new([1; 32]);
    let mut basic = String::from("basic ");
    wire::base64::encode(format!("any user:{}", token.reveal()).as_bytes(), &mut basic);
    for right in [
        format!("bearer {}", token.reveal()),
        format!("BEARER   {}", token.reveal()),
        basic,
    ] {
        assert!(
            ask(&access, &headers(&right), Needs::SeeValues).is_ok(),
            "{right}"
        );
    }
    for wrong in [
        "Bearer",
        "Bearer x",
        "Basic !!!",
        "Basic bm9jb2xvbg==",
        "Digest x",
        &format!("Bearer {} {}", token.reveal(), token.reveal()),
    ] {
        assert_eq!(
            ask(&access, &headers(wrong), Needs::See).unwrap_err().reason,
            Reason::Malformed,
            "{wrong}"
        );
    }
    let mut twice = bearer(1);
    twice.append(AUTHORIZATION, "Bearer x".parse().unwrap());
    assert_eq!(
        ask(&access, &twice, Needs::See).unwrap_err().reason,
        Reason::Malformed
    );
    let answer = |denied: &Denied| {
        let mut headers = HeaderMap::new();
        denied.add_headers(&mut headers);
        let texts = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .map(|value| value.to_str().unwrap().to_owned());
        texts.collect::<Vec<_>>()
    };
    let none = ask(&access, &HeaderMap::new(), Needs::See).unwrap_err();
    assert_eq!(
        (none.status().as_u16(), answer(&none)),
        (
            401,
            vec![
                "Bearer realm=\"elixirscope\"".to_owned(),
                "Basic realm=\"elixirscope\", charset=\"UTF-8\"".to_owned()
            ]
        )
    );
    let role = ask(&access, &bearer(1), Needs::Send).unwrap_err();
    let expected = "Bearer realm=\"elixirscope\", error=\"insufficient_scope\", scope=\"writer\"";
    assert_eq!(
        (role.status().as_u16(), answer(&role)),
        (403, vec![expected.to_owned()])
    );
}

/// Scenario: an address fails 40 times, then a valid token comes from there, and a stranger from elsewhere. Guarantee: 429 with a time after 20;
/// the token is let in all the same; other addresses are not touched.
#[test]
fn too_many_failures() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(folder.path());
    let access = Access::of(Some(&path), &Registry::new()).unwrap();
    let (here, there) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
    let fail = |peer| {
        access
            .admit("test", &bearer(9), Some(peer), Needs::See)
            .unwrap_err()
    };
    let reasons: Vec<Reason> = (0..40).map(|_| fail(here).reason).collect();
    assert!(reasons.iter().take(20).all(|reason| *reason == Reason::Unknown));
    assert!(reasons.iter().skip(30).all(|reason| *reason == Reason::TooMany));
    let denied = fail(here);
    let mut headers = HeaderMap::new();
    denied.add_headers(&mut headers);
    assert_eq!(
        (denied.status().as_u16(), headers.contains_key(RETRY_AFTER)),
        (429, true)
    );
    assert!(access.admit("test", &bearer(1), Some(here), Needs::See).is_ok());
    assert_eq!(fail(there).reason, Reason::Unknown);
}

/// Scenario: addresses of the loopback and beyond, with tokens and without. Guarantee: beyond only with tokens; an IPv4 address in an
/// IPv6 one is what it is.
#[test]
fn where_doors_may_listen() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(folder.path());
    let guarded = Access::of(Some(&path), &Registry::new()).unwrap();
    for (addr, loopback) in [
        ("127.0.0.1:1", true),
        ("127.9.9.9:1", true),
        ("[::1]:1", true),
        ("[::ffff:127.0.0.1]:1", true),
        ("0.0.0.0:1", false),
        ("[::]:1", false),
        ("192.0.2.1:1", false),
        ("[::ffff:192.0.2.1]:1", false),
    ] {
        let addr: SocketAddr = addr.parse().unwrap();
        assert_eq!(
            Access::open().may_listen("test", addr).is_ok(),
            loopback,
            "{addr}"
        );
        assert!(guarded.may_listen("test", addr).is_ok(), "{addr}");
    }
}
