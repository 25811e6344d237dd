//! The key of a node incarnation, as the node derives it (`docs/node-socket.md`). Pure.

use event::NodeKey;
use sha2::{Digest, Sha256};
use wire::node_socket::Hello;

/// The first 59 bits of SHA-256 over name, creation and VM start.
pub(crate) fn node_key(hello: &Hello) -> NodeKey {
    let Hello {
        name,
        creation,
        vm_start,
        ..
    } = hello;
    let text = format!("elixirscope node 1\n{name}\n{creation}\n{}\n", vm_start.0);
    let digest = Sha256::digest(text.as_bytes());
    let first = digest.first_chunk().copied().unwrap_or_default();
    NodeKey(u64::from_be_bytes(first) >> 5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::Micros;

    /// Guarantee: the same as the BEAM library's (the example of `ElixirScope.Identity.key/3`).
    #[test]
    fn as_the_library_does() {
        let hello = Hello {
            node: NodeKey(0),
            creation: 1,
            vm_start: Micros(2),
            name: "shop@host".into(),
            otp_release: String::new(),
            elixir_version: String::new(),
            os_pid: 1,
        };
        assert_eq!(node_key(&hello), NodeKey(191_338_194_186_227_246));
    }
}
