//! What a careless or hostile client sends. The worker answers each, and goes on.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use millrace_tests::{Rest, SOON, Worker, eventually, file_source, unique};
use serde_json::{Value, json};

use crate::{source, worker};

const JSON: Option<&str> = Some("application/json");

/// Sends bytes as they are and returns what comes back until the connection ends.
fn raw(worker: &Worker, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", worker.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    // A connection that is reset has ended, too.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[track_caller]
fn still_answers(rest: &Rest) {
    assert_eq!(rest.get("/connectors").text, "[]");
}

#[test]
fn bodies_that_are_cut_off_deep_or_huge_are_answered() {
    let worker = worker();
    let rest = worker.rest();
    let head = "POST /connectors HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n";
    let answer = raw(&worker, format!("{head}{{\"name\":").as_bytes());
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    still_answers(&rest);

    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(rest.send_text("POST", "/connectors", JSON, &deep).status, 500);
    let deep = format!(r#"{{"name":"a","config":{{"a":{deep}}}}}"#);
    assert_eq!(rest.send_text("POST", "/connectors", JSON, &deep).status, 500);
    assert_eq!(rest.send_text("PATCH", "/connectors/a/offsets", JSON, &deep).status, 500);

    // The worker may close the connection before it has read all of it.
    let mut huge = format!(
        "POST /connectors HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        100 << 20
    )
    .into_bytes();
    huge.resize(huge.len() + (100 << 20), b' ');
    let mut stream = TcpStream::connect(("127.0.0.1", worker.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let _ = stream.write_all(&huge);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    still_answers(&rest);
}

#[test]
fn what_is_no_request_is_refused() {
    let worker = worker();
    let rest = worker.rest();
    for request in [
        &b"nonsense\r\n\r\n"[..],
        b"GET /connectors HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET /connectors/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /connectors/%ff%fe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"",
    ] {
        let answer = raw(&worker, request);
        let shown = String::from_utf8_lossy(request);
        assert!(!answer.starts_with("HTTP/1.1 5"), "{shown}: {answer}");
    }
    still_answers(&rest);
}

#[test]
fn duplicate_members_numbers_and_nulls_have_one_meaning() {
    let worker = worker();
    let rest = worker.rest();
    let mut config = source(&worker, "lines").config();
    config.as_object_mut().unwrap().remove("batch.size");
    let text = config.to_string();
    let twice = text.replacen('{', r#"{"batch.size":"nonsense","batch.size":7,"#, 1);
    let answer = rest.send_text("PUT", "/connectors/lines/config", JSON, &twice);
    assert_eq!(
        (answer.status, answer.json()["config"]["batch.size"].as_str()),
        (201, Some("7")),
        "{}",
        answer.text
    );
    config["batch.size"] = Value::Null;
    let null = rest.put("/connectors/lines/config", &config);
    assert_eq!(null.status, 400, "{}", null.text);
    assert!(
        null.message().contains("Null value can not be supplied as the configuration value."),
        "{}",
        null.text
    );
    for value in [json!([1]), json!({ "a": 1 })] {
        config["batch.size"] = value;
        assert_eq!(rest.put("/connectors/lines/config", &config).status, 500);
    }
}

#[test]
fn names_of_all_kinds_are_addressed_or_refused() {
    let worker = worker();
    let rest = worker.rest();
    let long = "n".repeat(10_000);
    for (name, path) in [
        (long.as_str(), long.as_str()),
        ("a/b", "a%2Fb"),
        ("a\\b", "a%5Cb"),
        ("100%", "100%25"),
        ("a;b", "a;b"),
        ("a?b#c", "a%3Fb%23c"),
        ("..", "%2E%2E"),
        ("{x}", "%7Bx%7D"),
        ("日本", "%E6%97%A5%E6%9C%AC"),
    ] {
        let source = file_source(name, &worker.folder().path("in.txt"), &unique("names"));
        let created = rest.post("/connectors", &source.request());
        assert_eq!(created.status, 201, "{name}: {}", created.text);
        assert_eq!(ask(&worker, "GET", &format!("/connectors/{path}/config")), 200, "{name}");
        assert_eq!(rest.get("/connectors").json(), json!([name]));
        assert_eq!(ask(&worker, "DELETE", &format!("/connectors/{path}")), 204, "{name}");
    }
    for name in ["a\nb", "\u{7}", ""] {
        let source = file_source(name, &worker.folder().path("in.txt"), &unique("names"));
        let refused = rest.post("/connectors", &source.request());
        assert_eq!(refused.status, 400, "{name:?}: {}", refused.text);
    }
    still_answers(&rest);
}

/// Sends a path as it is, where a client's library would change dots, and returns the status.
fn ask(worker: &Worker, method: &str, path: &str) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", worker.port())).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default()
}

#[test]
fn connections_that_say_nothing_hold_nobody_up() {
    let worker = worker();
    let rest = worker.rest();
    let mut silent = Vec::new();
    for index in 0..200 {
        let mut stream = TcpStream::connect(("127.0.0.1", worker.port())).unwrap();
        if index % 2 == 0 {
            stream.write_all(b"POST /connectors HTTP/1.1\r\nHost: x\r\nContent-Ty").unwrap();
        }
        silent.push(stream);
    }
    still_answers(&rest);
    assert_eq!(rest.get("/health").status, 200);
    drop(silent);
    still_answers(&rest);
}

#[test]
fn a_thousand_requests_at_once_writers_among_them_are_answered() {
    const CLIENTS: usize = 50;
    const REQUESTS: usize = 20;
    let worker = worker();
    let rest = worker.rest();
    for index in 0..5 {
        assert_eq!(rest.post("/connectors", &source(&worker, &format!("c{index}")).request()).status, 201);
    }
    let (worker, rest) = (&worker, &rest);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                for request in 0..REQUESTS {
                    let name = format!("c{}", (client + request) % 5);
                    let answer = match (client + 3 * request) % 8 {
                        0 => rest.put(&format!("/connectors/{name}/config"), &source(worker, &name).config()),
                        1 => rest.put_nothing(&format!("/connectors/{name}/pause")),
                        2 => rest.put_nothing(&format!("/connectors/{name}/resume")),
                        3 => rest.get("/connectors?expand=status&expand=info"),
                        4 => rest.patch(
                            &format!("/connectors/{name}/config"),
                            &json!({ "batch.size": 1 + request }),
                        ),
                        5 => rest.get(&format!("/connectors/{name}/offsets")),
                        6 => rest.put(
                            "/connector-plugins/FileStreamSource/config/validate",
                            &source(worker, &name).config(),
                        ),
                        _ => rest.get(&format!("/connectors/{name}/status")),
                    };
                    // A write that a later one made pointless is a conflict.
                    assert!(
                        answer.status < 300 || answer.status == 409,
                        "{}: {}",
                        answer.status,
                        answer.text
                    );
                }
            });
        }
    });
    for index in 0..5 {
        let name = format!("c{index}");
        assert_eq!(rest.put_nothing(&format!("/connectors/{name}/resume")).status, 202);
        eventually(SOON, || rest.is_running(&name));
    }
}

#[test]
fn a_class_that_is_no_connector_is_refused() {
    let worker = worker();
    let rest = worker.rest();
    for class in ["StringConverter", "org.apache.kafka.connect.transforms.RegexRouter", "", " ", "${x}"] {
        let config = source(&worker, "lines").set("connector.class", class).config();
        let answer = rest.put("/connectors/lines/config", &config);
        assert_eq!(answer.status, 400, "{class}: {}", answer.text);
        let answer = rest.put(&format!("/connector-plugins/{}/config/validate", "FileStreamSource"), &config);
        assert_eq!(answer.status, 400, "{class}: {}", answer.text);
    }
}
