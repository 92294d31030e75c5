//! `/agent/<id>/files/…`: the sandboxes on agents, for the page.
//!
//! The page cannot ask agents itself: they are other origins, may not be reachable for the
//! browser, and would want a login of their own. The master asks over QUIC.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::stream;
use libprocess::prelude::*;
use mesos::protocols::files::{Browse, Chunk, FilesError, MAX_READ_BYTES, Read};
use mesos::protocols::{FilesProtocol, names};
use mesos::v1::{AgentId, FileInfo};
use serde::Serialize;

use super::reply::{self, text};
use super::server::Site;
use super::status;
use crate::documents::Query;

/// How long an agent may take to list a directory or read a part of a file.
const FILES_TIMEOUT: Duration = Duration::from_secs(10);

/// The files of one agent.
struct Files {
    node: Node,
    agent: Pid<FilesProtocol>,
}

/// Serves one request.
pub(super) async fn serve(
    request: &HttpRequest,
    agent: &str,
    action: &str,
    site: &Site,
) -> Result<HttpResponse, HttpResponse> {
    let query = Query::parse(request.query_string());
    let files = Files::of(agent, site)?;
    let path = query.get("path").ok_or_else(|| {
        text(
            StatusCode::BAD_REQUEST,
            "Expecting 'path=value' in query.\n",
        )
    })?;
    match action {
        "browse" => files.browse(request, path).await,
        "read" => {
            let number = |name| query.get(name).and_then(|value| value.parse::<i64>().ok());
            let (offset, length) = (number("offset"), number("length"));
            files.read(request, path, offset, length).await
        }
        "download" => files.download(path).await,
        _ => Err(status::not_found()),
    }
}

impl Files {
    fn of(agent: &str, site: &Site) -> Result<Files, HttpResponse> {
        let view = site.library.view();
        let known = view.cluster.agents.get(&AgentId::from(agent));
        let agent = known
            .ok_or_else(|| text(StatusCode::NOT_FOUND, "No agent of this id is registered"))?;
        Ok(Files {
            node: site.node.clone(),
            agent: Pid::named(names::FILES, agent.pid.address()),
        })
    }

    async fn browse(
        &self,
        request: &HttpRequest,
        path: &str,
    ) -> Result<HttpResponse, HttpResponse> {
        let message = Browse {
            path: path.to_owned(),
        };
        let found = self.node.ask(&self.agent, message, FILES_TIMEOUT).await;
        let found = answered(found)?;
        let entries: Vec<Entry<'_>> = found.iter().map(|info| Entry::of(info)).collect();
        json(request, &entries)
    }

    /// As Mesos' `/files/read`: offset -1 asks for the size.
    async fn read(
        &self,
        request: &HttpRequest,
        path: &str,
        offset: Option<i64>,
        length: Option<i64>,
    ) -> Result<HttpResponse, HttpResponse> {
        let offset = u64::try_from(offset.unwrap_or(-1)).ok();
        let length = length.and_then(|length| u64::try_from(length).ok());
        let chunk = self.chunk(path, offset, length).await?;
        let data = whole_characters(&chunk.data);
        json(
            request,
            &Part {
                offset: chunk.offset,
                // In bytes of the file: what is no text is shown longer or shorter than it is.
                next: chunk.offset + data.len() as u64,
                data: &String::from_utf8_lossy(data),
            },
        )
    }

    async fn download(self, path: &str) -> Result<HttpResponse, HttpResponse> {
        self.chunk(path, Some(0), Some(0)).await?;
        let name: String = path
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .chars()
            .map(plain)
            .collect();
        let path = path.to_owned();
        let body = stream::try_unfold(Some(0), move |offset: Option<u64>| {
            let message = Read {
                path: path.clone(),
                offset,
                length: Some(MAX_READ_BYTES),
            };
            let asked = offset.map(|_| self.node.ask(&self.agent, message, FILES_TIMEOUT));
            async move {
                let (Some(asked), Some(offset)) = (asked, offset) else {
                    return Ok(None);
                };
                let chunk = asked.await.map_err(std::io::Error::other)?;
                let chunk = chunk.map_err(std::io::Error::other)?;
                if chunk.data.is_empty() || chunk.offset != offset {
                    return Ok(None);
                }
                let next = Some(offset + chunk.data.len() as u64);
                Ok::<_, std::io::Error>(Some((Bytes::from(chunk.data), next)))
            }
        });
        Ok(HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "application/octet-stream"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((
                CONTENT_DISPOSITION,
                format!("attachment; filename=\"{name}\""),
            ))
            .streaming(body))
    }

    async fn chunk(
        &self,
        path: &str,
        offset: Option<u64>,
        length: Option<u64>,
    ) -> Result<Chunk, HttpResponse> {
        let message = Read {
            path: path.to_owned(),
            offset,
            length,
        };
        answered(self.node.ask(&self.agent, message, FILES_TIMEOUT).await)
    }
}

fn answered<T>(answer: Result<Result<T, FilesError>, AskError>) -> Result<T, HttpResponse> {
    match answer {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(status::no_file(&error)),
        Err(error) => Err(text(
            StatusCode::BAD_GATEWAY,
            format!("The agent did not answer: {error}"),
        )),
    }
}

fn json(request: &HttpRequest, value: &impl Serialize) -> Result<HttpResponse, HttpResponse> {
    let body = serde_json::to_vec(value)
        .map_err(|error| text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(reply::body(request, "application/json", body.into()))
}

/// Leaves a character that the end of the part cuts in two to the next part.
fn whole_characters(data: &[u8]) -> &[u8] {
    match std::str::from_utf8(data) {
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => {
            &data[..error.valid_up_to()]
        }
        _ => data,
    }
}

/// What may stand in a file name of a header.
fn plain(c: char) -> char {
    if c.is_ascii_alphanumeric() || "._-+ ".contains(c) {
        c
    } else {
        '_'
    }
}

#[derive(Serialize)]
struct Part<'a> {
    data: &'a str,
    offset: u64,
    next: u64,
}

/// A file as Mesos' `/files/browse` shows it.
#[derive(Serialize)]
struct Entry<'a> {
    path: &'a str,
    mode: String,
    nlink: i32,
    uid: &'a str,
    gid: &'a str,
    size: u64,
    mtime: f64,
}

impl<'a> Entry<'a> {
    fn of(info: &'a FileInfo) -> Entry<'a> {
        let nanoseconds = info.mtime.as_ref().map_or(0, |time| time.nanoseconds);
        Entry {
            path: &info.path,
            mode: mode(info.mode.unwrap_or_default()),
            nlink: info.nlink.unwrap_or_default(),
            uid: info.uid.as_deref().unwrap_or_default(),
            gid: info.gid.as_deref().unwrap_or_default(),
            size: info.size.unwrap_or_default(),
            mtime: nanoseconds as f64 / 1e9,
        }
    }
}

/// As `ls -l` shows it.
fn mode(mode: u32) -> String {
    let kind = match mode & 0o170_000 {
        0o040_000 => 'd',
        0o120_000 => 'l',
        0o020_000 => 'c',
        0o060_000 => 'b',
        0o010_000 => 'p',
        0o140_000 => 's',
        _ => '-',
    };
    let bits = (0..9).map(|i| match mode & (0o400 >> i) {
        0 => '-',
        _ => ['r', 'w', 'x'][i % 3],
    });
    std::iter::once(kind).chain(bits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_look_as_in_a_listing() {
        assert_eq!(mode(0o100_644), "-rw-r--r--");
        assert_eq!(mode(0o040_755), "drwxr-xr-x");
        assert_eq!(mode(0o120_777), "lrwxrwxrwx");
    }

    #[test]
    fn characters_are_not_cut_in_two() {
        let text = "aé".as_bytes();
        assert_eq!(whole_characters(text), text);
        assert_eq!(whole_characters(&text[..2]), b"a");
        assert_eq!(whole_characters(&text[1..2]), &text[1..2]);
        assert_eq!(whole_characters(b"\xff"), b"\xff");
    }
}
