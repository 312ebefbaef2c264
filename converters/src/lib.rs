//! The converters that ship with Kafka, one file for each.
//!
//! What they do, and with which texts they fail, is Kafka Connect's; the classes are named as there. Bytes and text
//! are never copied on their way when they are in Kafka what they are in a record.

mod boolean;
mod byte_array;
mod charset;
mod converter_type;
mod json;
mod numbers;
mod simple_header;
mod string;

use millrace_api::Plugins;

/// Adds every converter of this crate.
pub fn register(plugins: &mut Plugins) {
    boolean::register(plugins);
    byte_array::register(plugins);
    json::register(plugins);
    numbers::register(plugins);
    simple_header::register(plugins);
    string::register(plugins);
}
