//! Restarts of connectors and tasks.

use super::check;

#[test]
fn a_plain_restart_answers_when_the_tasks_are_known() {
    check(
        "> create a
         start a #1 1
         > failed a #1
         1: Failed boom
         > restart a
         start a #2 1
         > started a #2
         plan a #2 2
         > planned a #2 x
         start a-0 #3 1/x of 1 Running
         2: done
         > restart a
         stop a #2
         > status a
         4: a RUNNING [0:UNASSIGNED]
         > stopped a #2
         start a #4 1
         > failed a #4
         3: Failed Failed to start connector: a",
    );
}

#[test]
fn a_restart_does_not_resume() {
    check(
        "> create a stopped
         1: created a=1 []
         > restart a
         2: done
         > restart a with-tasks
         3: restarting a RESTARTING []
         > status a
         4: a STOPPED []",
    );
}

#[test]
fn a_restart_with_a_plan_shows_what_it_reaches() {
    check(
        "> create a
         start a #1 1
         > started a #1
         plan a #1 2
         > planned a #1 x y
         start a-0 #2 1/x of 2 Running
         start a-1 #3 1/y of 2 Running
         1: created a=1 [a-0 a-1]
         > running a-0 #2
         > failed a-1 #3
         > restart a only-failed
         2: restarting a RUNNING [0:RUNNING 1:FAILED (trace)]
         > restart a with-tasks only-failed
         3: restarting a RUNNING [0:RUNNING 1:RESTARTING (trace)]
         start a-1 #4 1/y of 2 Running
         > restart a with-tasks only-failed
         4: restarting a RUNNING [0:RUNNING 1:RESTARTING]
         > status a
         5: a RUNNING [0:RUNNING 1:RESTARTING]
         > running a-1 #4
         > status a
         6: a RUNNING [0:RUNNING 1:RUNNING]
         > restart a with-tasks
         7: restarting a RESTARTING [0:RESTARTING 1:RESTARTING]
         stop a-0 #2
         stop a-1 #4
         stop a #1
         > stopped a-1 #4
         start a-1 #5 1/y of 2 Running
         > stopped a #1
         start a #6 1
         > status a
         8: a RESTARTING [0:RESTARTING 1:RESTARTING]
         > started a #6
         plan a #6 2
         > planned a #6 x y
         > status a
         9: a RUNNING [0:RESTARTING 1:RESTARTING]",
    );
}

#[test]
fn a_task_restart_answers_when_the_task_has_begun() {
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
         > stopped a-0 #2
         start a-0 #3 1/x of 1 Running
         > failed a-0 #3
         2: Failed Failed to start task: a-0
         > restart-task a-0
         start a-0 #4 1/x of 1 Running
         > running a-0 #4
         3: done",
    );
}

#[test]
fn a_task_restart_ends_with_its_task() {
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
         > stop a
         2: NotFound Task a-0 not found
         > stopped a-0 #2
         stop a #1
         > stopped a #1
         3: done",
    );
}

#[test]
fn a_hanging_connector_that_is_not_to_run_does_not_show_as_restarting() {
    check(
        "> create a
         start a #1 1
         > pause a
         stop a #1
         1: created a=1 []
         2: done
         > wait 5000
         abandon a #1
         > restart a with-tasks
         3: restarting a RESTARTING (org.apache.kafka.connect.errors.ConnectException: connector a was asked to stop and has not ended within 5000 ms: it is waited for no longer and may still hold resources) []
         > status a
         4: a FAILED (org.apache.kafka.connect.errors.ConnectException: connector a was asked to stop and has not ended within 5000 ms: it is waited for no longer and may still hold resources) []",
    );
}
