//! Requests that fail, wait, overtake each other or are given up.

use super::check;

#[test]
fn what_is_not_there_is_said_in_the_words_of_connect() {
    check(
        "> info a
         1: NotFound Connector a not found
         > tasks a
         2: NotFound Connector a not found
         > status a
         3: NotFound No status found for connector a
         > task-status a-0
         4: NotFound No status found for task a-0
         > delete a
         5: NotFound Connector a not found
         > pause a
         6: NotFound Unknown connector a
         > resume a
         7: NotFound Unknown connector a
         > stop a
         8: NotFound Unknown connector a
         > restart a
         9: NotFound Connector a not found
         > restart a with-tasks
         10: NotFound Unknown connector: a
         > restart-task a-0
         11: NotFound Connector a not found
         > health
         12: done
         > create a stopped
         13: created a=1 []
         > restart-task a-0
         14: NotFound Task a-0 not found
         > create a
         15: Conflict Connector a already exists",
    );
}

#[test]
fn the_second_of_two_creations_finds_the_first() {
    check(
        "> hold-log
         > create a stopped
         > create a stopped
         > read-log
         2: Conflict Connector a already exists
         1: created a=1 []",
    );
}

#[test]
fn what_was_asked_meanwhile_is_done_in_order() {
    check(
        "> hold-log
         > create a
         > pause a
         > delete a
         > create a
         > read-log
         start a #1 1
         stop a #1
         1: created a=1 []
         2: done
         > stopped a #1
         start a #2 1
         3: done
         > failed a #2
         4: Failed boom",
    );
}

#[test]
fn a_deletion_pre_empts_a_creation() {
    check(
        "> create a
         start a #1 1
         > delete a
         stop a #1
         1: Conflict Request for connector a was pre-empted by a newer request to change the same connector
         > stopped a #1
         2: done",
    );
}

#[test]
fn a_newer_configuration_pre_empts_an_older_one() {
    check(
        "> create a
         start a #1 1
         > put a 2
         stop a #1
         1: Conflict Request for connector a was pre-empted by a newer request to change the same connector
         > started a #1
         > stopped a #1
         start a #2 2
         > started a #2
         plan a #2 2
         > planned a #2
         2: replaced a=2 []",
    );
}

#[test]
fn a_request_that_was_dropped_is_carried_out_unanswered() {
    check(
        "> create a
         start a #1 1
         > drop 1
         > started a #1
         plan a #1 2
         > hold-log
         > pause a
         > delete a
         > drop 3
         > read-log
         stop a #1
         2: done
         > list
         4: no connectors",
    );
}

#[test]
fn a_start_that_takes_too_long_times_out_and_goes_on() {
    check(
        "> create a
         start a #1 1
         > wait 89999
         > wait 1
         1: TimedOut Request timed out. The worker is currently starting the connector
         > started a #1
         plan a #1 2
         > restart a
         stop a #1
         > wait 100000
         abandon a #1
         start a #2 1
         2: TimedOut Request timed out. The worker is currently starting the connector",
    );
}

#[test]
fn a_log_that_is_not_read_back_times_out() {
    check(
        "> hold-log
         > create a
         > delete a
         > wait 90000
         2: TimedOut Request timed out. The worker is currently writing a config for connector a to the config topic
         1: TimedOut Request timed out. The worker is currently writing a config for connector a to the config topic
         > wait 90000
         > read-log
         start a #1 1
         stop a #1",
    );
}

#[test]
fn a_plan_that_takes_too_long_times_out() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > wait 90000
         1: TimedOut Request timed out. The worker is currently generating task configs for connector a",
    );
}
