#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use super::*;

/// Checks which of the texts a pattern matches as a whole.
#[track_caller]
fn check(pattern: &str, matching: &[&str], others: &[&str]) {
    let regex = JavaRegex::new(pattern).unwrap_or_else(|reason| panic!("{pattern}: {reason}"));
    for text in matching {
        assert!(regex.matches(text).unwrap(), "{pattern} should match {text:?}");
    }
    for text in others {
        assert!(!regex.matches(text).unwrap(), "{pattern} should not match {text:?}");
    }
}

#[track_caller]
fn check_replaced(pattern: &str, text: &str, replacement: &str, expected: &str) {
    let regex = JavaRegex::new(pattern).unwrap();
    assert_eq!(regex.replace_first(text, replacement).unwrap(), expected, "{pattern}");
}

#[track_caller]
fn check_refused(pattern: &str, reason: &str) {
    assert_eq!(JavaRegex::new(pattern).unwrap_err(), reason);
}

#[test]
fn the_whole_text_must_match() {
    check("a|ab", &["a", "ab"], &["b", "abc", ""]);
    check("foo.*?", &["foo", "foobar"], &["a foo"]);
    check("^orders$", &["orders", "orders"], &["orders2"]);
    check("", &[""], &["a"]);
}

#[test]
fn what_both_write_alike_is_passed_on() {
    check(r"(\w+)-\1", &["a-a", "ab-ab"], &["a-b"]);
    check(r"(?<x>a|b)\k<x>", &["aa", "bb"], &["ab"]);
    check("(?=a)..(?!c)", &["ab"], &["ba"]);
    check("(?!internal-).*", &["orders"], &["internal-orders"]);
    check(r".*(?<!-dlq)", &["orders"], &["orders-dlq"]);
    check("a*+a", &[], &["aaa"]);
    check("a{1,2}+a", &["aaa"], &["aa"]);
    check("(?>a|ab)c", &["ac"], &["abc"]);
    check("a{2}b{1,}c{0,2}", &["aab", "aabbcc"], &["ab", "aabccc"]);
    check("x{2}?", &["xx"], &["x"]);
}

#[test]
fn predefined_classes_are_ascii_unless_asked() {
    check(r"\d\w\s", &["1a ", "2_\u{b}"], &["١a ", "1é ", "1a\u{a0}"]);
    check(r"(?U)\d\w\s", &["١é\u{a0}"], &["a  "]);
    check(r"\D\W\S", &["a-b", "éé-"], &["1-b"]);
    check(r"\h\v\R", &["\u{a0}\n\r\n", "\t\r\u{2028}"], &["a\n\n"]);
    check(r"\p{Lower}\p{Upper}\p{javaLowerCase}\p{IsL}\pL", &["aBßßß"], &["ßBaaa"]);
    check(r"\p{Punct}\P{Alpha}\p{IsLatin}\p{script=Greek}\p{gc=Nd}", &["-éaλ1"], &["-aaλ1"]);
    check(r"a\b-\Bb?", &["a-"], &["a-b"]);
}

#[test]
fn flags_hold_to_the_end_of_their_group() {
    check("(?i)ABC", &["abc", "aBc"], &["abd"]);
    check("((?i)a)b", &["Ab", "ab"], &["aB"]);
    check("(?i:a|b)c", &["Bc"], &["bC"]);
    check("(?i)[b-d]é", &["Cé", "cé"], &["cÉ", "e"]);
    check("(?iu)é", &["É"], &["e"]);
    // The Kelvin sign is a k in Unicode only.
    check("(?i)k", &["K"], &["\u{212a}"]);
    check("(?i-i)a", &["a"], &["A"]);
    check(r"(?i)(a)\1", &["aA"], &["ab"]);
    check("(?x) a b # comment\n c", &["abc"], &["a b c"]);
    check(r"(?x)a\ [ b c ]", &["a b", "a c"], &["ab"]);
    check("(?s).", &["\n"], &[]);
    check("(?d).", &["\r"], &["\n"]);
    check("(?m)a$.^b", &[], &["a\nb"]);
    check("(?ms)a$.^b", &["a\nb", "a\rb"], &["a\r\nb"]);
}

#[test]
fn lines_end_as_in_java() {
    check(".", &["a", "😀"], &["\n", "\r", "\u{85}", "\u{2028}"]);
    check_replaced("a$", "xa\n", "b", "xb\n");
    check_replaced("a$", "xa\r\n", "b", "xb\r\n");
    check_replaced("a$", "xa\nb", "b", "xa\nb");
    check_replaced(r"a\Z", "xa\u{2028}", "b", "xb\u{2028}");
    check_replaced(r"\r$", "a\r\n", "b", "a\r\n");
    check_replaced(r"a\z", "xa\n", "b", "xa\n");
}

#[test]
fn sets_are_read_as_in_java() {
    check("[a-c&&[^b]]", &["a", "c"], &["b", "d"]);
    check("[a-d&&b-e&&c]", &["c"], &["b", "d"]);
    check("[^a-c[x]]", &["d"], &["a", "x"]);
    check("[]a]", &["]", "a"], &["b"]);
    check("[^]a]", &["b"], &["]", "a"]);
    check("[a~~b-]", &["a", "~", "b", "-"], &["c"]);
    check("[+--a]", &["+", ",", "-", "a"], &["."]);
    check("[[:alpha:]]", &[":", "a", "l"], &["b"]);
    check(r"[\P{L}\P{Nd}]", &["a", "1"], &[]);
    check(r"[\w&&[^\d]]", &["a", "_"], &["1"]);
    check(r"[\x41-\u0043\Q.-\E]", &["A", "B", "C", ".", "-"], &["D"]);
    check("[a-]", &["a", "-"], &["b"]);
    check("[.$^(]", &[".", "$", "^", "("], &["a"]);
}

#[test]
fn escapes_are_read_as_in_java() {
    check(r"\Qa.b*\E+", &["a.b*", "a.b**"], &["aXb*"]);
    check(r"\Qopen", &["open"], &[]);
    check(r"(a)\1\Q1\E", &["aa1"], &[]);
    check(r"\\Q", &["\\Q"], &[]);
    check(
        r"\t\n\r\f\a\e\cA\0101\x41\x{1F600}\ud83d\ude00\-\<",
        &["\t\n\r\u{c}\u{7}\u{1b}\u{1}AA😀😀-<"],
        &[],
    );
    check(r"(a)\11", &["aa1"], &[]);
    check("a}]", &["a}]"], &[]);
}

#[test]
fn a_reference_to_a_group_that_never_comes_matches_nothing() {
    check(r"a\1", &[], &["a", "a1"]);
    check(r"\2(a)(b)|c", &["c"], &["ab"]);
}

#[test]
fn the_replaced_part_is_searched_again() {
    check_replaced("a|ab", "ab", "X", "Xb");
    check_replaced("foo.*?", "foobar", "X", "Xbar");
    check_replaced("(a)(b)", "ab", "$12", "a2");
    check_replaced(r"(?<db>[^.]+)\.(?<tbl>.+)", "inv.orders", "${tbl}_${db}", "orders_inv");
    check_replaced("(a)|b", "b", "<$1>", "<>");
    check_replaced("x", "abc", "$9", "abc");
    let error = JavaRegex::new("a").unwrap().replace_first("a", "$1").unwrap_err();
    assert_eq!(
        (error.java_class(), error.to_string().as_str()),
        ("java.lang.IndexOutOfBoundsException", "No group 1")
    );
}

#[test]
fn bad_patterns_are_refused_in_the_words_of_java() {
    check_refused("(", "Unclosed group near index 1\n(");
    check_refused("*a", "Dangling meta character '*' near index 0\n*a\n^");
    check_refused("a**", "Dangling meta character '*' near index 2\na**\n  ^");
    check_refused(")", "Unmatched closing ')'\n)");
    check_refused("a)b", "Unmatched closing ')' near index 0\na)b\n^");
    check_refused("[a", "Unclosed character class near index 1\n[a\n ^");
    check_refused("[z-a]", "Illegal character range near index 3\n[z-a]\n   ^");
    check_refused("a{x}", "Illegal repetition near index 1\na{x}\n ^");
    check_refused("a{2,1}", "Illegal repetition range near index 6\na{2,1}");
    check_refused(r"\y", "Illegal/unsupported escape sequence near index 1\n\\y\n ^");
    check_refused(r"\p{Nope}", "Unknown character property name {Nope} near index 7\n\\p{Nope}\n       ^");
}

#[test]
fn what_cannot_be_the_same_is_refused() {
    for pattern in
        [r"\X", r"\N{LATIN SMALL LETTER A}", r"\b{g}", r"\p{InGreek}", r"\p{javaMirrored}", "[a&&[b]c]"]
    {
        assert!(JavaRegex::new(pattern).is_err(), "{pattern}");
    }
    let nested = format!("{}{}", "(".repeat(2000), ")".repeat(2000));
    assert!(JavaRegex::new(&nested).unwrap_err().contains("nested deeper than"));
}

#[test]
fn groups_may_be_nested_up_to_the_bound() {
    let nest = |open: &str| format!("{}a{}", open.repeat(23), ")".repeat(23));
    check(&nest("(x|"), &["a", "x"], &["b"]);
    check(&format!("{}a", nest("(?=")), &["a"], &["b"]);
    check(&nest("(?>(?i)"), &["A"], &["b"]);
}

#[test]
fn a_match_that_never_ends_is_an_error() {
    let regex = JavaRegex::new(r"(?:(a|aa)+\1?)+b").unwrap();
    let error = regex.matches(&"a".repeat(60)).unwrap_err();
    assert!(error.to_string().contains("against the regular expression"), "{error}");
}
