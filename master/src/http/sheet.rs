//! Large documents on paper: written page by page, and sent while they are written.
//!
//! ```text
//!  a thread that writes          everybody who waits for the document
//!    page 1 ──────────────────▶  head, page 1
//!    page 2 ──────────────────▶  page 2           each at the pace of its client
//!    …
//! ```
//!
//! One that fits on a page is sent as a whole, with its length.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{Stream, stream};
use tokio::sync::watch;

use crate::documents::PAGE;

/// What there is of a document so far.
#[derive(Debug, Default)]
struct Written {
    pages: Vec<Bytes>,
    complete: bool,
}

/// A document that grows while it is read.
#[derive(Clone, Debug)]
pub(super) struct Pages(watch::Receiver<Written>);

/// Whoever wrote it has given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the document is incomplete")]
pub(super) struct Incomplete;

impl Pages {
    /// All pages, each as soon as it is there.
    pub(super) fn stream(self) -> impl Stream<Item = Result<Bytes, Incomplete>> {
        stream::try_unfold((self.0, 0), |(mut written, read)| async move {
            let more = |written: &Written| written.pages.len() > read || written.complete;
            let page = match written.wait_for(more).await {
                Ok(written) => written.pages.get(read).cloned(),
                Err(_) => return Err(Incomplete),
            };
            Ok(page.map(|page| (page, (written, read + 1))))
        })
    }
}

impl PartialEq for Pages {
    fn eq(&self, other: &Pages) -> bool {
        self.0.same_channel(&other.0)
    }
}

/// Puts pages where they are read.
pub(super) struct Copyist {
    gzip: Option<GzEncoder<Vec<u8>>>,
    written: watch::Sender<Written>,
}

impl Copyist {
    /// One that compresses, or not.
    pub(super) fn new(gzip: bool) -> (Copyist, Pages) {
        let (written, pages) = watch::channel(Written::default());
        let encoder = || GzEncoder::new(Vec::with_capacity(PAGE), Compression::fast());
        let gzip = gzip.then(encoder);
        (Copyist { gzip, written }, Pages(pages))
    }

    /// Adds a page.
    ///
    /// # Errors
    /// If nobody reads any more.
    pub(super) fn add(&mut self, page: Vec<u8>) -> io::Result<()> {
        if self.written.receiver_count() == 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        match &mut self.gzip {
            None => self.put(page),
            Some(encoder) => {
                encoder.write_all(&page)?;
                if encoder.get_ref().len() >= PAGE {
                    let page = std::mem::replace(encoder.get_mut(), Vec::with_capacity(PAGE));
                    self.put(page);
                }
            }
        }
        Ok(())
    }

    /// That was the last one.
    pub(super) fn end(mut self) -> io::Result<()> {
        if let Some(encoder) = self.gzip.take() {
            let rest = encoder.finish()?;
            self.put(rest);
        }
        self.written.send_modify(|written| written.complete = true);
        Ok(())
    }

    fn put(&self, page: Vec<u8>) {
        if !page.is_empty() {
            let add = |written: &mut Written| written.pages.push(page.into());
            self.written.send_modify(add);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use futures_util::{FutureExt, StreamExt, TryStreamExt};

    use super::*;

    fn page(number: usize) -> Vec<u8> {
        format!("page {number};").into_bytes()
    }

    #[tokio::test]
    async fn pages_are_read_by_all_as_they_come() {
        let (mut copyist, pages) = Copyist::new(false);
        let (mut early, late) = (Box::pin(pages.clone().stream()), pages.stream());
        assert!(early.next().now_or_never().is_none());
        copyist.add(page(1)).unwrap();
        assert_eq!(early.next().await, Some(Ok(page(1).into())));
        assert!(early.next().now_or_never().is_none());
        copyist.add(page(2)).unwrap();
        copyist.end().unwrap();
        let all: Vec<Bytes> = late.try_collect().await.unwrap();
        assert_eq!(all, [page(1), page(2)]);
        assert_eq!(early.try_collect::<Vec<_>>().await.unwrap(), [page(2)]);
    }

    #[tokio::test]
    async fn what_is_compressed_is_the_same() {
        let (mut copyist, pages) = Copyist::new(true);
        let text: Vec<u8> = (0..PAGE).flat_map(page).collect();
        text.chunks(PAGE)
            .for_each(|page| copyist.add(page.to_vec()).unwrap());
        copyist.end().unwrap();
        let parts: Vec<Bytes> = pages.stream().try_collect().await.unwrap();
        assert!(parts.len() > 1 && parts.iter().map(Bytes::len).sum::<usize>() < text.len());
        let mut read = Vec::new();
        GzDecoder::new(&*parts.concat())
            .read_to_end(&mut read)
            .unwrap();
        assert!(read == text);
    }

    #[tokio::test]
    async fn neither_side_waits_for_one_that_has_gone() {
        let (mut copyist, pages) = Copyist::new(false);
        drop(pages);
        assert!(copyist.add(page(1)).is_err());
        let (mut copyist, pages) = Copyist::new(false);
        copyist.add(page(1)).unwrap();
        drop(copyist);
        assert_eq!(
            pages.stream().try_collect::<Vec<_>>().await,
            Err(Incomplete)
        );
    }
}
