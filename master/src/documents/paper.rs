//! Where documents are written.

use std::io::{self, Write};

/// Bytes of a page: as many as sockets take at once.
pub(crate) const PAGE: usize = 64 << 10;

/// Takes a full page.
type HandOn<'a> = &'a mut dyn FnMut(Vec<u8>) -> io::Result<()>;

/// What is written, as a whole or page by page.
pub(crate) struct Paper<'a> {
    page: Vec<u8>,
    hand_on: Option<HandOn<'a>>,
}

impl<'a> Paper<'a> {
    /// One long page.
    pub(crate) fn whole() -> Paper<'a> {
        Paper {
            page: Vec::new(),
            hand_on: None,
        }
    }

    /// Pages, of which each is handed on when it is full.
    pub(crate) fn pages(hand_on: HandOn<'a>) -> Paper<'a> {
        Paper {
            page: Vec::with_capacity(PAGE),
            hand_on: Some(hand_on),
        }
    }

    /// What was not handed on.
    pub(crate) fn rest(self) -> Vec<u8> {
        self.page
    }
}

impl Write for Paper<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.page.len() + bytes.len() > PAGE
            && let Some(hand_on) = &mut self.hand_on
        {
            hand_on(std::mem::replace(&mut self.page, Vec::with_capacity(PAGE)))?;
        }
        self.page.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
