//! `/connectors/{name}/topics`.

use millrace_tests::{Broker, BrokerKind, SOON, Worker, eventually, file_sink, file_source, unique};
use serde_json::json;

use crate::worker;

#[test]
fn topics_of_a_connector_are_told_and_forgotten() {
    let broker = Broker::shared(BrokerKind::Embedded);
    let worker = worker();
    let rest = worker.rest();
    let (topic, sink) = (unique("active"), unique("sink"));
    let input = worker.folder().path("in.txt");
    rest.post("/connectors", &file_source("lines", &input, &topic).request());
    rest.post("/connectors", &file_sink(&sink, &topic, &worker.folder().path("out.txt")).request());
    for name in ["lines", sink.as_str()] {
        let expected = json!({ name: { "topics": [topic] } });
        eventually(SOON, || rest.get(&format!("/connectors/{name}/topics")).json() == expected);
    }
    let none = |name: &str| json!({ name: { "topics": [] } });
    assert_eq!(rest.get("/connectors/nobody/topics").json(), none("nobody"));
    let reset = rest.put_nothing("/connectors/lines/topics/reset");
    assert_eq!((reset.status, reset.text.as_str()), (202, ""));
    assert_eq!(rest.get("/connectors/lines/topics").json(), none("lines"));
    millrace_tests::folder::append(&input, "three\n");
    eventually(SOON, || broker.client().count(&topic) == 3);
    eventually(SOON, || {
        rest.get("/connectors/lines/topics").json() == json!({ "lines": { "topics": [topic] } })
    });
    rest.delete("/connectors/lines");
    assert_eq!(rest.get("/connectors/lines/topics").json(), none("lines"));
}

#[test]
fn topics_may_be_kept_secret() {
    let mut worker = Worker::under_test(Broker::shared(BrokerKind::Embedded));
    worker.set("topic.tracking.allow.reset", false);
    worker.start();
    let reset = worker.rest().put_nothing("/connectors/lines/topics/reset");
    assert_eq!((reset.status, reset.message()), (403, "Topic tracking reset is disabled.".to_owned()));
    worker.stop();
    worker.set("topic.tracking.enable", false);
    worker.start();
    for answer in [
        worker.rest().get("/connectors/lines/topics"),
        worker.rest().put_nothing("/connectors/lines/topics/reset"),
    ] {
        assert_eq!((answer.status, answer.message()), (403, "Topic tracking is disabled.".to_owned()));
    }
}
