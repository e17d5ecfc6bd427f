//! Where the hub forwards alerts to: one file per destination, one delivery runner.
