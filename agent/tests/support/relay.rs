//! A way between an agent and a collector that can be cut without either being told.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::UdpSocket;

pub struct Relay {
    pub addr: SocketAddr,
    cut: Arc<AtomicBool>,
}

impl Relay {
    /// For one agent.
    pub async fn to(collector: SocketAddr) -> Self {
        let here = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let there = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (addr, cut) = (here.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let is_cut = Arc::clone(&cut);
        tokio::spawn(async move {
            let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
            let mut agent = None;
            loop {
                tokio::select! {
                    Ok((n, from)) = here.recv_from(&mut up) => {
                        agent = Some(from);
                        if !is_cut.load(Ordering::SeqCst) {
                            let _ = there.send_to(&up[..n], collector).await;
                        }
                    }
                    Ok((n, _)) = there.recv_from(&mut down) => if let Some(agent) = agent && !is_cut.load(Ordering::SeqCst) {
                        let _ = here.send_to(&down[..n], agent).await;
                    },
                }
            }
        });
        Self { addr, cut }
    }

    /// From now on nothing passes.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }
}
