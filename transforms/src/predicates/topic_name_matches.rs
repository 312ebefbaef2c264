//! `TopicNameMatches`: true of records whose whole topic name matches a regular expression.

use crate::checks::valid_regex;
use millrace_api::{
    Config, Error, Origin, Plugins, Predicate, Record, Result, config::non_empty, regex::JavaRegex,
};
use std::sync::Arc;

#[derive(Debug, Config)]
struct TopicNameMatchesConfig {
    /// Regular expression (Java syntax) that the whole topic name must match.
    #[config(check = non_empty(), check = valid_regex())]
    pattern: String,
}

/// The predicate.
struct TopicNameMatches {
    pattern: JavaRegex,
    /// The last topic with its answer: the records of a batch mostly share their topic.
    last: Option<(Arc<str>, bool)>,
}

/// Adds the predicate.
pub(super) fn register(plugins: &mut Plugins) {
    plugins.predicate::<TopicNameMatchesConfig>(
        "org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
        |config| {
            let pattern = JavaRegex::new(&config.pattern).map_err(Error::config)?;
            Ok(Box::new(TopicNameMatches { pattern, last: None }))
        },
    );
}

impl Predicate for TopicNameMatches {
    fn test(&mut self, record: &Record, _: &Origin) -> Result<bool> {
        let Some(topic) = &record.topic else { return Ok(false) };
        if let Some((last, matches)) = &self.last
            && Arc::ptr_eq(last, topic)
        {
            return Ok(*matches);
        }
        let matches = self.pattern.matches(topic)?;
        self.last = Some((topic.clone(), matches));
        Ok(matches)
    }
}
