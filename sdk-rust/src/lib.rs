//! Client of a Cadge hub: get alerts, or subscribe and never miss one.
