#![allow(clippy::unwrap_used)]

use super::*;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// A folder with secrets, and providers that may read all of it.
fn providers(folder: &Path) -> Providers {
    fs::write(
        folder.join("s.properties"),
        "db.password=hunter2-\\u00e9\na\\:b=colon\nnested=${f:x:y}\nü=umlaut\n",
    )
    .unwrap();
    fs::write(folder.join("token"), " kept as it is \n").unwrap();
    fs::write(folder.join("latin1"), [0xe9]).unwrap();
    fs::create_dir(folder.join("sub")).unwrap();
    Providers::of(&Properties::from([
        ("config.providers", "f, d,e,classless"),
        ("config.providers.f.class", "FileConfigProvider"),
        ("config.providers.f.param.allowed.paths", folder.to_str().unwrap()),
        ("config.providers.d.class", "org.apache.kafka.common.config.provider.DirectoryConfigProvider"),
        ("config.providers.e.class", "EnvVar"),
        ("config.providers.e.param.allowlist.pattern", "PATH|HO.*"),
    ]))
    .unwrap()
}

#[track_caller]
fn check(text: &str, expected: Result<&str, &str>) {
    let folder = tempfile::tempdir().unwrap();
    let providers = providers(folder.path());
    let here = |text: &str| text.replace("DIR", folder.path().to_str().unwrap());
    let resolved = providers.resolve(&Properties::from([("x", here(text).as_str())]));
    let found = resolved.as_ref().map(|resolved| resolved.get("x").unwrap().to_owned());
    let found = found.map_err(ToString::to_string);
    match expected {
        Ok(expected) => {
            assert_eq!(found.unwrap(), here(expected), "{text}");
            let changed = text != expected;
            assert_eq!(resolved.unwrap().is_secret("x"), changed, "{text}");
        }
        Err(expected) => {
            let error = found.unwrap_err();
            assert!(error.contains(&here(expected)), "{error}");
        }
    }
}

#[test]
fn references_are_resolved() {
    check("${f:DIR/s.properties:db.password}", Ok("hunter2-é"));
    check("a ${f:DIR/s.properties:db.password} b ${d:DIR:token}", Ok("a hunter2-é b  kept as it is \n"));
    check("${f:DIR/s.properties:a:b}", Ok("colon"));
    check("${f:DIR/s.properties:ü}", Ok("umlaut"));
    check("${f:DIR/sub/../s.properties:nested}", Ok("${f:x:y}"));
}

#[test]
fn what_is_not_known_stays_as_it_is() {
    for text in [
        "${x}",
        "${x:y",
        "${other:a:b}",
        "${classless:a}",
        "${f:DIR/s.properties:unknown}",
        "${f::key}",
        "${f:/etc/passwd:root}",
        "${d:DIR/token:x}",
        "${d:DIR:missing}",
        "${d:DIR:sub}",
        "${d:DIR/sub:../token}",
        "${e:MILLRACE_NO_SUCH_VARIABLE}",
        "${e:CARGO_MANIFEST_DIR}",
        "${a ${e:PATH}",
        "plain",
    ] {
        check(text, Ok(text));
    }
}

#[test]
fn variables_are_seen_when_the_pattern_matches_all_of_their_name() {
    let path = std::env::var("PATH").unwrap();
    check("<${e:PATH}>", Ok(&format!("<{path}>")));
    check(
        "${e:somewhere:PATH}",
        Err("Path is not supported for EnvVarConfigProvider, invalid value 'somewhere'"),
    );
}

#[test]
fn files_that_cannot_be_read_are_named_without_what_they_hold() {
    check("${f:DIR/missing:a}", Err("Could not read properties from file DIR/missing: No such file"));
    check("${f:DIR/latin1:a}", Err("Could not read properties from file DIR/latin1: it is not UTF-8"));
    check("${d:DIR:latin1}", Err("Could not read file DIR/latin1 for property latin1: it is not UTF-8"));
    let folder = tempfile::tempdir().unwrap();
    let providers = providers(folder.path());
    let file = folder.path().join("broken");
    fs::write(&file, "a=1\nb=\\uhunter2\n").unwrap();
    let text = format!("${{f:{}:a}}", file.display());
    let error = providers.resolve(&Properties::from([("x", text.as_str())])).unwrap_err().to_string();
    assert!(error.contains("line 2") && !error.contains("hunt"), "{error}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser may read everything.
    if fs::read(&file).is_err() {
        let error = providers.resolve(&Properties::from([("x", text.as_str())])).unwrap_err().to_string();
        assert!(error.contains("Permission denied"), "{error}");
    }
}

#[test]
fn providers_that_cannot_work_are_refused() {
    let refused = |setting: &str, value: &str| {
        let mut settings =
            Properties::from([("config.providers", "f"), ("config.providers.f.class", "File")]);
        settings.insert(setting, value);
        format!("{}", Providers::of(&settings).unwrap_err())
    };
    assert!(refused("config.providers.f.class", "Nope").contains("which name matches Nope"));
    assert!(refused("config.providers.f.param.allowed.paths", "/nowhere/at/all").contains("does not exist"));
    let mut settings = Properties::from([("config.providers", "e"), ("config.providers.e.class", "EnvVar")]);
    settings.insert("config.providers.e.param.allowlist.pattern", "(");
    assert!(Providers::of(&settings).unwrap_err().to_string().contains("Pattern is invalid"));
}

#[test]
fn references_are_cut_at_their_colons() {
    let reference = |text| next_reference(text).map(|(_, found, _)| (found.provider, found.path, found.key));
    assert_eq!(reference("a${p:k}b"), Some(("p", "", "k")));
    assert_eq!(reference("${p:a:b:c}"), Some(("p", "a", "b:c")));
    assert_eq!(reference("${x}${p::k}"), Some(("p", "", "k")));
    assert_eq!(reference("${:k}"), Some(("", "", "k")));
    assert_eq!(reference("${x} ${y:"), None);
}
