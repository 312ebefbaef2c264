//! From creation to deletion.

use super::check;

#[test]
fn a_connector_starts_is_asked_for_tasks_and_runs_them() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > planned a #1 x y
         start a-0 #2 1/x of 2 Running
         start a-1 #3 1/y of 2 Running
         1: created a=1 [a-0 a-1]
         > status a
         2: a RUNNING [0:UNASSIGNED 1:UNASSIGNED]
         > running a-0 #2
         > failed a-1 #3
         > status a
         3: a RUNNING [0:RUNNING 1:FAILED (trace)]
         > task-status a-0
         4: 0 RUNNING w:8083
         > tasks a
         5: tasks a-0=x a-1=y",
    );
}

#[test]
fn a_connector_that_does_not_start_stays_configured() {
    check(
        "> create a
         start a #1 1
         > failed a #1 broken
         1: Failed broken
         > status a
         2: a FAILED (trace) []
         > info a
         3: info a=1 []
         > wait 100000
         > put a 2
         start a #2 2",
    );
}

#[test]
fn a_connector_created_paused_or_stopped_does_not_start() {
    check(
        "> create a paused
         1: created a=1 []
         > create b stopped
         2: created b=1 []
         > statuses
         3: a PAUSED []; b STOPPED []
         > resume b
         start b #1 1
         4: done",
    );
}

#[test]
fn tasks_go_on_until_the_new_plan_is_there() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > planned a #1 x
         start a-0 #2 1/x of 1 Running
         1: created a=1 [a-0]
         > put a 2
         stop a #1
         > stopped a #1
         start a #3 2
         > started a #3
         plan a #3 2
         > planned a #3 x
         stop a-0 #2
         2: replaced a=2 [a-0]
         > stopped a-0 #2
         start a-0 #4 2/x of 1 Running",
    );
}

#[test]
fn an_equal_plan_leaves_the_tasks_alone() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > planned a #1 x
         start a-0 #2 1/x of 1 Running
         1: created a=1 [a-0]
         > replan a #1
         plan a #1 2
         > replan a #1
         > planned a #1 x
         plan a #1 2
         > planned a #1 x
         > put a 1
         stop a #1
         > stopped a #1
         start a #3 1
         > started a #3
         plan a #3 2
         > planned a #3 x
         2: replaced a=1 [a-0]",
    );
}

#[test]
fn new_tasks_wait_for_all_old_ones() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > planned a #1 x y
         start a-0 #2 1/x of 2 Running
         start a-1 #3 1/y of 2 Running
         1: created a=1 [a-0 a-1]
         > replan a #1
         plan a #1 2
         > planned a #1 y
         stop a-0 #2
         stop a-1 #3
         > stopped a-0 #2
         > failed a-1 #3
         start a-0 #4 1/y of 1 Running",
    );
}

#[test]
fn pausing_keeps_the_tasks_and_stops_the_connector() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > planned a #1 x
         start a-0 #2 1/x of 1 Running
         1: created a=1 [a-0]
         > pause a
         pause a-0 #2
         stop a #1
         2: done
         > paused a-0 #2
         > status a
         3: a RUNNING [0:PAUSED]
         > stopped a #1
         > status a
         4: a PAUSED [0:PAUSED]
         > restart-task a-0
         stop a-0 #2
         > stopped a-0 #2
         start a-0 #3 1/x of 1 Paused
         > paused a-0 #3
         5: done
         > resume a
         resume a-0 #3
         start a #4 1
         6: done
         > started a #4
         plan a #4 2
         > planned a #4 x",
    );
}

#[test]
fn stopping_removes_the_tasks_first() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > planned a #1 x
         start a-0 #2 1/x of 1 Running
         1: created a=1 [a-0]
         > stop a
         stop a-0 #2
         > stopped a-0 #2
         stop a #1
         > stopped a #1
         2: done
         > status a
         3: a STOPPED []
         > resume a
         start a #3 1
         4: done
         > started a #3
         plan a #3 2
         > planned a #3 x
         start a-0 #4 1/x of 1 Running",
    );
}

#[test]
fn a_connector_resumed_while_its_tasks_stop_gets_them_back() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > planned a #1 x
         start a-0 #2 1/x of 1 Running
         1: created a=1 [a-0]
         > stop a
         stop a-0 #2
         > resume a
         stop a #1
         3: done
         > stopped a-0 #2
         > stopped a #1
         start a #3 1
         2: done
         > started a #3
         plan a #3 2
         > planned a #3 x
         start a-0 #4 1/x of 1 Running",
    );
}

#[test]
fn a_failed_connector_can_be_stopped_and_resumed_but_not_paused_and_resumed() {
    check(
        "> create a
         start a #1 1
         > failed a #1
         1: Failed boom
         > pause a
         2: done
         > resume a
         3: done
         > status a
         4: a FAILED (trace) []
         > stop a
         5: done
         > status a
         6: a STOPPED []
         > resume a
         start a #2 1
         7: done",
    );
}

#[test]
fn deleting_ends_tasks_then_connector_then_all_memory() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > planned a #1 x
         start a-0 #2 1/x of 1 Running
         1: created a=1 [a-0]
         > delete a
         stop a-0 #2
         > status a
         3: NotFound No status found for connector a
         > stopped a-0 #2
         stop a #1
         > stopped a #1
         2: done
         > list
         4: no connectors",
    );
}

#[test]
fn a_new_connector_waits_for_the_old_one_of_its_name() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > planned a #1 x
         start a-0 #2 1/x of 1 Running
         1: created a=1 [a-0]
         > delete a
         stop a-0 #2
         > create a
         stop a #1
         > stopped a #1
         start a #3 1
         > started a #3
         plan a #3 2
         > planned a #3 z
         3: created a=1 [a-0]
         > stopped a-0 #2
         start a-0 #4 1/z of 1 Running
         2: done",
    );
}

#[test]
fn a_task_that_does_not_stop_is_given_up_and_shown() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > planned a #1 x
         start a-0 #2 1/x of 1 Running
         1: created a=1 [a-0]
         > running a-0 #2
         > stop a
         stop a-0 #2
         > wait 4999
         > status a
         3: a RUNNING [0:RUNNING]
         > wait 1
         abandon a-0 #2
         stop a #1
         > stopped a #1
         2: done
         > status a
         4: a STOPPED [0:FAILED (org.apache.kafka.connect.errors.ConnectException: task a-0 was asked to stop and has not ended within 5000 ms: it is waited for no longer and may still hold resources)]
         > stopped a-0 #2
         > status a
         5: a STOPPED []",
    );
}

#[test]
fn a_task_given_up_is_replaced() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > planned a #1 x
         start a-0 #2 1/x of 1 Running
         1: created a=1 [a-0]
         > restart-task a-0
         stop a-0 #2
         > wait 5000
         abandon a-0 #2
         start a-0 #3 1/x of 1 Running
         > stopped a-0 #2
         > running a-0 #3
         2: done
         > status a
         3: a RUNNING [0:RUNNING]",
    );
}

#[test]
fn a_connector_that_does_not_stop_is_given_up_and_shown() {
    check(
        "> create a
         start a #1 1
         > pause a
         stop a #1
         1: created a=1 []
         2: done
         > wait 5000
         abandon a #1
         > status a
         3: a FAILED (org.apache.kafka.connect.errors.ConnectException: connector a was asked to stop and has not ended within 5000 ms: it is waited for no longer and may still hold resources) []
         > failed a #1
         > status a
         4: a PAUSED []",
    );
}

#[test]
fn too_many_tasks_fail_the_connector_once_and_for_all() {
    check(
        "> create a
         start a #1 1
         > started a #1 1
         plan a #1 1
         > planned a #1 x y
         stop a #1
         1: Failed The connector a has generated 2 tasks, which is greater than 1, the maximum number of tasks it is configured to create. This behaviour should be considered a bug and is disallowed. If necessary, it can be permitted by reconfiguring the connector with 'tasks.max.enforce' set to false; however, this option will be removed in a future release of Kafka Connect.
         > stopped a #1
         > wait 100000
         > status a
         2: a FAILED (org.apache.kafka.connect.runtime.TooManyTasksException: The connector a has generated 2 tasks, which is greater than 1, the maximum number of tasks it is configured to create. This behaviour should be considered a bug and is disallowed. If necessary, it can be permitted by reconfiguring the connector with 'tasks.max.enforce' set to false; however, this option will be removed in a future release of Kafka Connect.) []",
    );
}

#[test]
fn a_failed_plan_is_repeated_ever_more_slowly() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > unplanned a #1 unreachable
         1: Failed unreachable
         > wait 249
         > wait 1
         plan a #1 2
         > unplanned a #1
         > wait 499
         > wait 1
         plan a #1 2
         > planned a #1 x
         start a-0 #2 1/x of 1 Running",
    );
}

#[test]
fn a_failed_plan_is_not_repeated_while_stopping() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > planned a #1 x
         start a-0 #2 1/x of 1 Running
         1: created a=1 [a-0]
         > replan a #1
         plan a #1 2
         > unplanned a #1
         > stop a
         stop a-0 #2
         > wait 5000
         abandon a-0 #2
         stop a #1",
    );
}

#[test]
fn a_connector_that_fails_later_leaves_its_tasks_alone() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > planned a #1 x
         start a-0 #2 1/x of 1 Running
         1: created a=1 [a-0]
         > running a-0 #2
         > failed a #1
         > status a
         2: a FAILED (trace) [0:RUNNING]",
    );
}

#[test]
fn an_end_that_nobody_asked_for_is_a_failure() {
    check(
        "> create a
         start a #1 1
         > stopped a #1
         1: Failed ended without having been asked to stop
         > status a
         2: a FAILED (org.apache.kafka.connect.errors.ConnectException: ended without having been asked to stop) []",
    );
}

#[test]
fn the_worker_ends_when_all_has_ended_or_was_given_up() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > planned a #1 x y
         start a-0 #2 1/x of 2 Running
         start a-1 #3 1/y of 2 Running
         1: created a=1 [a-0 a-1]
         > create b
         start b #4 1
         > shutdown
         2: ShuttingDown Worker is shutting down
         stop a-0 #2
         stop a-1 #3
         stop b #4
         > stopped b #4
         > status a
         3: ShuttingDown Worker is shutting down
         > failed a-0 #2
         > wait 5000
         abandon a-1 #3
         stop a #1
         > wait 5000
         abandon a #1
         finished
         > shutdown",
    );
}

#[test]
fn an_idle_worker_ends_at_once() {
    check(
        "> shutdown
         finished",
    );
}
