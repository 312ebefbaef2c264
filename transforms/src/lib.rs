//! The transformations and predicates that ship with Kafka, one file for each.
//!
//! What they do, and with which texts they fail, is Kafka Connect's; the classes are named as there. Those that work
//! on keys or values exist twice, as `Outer$Key` and `Outer$Value`.

mod insert_field;
mod operand;
mod regex_router;
mod schema_cache;

use millrace_api::Plugins;

/// Adds every transformation and predicate of this crate.
pub fn register(plugins: &mut Plugins) {
    insert_field::register(plugins);
    regex_router::register(plugins);
}
