//! The part of a URL after the question mark.

use std::collections::BTreeMap;

use mesos::protocols::reader::ReadError;

/// Parameters that are looked at; more are ignored.
const MAX_PARAMETERS: usize = 64;

/// Decoded parameters by name; of several with one name the first counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(BTreeMap<String, String>);

impl Query {
    /// Never fails: what makes no sense is taken literally.
    pub(crate) fn parse(query: &str) -> Query {
        let mut parameters = BTreeMap::new();
        for part in query
            .split('&')
            .filter(|part| !part.is_empty())
            .take(MAX_PARAMETERS)
        {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            parameters
                .entry(decode(name))
                .or_insert_with(|| decode(value));
        }
        Query(parameters)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The function a JSONP answer calls. Only names: the text becomes a script.
    pub(crate) fn jsonp(&self) -> Result<Option<&str>, ReadError> {
        let Some(function) = self.get("jsonp").filter(|function| !function.is_empty()) else {
            return Ok(None);
        };
        let in_name = |c: char| c.is_ascii_alphanumeric() || "_$.[]".contains(c);
        if function.chars().all(in_name) {
            return Ok(Some(function));
        }
        Err(ReadError::Invalid(
            "'jsonp' must be the name of a function".to_owned(),
        ))
    }
}

/// `%2F` is a slash, `+` a blank.
fn decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let digit = |at: usize| {
            after
                .get(at)
                .and_then(|byte| char::from(*byte).to_digit(16))
        };
        match (byte, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            (b'+', ..) => decoded.push(b' '),
            _ => decoded.push(*byte),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse("path=%2Fa+b%2f%C3%A9&x&=y&path=again&bad=%zz%4&&");
        assert_eq!(query.get("path"), Some("/a b/é"));
        assert_eq!(query.get("x"), Some(""));
        assert_eq!(query.get("bad"), Some("%zz%4"));
        assert_eq!(query.get("nothing"), None);
    }

    #[test]
    fn jsonp_takes_names_only() {
        assert_eq!(Query::parse("jsonp=a.b_1[0]").jsonp(), Ok(Some("a.b_1[0]")));
        assert_eq!(Query::parse("jsonp=").jsonp(), Ok(None));
        assert!(Query::parse("jsonp=alert(1)//").jsonp().is_err());
        assert!(Query::parse("jsonp=%3Cscript%3E").jsonp().is_err());
    }
}
