//! The settings of both connectors; each doc comment is the user's documentation.

use millrace_api::{
    Config, choice,
    config::{at_least, non_empty},
};

/// The longest line that is read unless `line.bytes.max` says otherwise: 64 MiB.
///
/// Nobody's lines are that long, but a file without line ends (a disk image, a binary log) must not fill the memory.
const LINE_BYTES_MAX: i32 = 64 << 20;

choice! {
    /// What a line is in a record.
    pub enum ValueType {
        /// Text: what is not UTF-8 is replaced, as the reference does.
        String = "string",
        /// The bytes as they are.
        Bytes = "bytes",
    }
}

/// Settings of the source.
#[derive(Debug, Config)]
pub struct FileSourceConfig {
    /// File to read. When it is not set or empty, the standard input of the worker is read, and no offsets are stored.
    #[config(high)]
    pub file: Option<String>,

    /// Topic that receives the lines.
    #[config(high, check = non_empty())]
    pub topic: String,

    /// The most lines that one poll returns. Less than 1 means 1.
    #[config(low, default = 2000)]
    pub batch_size: i32,

    /// What a line is in a record: `string` for text, in which bytes that are not UTF-8 are replaced by U+FFFD, or
    /// `bytes` for the bytes as they are.
    #[config(low, default = "string")]
    pub value_type: ValueType,

    /// The longest line in bytes, without its line end. A longer one fails the task, which names the place in the file.
    #[config(low, default = LINE_BYTES_MAX, check = at_least(1))]
    pub line_bytes_max: i32,
}

/// Settings of the sink.
#[derive(Debug, Config)]
pub struct FileSinkConfig {
    /// File to append to; it is created when it is missing. When it is not set or empty, lines go to the standard
    /// output of the worker.
    #[config(high)]
    pub file: Option<String>,

    /// How values that are bytes are written: `string` for lower-case hexadecimal digits, or `bytes` for the bytes as they are.
    #[config(low, default = "string")]
    pub value_type: ValueType,
}

/// Returns the path, or `None` when it stands for standard input or output.
pub(crate) fn path(file: Option<&str>) -> Option<&str> {
    file.map(str::trim).filter(|file| !file.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_api::Properties;

    #[track_caller]
    fn check(settings: &[(&str, &str)], problems: &str) {
        let properties: Properties = settings.iter().copied().collect();
        let found = FileSourceConfig::parse(&properties).err().map(|problems| problems.to_string());
        assert_eq!(found.unwrap_or_default(), problems);
    }

    #[test]
    fn problems_have_the_reference_texts() {
        check(&[], "Missing required configuration \"topic\" which has no default value.");
        check(&[("topic", "")], "Invalid value  for configuration topic: String must be non-empty");
        check(&[("topic", "  ")], "Invalid value  for configuration topic: String must be non-empty");
        check(
            &[("topic", "t"), ("batch.size", "abcd")],
            "Invalid value abcd for configuration batch.size: Not a number of type INT",
        );
        check(&[("topic", "t"), ("batch.size", "-5")], "");
        check(
            &[("topic", "t"), ("value.type", "utf16")],
            "Invalid value utf16 for configuration value.type: String must be one of: string, bytes",
        );
        check(
            &[("topic", "t"), ("line.bytes.max", "0")],
            "Invalid value 0 for configuration line.bytes.max: Value must be at least 1",
        );
    }

    #[test]
    fn no_file_is_standard_input_or_output() {
        for file in [None, Some(""), Some("  ")] {
            assert_eq!(path(file), None);
        }
        assert_eq!(path(Some(" a.txt ")), Some("a.txt"));
    }
}
