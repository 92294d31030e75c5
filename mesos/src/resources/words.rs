//! Sets of words, as one piece of text.

use std::fmt;

use smallvec::SmallVec;

/// A set of words, in order.
///
/// ```text
/// 4 0 0 0 blue 5 0 0 0 green 3 0 0 0 red        the length of each before it
/// ```
#[derive(PartialEq, Eq)]
pub struct Words(Box<Bytes>);

/// As much as most sets have needs one allocation.
type Bytes = SmallVec<[u8; 32]>;

/// How many bytes a length takes.
const LENGTH: usize = size_of::<u32>();

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
        Ok(Words::in_order(all.iter().map(|word| word.as_bytes())))
    }

    fn in_order<'a>(words: impl Iterator<Item = &'a [u8]>) -> Words {
        let mut bytes = Bytes::new();
        for word in words {
            // No message is long enough for a word of more.
            bytes.extend_from_slice(&(word.len() as u32).to_le_bytes());
            bytes.extend_from_slice(word);
        }
        Words(Box::new(bytes))
    }

    /// The words, each behind its length.
    fn entries(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let length = u32::from_le_bytes(*rest.first_chunk()?) as usize;
            let (entry, behind) = rest.split_at(LENGTH + length);
            rest = behind;
            Some(entry)
        })
    }

    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.entries().map(|entry| &entry[LENGTH..])
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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

    /// Adds every word of `other`.
    pub fn add(&mut self, other: &Words) {
        if self.contains(other) {
            return;
        }
        let mut all: SmallVec<[&[u8]; 8]> = self.parts().chain(other.parts()).collect();
        all.sort_unstable();
        all.dedup();
        *self = Words::in_order(all.into_iter());
    }

    /// Removes every word of `other`; those not in the set are ignored.
    pub fn subtract(&mut self, other: &Words) {
        let mut holes = other.entries().peekable();
        let mut left = Bytes::new();
        for entry in self.entries() {
            let mut is_hole = false;
            while let Some(hole) = holes.peek() {
                let order = hole[LENGTH..].cmp(&entry[LENGTH..]);
                is_hole = order.is_eq();
                if order.is_ge() {
                    break;
                }
                holes.next();
            }
            if !is_hole {
                left.extend_from_slice(entry);
            }
        }
        *self.0 = left;
    }
}

/// In one piece, not byte by byte.
impl Clone for Words {
    fn clone(&self) -> Words {
        Words(Box::new(Bytes::from_slice(&self.0)))
    }
}

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

    fn small_set() -> impl Strategy<Value = BTreeSet<String>> {
        proptest::collection::btree_set("[ab…]{0,2}", 0..12)
    }

    proptest! {
        #[test]
        fn behaves_like_a_set_of_texts(a in small_set(), b in small_set()) {
            let (wa, wb) = (words(&a), words(&b));
            prop_assert_eq!(wa.contains(&wb), a.is_superset(&b));
            prop_assert_eq!(wa == wb, a == b);
            let mut sum = wa.clone();
            sum.add(&wb);
            prop_assert_eq!(&sum, &words(&a.union(&b).cloned().collect()));
            prop_assert!(sum.contains(&wa) && sum.contains(&wb));
            let mut left = wa;
            left.subtract(&wb);
            prop_assert_eq!(&left, &words(&a.difference(&b).cloned().collect()));
            let texts: BTreeSet<String> = sum.iter().map(str::to_owned).collect();
            prop_assert_eq!(texts, a.union(&b).cloned().collect());
        }
    }
}
