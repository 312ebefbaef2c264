#![allow(clippy::unwrap_used)]

use super::*;

/// `expected` is `name|STATE|key=value,...`, or the error.
#[track_caller]
fn check(content: &str, expected: &str) {
    let found = match parse(Path::new("f"), content.as_bytes()) {
        Ok(ConnectorFile { name, config, initial_state }) => {
            let settings: Vec<_> =
                config.iter().map(|(key, text)| format!("{key}={}", text.unwrap_or("null"))).collect();
            format!("{name}|{initial_state:?}|{}", settings.join(","))
        }
        Err(error) => match std::error::Error::source(&error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    };
    assert_eq!(found, expected, "{content}");
}

const NO_NAME: &str = "Connector configuration at 'f' is missing the mandatory 'name' configuration";

#[test]
fn a_flat_object_is_the_configuration() {
    check(
        r#"{"name": "a", "tasks.max": 2, "x": true, "y": null}"#,
        "a|Started|name=a,tasks.max=2,x=true,y=null",
    );
    check(r#"{"name": "a", "n": 1.50, "e": 1E3, "s": "\u00e9\n"}"#, "a|Started|e=1E3,n=1.50,name=a,s=é\n");
    check(r#"{"name": "a", "name": "b"}"#, "b|Started|name=b");
    check("\u{feff}{\"name\": \"a\"}", "a|Started|name=a");
    check(r#"{"name": "a"} and what follows"#, "a|Started|name=a");
    check(r#"{"name": 7}"#, "7|Started|name=7");
}

#[test]
fn the_json_of_a_request_brings_a_state() {
    check(r#"{"name": "a", "config": {"x": 1}}"#, "a|Started|name=a,x=1");
    check(r#"{"name": "a", "config": {"name": "a"}, "initial_state": "stopped"}"#, "a|Stopped|name=a");
    check(r#"{"name": "a", "config": {}, "initial_state": "PAUSED", "more": {}}"#, "a|Paused|name=a");
    check(
        r#"{"name": "a", "config": {"x": 1}, "config": {"y": 1}, "initial_state": null}"#,
        "a|Started|name=a,y=1",
    );
}

#[test]
fn two_names_must_agree() {
    let text = "Connector name configuration in 'config' doesn't match the one specified in 'name' at 'f'";
    check(r#"{"name": "a", "config": {"name": "b"}}"#, text);
    check(r#"{"config": {"name": "b"}}"#, text);
}

#[test]
fn everything_else_is_properties() {
    check("name=a\ntasks.max = 1", "a|Started|name=a,tasks.max=1");
    check("", NO_NAME);
    check("tasks.max=1", NO_NAME);
    check(r#"["name"]"#, NO_NAME);
    check("name=a\nx=\\u12", "f: line 2: broken escape \\u12: \\u takes four hexadecimal digits");
}

#[test]
fn json_without_a_name_is_told_so() {
    check(r#"{"tasks.max": 2}"#, NO_NAME);
    check(r#"{"name": null}"#, NO_NAME);
    check(r#"{"config": {}}"#, NO_NAME);
}

#[test]
fn json_that_fits_nothing_says_why() {
    let why = |why: &str| format!("{NO_NAME} (it begins like JSON, but was not read as such: {why})");
    check(r#"{"x": {}}"#, &why("the member config is missing"));
    check(
        r#"{"name": "a", "config": {"x": []}}"#,
        &why("the value of x is neither text, number, boolean nor null"),
    );
    check(
        r#"{"name": "a", "config": {}, "initial_state": "ASLEEP"}"#,
        &why("initial_state is ASLEEP, not RUNNING, PAUSED or STOPPED"),
    );
    check(r#"{"name": "a","#, &why("EOF while parsing a value at line 1 column 13"));
}
