//! The transformations and predicates that ship with Kafka, one file for each.
//!
//! What they do, and with which texts they fail, is Kafka Connect's; the classes are named as there. Those that work
//! on keys or values exist twice, as `Outer$Key` and `Outer$Value`.

mod big_decimal;
mod cast;
mod checks;
mod date_format;
mod drop_headers;
mod extract_field;
mod field_path;
mod filter;
mod flatten;
mod header_from;
mod hoist_field;
mod insert_field;
mod insert_header;
mod mask_field;
mod operand;
mod predicates;
mod regex_router;
mod replace_field;
mod schema_cache;
mod set_schema_metadata;
mod structs;
mod timestamp_converter;
mod timestamp_router;
mod value_to_key;

use millrace_api::Plugins;

/// Adds every transformation and predicate of this crate.
pub fn register(plugins: &mut Plugins) {
    cast::register(plugins);
    drop_headers::register(plugins);
    extract_field::register(plugins);
    filter::register(plugins);
    flatten::register(plugins);
    header_from::register(plugins);
    hoist_field::register(plugins);
    insert_field::register(plugins);
    insert_header::register(plugins);
    mask_field::register(plugins);
    predicates::register(plugins);
    regex_router::register(plugins);
    replace_field::register(plugins);
    set_schema_metadata::register(plugins);
    timestamp_converter::register(plugins);
    timestamp_router::register(plugins);
    value_to_key::register(plugins);
}
