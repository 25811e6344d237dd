//! The control stream: HELLO, descriptions, pings, and what is none of them.

use super::heard;
use super::support::{Agent, House, PRODUCER, frame, hello};
use event::{Epoch, Hlc, Micros, NodeInfo, NodeKey, Producer};
use transport::Role;
use wire::control::{
    AgentHello, AgentMessage, CollectorMessage, ErrorCode, MESSAGE_BYTES_MAX, ModulesOp, NodeDescription,
    VERSION,
};

/// The session must end so, and a new one must be possible.
async fn ended(house: &House, name: &str, agent: &mut Agent, expected: ErrorCode) {
    let CollectorMessage::Error { code, reason } = heard(agent).await else {
        panic!("{name} does not end the session")
    };
    assert_eq!(code, expected, "{name}: {reason}");
    assert!(!reason.is_empty() && reason.len() < 300, "{name}: {reason}");
    let mut next = house.agent().await;
    next.send(&frame(6, 1)).await;
    next.acked(1).await;
}

fn node(name: &str) -> NodeDescription {
    NodeDescription {
        node: NodeInfo {
            key: NodeKey(5),
            creation: 2,
            name: name.to_owned(),
        },
        vm_start: Micros(9),
        otp_release: "25".to_owned(),
        elixir_version: "1.14.0".to_owned(),
    }
}

/// Scenario: first messages that are no HELLO, or one that cannot be. Guarantee: the session ends, says why, and the next agent is served.
#[tokio::test(flavor = "multi_thread")]
async fn first_messages() {
    let house = House::start().await;
    let good = AgentMessage::Hello(hello()).encode();
    let version = |version: u16| AgentMessage::Hello(AgentHello { version, ..hello() }).encode();
    let malformed = ErrorCode::Malformed;
    let long_name = AgentHello::new(PRODUCER, Epoch(3), Hlc(1), "n".repeat(256));
    let mut no_text = AgentMessage::Hello(hello()).encode();
    *no_text.last_mut().unwrap() = 0xff;
    let ping = AgentMessage::Ping(Hlc(5)).encode();
    let define = AgentMessage::Define {
        token: 1,
        table: vec![1],
    };
    let cases: Vec<(&str, Vec<u8>, ErrorCode)> = vec![
        ("type 0", vec![0], malformed),
        ("type 6", vec![6; 20], malformed),
        ("type 255", vec![255; 20], malformed),
        ("HELLO of one byte", vec![1], malformed),
        ("HELLO cut in half", good[..good.len() / 2].to_vec(), malformed),
        (
            "HELLO without its last byte",
            good[..good.len() - 1].to_vec(),
            malformed,
        ),
        ("a byte behind HELLO", [&good[..], &[0]].concat(), malformed),
        ("version 0", version(0), ErrorCode::Version),
        ("version 3", version(VERSION + 1), ErrorCode::Version),
        ("version 65535", version(u16::MAX), ErrorCode::Version),
        (
            "a name of 256 bytes",
            AgentMessage::Hello(long_name).encode(),
            malformed,
        ),
        ("a name that is no UTF-8", no_text, malformed),
        ("PING first", ping, malformed),
        ("DEFINE first", define.encode(), malformed),
        (
            "NODE first",
            AgentMessage::Node {
                token: 1,
                description: node("a@b"),
            }
            .encode(),
            malformed,
        ),
        ("four megabytes of zeros", vec![0; 4 << 20], malformed),
    ];
    for (name, message, expected) in cases {
        let mut agent = Agent::new(house.connect(Role::Agent).await).await;
        agent.control.write(&message).await.unwrap();
        ended(&house, name, &mut agent, expected).await;
    }
    house.stop().await;
}

/// Scenario: HELLO with odd and allowed contents: epoch 0 and the last one, a clock of 1970 and one of 2262, no name, a producer of all
/// ones. Guarantee: HELLO_OK, and the collector's own time stays near its clock.
#[tokio::test(flavor = "multi_thread")]
async fn odd_hellos() {
    let house = House::start().await;
    let now = Hlc::from_micros(host::now());
    let far = Hlc::from_micros(Micros::from_unix_us(9_223_372_036_000_000));
    let cases = [
        ("epoch 0", AgentHello::new(Producer(1), Epoch(0), now, "a")),
        (
            "the last epoch",
            AgentHello::new(Producer(2), Epoch(u64::MAX), now, "a"),
        ),
        ("1970", AgentHello::new(Producer(3), Epoch(1), Hlc(0), "a")),
        ("2262", AgentHello::new(Producer(4), Epoch(1), far, "a")),
        (
            "the last time there is",
            AgentHello::new(Producer(5), Epoch(1), Hlc(u64::MAX), "a"),
        ),
        ("no name", AgentHello::new(Producer(6), Epoch(1), now, "")),
        (
            "a name of 255 bytes",
            AgentHello::new(Producer(7), Epoch(1), now, "n".repeat(255)),
        ),
        (
            "a name with control characters",
            AgentHello::new(Producer(8), Epoch(1), now, "\u{1b}[2J\n\0"),
        ),
        (
            "producer of all ones",
            AgentHello::new(Producer(u128::MAX), Epoch(1), now, "a"),
        ),
        ("producer 0", AgentHello::new(Producer(0), Epoch(1), now, "a")),
    ];
    for (name, said) in cases {
        let mut agent = Agent::new(house.connect(Role::Agent).await).await;
        agent.say(&AgentMessage::Hello(said)).await;
        let CollectorMessage::HelloOk(ok) = heard(&mut agent).await else {
            panic!("{name} is not greeted")
        };
        let limit = Hlc::from_micros(Micros(host::now().0 + 5_000_000));
        assert!(
            ok.hlc < limit,
            "{name}: the collector's time went to {:?}",
            ok.hlc
        );
    }
    house.stop().await;
}

/// Scenario: after HELLO messages that are malformed, or descriptions that cannot be. Guarantee: the session ends and says why.
#[tokio::test(flavor = "multi_thread")]
async fn later_messages() {
    let house = House::start().await;
    let described = |name: &str| {
        AgentMessage::Node {
            token: 1,
            description: node(name),
        }
        .encode()
    };
    let modules = AgentMessage::Modules {
        token: 1,
        node: NodeKey(5),
        op: ModulesOp::ALL[0],
        time: Micros(1),
        modules: vec![],
    };
    let modules = modules.encode();
    let mut bad_op = modules.clone();
    bad_op[17] = 250;
    let mut many = modules.clone();
    let count = many.len() - 4;
    many[count..].copy_from_slice(&u32::MAX.to_le_bytes());
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("HELLO again", AgentMessage::Hello(hello()).encode()),
        ("type 77", vec![77, 1, 2]),
        ("PING cut", AgentMessage::Ping(Hlc(1)).encode()[..5].to_vec()),
        (
            "a byte behind PING",
            [AgentMessage::Ping(Hlc(1)).encode(), vec![0]].concat(),
        ),
        ("DEFINE cut in its token", vec![2, 1, 2]),
        ("a node without a name", described("")),
        ("a node's name of 256 bytes", described(&"n".repeat(256))),
        ("NODE cut", described("a@b")[..20].to_vec()),
        ("MODULES with an unknown operation", bad_op),
        ("MODULES that announces four thousand millions", many),
        ("MODULES cut", modules[..10].to_vec()),
    ];
    for (name, message) in cases {
        let mut agent = house.agent().await;
        agent.control.write(&message).await.unwrap();
        ended(&house, name, &mut agent, ErrorCode::Malformed).await;
    }
    assert_eq!(
        MESSAGE_BYTES_MAX, 4_259_840,
        "the limit that the next test goes beyond"
    );
    house.stop().await;
}
