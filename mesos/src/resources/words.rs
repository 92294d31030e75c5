//! Sets of words, as one piece of text.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

/// A set of words, in order. Cheap to clone.
///
/// ```text
/// 4 blue 5 green 3 red        the length of each before it: one byte, or LONG and four
/// ```
#[derive(Clone)]
pub struct Words(Form);

/// One form for each set: what fits into the first is never the second. The tag takes four bytes, so that copies are made
/// of whole words.
#[derive(Clone)]
#[repr(u32)]
enum Form {
    /// So many bytes, and no allocation. Those unused are zero.
    Few(u8, [u8; FEW]),
    Many(Arc<[u8]>),
}

/// As much as most sets have, and as makes [`Words`] three machine words.
const FEW: usize = 19;

/// Says that the length follows as four bytes, least significant first.
const LONG: u8 = u8::MAX;

impl Words {
    /// The set of words of which none comes twice.
    ///
    /// # Errors
    /// A word that does.
    pub fn distinct<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Words, &'a str> {
        let mut all: SmallVec<[&str; 8]> = words.into_iter().collect();
        if !all.is_sorted_by(|word, next| word < next) {
            all.sort_unstable();
            if let Some(pair) = all.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(pair[0]);
            }
        }
        Ok(all.iter().map(|word| word.as_bytes()).collect())
    }

    /// Adds one of a few words. Nothing if there are too many, or if it is there, or empty.
    #[inline]
    pub(super) fn insert(&mut self, word: &[u8]) -> Option<()> {
        let Form::Few(used, few) = &mut self.0 else {
            return None;
        };
        let (end, mut at) = (usize::from(*used), 0);
        let behind = end + 1 + word.len();
        if word.is_empty() || behind > FEW {
            return None;
        }
        while let Some((first, _)) = split(&few[at..end]) {
            match word.cmp(&first[1..]) {
                Ordering::Less => break,
                Ordering::Equal => return None,
                Ordering::Greater => at += first.len(),
            }
        }
        let place = 1 + word.len();
        few.copy_within(at..end, at + place);
        few[at] = word.len() as u8; // No longer than what is few.
        few[at + 1..at + place].copy_from_slice(word);
        *used = behind as u8;
        Some(())
    }

    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Form::Few(used, bytes) => &bytes[..usize::from(*used)],
            Form::Many(bytes) => bytes,
        }
    }

    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes();
        std::iter::from_fn(move || {
            let (first, behind) = split(rest)?;
            rest = behind;
            Some(word(first))
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// The words, ascending.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        // All were texts.
        self.parts()
            .map(|part| str::from_utf8(part).unwrap_or_default())
    }

    /// Whether every word of `other` is in this set.
    pub fn contains(&self, other: &Words) -> bool {
        let (mut have, mut wanted) = (self.bytes(), other.bytes());
        while let Some((first, behind)) = split(wanted) {
            // Both ascend, so that the search goes on where it ended.
            let Some(at) = find(have, first) else {
                return false;
            };
            have = &have[at + first.len()..];
            wanted = behind;
        }
        true
    }

    /// The words in either.
    #[inline]
    pub(super) fn plus(&self, other: &Words) -> Words {
        match self.contains(other) {
            true => self.clone(),
            false => self.with(other),
        }
    }

    #[inline(never)]
    fn with(&self, other: &Words) -> Words {
        let mut all: SmallVec<[&[u8]; 8]> = self.parts().chain(other.parts()).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().collect()
    }

    /// The words that are not in `other`.
    #[inline]
    pub(super) fn minus(&self, other: &Words) -> Words {
        match &self.0 {
            Form::Few(used, few) => Words::cut(*used, *few, other),
            Form::Many(_) => self.without(other),
        }
    }

    /// A few words without those of `other`, each cut out of the bytes where it is.
    fn cut(used: u8, mut few: [u8; FEW], other: &Words) -> Words {
        let (mut used, mut holes) = (usize::from(used), other.bytes());
        while let Some((hole, behind)) = split(holes) {
            if let Some(at) = find(&few[..used], hole) {
                few.copy_within(at + hole.len()..used, at);
                few[used - hole.len()..used].fill(0);
                used -= hole.len();
            }
            holes = behind;
        }
        Words(Form::Few(used as u8, few))
    }

    #[inline(never)]
    fn without(&self, other: &Words) -> Words {
        let mut holes = other.parts().peekable();
        let left = self.parts().filter(|part| {
            // Both ascend, so that the search goes on where it ended.
            while holes.next_if(|hole| hole < part).is_some() {}
            holes.peek() != Some(part)
        });
        left.collect()
    }

    /// What fits, the word that does not, and what follows it.
    #[cold]
    fn many<'a>(few: &[u8], word: &'a [u8], words: impl Iterator<Item = &'a [u8]>) -> Words {
        let mut all = few.to_vec();
        for word in std::iter::once(word).chain(words) {
            match u8::try_from(word.len()) {
                Ok(length) if length != LONG => all.push(length),
                _ => {
                    all.push(LONG);
                    // No message is long enough for a word of more.
                    all.extend_from_slice(&(word.len() as u32).to_le_bytes());
                }
            }
            all.extend_from_slice(word);
        }
        Words(Form::Many(all.into()))
    }
}

/// The first word with its length, and what follows it.
#[inline]
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match *bytes.first()? {
        LONG => split_long(bytes),
        length => bytes.split_at_checked(1 + usize::from(length)),
    }
}

#[cold]
fn split_long(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u32::from_le_bytes(*bytes.get(1..)?.first_chunk()?);
    bytes.split_at_checked(5 + length as usize)
}

/// Without its length.
fn word(with_length: &[u8]) -> &[u8] {
    let length = if with_length.starts_with(&[LONG]) {
        5
    } else {
        1
    };
    &with_length[length..]
}

/// Where a word with its length is among such words.
#[inline]
fn find(words: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut rest = words;
    while let Some((first, behind)) = split(rest) {
        if first == wanted {
            return Some(words.len() - rest.len());
        }
        rest = behind;
    }
    None
}

impl Default for Words {
    fn default() -> Words {
        Words(Form::Few(0, [0; FEW]))
    }
}

/// Of words in order, each once.
impl<'a> FromIterator<&'a [u8]> for Words {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(words: I) -> Words {
        let (mut few, mut used) = ([0; FEW], 0);
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let behind = used + 1 + word.len();
            let Some(free) = few.get_mut(used..behind) else {
                return Words::many(&few[..used], word, words);
            };
            free[0] = word.len() as u8; // No longer than what is few.
            free[1..].copy_from_slice(word);
            used = behind;
        }
        Words(Form::Few(used as u8, few))
    }
}

impl PartialEq for Words {
    fn eq(&self, other: &Words) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Words {}

/// As the text form has it: `{a, b}`.
impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().collect();
        write!(f, "{{{}}}", words.join(", "))
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn words(set: &BTreeSet<String>) -> Words {
        Words::distinct(set.iter().rev().map(String::as_str)).unwrap()
    }

    #[test]
    fn says_which_word_comes_twice() {
        assert_eq!(Words::distinct(["b", "a", "b"]), Err("b"));
        assert_eq!(Words::distinct(["b", "a"]).unwrap().to_string(), "{a, b}");
        assert!(Words::distinct([]).unwrap().is_empty());
        assert!(!Words::distinct([""]).unwrap().is_empty(), "a word as well");
    }

    /// Some that fit, some that do not, some with words whose lengths take more than a byte.
    fn small_set() -> impl Strategy<Value = BTreeSet<String>> {
        let word = prop_oneof![9 => "[ab…]{0,2}", 1 => "[ab]{254,257}"];
        proptest::collection::btree_set(word, 0..12)
    }

    proptest! {
        /// As long as they are few.
        #[test]
        fn takes_word_after_word(all in proptest::collection::vec("[abc]{0,4}", 0..8)) {
            let (mut few, mut set) = (Words::default(), BTreeSet::new());
            for word in all {
                let length: usize = set.iter().map(|word: &String| 1 + word.len()).sum();
                let fits = length + 1 + word.len() <= FEW;
                let taken = few.insert(word.as_bytes()).is_some();
                prop_assert_eq!(taken, fits && !word.is_empty() && !set.contains(&word));
                if taken {
                    set.insert(word);
                }
                prop_assert_eq!(&few, &words(&set));
            }
        }

        #[test]
        fn behaves_like_a_set_of_texts(a in small_set(), b in small_set()) {
            let (wa, wb) = (words(&a), words(&b));
            prop_assert_eq!(wa.contains(&wb), a.is_superset(&b));
            prop_assert_eq!(wa == wb, a == b);
            let sum = wa.plus(&wb);
            prop_assert_eq!(&sum, &words(&a.union(&b).cloned().collect()));
            prop_assert!(sum.contains(&wa) && sum.contains(&wb));
            let left = wa.minus(&wb);
            prop_assert_eq!(&left, &words(&a.difference(&b).cloned().collect()));
            let texts: BTreeSet<String> = sum.iter().map(str::to_owned).collect();
            prop_assert_eq!(texts, a.union(&b).cloned().collect());
        }
    }
}
