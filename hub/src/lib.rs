//! The hub: one durable log of alerts, and everybody it is served to.
