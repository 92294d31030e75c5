use std::time::Duration;

use serde_json::Value;

/// No answer of a healthy daemon on loopback takes longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// An HTTP answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Where a redirect leads; empty if it is none.
    pub location: String,
    /// The body as text.
    pub body: String,
}

/// `GET http://ADDRESS/PATH`; `None` when nobody answers there.
pub fn get(address: &str, path: &str) -> Option<Answer> {
    answer(client().get(format!("http://{address}{path}")).call())
}

/// The JSON body of a `GET` that succeeds; `None` when it does not (yet).
pub fn get_json(address: &str, path: &str) -> Option<Value> {
    let answer = get(address, path)?;
    (answer.status == 200)
        .then(|| serde_json::from_str(&answer.body).ok())
        .flatten()
}

/// `POST` of `body` with the given headers; `None` when nobody answers.
pub fn post(address: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Answer> {
    let mut request = client().post(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(request.send(body))
}

fn client() -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER_WITHIN))
        .http_status_as_error(false)
        .max_redirects(0)
        .build()
        .into()
}

fn answer(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Option<Answer> {
    let mut response = result.ok()?;
    let location = response.headers().get("location");
    let location = location.and_then(|value| value.to_str().ok());
    Some(Answer {
        location: location.unwrap_or_default().to_owned(),
        status: response.status().as_u16(),
        body: response.body_mut().read_to_string().ok()?,
    })
}
