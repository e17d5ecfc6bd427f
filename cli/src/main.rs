//! The cadge command.
fn main() {}
