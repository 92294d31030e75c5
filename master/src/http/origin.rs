//! Requests that a page of somebody else makes in an operator's browser.
//!
//! A page may send forms anywhere, with the credentials that the browser remembers, and without
//! them to whatever listens on the operator's own machine. Browsers say of every request that may
//! change something where it comes from; programs say nothing.

use actix_web::http::header::{HOST, ORIGIN};
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::{HttpRequest, HttpResponse};

use super::reply::text;
use super::server::Site;

/// Lets requests pass that only read, that no browser makes, or that our own page makes.
///
/// # Errors
/// 403 for all others.
pub(super) fn check(request: &HttpRequest, site: &Site) -> Result<(), HttpResponse> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    let headers = request.headers();
    let Some(origin) = headers.get(ORIGIN) else {
        return Ok(());
    };
    let (origin, host) = (origin.to_str(), headers.get(HOST).map(|host| host.to_str()));
    let view = site.library.view();
    let name = view.master.hostname.as_deref().unwrap_or_default();
    match (origin, host) {
        (Ok(origin), Some(Ok(host))) if is_own(origin, host, name) => Ok(()),
        _ => Err(text(
            StatusCode::FORBIDDEN,
            "Requests that change something are not taken from pages of others ('Origin')",
        )),
    }
}

/// Whether a page of `origin` was served by the `host` that it now sends to, and that host is known
/// to be this one: a name that anybody may have chosen could have been somebody else's a moment ago.
fn is_own(origin: &str, host: &str, hostname: &str) -> bool {
    let Ok(origin) = origin.parse::<Uri>() else {
        return false;
    };
    let Some(authority) = origin.authority() else {
        return false;
    };
    let name = authority.host();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let is_known = name.eq_ignore_ascii_case("localhost")
        || name.eq_ignore_ascii_case(hostname)
        || bare.parse::<std::net::IpAddr>().is_ok();
    is_known && authority.as_str().eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_change_something() {
        for (origin, host, expected) in [
            ("http://localhost:5050", "localhost:5050", true),
            ("http://127.0.0.1:5050", "127.0.0.1:5050", true),
            ("http://[::1]:5050", "[::1]:5050", true),
            ("https://master.example:5050", "Master.example:5050", true),
            ("http://evil.example", "localhost:5050", false),
            ("http://localhost:8080", "localhost:5050", false),
            ("null", "localhost:5050", false),
            ("", "localhost:5050", false),
            // A name that leads here since the page was loaded.
            ("http://evil.example:5050", "evil.example:5050", false),
        ] {
            let own = is_own(origin, host, "master.example");
            assert_eq!(own, expected, "{origin} to {host}");
        }
    }
}
