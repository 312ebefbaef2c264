//! What the members of a group agree on, held against Kafka Connect's own classes and workers.

mod assignor;
mod codecs;
mod fold;
mod hex;
mod oracle;
#[allow(dead_code, reason = "it is shared with the simulation, which uses all of it")]
#[path = "../simulation/random.rs"]
mod random;
