//! The predicates, which say what records a transformation is for.

mod has_header_key;
mod record_is_tombstone;
mod topic_name_matches;

use millrace_api::Plugins;

/// Adds all of them.
pub(crate) fn register(plugins: &mut Plugins) {
    has_header_key::register(plugins);
    record_is_tombstone::register(plugins);
    topic_name_matches::register(plugins);
}
