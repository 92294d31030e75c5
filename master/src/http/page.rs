//! The page: the files of `master/webui/`, part of the binary.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use flate2::Compression;
use rust_embed::RustEmbed;

use super::reply::{gzip, takes_gzip};
use super::status;

/// Everything the page needs comes from the master itself.
const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(RustEmbed)]
#[folder = "webui/"]
struct Embedded;

/// The files by name.
pub(super) struct Page(BTreeMap<String, File>);

struct File {
    content_type: String,
    etag: String,
    plain: Bytes,
    gzipped: Option<Bytes>,
}

impl Page {
    pub(super) fn new() -> Page {
        let files =
            Embedded::iter().filter_map(|name| Some((name.to_string(), File::load(&name)?)));
        Page(files.collect())
    }

    /// Serves a file; 304 if the browser has it already.
    pub(super) fn serve(
        &self,
        request: &HttpRequest,
        name: &str,
    ) -> Result<HttpResponse, HttpResponse> {
        let file = self.0.get(name).ok_or_else(status::not_found)?;
        let mut response = HttpResponse::Ok();
        response
            .insert_header((ETAG, file.etag.as_str()))
            // Asked for again each time, and answered with 304: a new master has a new page.
            .insert_header((CACHE_CONTROL, "no-cache"))
            .insert_header((CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((REFERRER_POLICY, "no-referrer"))
            .insert_header((VARY, "Accept-Encoding"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((X_FRAME_OPTIONS, "DENY"));
        let known = request.headers().get(IF_NONE_MATCH);
        if known.is_some_and(|known| known.as_bytes() == file.etag.as_bytes()) {
            return Ok(response.status(StatusCode::NOT_MODIFIED).finish());
        }
        response.insert_header((CONTENT_TYPE, file.content_type.as_str()));
        Ok(match &file.gzipped {
            Some(gzipped) if takes_gzip(request) => response
                .insert_header((CONTENT_ENCODING, "gzip"))
                .body(gzipped.clone()),
            _ => response.body(file.plain.clone()),
        })
    }
}

impl File {
    fn load(name: &str) -> Option<File> {
        let file = Embedded::get(name)?;
        let hash = file.metadata.sha256_hash();
        let plain = Bytes::from(file.data.into_owned());
        let gzipped = gzip(&plain, Compression::best()).ok();
        let media_type = file.metadata.mimetype();
        let charset = match media_type.starts_with("text/") {
            true => "; charset=utf-8",
            false => "",
        };
        Some(File {
            content_type: format!("{media_type}{charset}"),
            etag: format!("\"{}\"", hex(&hash[..16])),
            gzipped: gzipped.filter(|gzipped| gzipped.len() < plain.len()),
            plain,
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
