#![allow(clippy::unwrap_used)]

use super::*;

type Settings = &'static [(&'static str, &'static str)];

/// Inputs and what `java.util.Properties.load` of Java 17 makes of them, settings in alphabetical order.
const READ_BY_JAVA: &[(&[u8], Settings)] = &[
    (b"", &[]),
    (b"a=1", &[("a", "1")]),
    (b"a = 1 ", &[("a", "1 ")]),
    (b"a:1", &[("a", "1")]),
    (b"a 1", &[("a", "1")]),
    (b"a\t1", &[("a", "1")]),
    (b"a\x0c1", &[("a", "1")]),
    (b"a", &[("a", "")]),
    (b"a=", &[("a", "")]),
    (b"=1", &[("", "1")]),
    (b":1", &[("", "1")]),
    (b" =1", &[("", "1")]),
    (b"a==1", &[("a", "=1")]),
    (b"a = = 1", &[("a", "= 1")]),
    (b"a : = 1", &[("a", "= 1")]),
    (b"a:=1", &[("a", "=1")]),
    (b"a  :  b", &[("a", "b")]),
    (b"# c\na=1", &[("a", "1")]),
    (b"! c\na=1", &[("a", "1")]),
    (b"  # c\na=1", &[("a", "1")]),
    (b"a=1 # not a comment", &[("a", "1 # not a comment")]),
    (b"#c\\\na=1", &[("a", "1")]),
    (b"a=1\r\nb=2\rc=3\n\n\nd=4", &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]),
    (b"\n\r\n \t\x0c\n a=1", &[("a", "1")]),
    (b"a=1\\\n  2", &[("a", "12")]),
    (b"a=1\\\r\n  2", &[("a", "12")]),
    (b"a=1\\\r  2", &[("a", "12")]),
    (b"a=1\\\\\nb=2", &[("a", "1\\"), ("b", "2")]),
    (b"a=1\\\\\\\n  2", &[("a", "1\\2")]),
    (b"a=1\\\n\nb=2", &[("a", "1"), ("b", "2")]),
    (b"a=1\\\n   \nb=2", &[("a", "1"), ("b", "2")]),
    (b"a=1\\", &[("a", "1")]),
    (b"a=1\\\\", &[("a", "1\\")]),
    (b"a\\", &[("a", "")]),
    (b"\\", &[("", "")]),
    (b"\\\\", &[("\\", "")]),
    (b"\\\na=1", &[("a", "1")]),
    (b"\\\n#c\na=1", &[("a", "1")]),
    (b"\\\n  #c\\\na=1", &[("a", "1")]),
    (b"a=1\\\n#2", &[("a", "1#2")]),
    (b"a=1\\\n!2\\\n  3", &[("a", "1!23")]),
    (b"a\\\n  b=1", &[("ab", "1")]),
    (b"a\\\n  =1", &[("a", "1")]),
    (b"a\\ b=1", &[("a b", "1")]),
    (b"a\\=b=1", &[("a=b", "1")]),
    (b"a\\:b=1", &[("a:b", "1")]),
    (b"a\\tb=\\t", &[("a\u{9}b", "\u{9}")]),
    (b"a=\\n\\r\\f\\t", &[("a", "\u{a}\u{d}\u{c}\u{9}")]),
    (b"a=\\b\\x\\\"\\'", &[("a", "bx\"'")]),
    (b"a=\\u0041", &[("a", "A")]),
    (b"a=\\u00e9\\u20AC", &[("a", "\u{e9}\u{20ac}")]),
    (b"a=\\ud83d\\ude00", &[("a", "\u{1f600}")]),
    (b"\\u0061=\\u003d", &[("a", "=")]),
    (b"a\\u0020b=1", &[("a b", "1")]),
    (b"a\\u003db=1", &[("a=b", "1")]),
    (b"a=\xe9\xff", &[("a", "\u{e9}\u{ff}")]),
    (b"a=\xc3\xa9", &[("a", "\u{c3}\u{a9}")]),
    (b"a=1\na=2", &[("a", "2")]),
    (b"b=1\na=2\nb=3", &[("a", "2"), ("b", "3")]),
    (b"a=\\ 1", &[("a", " 1")]),
    (b"a=  1\\ ", &[("a", "1 ")]),
    (b"a\\\\=1", &[("a\\", "1")]),
    (b"a\\\\\\=1", &[("a\\=1", "")]),
    (b"a\\\\ 1", &[("a\\", "1")]),
    (b"a=\\#\\!\\:\\=", &[("a", "#!:=")]),
    (b"a=x\\\n\ty\\\n\x0cz", &[("a", "xyz")]),
    (b"a b c", &[("a", "b c")]),
    (b"a = b = c", &[("a", "b = c")]),
    (b"a\xa0b=1", &[("a\u{a0}b", "1")]),
    (b"a=\x00\x0b1", &[("a", "\u{0}\u{b}1")]),
    (b"\x0ba=1", &[("\u{b}a", "1")]),
    (b"a=\\U0041", &[("a", "U0041")]),
    (b"a=1\\\n", &[("a", "1")]),
    (b"a=1\\\n   ", &[("a", "1")]),
    (b"a=\\\n\\\n1", &[("a", "1")]),
    (b"a=1\n#", &[("a", "1")]),
    (b"a=1\n!x\\", &[("a", "1")]),
    (b"a=\\u00\\\n41", &[("a", "A")]),
    (b"#\\u00zz\na=1", &[("a", "1")]),
    (b"k\n v", &[("k", ""), ("v", "")]),
    (b"\xefa=1", &[("\u{ef}a", "1")]),
    (b"a=1;b=2", &[("a", "1;b=2")]),
    (b"a.b[0]=${file:/x:y}", &[("a.b[0]", "${file:/x:y}")]),
    (b"a=C:\\\\x\\\\y", &[("a", "C:\\x\\y")]),
    (b"a=C:\\x\\y", &[("a", "C:xy")]),
    (b"a=1\\\n\\\n\nb=2", &[("a", "1"), ("b", "2")]),
    (b"a=1\x1a", &[("a", "1\u{1a}")]),
    (b"a\\\r\n\r\nb=2", &[("a", ""), ("b", "2")]),
    (b"a=\\\\u0041", &[("a", "\\u0041")]),
    (b"a=\\\\\\u0041", &[("a", "\\A")]),
];

/// Inputs that Java refuses with `Malformed \\uxxxx encoding.`, and the line that is at fault.
const REFUSED_BY_JAVA: &[(&[u8], usize)] = &[
    (b"a\\u0", 1),
    (b"a=\\u", 1),
    (b"a=\\u12", 1),
    (b"a=\\u12g4", 1),
    (b"a=\\uuuu0041", 1),
    (b"a=\\u004", 1),
    (b"\\u00zz=1", 1),
    (b"ok=1\n\nb=x\\\n  y\\u00zz", 4),
    (b"a=\\u+123", 1),
];

#[test]
fn everything_is_read_as_java_reads_it() {
    for (input, expected) in READ_BY_JAVA {
        let properties = parse(input).unwrap();
        let read: Vec<_> = properties.iter().map(|(name, text)| (name, text.unwrap())).collect();
        assert_eq!(read, *expected, "{}", input.escape_ascii());
    }
}

#[test]
fn what_java_refuses_is_refused_with_its_line() {
    for (input, line) in REFUSED_BY_JAVA {
        let error = parse(input).unwrap_err();
        assert_eq!(error.line, *line, "{}", input.escape_ascii());
        assert!(matches!(error.problem, Problem::BrokenEscape(_)), "{error}");
    }
}

#[test]
fn half_of_a_pair_is_refused_where_java_would_carry_it_on() {
    for input in [&br"a=\ud83d"[..], br"a=\ude00\ud83d", b"b=1\na=x\\\n\\ud83dx"] {
        assert!(matches!(parse(input).unwrap_err().problem, Problem::HalfOfAPair(_)));
    }
    let error = parse(b"b=1\na=\\ud83d\\ude00\\\n\\ud83dx").unwrap_err();
    let text = "line 3: \\ud83d is half of a surrogate pair, and its other half does not stand beside it";
    assert_eq!(error.to_string(), text);
}

#[test]
fn an_error_names_file_line_and_problem() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("worker.properties");
    fs::write(&file, "a=1\r\n# comment\r\nb=\\u12g4\r\n").unwrap();
    let text = told(&file);
    let expected = "worker.properties: line 3: broken escape \\u12g4: \\u takes four hexadecimal digits";
    assert!(text.ends_with(expected), "{text}");

    let text = told(&folder.path().join("none.properties"));
    assert!(text.contains("none.properties: No such file"), "{text}");
    let text = told(folder.path());
    assert!(text.contains("Is a directory"), "{text}");
}

/// An error with its cause, as the log shows it.
fn told(file: &Path) -> String {
    let error = read(file).unwrap_err();
    format!("{error}: {}", std::error::Error::source(&error).unwrap())
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let _ = parse(&bytes);
    }
}
