//! Sets of words, as one piece of text.

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

/// One form for each set: what fits into the first is never the second.
#[derive(Clone)]
enum Form {
    /// So many bytes, and no allocation. Those unused are zero.
    Few(u8, [u8; FEW]),
    Many(Arc<[u8]>),
}

/// As much as most sets have, and as makes [`Words`] three machine words.
const FEW: usize = 22;

/// Says that the length follows as four bytes, least significant first.
const LONG: u8 = u8::MAX;

impl Words {
    /// The set of words of which none comes twice.
    ///
    /// # Errors
    /// A word that does.
    pub fn distinct<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Words, &'a str> {
        Words::listed(words.into_iter().collect())
    }

    /// As [`Words::distinct`].
    pub(super) fn listed(mut all: SmallVec<[&str; 8]>) -> Result<Words, &str> {
        if !all.is_sorted_by(|word, next| word < next) {
            all.sort_unstable();
            if let Some(pair) = all.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(pair[0]);
            }
        }
        Ok(all.iter().map(|word| word.as_bytes()).collect())
    }

    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Form::Few(used, bytes) => &bytes[..usize::from(*used)],
            Form::Many(bytes) => bytes,
        }
    }

    #[inline]
    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes();
        std::iter::from_fn(move || {
            let (first, behind) = rest.split_first()?;
            let (part, behind) = match *first {
                LONG => Words::long_part(behind),
                length => behind.split_at_checked(usize::from(length)),
            }?;
            rest = behind;
            Some(part)
        })
    }

    #[cold]
    fn long_part(rest: &[u8]) -> Option<(&[u8], &[u8])> {
        let (length, behind) = rest.split_first_chunk()?;
        behind.split_at_checked(u32::from_le_bytes(*length) as usize)
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
        // Both ascend, so that the search goes on where it ended.
        let mut have = self.parts();
        other.parts().all(|wanted| have.any(|word| word == wanted))
    }

    /// The words in either.
    pub(super) fn plus(&self, other: &Words) -> Words {
        if self.contains(other) {
            return self.clone();
        }
        let mut all: SmallVec<[&[u8]; 8]> = self.parts().chain(other.parts()).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().collect()
    }

    /// The words that are not in `other`.
    pub(super) fn minus(&self, other: &Words) -> Words {
        let mut holes = other.parts();
        let mut hole = holes.next();
        let left = self.parts().filter(|part| {
            // Both ascend, so that the search goes on where it ended.
            while let Some(word) = hole {
                let order = word.cmp(part);
                if order.is_gt() {
                    break;
                }
                hole = holes.next();
                if order.is_eq() {
                    return false;
                }
            }
            true
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
