//! Attributes: what an operator says about an agent, for frameworks to choose by.
//!
//! Text form `rack:r1;zone:[1-2];speed:1.5`: numbers are scalars, brackets are ranges, anything
//! else is text. Mesos only passes attributes on. Semantics: `docs/attributes-resources.md`.

use std::fmt;

use serde_json::{Map, Value};

use crate::resources::{Quantity, QuantityError, Range, Ranges, RangesError};
use crate::v1;
use crate::v1::value;

/// The most attributes an agent may have: every offer carries them all.
pub const MAX_ATTRIBUTES: usize = 1024;

/// The attributes of an agent in the operator's order. A name may appear more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(Vec<Attribute>);

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// What is said.
    pub value: AttributeValue,
}

/// What an attribute says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttributeValue {
    /// A number, to three decimals.
    Scalar(Quantity),
    /// Integers.
    Ranges(Ranges),
    /// Anything else.
    Text(String),
}

/// Why attributes are refused. Each names the attribute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// No `name:value`.
    #[error("'{0}' is no attribute; write name:value, for example rack:r1")]
    Malformed(String),
    /// A number that is none.
    #[error("attribute '{name}' {problem}")]
    Number {
        /// The attribute.
        name: String,
        /// What is wrong.
        problem: QuantityError,
    },
    /// Ranges that are none.
    #[error("attribute '{name}': {problem}")]
    Ranges {
        /// The attribute.
        name: String,
        /// What is wrong.
        problem: RangesError,
    },
    /// In a message: a type that attributes cannot have, or whose value is missing.
    #[error("attribute '{0}' has no value of a supported type (SCALAR, RANGES, TEXT)")]
    Unsupported(String),
    /// In a message: no name.
    #[error("an attribute has no name")]
    Nameless,
    /// More than [`MAX_ATTRIBUTES`].
    #[error("{0} attributes are too many; an agent may have {MAX_ATTRIBUTES}")]
    TooMany(usize),
}

impl Attributes {
    /// Reads the text form.
    ///
    /// # Errors
    /// What is malformed, naming it.
    pub fn parse(text: &str) -> Result<Attributes, AttributeError> {
        let items = text
            .split([';', '\n'])
            .map(str::trim)
            .filter(|item| !item.is_empty());
        Attributes::bounded(items.map(parse_attribute).collect::<Result<_, _>>()?)
    }

    /// Reads the attributes of a message.
    ///
    /// # Errors
    /// What breaks a rule, naming it.
    pub fn from_v1(messages: &[v1::Attribute]) -> Result<Attributes, AttributeError> {
        Attributes::bounded(messages.iter().map(read).collect::<Result<_, _>>()?)
    }

    fn bounded(attributes: Vec<Attribute>) -> Result<Attributes, AttributeError> {
        if attributes.len() > MAX_ATTRIBUTES {
            return Err(AttributeError::TooMany(attributes.len()));
        }
        Ok(Attributes(attributes))
    }

    /// Writes them for a message.
    pub fn to_v1(&self) -> Vec<v1::Attribute> {
        self.0.iter().map(write).collect()
    }

    /// The flat form of the state endpoints: `{"rack": "r1", "zone": "[1-2]", "speed": 1.5}`. Of
    /// attributes with one name the last is shown.
    pub fn to_flat_json(&self) -> Map<String, Value> {
        let value = |attribute: &Attribute| match &attribute.value {
            AttributeValue::Scalar(quantity) => Value::from(quantity.to_f64()),
            AttributeValue::Ranges(ranges) => Value::from(ranges.to_string()),
            AttributeValue::Text(text) => Value::from(text.as_str()),
        };
        self.0
            .iter()
            .map(|attribute| (attribute.name.clone(), value(attribute)))
            .collect()
    }

    /// The attributes.
    pub fn iter(&self) -> impl Iterator<Item = &Attribute> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn parse_attribute(item: &str) -> Result<Attribute, AttributeError> {
    let malformed = || AttributeError::Malformed(item.to_string());
    let (name, text) = item.split_once(':').ok_or_else(malformed)?;
    let (name, text) = (name.trim(), text.trim());
    if name.is_empty() || text.is_empty() {
        return Err(malformed());
    }
    let name = name.to_string();
    let value = if text.starts_with('[') {
        let ranges = text.parse();
        let wrong = |problem| AttributeError::Ranges {
            name: name.clone(),
            problem,
        };
        AttributeValue::Ranges(ranges.map_err(wrong)?)
    } else {
        parse_scalar_or_text(text)
    };
    Ok(Attribute { name, value })
}

/// As Mesos: what reads as a number that can be represented is one, all else is text.
fn parse_scalar_or_text(text: &str) -> AttributeValue {
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    match text.parse() {
        Ok(quantity) if numeric => AttributeValue::Scalar(quantity),
        _ => AttributeValue::Text(text.to_string()),
    }
}

fn read(message: &v1::Attribute) -> Result<Attribute, AttributeError> {
    let name = message.name.clone();
    if name.is_empty() {
        return Err(AttributeError::Nameless);
    }
    let value = match (value::Type::try_from(message.r#type), message) {
        (
            Ok(value::Type::Scalar),
            v1::Attribute {
                scalar: Some(scalar),
                ..
            },
        ) => {
            let wrong = |problem| AttributeError::Number {
                name: name.clone(),
                problem,
            };
            AttributeValue::Scalar(Quantity::from_f64(scalar.value).map_err(wrong)?)
        }
        (
            Ok(value::Type::Ranges),
            v1::Attribute {
                ranges: Some(ranges),
                ..
            },
        ) => {
            let ranges = ranges.range.iter().map(|r| Range {
                begin: r.begin,
                end: r.end,
            });
            let wrong = |problem| AttributeError::Ranges {
                name: name.clone(),
                problem,
            };
            AttributeValue::Ranges(Ranges::coalesce(ranges).map_err(wrong)?)
        }
        (
            Ok(value::Type::Text),
            v1::Attribute {
                text: Some(text), ..
            },
        ) => AttributeValue::Text(text.value.clone()),
        _ => return Err(AttributeError::Unsupported(name)),
    };
    Ok(Attribute { name, value })
}

fn write(attribute: &Attribute) -> v1::Attribute {
    let mut message = v1::Attribute {
        name: attribute.name.clone(),
        ..Default::default()
    };
    match &attribute.value {
        AttributeValue::Scalar(quantity) => {
            message.set_type(value::Type::Scalar);
            message.scalar = Some(value::Scalar {
                value: quantity.to_f64(),
            });
        }
        AttributeValue::Ranges(ranges) => {
            message.set_type(value::Type::Ranges);
            let range = ranges
                .iter()
                .map(|r| value::Range {
                    begin: r.begin,
                    end: r.end,
                })
                .collect();
            message.ranges = Some(value::Ranges { range });
        }
        AttributeValue::Text(text) => {
            message.set_type(value::Type::Text);
            message.text = Some(value::Text {
                value: text.clone(),
            });
        }
    }
    message
}

/// Prints as it is read.
impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, attribute) in self.0.iter().enumerate() {
            let separator = if i > 0 { ";" } else { "" };
            write!(f, "{separator}{}:", attribute.name)?;
            match &attribute.value {
                AttributeValue::Scalar(quantity) => write!(f, "{quantity}")?,
                AttributeValue::Ranges(ranges) => write!(f, "{ranges}")?,
                AttributeValue::Text(text) => write!(f, "{text}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn tells_numbers_ranges_and_text_apart() {
        let attributes =
            Attributes::parse("rack:r1;zone:[1-2];x:1.5;url:http://a:80;n:inf").unwrap();
        let flat =
            json!({"rack": "r1", "zone": "[1-2]", "x": 1.5, "url": "http://a:80", "n": "inf"});
        assert_eq!(Value::Object(attributes.to_flat_json()), flat);
        assert_eq!(
            attributes.to_string(),
            "rack:r1;zone:[1-2];x:1.5;url:http://a:80;n:inf"
        );
        assert!(Attributes::parse("").unwrap().is_empty());
        assert!(!attributes.is_empty());
    }

    #[test]
    fn takes_as_many_as_it_says() {
        let of = |count: usize| Attributes::parse(&"rack:r1;".repeat(count));
        assert_eq!(of(MAX_ATTRIBUTES).unwrap().iter().count(), MAX_ATTRIBUTES);
        for count in [MAX_ATTRIBUTES + 1, MAX_ATTRIBUTES + 2] {
            assert_eq!(of(count), Err(AttributeError::TooMany(count)));
        }
    }

    #[test]
    fn names_what_is_wrong() {
        for text in ["rack", ":r1", "rack:", "zone:[2-1]", "zone:[1"] {
            let error = Attributes::parse(text).unwrap_err().to_string();
            assert!(
                error.contains(text.split(':').next().unwrap()),
                "{text} gave: {error}"
            );
        }
    }

    #[test]
    fn refuses_messages_without_a_value() {
        let mut set = v1::Attribute {
            name: "x".to_string(),
            ..Default::default()
        };
        set.set_type(value::Type::Set);
        set.set = Some(value::Set::default());
        let unsupported = AttributeError::Unsupported("x".to_string());
        assert_eq!(Attributes::from_v1(&[set]), Err(unsupported.clone()));
        let empty = v1::Attribute {
            name: "x".to_string(),
            ..Default::default()
        };
        assert_eq!(Attributes::from_v1(&[empty]), Err(unsupported));
    }

    proptest! {
        #[test]
        fn survives_messages_and_text(items in proptest::collection::vec(("[a-c]{1,3}", "[a-z]{1,4}|[1-9]{1,3}|\\[1-9\\]"), 0..5)) {
            let text: Vec<String> = items.iter().map(|(name, value)| format!("{name}:{value}")).collect();
            let attributes = Attributes::parse(&text.join(";")).unwrap();
            prop_assert_eq!(attributes.to_string(), text.join(";"));
            prop_assert_eq!(Attributes::from_v1(&attributes.to_v1()), Ok(attributes));
        }

        #[test]
        fn parsing_never_panics(text in "[a:;0-9.\\[\\]-]{0,20}") {
            let _ = Attributes::parse(&text);
        }
    }
}
