//! Row 1 for the network: where a datagram goes to is exchanged after the kernel has looked at it.

use std::net::UdpSocket;

use super::guard::{Guard, attack};
use crate::kernel::live::{absent, skipped};

/// What stock rules ask of datagrams, for a port of its own.
fn rules(port: u16) -> String {
    format!(
        r"
- rule: datagram
  desc: something goes to the port
  condition: >
    evt.type in (sendto, sendmsg) and fd.l4proto != tcp and fd.connected = false and fd.name_changed = true
    and fd.sport = {port}
  output: sent to %fd.name by %evt.type
  priority: WARNING
"
    )
}

#[test]
fn a_datagrams_destination_is_the_kernels() {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let Some(guard) = Guard::start("row 1: datagrams", &rules(port)) else { return };
    if let Some(absent) = absent("datagrams") {
        return skipped("row 1: datagrams", &absent);
    }
    for call in ["sendto", "sendmsg", "sendmmsg"] {
        attack("send_swap", &[call, &port.to_string()]);
        // Rules that name sendmsg see what sends several messages, too.
        let told_as = if call == "sendto" { "sendto" } else { "sendmsg" };
        guard.must_alert("datagram", &[("evt.type", told_as)]);
    }
}
