//! `/files/*`: looking into sandboxes.

use std::io::Read;

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::answer::{Query, error, json as answer, query};
use crate::files::{self, FilesError, MAX_READ_BYTES};
use crate::view::View;

pub(super) async fn browse(request: &HttpRequest, view: &View) -> HttpResponse {
    let Some(path) = path(&query(request)) else {
        return path_missing();
    };
    let at = view.locate(&path);
    let list = move || at.and_then(|at| files::browse(&at.root, &at.relative, &path));
    match block(list).await {
        Ok(entries) => answer(request, &json!(entries)),
        Err(refused) => refuse(&refused),
    }
}

pub(super) async fn read(request: &HttpRequest, view: &View) -> HttpResponse {
    let query = query(request);
    let Some(path) = path(&query) else {
        return path_missing();
    };
    let (offset, length) = match (number(&query, "offset"), number(&query, "length")) {
        (Ok(offset), Ok(length)) => (offset, length),
        (Err(text), _) | (_, Err(text)) => return error(StatusCode::BAD_REQUEST, text),
    };
    let at = view.locate(&path);
    let read = move || at.and_then(|at| files::read(&at.root, &at.relative, offset, length));
    match block(read).await {
        Ok(piece) => {
            let data = String::from_utf8_lossy(&piece.data);
            answer(request, &json!({"data": data, "offset": piece.offset}))
        }
        Err(refused) => refuse(&refused),
    }
}

pub(super) async fn download(request: &HttpRequest, view: &View) -> HttpResponse {
    let Some(path) = path(&query(request)) else {
        return path_missing();
    };
    let name = path.rsplit('/').next().unwrap_or_default();
    let name: String = name
        .chars()
        .filter(|c| !c.is_control() && !"\"\\".contains(*c))
        .collect();
    let at = view.locate(&path);
    let open = move || at.and_then(|at| files::open_regular(&at.root, &at.relative));
    let (file, size) = match block(open).await {
        Ok(opened) => opened,
        Err(refused) => return refuse(&refused),
    };
    // What is appended meanwhile is not part of the answer, whose length was said.
    let pieces = futures_util::stream::unfold(file.take(size), |mut file| async move {
        let piece = web::block(move || {
            let mut piece = vec![0; MAX_READ_BYTES];
            let read = file.read(&mut piece);
            read.map(|length| {
                piece.truncate(length);
                (Bytes::from(piece), file)
            })
        });
        match piece.await {
            Ok(Ok((piece, _))) if piece.is_empty() => None,
            Ok(Ok((piece, file))) => Some((Ok::<_, std::io::Error>(piece), file)),
            _ => None,
        }
    });
    HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ))
        .no_chunking(size)
        .streaming(pieces)
}

pub(super) fn debug(view: &View) -> Value {
    json!(files::locate::all(&view.state()))
}

fn path(query: &Query) -> Option<String> {
    query.get("path").filter(|p| !p.is_empty()).cloned()
}

/// Absent or −1 is `None`.
fn number(query: &Query, name: &str) -> Result<Option<u64>, String> {
    match query.get(name).map(|text| text.parse::<i64>()) {
        None | Some(Ok(-1)) => Ok(None),
        Some(Ok(number)) => u64::try_from(number)
            .map(Some)
            .map_err(|_| format!("Negative {name} provided: {number}.")),
        Some(Err(e)) => Err(format!("Failed to parse {name}: {e}.")),
    }
}

fn path_missing() -> HttpResponse {
    error(
        StatusCode::BAD_REQUEST,
        "Expecting 'path=value' in query.\n",
    )
}

fn refuse(refused: &FilesError) -> HttpResponse {
    let status = match refused {
        FilesError::NotFound => StatusCode::NOT_FOUND,
        FilesError::Forbidden => StatusCode::FORBIDDEN,
        FilesError::Invalid(_) => StatusCode::BAD_REQUEST,
        FilesError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    error(status, format!("{refused}.\n"))
}

/// Runs what waits for the disk off the thread that serves requests.
async fn block<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FilesError> + Send + 'static,
) -> Result<T, FilesError> {
    match web::block(work).await {
        Ok(result) => result,
        Err(_) => Err(FilesError::Failed("the agent is ending".to_owned())),
    }
}
