//! Reads a value from tokens.

use super::{
    align::align,
    merge::CommonSchema,
    number,
    temporal::{self, is_java_digit},
    tokens::{Tokens, is_blank, trim},
};
use crate::{Datum, Kind, Map, Schema, Value};
use jiff::tz::TimeZone;
use std::sync::Arc;

/// How deep lists and maps may nest; deeper text is a string.
///
/// Java has no such bound and ends in a `StackOverflowError` somewhere beyond a thousand.
const DEPTH_MAX: usize = 200;

/// Reads the value at the beginning of a text; what stands behind it does not count.
pub(super) fn parse(text: &str, zone: &TimeZone) -> Datum {
    let mut parser = Parser { tokens: Tokens::new(text), zone, depth: 0 };
    parser.value(Place::Top).unwrap_or_else(|| string(text))
}

struct Parser<'a> {
    tokens: Tokens<'a>,
    zone: &'a TimeZone,
    depth: usize,
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It begins the text.
    Top,
    /// It stands in a list or map.
    Inside,
}

impl<'a> Parser<'a> {
    /// Reads a value; `None` when what is there is none, which only a value inside another can be.
    fn value(&mut self, place: Place) -> Option<Datum> {
        if !self.tokens.has_next() {
            return Some(Datum::default());
        }
        if place == Place::Inside && self.tokens.take_if("\"") {
            return Some(self.quoted());
        }
        if let Some(literal) = self.literal(place) {
            return Some(literal);
        }
        let start = self.tokens.mark();
        if let Some(open) = ["[", "{"].into_iter().find(|open| self.tokens.take_if(open)) {
            if let Some(nested) = self.nested(open) {
                return Some(nested);
            }
            // Blank tokens before the bracket come back too, and the first of them is then the value.
            self.tokens.rewind_to(start);
        }
        self.simple(place)
    }

    fn simple(&mut self, place: Place) -> Option<Datum> {
        let token = self.tokens.next();
        if is_blank(token) {
            return Some(string(token));
        }
        let token = trim(token);
        let digit = token.starts_with(is_java_digit);
        if digit && let Some(temporal) = self.temporal(token) {
            return Some(temporal);
        }
        if (digit || token.starts_with(['+', '-']))
            && let Some(number) = number::parse(token)
        {
            return Some(number);
        }
        match place {
            Place::Inside => None,
            Place::Top => Some(string(self.tokens.text())),
        }
    }

    /// Reads `null`, `true` and `false`; at the top nothing may follow them.
    fn literal(&mut self, place: Place) -> Option<Datum> {
        let start = self.tokens.mark();
        for (literal, value) in
            [("null", Value::Null), ("true", Value::Boolean(true)), ("false", Value::Boolean(false))]
        {
            if self.tokens.take_if(literal) && (place == Place::Inside || !self.tokens.has_next()) {
                let schema = (!value.is_null()).then(Schema::boolean);
                return Some(Datum { schema, value });
            }
            self.tokens.rewind_to(start);
        }
        None
    }

    /// Reads text between quotes, whose opening one is taken. A missing end quote takes all the rest.
    fn quoted(&mut self) -> Datum {
        let mut text = String::new();
        while self.tokens.has_next() && !self.tokens.take_if_exactly("\"") {
            text.push_str(self.tokens.next());
        }
        temporal::parse(&text, self.zone).unwrap_or_else(|| string(&text))
    }

    /// Colons are delimiters, so a time that is not quoted is five tokens.
    fn temporal(&mut self, token: &str) -> Option<Datum> {
        let start = self.tokens.mark();
        if let Some(rest) = self.tokens.next_joined(4)
            && let Some(temporal) = temporal::parse(&format!("{token}{rest}"), self.zone)
        {
            return Some(temporal);
        }
        self.tokens.rewind_to(start);
        temporal::parse(token, self.zone)
    }

    /// Reads the list or map whose opening bracket is taken; `None` when it is not whole.
    fn nested(&mut self, open: &str) -> Option<Datum> {
        if self.depth == DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        let nested = if open == "[" { self.list() } else { self.map() };
        self.depth -= 1;
        nested
    }

    fn list(&mut self) -> Option<Datum> {
        let mut values = Vec::new();
        let mut common = CommonSchema::default();
        while self.tokens.has_next() {
            if self.tokens.take_if("]") {
                let element = common.schema();
                if let Some(element) = &element {
                    values = align_all(values, element)?;
                }
                return Some(Datum::new(required(Kind::Array(element)), Value::Array(values)));
            }
            if self.tokens.take_if(",") {
                return None;
            }
            let element = self.value(Place::Inside)?;
            common.merge(element.schema);
            values.push(element.value);
            let before = self.tokens.mark();
            if self.tokens.take_if("]") {
                self.tokens.rewind_to(before);
            } else if !self.tokens.take_if(",") {
                return None;
            }
        }
        None
    }

    fn map(&mut self) -> Option<Datum> {
        let mut map = Map::new();
        let (mut keys, mut values) = (CommonSchema::default(), CommonSchema::default());
        while self.tokens.has_next() {
            if self.tokens.take_if("}") {
                return self.map_of(map, keys.schema(), values.schema());
            }
            if self.tokens.take_if(",") {
                return None;
            }
            let key = self.value(Place::Inside)?;
            if key.value.is_null() || !self.tokens.take_if(":") {
                return None;
            }
            let value = self.value(Place::Inside)?;
            // A comma between entries may be missing.
            self.tokens.take_if(",");
            map.insert(key.value, value.value);
            keys.merge(key.schema);
            values.merge(value.schema);
        }
        None
    }

    fn map_of(&self, map: Map, key: Option<Arc<Schema>>, value: Option<Arc<Schema>>) -> Option<Datum> {
        let Some(key) = key else {
            return Some(Datum::new(required(Kind::Map(None, None)), Value::Map(Box::new(map))));
        };
        let mut aligned = Map::with_capacity(map.len());
        for (entry_key, entry_value) in map {
            let entry_value = match &value {
                Some(schema) => align(entry_value, schema)?,
                None => entry_value,
            };
            aligned.insert(align(entry_key, &key)?, entry_value);
        }
        Some(Datum::new(required(Kind::Map(Some(key), value)), Value::Map(Box::new(aligned))))
    }
}

fn align_all(values: Vec<Value>, schema: &Schema) -> Option<Vec<Value>> {
    values.into_iter().map(|value| align(value, schema)).collect()
}

fn required(kind: Kind) -> Arc<Schema> {
    Arc::new(Schema::of(kind))
}

fn string(text: &str) -> Datum {
    Datum::string(text)
}
