//! Bodies that are compressed, well and badly.

use super::house::{Expect, House};
use super::http_client::{Case, run_all};
use super::requests::{good, good_logs};
use Expect::{Accepted, Refused};
use std::io::Write as _;

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// A zstd frame whose window is 2^`log` bytes.
fn wide_window(log: u32) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(log).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(&good(1)).unwrap();
    encoder.flush().unwrap();
    encoder.finish().unwrap()
}

fn cut(mut bytes: Vec<u8>, end: usize) -> Vec<u8> {
    bytes.truncate(bytes.len() - end);
    bytes
}

/// Guarantee: gzip and zstd of either signal are taken, by any spelling of their names, in as many members as one likes; what
/// is broken is 400, what is unknown is 415, what grows beyond the limit is 413.
#[tokio::test(flavor = "multi_thread")]
async fn compressed() {
    let house = House::start().await;
    let case =
        |name, body, encoding, expect| Case::traces(name, body, expect).header("content-encoding", encoding);
    let broken = "cannot be decompressed";
    let mut wrong_sum = gzip(&good(1));
    let sum = wrong_sum.len() - 5;
    wrong_sum[sum] ^= 1;
    let large = good(200_000);
    let cases = [
        case("gzip", gzip(&good(50)), "gzip", Accepted(50)),
        case("gzip in capitals", gzip(&good(50)), "GZIP", Accepted(50)),
        case("zstd", zstd(&good(50)), "zstd", Accepted(50)),
        case("identity", good(50), "identity", Accepted(50)),
        case(
            "gzip of two members",
            [gzip(&good(2)), gzip(&good(3))].concat(),
            "gzip",
            Accepted(5),
        ),
        case(
            "zstd of two frames",
            [zstd(&good(2)), zstd(&good(3))].concat(),
            "zstd",
            Accepted(5),
        ),
        case("gzip of nothing", gzip(b""), "gzip", Accepted(0)),
        case("gzip of many", gzip(&large), "gzip", Accepted(200_000)),
        case("zstd of many", zstd(&large), "zstd", Accepted(200_000)),
        case("gzip of logs", gzip(&good_logs(4)), "gzip", Accepted(4)).path("/v1/logs"),
        Case::json("gzip of JSON", gzip(b"{}"), Accepted(0)).header("content-encoding", "gzip"),
        case("gzip that is none", good(1), "gzip", Refused(400, broken)),
        case("zstd that is none", good(1), "zstd", Refused(400, broken)),
        case("zstd as gzip", zstd(&good(1)), "gzip", Refused(400, broken)),
        case(
            "gzip cut off",
            cut(gzip(&good(100)), 9),
            "gzip",
            Refused(400, broken),
        ),
        case(
            "gzip without its sum",
            cut(gzip(&good(1)), 4),
            "gzip",
            Refused(400, broken),
        ),
        case("gzip with a wrong sum", wrong_sum, "gzip", Refused(400, broken)),
        case(
            "gzip and more",
            [gzip(&good(1)), b"and more".to_vec()].concat(),
            "gzip",
            Refused(400, broken),
        ),
        case(
            "zstd cut off",
            cut(zstd(&good(100)), 1),
            "zstd",
            Refused(400, broken),
        ),
        case(
            "zstd with a window of 128 MiB",
            wide_window(27),
            "zstd",
            Refused(400, broken),
        ),
        case(
            "gzip of noise",
            gzip(&b"\xde\xad\xbe\xef".repeat(64)),
            "gzip",
            Refused(400, "at byte"),
        ),
        case("deflate", good(1), "deflate", Refused(415, "content encoding")),
        case("brotli", good(1), "br", Refused(415, "content encoding")),
        case(
            "gzip twice",
            gzip(&gzip(&good(1))),
            "gzip, gzip",
            Refused(415, "content encoding"),
        ),
        case(
            "gzip twice, in two headers",
            good(1),
            "gzip",
            Refused(415, "content encoding"),
        )
        .header("content-encoding", "gzip"),
    ];
    run_all(&house, &cases).await;
    house.stop().await;
}

/// Scenario: 100 KB that become 80 MiB of zeros, in both methods and as JSON. Guarantee: 413, and the doors go on.
#[tokio::test(flavor = "multi_thread")]
async fn bombs() {
    let house = House::start().await;
    let zeros = vec![0u8; 80 << 20];
    let (gz, zs) = (gzip(&zeros), zstd(&zeros));
    assert!(gz.len() < 1 << 20 && zs.len() < 1 << 20);
    let limit = "exceeds the limit of 67108864";
    let cases = [
        Case::traces("gzip", gz.clone(), Refused(413, limit)).header("content-encoding", "gzip"),
        Case::traces("zstd", zs.clone(), Refused(413, limit)).header("content-encoding", "zstd"),
        Case::json("JSON in gzip", gz, Refused(413, limit)).header("content-encoding", "gzip"),
        Case::json("JSON in zstd", zs, Refused(413, limit)).header("content-encoding", "zstd"),
    ];
    run_all(&house, &cases).await;
    house.stop().await;
}
