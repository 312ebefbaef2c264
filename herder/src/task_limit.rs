//! How many tasks a connector may have.

use millrace_api::Properties;

/// What `tasks.max` is when it is not set.
const TASKS_MAX: usize = 1;

/// How many tasks a connector may have, and what happens when it wants more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskLimit {
    pub tasks_max: usize,
    pub beyond: Beyond,
}

/// What happens to a connector that wants more tasks than `tasks.max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    Refused,
    /// `tasks.max.enforce=false`
    Allowed,
}

/// The text is Kafka Connect's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "The connector {connector} has generated {count} tasks, which is greater than {tasks_max}, the maximum number of \
     tasks it is configured to create. This behaviour should be considered a bug and is disallowed. If necessary, it \
     can be permitted by reconfiguring the connector with 'tasks.max.enforce' set to false; however, this option will \
     be removed in a future release of Kafka Connect."
)]
pub struct TooManyTasks {
    pub connector: String,
    pub count: usize,
    pub tasks_max: usize,
}

impl TaskLimit {
    /// Reads the limit from a resolved and validated connector configuration; what cannot be read counts as not
    /// set.
    pub fn of(config: &Properties) -> Self {
        let tasks_max =
            config.get("tasks.max").and_then(|text| text.trim().parse().ok()).unwrap_or(TASKS_MAX);
        let enforce = config.get("tasks.max.enforce").map(str::trim);
        let beyond = match enforce {
            Some(text) if text.eq_ignore_ascii_case("false") => Beyond::Allowed,
            _ => Beyond::Refused,
        };
        Self { tasks_max, beyond }
    }

    /// Refuses a number of tasks that is not allowed.
    pub fn check(self, connector: &str, count: usize) -> Result<(), TooManyTasks> {
        if count <= self.tasks_max || self.beyond == Beyond::Allowed {
            return Ok(());
        }
        Err(TooManyTasks { connector: connector.to_owned(), count, tasks_max: self.tasks_max })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(config: &[(&str, &str)], count: usize, expected: Result<(), usize>) {
        let config = config.iter().copied().collect();
        let answer = TaskLimit::of(&config).check("orders", count);
        assert_eq!(answer.map_err(|refused| refused.tasks_max), expected);
    }

    #[test]
    fn one_task_is_the_default() {
        check(&[], 1, Ok(()));
        check(&[], 2, Err(1));
    }

    #[test]
    fn as_many_as_configured_are_allowed() {
        check(&[("tasks.max", " 3 ")], 3, Ok(()));
        check(&[("tasks.max", "3")], 4, Err(3));
    }

    #[test]
    fn the_limit_can_be_lifted() {
        check(&[("tasks.max", "3"), ("tasks.max.enforce", "FALSE")], 4, Ok(()));
        check(&[("tasks.max", "3"), ("tasks.max.enforce", "true")], 4, Err(3));
    }

    #[test]
    fn the_text_is_that_of_connect() {
        let limit = TaskLimit { tasks_max: 2, beyond: Beyond::Refused };
        assert_eq!(
            limit.check("orders", 3).unwrap_err().to_string(),
            "The connector orders has generated 3 tasks, which is greater than 2, the maximum number of tasks it is \
             configured to create. This behaviour should be considered a bug and is disallowed. If necessary, it can \
             be permitted by reconfiguring the connector with 'tasks.max.enforce' set to false; however, this option \
             will be removed in a future release of Kafka Connect."
        );
    }
}
