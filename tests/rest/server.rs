//! What holds for every path: headers of other sites, headers of the operator's choice.

use millrace_tests::{Broker, BrokerKind, Worker};

#[test]
fn other_sites_and_additional_headers_are_as_the_settings_say() {
    let mut worker = Worker::under_test(Broker::shared(BrokerKind::Embedded));
    worker.set("access.control.allow.origin", "http://a.example");
    worker.set("access.control.allow.methods", "GET,PUT");
    worker.set(
        "response.http.headers.config",
        "\"add Cache-Control: no-cache, no-store\", set X-Frame-Options: DENY",
    );
    worker.start();
    let rest = worker.rest();
    let plain = rest.get("/connectors");
    assert_eq!(plain.header("cache-control"), Some("no-cache, no-store"));
    assert_eq!(plain.header("x-frame-options"), Some("DENY"));
    assert_eq!(plain.header("access-control-allow-origin"), None);
    let own = rest.get_with("/connectors", &[("Origin", "http://a.example")]);
    assert_eq!((own.status, own.header("access-control-allow-origin")), (200, Some("http://a.example")));
    let foreign = rest.get_with("/connectors", &[("Origin", "http://b.example")]);
    assert_eq!((foreign.status, foreign.header("access-control-allow-origin")), (200, None));
}

#[test]
fn a_rule_for_headers_that_makes_no_sense_stops_the_start() {
    let mut worker = Worker::under_test(Broker::shared(BrokerKind::Embedded));
    worker.set("response.http.headers.config", "put X: y");
    let ended = worker.run_to_its_end();
    assert!(ended.code != 0 && ended.log.contains("Invalid header config action: 'put'"), "{}", ended.log);
}
