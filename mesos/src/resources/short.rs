//! Texts that are nearly always short: names of resources, roles.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A text that takes two words, and no allocation if it is short. Compares, hashes and reads as the
/// text.
#[derive(Clone)]
pub struct Short(Form);

/// One form for each text: what fits into the first is never the second.
///
/// The tag takes four bytes, so that copies are made of whole words: those of seven bytes beside a tag of one are slow.
#[derive(Clone)]
#[repr(u32)]
enum Form {
    /// The length, and that many bytes. Those behind them are zero.
    Here(u8, [u8; HERE]),
    /// Two steps away, because one would take three words.
    There(Arc<Box<str>>),
}

/// As many as make [`Short`] no larger than two words.
const HERE: usize = 11;

impl Short {
    pub(super) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Form::Here(length, bytes) => &bytes[..usize::from(*length)],
            Form::There(text) => text.as_bytes(),
        }
    }
}

impl From<&str> for Short {
    fn from(text: &str) -> Short {
        let mut bytes = [0; HERE];
        match bytes.get_mut(..text.len()) {
            Some(here) => {
                here.copy_from_slice(text.as_bytes());
                Short(Form::Here(text.len() as u8, bytes))
            }
            None => Short(Form::There(Arc::new(text.into()))),
        }
    }
}

impl Deref for Short {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            // They were a text.
            Form::Here(..) => str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Form::There(text) => text,
        }
    }
}

/// As derived, but word by word: lists of names are compared before every sum and difference.
impl PartialEq for Short {
    #[inline(always)]
    fn eq(&self, other: &Short) -> bool {
        match (&self.0, &other.0) {
            (Form::Here(length, bytes), Form::Here(other_length, other)) => {
                length == other_length && words(bytes) == words(other)
            }
            (Form::There(text), Form::There(other)) => text == other,
            _ => false,
        }
    }
}

impl Eq for Short {}

/// All the bytes, some of them twice.
#[inline(always)]
fn words(bytes: &[u8; HERE]) -> (u64, u64) {
    let word = |chunk: Option<&[u8; 8]>| chunk.map_or(0, |chunk| u64::from_le_bytes(*chunk));
    (word(bytes.first_chunk()), word(bytes.last_chunk()))
}

impl PartialEq<str> for Short {
    #[inline]
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Ord for Short {
    fn cmp(&self, other: &Short) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl PartialOrd for Short {
    fn partial_cmp(&self, other: &Short) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Short {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn takes_two_words() {
        assert_eq!(size_of::<Short>(), 16);
        assert_eq!(size_of::<Option<Short>>(), 16);
    }

    proptest! {
        /// Of lengths on both sides of what fits, with bytes that stand for none.
        #[test]
        fn behaves_like_the_text(a in "[a\0…]{0,6}|[ab]{10,13}", b in "[a\0…]{0,6}|[ab]{10,13}") {
            let (short, other) = (Short::from(a.as_str()), Short::from(b.as_str()));
            prop_assert_eq!(&*short, a.as_str());
            prop_assert_eq!(short.to_string(), a.clone());
            prop_assert_eq!(&short, &short.clone());
            prop_assert_eq!(short == other, a == b);
            prop_assert_eq!(short == *b, a == b);
            prop_assert_eq!(short.cmp(&other), a.cmp(&b));
        }
    }
}
