//! Changes of offsets, and what has to wait for them.

use super::check;

#[test]
fn offsets_are_changed_only_of_a_connector_that_is_stopped() {
    let text = "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the \
                specified connector by issuing a 'PUT' request to the '/connectors/a/stop' endpoint";
    check(&format!(
        "> reset-offsets a
         1: NotFound Connector a not found
         > create a
         start a #1 1
         > started a #1
         plan a #1 2
         > planned a #1 x
         start a-0 #2 1/x of 1 Running
         2: created a=1 [a-0]
         > running a-0 #2
         > reset-offsets a
         3: Wrong {text}
         > pause a
         pause a-0 #2
         stop a #1
         4: done
         > stopped a #1
         > reset-offsets a
         5: Wrong {text}
         > stop a
         stop a-0 #2
         > stopped a-0 #2
         6: done
         > reset-offsets a
         change offsets of a 1 Reset
         > offsets-changed a
         7: offsets changed well"
    ));
}

#[test]
fn nothing_begins_while_offsets_are_changed() {
    check(
        "> create a stopped
         1: created a=1 []
         > reset-offsets a
         change offsets of a 1 Reset
         > resume a
         > status a
         4: a STOPPED []
         > reset-offsets a
         > wait 1000
         > offsets-changed a
         2: offsets changed well
         5: Wrong Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified connector by issuing a 'PUT' request to the '/connectors/a/stop' endpoint
         start a #1 1
         3: done",
    );
}

#[test]
fn a_change_that_takes_too_long_goes_on_alone() {
    check(
        "> create a stopped
         1: created a=1 []
         > reset-offsets a
         change offsets of a 1 Reset
         > wait 90000
         2: TimedOut Request timed out. The worker is currently modifying offsets for connector a
         > resume a
         > offsets-changed a
         start a #1 1
         3: done",
    );
}

#[test]
fn who_asked_may_have_gone() {
    check(
        "> create a stopped
         1: created a=1 []
         > reset-offsets a
         change offsets of a 1 Reset
         > drop 2
         > reset-offsets a
         > offsets-changed a
         change offsets of a 1 Reset
         > offsets-changed a
         3: offsets changed well",
    );
}
