//! Who is calling: HTTP basic authentication.

use std::collections::BTreeMap;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::reply::text;

/// Principals and their secrets. Debug output shows no secret.
#[derive(Clone, Default)]
pub struct Credentials(BTreeMap<String, String>);

impl Credentials {
    /// From pairs of principal and secret.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Credentials {
        Credentials(pairs.into_iter().collect())
    }

    /// Whether the secret is this principal's. Takes as long for a wrong one as for the right one.
    fn admit(&self, principal: &str, secret: &str) -> bool {
        let known = self.0.get(principal);
        let expected = known.map_or("", String::as_str);
        same(expected.as_bytes(), secret.as_bytes()) && known.is_some()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Who makes the request; `None` if nobody has to say so.
///
/// # Errors
/// 401 if credentials are needed and absent or wrong.
pub(super) fn principal(
    request: &HttpRequest,
    credentials: Option<&Credentials>,
) -> Result<Option<String>, HttpResponse> {
    let Some(credentials) = credentials else {
        return Ok(None);
    };
    match basic(request) {
        Some((principal, secret)) if credentials.admit(&principal, &secret) => Ok(Some(principal)),
        _ => Err(unauthorized()),
    }
}

fn basic(request: &HttpRequest) -> Option<(String, String)> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (principal, secret) = decoded.split_once(':')?;
    Some((principal.to_owned(), secret.to_owned()))
}

fn unauthorized() -> HttpResponse {
    let mut response = text(
        StatusCode::UNAUTHORIZED,
        "401 Unauthorized. This master asks for a principal and its secret (HTTP basic \
         authentication).",
    );
    let challenge = HeaderValue::from_static("Basic realm=\"mesos-master\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// Compares without ending at the first difference: the time it takes tells an attacker nothing
/// but the length of what was sent.
fn same(expected: &[u8], given: &[u8]) -> bool {
    let byte = |i: usize| expected.get(i).copied().unwrap_or(0);
    let differences = given
        .iter()
        .enumerate()
        .fold(0, |all, (i, given)| all | (byte(i) ^ given));
    std::hint::black_box(differences) == 0 && expected.len() == given.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_compared_whole() {
        let credentials = Credentials::new([("ann".into(), "secret".into())]);
        assert!(credentials.admit("ann", "secret"));
        for (principal, secret) in [
            ("ann", "secre"),
            ("ann", "secrets"),
            ("ann", ""),
            ("bob", ""),
            ("", ""),
            ("ann", "\0"),
        ] {
            assert!(
                !credentials.admit(principal, secret),
                "{principal}:{secret}"
            );
        }
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
