//! No certificate at all, and certificates that change under way.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

mod world;

use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use transport::tls::DEV_SERVER_NAME;
use transport::{ALPN, Limits, Refusal, Role};
use world::{LOOPBACK, World, echoes, identity};

/// A peer that trusts the server and shows no certificate.
async fn without_certificate(world: &World) -> Result<quinn::Connection, quinn::ConnectionError> {
    let mut roots = rustls::RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(world.dir.path().join("ca.pem")).unwrap();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config).unwrap()));
    let endpoint = quinn::Endpoint::client(LOOPBACK).unwrap();
    let connecting = endpoint.connect_with(config, world.addr(), DEV_SERVER_NAME);
    connecting.unwrap().await
}

/// Guarantee: a peer without a certificate is refused and counted, exchanges nothing, and disturbs no one.
#[tokio::test]
async fn no_certificate() {
    let world = World::new(Limits::default());
    world.echo();
    let client = world.client(Role::Agent);
    let good = client.connect(world.addr(), DEV_SERVER_NAME).await.unwrap();
    // In TLS 1.3 the client's half of the handshake ends before the server has judged it.
    if let Ok(connection) = without_certificate(&world).await {
        let error = connection.closed().await.to_string();
        assert!(error.contains("certificate"), "{error}");
    }
    world.refused(Refusal::NoCertificate, 1).await;
    echoes(&good).await;
    assert_eq!(world.server.stats().accepted(), 1);
}

/// Scenario: both sides change to the certificates of a new authority while a connection is open.
/// Guarantee: it lives on; new ones need the new certificates.
#[tokio::test]
async fn rotation() {
    let world = World::new(Limits::default());
    world.echo();
    let client = world.client(Role::Agent);
    let open = client.connect(world.addr(), DEV_SERVER_NAME).await.unwrap();
    echoes(&open).await;
    let next = World::new(Limits::default());
    world
        .server
        .set_identity(&identity(next.dir.path(), Role::Member))
        .unwrap();
    let error = client.connect(world.addr(), DEV_SERVER_NAME).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    echoes(&open).await;
    client
        .set_identity(&identity(next.dir.path(), Role::Agent))
        .unwrap();
    let fresh = client.connect(world.addr(), DEV_SERVER_NAME).await.unwrap();
    echoes(&fresh).await;
    echoes(&open).await;
}
