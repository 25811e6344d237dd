//! The doors with tokens: who may put in, and what the others are told.

use std::path::PathBuf;

use host::access::{Entry, Role, Token, Tokens, save};

use super::grpc::with_token;
use super::house::{Expect, House};
use super::http_client::Case;
use super::requests::good;
use Expect::{Accepted, Refused};

/// A file with a writer's token (bytes 1), a viewer's (2), an operator's (3) and one that has expired (4).
fn tokens(folder: &tempfile::TempDir) -> PathBuf {
    let mut tokens = Tokens::default();
    let roles = [
        (1, Role::Writer),
        (2, Role::Viewer),
        (3, Role::Operator),
        (4, Role::Writer),
    ];
    for (secret, role) in roles {
        let entry = Entry {
            name: format!("token-{secret}"),
            role,
            digest: Token::new([secret; 32]).digest(),
            created_s: 0,
            expires_s: (secret == 4).then_some(1),
        };
        tokens.add(entry).unwrap();
    }
    let path = folder.path().join("tokens.toml");
    save(&path, &tokens).unwrap();
    path
}

fn token(secret: u8) -> String {
    Token::new([secret; 32]).reveal().to_owned()
}

/// Scenario: requests over HTTP, protobuf and JSON, and over gRPC, without a token, with a wrong one, an expired one, one of a role that may
/// not write, and with those that may. Guarantee: `google.rpc.Status` in the form of the request with the code of its case, 401 with a
/// challenge or 403; nothing reaches the intake; writers are served.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_put_in() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::guarded(&tokens(&folder)).await;
    let refused: [(Option<u8>, u16, u16, &str); 4] = [
        (None, 401, 16, "needs a token of the role writer"),
        (Some(9), 401, 16, "not known here"),
        (Some(4), 401, 16, "expired"),
        (
            Some(2),
            403,
            7,
            "needs the role writer; the token has the role viewer",
        ),
    ];
    for (secret, status, code, why) in refused {
        let given: Option<&'static str> = secret.map(|secret| &*format!("Bearer {}", token(secret)).leak());
        for case in [
            Case::traces("protobuf", good(1), Refused(status, why)),
            Case::json("JSON", "{}", Refused(status, why)).path("/v1/logs"),
        ] {
            let case = match given {
                Some(given) => case.header("authorization", given),
                None => case,
            };
            let reply = case.run(&house).await;
            let challenge = reply.header("www-authenticate").unwrap();
            assert!(
                challenge.starts_with("Bearer realm=\"elixirscope\""),
                "{challenge}"
            );
        }
        let shown = secret.map(token);
        with_token(&house, shown.as_deref(), Refused(code, why)).await;
        assert_eq!(*house.intake.last_accepted.lock(), None);
    }
    for secret in [1, 3] {
        let given: &'static str = format!("bearer {}", token(secret)).leak();
        let case = Case::traces("protobuf", good(2), Accepted(2));
        case.header("authorization", given).run(&house).await;
        with_token(&house, Some(&token(secret)), Accepted(1)).await;
    }
    let metrics = house.metrics();
    for line in [
        "elixirscope_access_denied_total{door=\"otlp_grpc\",reason=\"role\"} 1",
        "elixirscope_access_denied_total{door=\"otlp_http\",reason=\"expired\"} 2",
        "elixirscope_access_granted_total{door=\"otlp_grpc\",role=\"operator\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    house.stop().await;
}
