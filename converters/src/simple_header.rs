//! `SimpleHeaderConverter`, the default for headers: values as text from which type and schema are inferred again.

use jiff::tz::TimeZone;
use millrace_api::{Blob, Converter, Datum, Plugins, RawHeader, Result, Text, Value, values};

/// The converter.
struct SimpleHeaderConverter {
    /// On whose clock instants are written and read.
    zone: TimeZone,
}

/// Adds the converter, for headers only.
pub(crate) fn register(plugins: &mut Plugins) {
    plugins.header_converter::<()>("org.apache.kafka.connect.storage.SimpleHeaderConverter", |(), _| {
        Ok(Box::new(SimpleHeaderConverter { zone: TimeZone::system() }))
    });
}

impl Converter for SimpleHeaderConverter {
    fn encode(&mut self, _: &str, _: &mut Vec<RawHeader>, datum: &Datum) -> Result<Option<Blob>> {
        if let Value::String(text) = &datum.value {
            return Ok(Some(text.as_blob().clone()));
        }
        Ok(values::to_text(&datum.value, &self.zone).map(|text| Blob::from(text.into_bytes())))
    }

    fn decode(&mut self, _: &str, _: &[RawHeader], bytes: Option<&Blob>) -> Result<Datum> {
        let Some(bytes) = bytes else { return Ok(Datum::default()) };
        let text = Text::from_utf8_lossy(bytes.clone());
        let mut datum = values::parse(&text, &self.zone);
        if let Value::String(parsed) = &datum.value
            && *parsed == text
        {
            datum.value = Value::String(text);
        }
        Ok(datum)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    fn converter() -> SimpleHeaderConverter {
        SimpleHeaderConverter { zone: TimeZone::UTC }
    }

    #[test]
    fn values_are_inferred() {
        let decode = |text: &str| converter().decode("t", &[], Some(&text.as_bytes().into())).unwrap();
        assert_eq!(decode("007").value, Value::Int8(7));
        assert_eq!(decode(""), Datum::string(""));
        assert_eq!(decode("null"), Datum::default());
        assert_eq!(converter().decode("t", &[], None).unwrap(), Datum::default());
    }

    #[test]
    fn text_shares_its_buffer() {
        let blob = Blob::from(b"some text".as_slice());
        let datum = converter().decode("t", &[], Some(&blob)).unwrap();
        let back = converter().encode("t", &mut Vec::new(), &datum).unwrap().unwrap();
        assert_eq!(back.as_ptr(), blob.as_ptr());
    }
}
