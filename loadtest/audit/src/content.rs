//! What is recorded: entries that tell 512 bytes each, as rows of the peer hold them.

use std::net::IpAddr;

use auth::{Binding, Caller, Role};
use ids::{RequestId, UserId};
use serde_json::{Value, json};
use testkit::TestTenant;

/// Bytes of content, of an entry as of a row of the peer.
pub const BYTES: usize = 512;
/// So many different ones are made beforehand.
const KINDS: usize = 256;

/// Contents, made once: to make them is nobody's work here.
pub struct Contents(Vec<String>);

impl Contents {
    pub fn new() -> Self {
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut letter = || {
            // xorshift64: what is sealed looks like noise anyhow, and what is not should not shrink.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            char::from(b'0' + (random % 75) as u8)
        };
        let text = |_| {
            (0..BYTES)
                .map(|_| letter())
                .map(|c| if c == '\\' { '/' } else { c })
                .collect()
        };
        Self((0..KINDS).map(text).collect())
    }

    /// For a row.
    pub fn text(&self, number: usize) -> &str {
        self.0.get(number % KINDS).map_or("", String::as_str)
    }

    /// For an entry: with its names and quotes, and the address beside it, as many bytes.
    pub fn about(&self, number: usize) -> Value {
        json!({"query": self.text(number).get(48..).unwrap_or_default()})
    }
}

/// Somebody of a tenant, who asks one thing after another.
pub struct Person<'a> {
    tenant: &'a TestTenant,
    user: UserId,
}

impl<'a> Person<'a> {
    pub fn of(tenant: &'a TestTenant) -> Self {
        let user = UserId::mint();
        Self { tenant, user }
    }

    /// With a request of its own each time.
    pub fn asks(&self) -> Caller {
        let bindings = vec![Binding::role(Role::Owner, None)];
        let from = Some(IpAddr::from([198, 51, 100, 7]));
        Caller::newcomer(self.tenant.id, self.user, bindings, from, RequestId::mint())
    }
}
