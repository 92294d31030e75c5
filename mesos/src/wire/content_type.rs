//! The two forms of the API and how a client asks for one.

use std::fmt;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContentType {
    /// `application/json`
    Json,
    /// `application/x-protobuf`
    Protobuf,
}

impl ContentType {
    /// In order of preference, as Mesos prefers them.
    const ALL: [Self; 2] = [Self::Json, Self::Protobuf];

    /// The media type.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/x-protobuf",
        }
    }

    /// Reads a `Content-Type` header. Like Mesos, exactly: neither another case nor parameters
    /// such as `; charset=utf-8`.
    pub fn parse(media_type: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|content_type| content_type.as_str() == media_type)
    }

    /// Chooses the form of an answer from an `Accept` header: JSON where the client takes it,
    /// else protobuf, else `None` (406). A client without the header takes everything.
    pub fn negotiate(accept: Option<&str>) -> Option<Self> {
        let Some(accept) = accept else {
            return Some(Self::Json);
        };
        Self::ALL
            .into_iter()
            .find(|content_type| accepts(accept, content_type.as_str()))
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether an `Accept` header admits a media type: the most specific range that matches decides,
/// a weight of zero refuses. Other weights do not order the forms.
pub fn accepts(accept: &str, media_type: &str) -> bool {
    let group = media_type.split('/').next().unwrap_or_default();
    let ranges = [
        media_type.to_owned(),
        format!("{group}/*"),
        "*/*".to_owned(),
    ];
    let weight = ranges.iter().find_map(|range| weight_of(accept, range));
    weight.is_some_and(|weight| weight > 0.0)
}

/// The weight of the first entry for a range; 1 if it has none that can be read.
fn weight_of(accept: &str, range: &str) -> Option<f64> {
    accept.split(',').find_map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case(range) {
            return None;
        }
        let weight = parts.find_map(|parameter| parameter.strip_prefix("q="));
        Some(weight.and_then(|weight| weight.parse().ok()).unwrap_or(1.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_compared_exactly() {
        assert_eq!(
            ContentType::parse("application/json"),
            Some(ContentType::Json)
        );
        assert_eq!(
            ContentType::parse("application/x-protobuf"),
            Some(ContentType::Protobuf)
        );
        for refused in [
            "Application/JSON",
            "application/json; charset=utf-8",
            "text/json",
            "",
        ] {
            assert_eq!(ContentType::parse(refused), None, "{refused}");
        }
    }

    #[test]
    fn json_is_preferred_and_zero_weights_refuse() {
        let json = Some(ContentType::Json);
        let protobuf = Some(ContentType::Protobuf);
        for (accept, expected) in [
            (None, json),
            (Some("*/*"), json),
            (Some("application/*"), json),
            (Some("application/json"), json),
            (Some("APPLICATION/JSON"), json),
            (Some("application/x-protobuf"), protobuf),
            (Some("application/x-protobuf, application/json"), json),
            (Some("text/html, application/x-protobuf;q=0.5"), protobuf),
            (
                Some("application/json;q=0, application/x-protobuf"),
                protobuf,
            ),
            (Some("application/json; q=0, */*"), protobuf),
            (Some("text/html"), None),
            (Some(""), None),
            (Some("foo"), None),
        ] {
            assert_eq!(ContentType::negotiate(accept), expected, "{accept:?}");
        }
    }
}
