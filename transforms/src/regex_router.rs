//! `RegexRouter`: gives records another topic by a regular expression.

use crate::checks::valid_regex;
use millrace_api::{Class, Config, Error, Origin, Plugins, Record, Result, Transform, regex::JavaRegex};
use std::{collections::HashMap, sync::Arc};

/// How many topics are remembered with their new names.
///
/// A task sees a few topics, or the thousands of a cluster that is copied; beyond that the memory starts anew.
const TOPICS_MAX: usize = 4096;

#[derive(Debug, Config)]
struct RegexRouterConfig {
    /// Regular expression (Java syntax) that the whole topic name must match for the record to be routed.
    #[config(high, check = valid_regex())]
    regex: String,

    /// Text that takes the place of the first match; `$1` and `${name}` stand for groups.
    #[config(high)]
    replacement: String,
}

/// The transformation.
struct RegexRouter {
    regex: JavaRegex,
    replacement: String,
    /// Topics seen so far with their new names; none for those that stay.
    routes: HashMap<Arc<str>, Option<Arc<str>>>,
    /// The last route: the records of a batch mostly share their topic.
    last: Option<(Arc<str>, Option<Arc<str>>)>,
}

/// Adds the transformation.
pub(crate) fn register(plugins: &mut Plugins) {
    plugins.transform::<RegexRouterConfig>("org.apache.kafka.connect.transforms.RegexRouter", |config| {
        Ok(Box::new(RegexRouter::new(config)?))
    });
}

impl RegexRouter {
    fn new(config: RegexRouterConfig) -> Result<Self> {
        let regex = JavaRegex::new(&config.regex).map_err(Error::config)?;
        Ok(Self { regex, replacement: config.replacement, routes: HashMap::new(), last: None })
    }

    /// Returns the new name of a topic, or none when it stays.
    fn route(&mut self, topic: &Arc<str>) -> Result<Option<Arc<str>>> {
        if let Some((last, route)) = &self.last
            && Arc::ptr_eq(last, topic)
        {
            return Ok(route.clone());
        }
        let route = match self.routes.get(topic) {
            Some(route) => route.clone(),
            None => {
                let route = self.find_route(topic)?;
                if self.routes.len() >= TOPICS_MAX {
                    self.routes.clear();
                }
                self.routes.insert(topic.clone(), route.clone());
                route
            }
        };
        self.last = Some((topic.clone(), route.clone()));
        Ok(route)
    }

    /// Java replaces the first match of a fresh search, which may be less than the whole that matched.
    fn find_route(&self, topic: &str) -> Result<Option<Arc<str>>> {
        if !self.regex.matches(topic)? {
            return Ok(None);
        }
        Ok(Some(self.regex.replace_first(topic, &self.replacement)?.into()))
    }
}

impl Transform for RegexRouter {
    fn apply(&mut self, mut record: Record, _: &Origin) -> Result<Option<Record>> {
        let Some(topic) = &record.topic else {
            let text = "the record has no topic that a regular expression could match";
            return Err(Error::of(Class::BadRecord, "java.lang.NullPointerException", text));
        };
        if let Some(route) = self.route(topic)? {
            record.topic = Some(route);
        }
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;
    use millrace_api::{Datum, Properties};

    fn router(regex: &str, replacement: &str) -> RegexRouter {
        let settings = Properties::from([("regex", regex), ("replacement", replacement)]);
        RegexRouter::new(RegexRouterConfig::parse(&settings).unwrap()).unwrap()
    }

    /// Routes records of these topics through one instance, twice each.
    #[track_caller]
    fn check(regex: &str, replacement: &str, routes: &[(&str, &str)]) {
        let mut router = router(regex, replacement);
        for (topic, expected) in routes.iter().chain(routes) {
            let record = Record::new(*topic, Datum::string("v"));
            let routed = match router.apply(record.clone(), &Origin::Source(None)) {
                Ok(routed) => routed.unwrap(),
                Err(error) => {
                    assert_eq!(format!("{}: {error}", error.java_class()), *expected);
                    continue;
                }
            };
            assert_eq!(routed.topic.as_deref(), Some(*expected));
            assert_eq!(Record { topic: record.topic.clone(), ..routed }, record, "only the topic changes");
        }
    }

    #[test]
    fn a_topic_that_matches_as_a_whole_gets_a_new_name() {
        check(
            r"(.*)-(\d\d\d\d)(\d\d)(\d\d)",
            "$1-$2$3",
            &[("index-20160117", "index-201601"), ("index-2016", "index-2016"), ("a-20160117", "a-201601")],
        );
    }

    #[test]
    fn the_replacement_is_a_fresh_search() {
        check("a|ab", "X", &[("ab", "Xb"), ("a", "X"), ("b", "b")]);
    }

    #[test]
    fn a_bad_reference_is_an_error_of_records_that_match() {
        let error = "java.lang.IndexOutOfBoundsException: No group 1";
        check("a", "$1", &[("b", "b"), ("a", error)]);
    }

    #[test]
    fn a_record_without_a_topic_is_an_error() {
        let mut record = Record::new("t", Datum::string("v"));
        record.topic = None;
        let error = router(".*", "x").apply(record, &Origin::Source(None)).unwrap_err();
        assert_eq!(error.java_class(), "java.lang.NullPointerException");
    }

    #[test]
    fn settings_are_checked() {
        let problems = RegexRouterConfig::parse(&Properties::from([("regex", "(")])).unwrap_err();
        assert_eq!(
            problems.to_string(),
            "Invalid value ( for configuration regex: Invalid regex: Unclosed group near index 1\n(\n\
             Missing required configuration \"replacement\" which has no default value."
        );
    }

    #[test]
    fn the_memory_of_routes_is_bounded() {
        let mut router = router("t(.*)", "u$1");
        for index in 0..TOPICS_MAX + 10 {
            let record = Record::new(format!("t{index}"), Datum::string("v"));
            let routed = router.apply(record, &Origin::Source(None)).unwrap().unwrap();
            assert_eq!(routed.topic.as_deref(), Some(format!("u{index}").as_str()));
        }
        assert_eq!(router.routes.len(), 10);
    }
}
