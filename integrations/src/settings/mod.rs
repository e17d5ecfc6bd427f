//! Settings of destinations: their keys, read from whatever a configuration gives for them.
//!
//! Names, defaults and the ways to write a value are falcosidekick's, so that its files and environment
//! variables work. Each key is declared once, with its doc comment, its type and its default: the reading, the
//! environment variable and the page about it come from that.

pub(crate) mod keys;
mod kinds;
mod secret;

pub use keys::Key;
pub use secret::Secret;

pub(crate) use keys::{Keys, keys, nearest};
pub(crate) use kinds::{Setting, one_of};

keys! {
    /// What every destination has.
    pub(crate) struct Common {
        /// Alerts less urgent than this are not sent. Empty: all are.
        minimumpriority: String = "",
        /// Only alerts that this condition admits are sent: Falco's language, over output fields and `alert.*`.
        filter: String = "",
        /// Requests in flight at a time. Above 1, alerts may arrive in another order.
        maxconcurrentrequests: usize = 1,
        /// One attempt may take so many milliseconds.
        timeoutms: u64 = 10_000,
        /// Alerts that the destination has answered with a transient error so often become dead letters. 0: never.
        /// One that cannot be reached is waited for.
        maxattempts: u32 = 20,
        /// Messages a minute. Above that, waiting alerts of the same rule become one message with their number. 0: no
        /// limit.
        ratelimit: u32 = 0,
    }
}

keys! {
    /// What every destination by HTTP or TLS has.
    pub(crate) struct Tls {
        /// Whether the other side's certificate is checked.
        checkcert: bool = true,
        /// Whether to show the client certificate of `mutualtlsclient`.
        mutualtls: bool = false,
    }
}
