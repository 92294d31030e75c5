//! Sets of integers kept as sorted, coalesced, closed intervals: ports and their like.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::scan;

/// The integers from `begin` to `end`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Range {
    /// The first integer.
    pub begin: u64,
    /// The last integer, never below `begin` inside a [`Ranges`].
    pub end: u64,
}

/// A set of integers: its intervals are sorted, do not touch and do not overlap. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Range>", into = "Vec<Range>")]
pub struct Ranges(Spans);

/// One form for each set: what fits into the first is never the second. The tag takes four bytes, so that copies are made
/// of whole words.
#[derive(Clone, PartialEq, Eq)]
#[repr(u32)]
enum Spans {
    /// Intervals of integers as small as ports: no allocation. Behind them is what is [`UNUSED`].
    Few(Few),
    Many(Arc<SmallVec<[Range; 4]>>),
}

type Few = [(u16, u16); FEW];

/// As many as make [`Ranges`] no larger than two words.
const FEW: usize = 3;

/// No interval, for it ends before it begins.
const UNUSED: (u16, u16) = (1, 0);

/// So many has the largest `u16`.
const DIGITS: usize = 5;

/// The intervals as a slice, whatever their form.
enum Unpacked<'a> {
    Few(usize, [Range; FEW]),
    Many(&'a [Range]),
}

/// Intervals on their way into a set: as many as most sets have need no allocation.
type Scratch = SmallVec<[Range; 8]>;

/// Why something is no set of ranges.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangesError {
    /// An interval ends before it begins.
    #[error("range {begin}-{end} ends before it begins")]
    Inverted {
        /// Where it begins.
        begin: u64,
        /// Where it ends.
        end: u64,
    },
    /// Two intervals of one message share an integer.
    #[error("ranges {first} and {second} overlap", first = Ranges::from_sorted(&[*.first]), second = Ranges::from_sorted(&[*.second]))]
    Overlapping {
        /// One of the two.
        first: Range,
        /// The other.
        second: Range,
    },
    /// The text form is wrong.
    #[error("'{0}' is no list of ranges such as [31000-32000, 33000-33000]")]
    Malformed(String),
}

impl Ranges {
    /// The empty set.
    pub const fn new() -> Ranges {
        Ranges(Spans::Few([UNUSED; FEW]))
    }

    /// The set of all integers in any of `ranges`.
    fn joined(mut ranges: Scratch) -> Result<Ranges, RangesError> {
        if let Some(Range { begin, end }) = ranges.iter().copied().find(|r| r.begin > r.end) {
            return Err(RangesError::Inverted { begin, end });
        }
        if ranges.len() > 1 {
            ranges.sort_unstable();
            ranges.dedup_by(|next, last| {
                let meet = next.begin <= last.end.saturating_add(1);
                if meet {
                    last.end = last.end.max(next.end);
                }
                meet
            });
        }
        Ok(Ranges::from_sorted(&ranges))
    }

    fn from_sorted(ranges: &[Range]) -> Ranges {
        let largest = ranges.last().map_or(0, |last| last.end);
        if ranges.len() > FEW || largest > u64::from(u16::MAX) {
            return Ranges(Spans::Many(Arc::new(SmallVec::from_slice(ranges))));
        }
        let mut few = [UNUSED; FEW];
        for (few, range) in few.iter_mut().zip(ranges) {
            // None is larger than the largest.
            *few = (range.begin as u16, range.end as u16);
        }
        Ranges(Spans::Few(few))
    }

    fn unpacked(&self) -> Unpacked<'_> {
        match &self.0 {
            Spans::Few(few) => Unpacked::Few(used(few).len(), few.map(widened)),
            Spans::Many(many) => Unpacked::Many(many),
        }
    }

    fn len(&self) -> usize {
        match &self.0 {
            Spans::Few(few) => used(few).len(),
            Spans::Many(many) => many.len(),
        }
    }

    fn at(&self, at: usize) -> Range {
        match &self.0 {
            Spans::Few(few) => widened(few[at]),
            Spans::Many(many) => many[at],
        }
    }

    /// The set at the beginning of a text and its length, as nearly everybody writes it: a few ranges of
    /// small integers, in order and apart, with spaces behind commas only.
    pub(super) fn leading(text: &[u8]) -> Option<(Ranges, usize)> {
        let mut few = [UNUSED; FEW];
        let mut next = 0; // What the next range must not begin below.
        let mut at = 0; // A bracket, or a comma.
        text.starts_with(b"[").then_some(())?;
        for place in 0..FEW {
            at += 1 + scan::spaces(text.get(at + 1..)?);
            let (begin, length) = scan::integer(&text[at..], DIGITS);
            at += length;
            (length > 0 && *text.get(at)? == b'-').then_some(())?;
            at += 1;
            let (end, length) = scan::integer(&text[at..], DIGITS);
            at += length;
            let (first, last) = (u16::try_from(begin).ok()?, u16::try_from(end).ok()?);
            (length > 0 && next <= begin && begin <= end).then_some(())?;
            few[place] = (first, last);
            match text.get(at)? {
                b',' => next = end + 2,
                b']' => return Some((Ranges(Spans::Few(few)), at + 1)),
                _ => return None,
            }
        }
        None
    }

    /// The set of all integers in any of `ranges`, in whatever order and overlap.
    ///
    /// # Errors
    /// A range that ends before it begins.
    pub fn coalesce(ranges: impl IntoIterator<Item = Range>) -> Result<Ranges, RangesError> {
        Ranges::joined(ranges.into_iter().collect())
    }

    /// As [`Ranges::coalesce`], but an integer named twice is a mistake: the rule for resources
    /// in messages, where it would count twice for the sender and once for us.
    ///
    /// # Errors
    /// A range that ends before it begins, or two that overlap.
    pub fn disjoint(ranges: impl IntoIterator<Item = Range>) -> Result<Ranges, RangesError> {
        let mut ranges: Scratch = ranges.into_iter().collect();
        ranges.sort_unstable();
        for pair in ranges.windows(2) {
            if pair[1].begin <= pair[0].end && pair[0].begin <= pair[0].end {
                return Err(RangesError::Overlapping {
                    first: pair[0],
                    second: pair[1],
                });
            }
        }
        Ranges::joined(ranges)
    }

    /// The set of the integers `begin..=end`; empty if `end < begin`.
    pub fn span(begin: u64, end: u64) -> Ranges {
        if begin <= end {
            Ranges::from_sorted(&[Range { begin, end }])
        } else {
            Ranges::new()
        }
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Spans::Few(few) => few[0] == UNUSED,
            Spans::Many(many) => many.is_empty(),
        }
    }

    /// How many integers are in the set, saturating.
    pub fn count(&self) -> u64 {
        self.iter().fold(0, |sum: u64, r| {
            sum.saturating_add((r.end - r.begin).saturating_add(1))
        })
    }

    /// The intervals, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Range> + '_ {
        (0..self.len()).map(|at| self.at(at))
    }

    /// The integers themselves, ascending.
    pub fn values(&self) -> impl Iterator<Item = u64> + '_ {
        self.iter().flat_map(|r| r.begin..=r.end)
    }

    /// Whether every integer of `other` is in this set.
    #[inline]
    pub fn contains(&self, other: &Ranges) -> bool {
        if let (Spans::Few(have), Spans::Few(wanted)) = (&self.0, &other.0) {
            return used(wanted).iter().all(|wanted| {
                let mut have = have.iter(); // Nothing is inside of what is unused.
                have.any(|range| range.0 <= wanted.0 && wanted.1 <= range.1)
            });
        }
        self.contains_many(other)
    }

    #[inline(never)]
    fn contains_many(&self, other: &Ranges) -> bool {
        let all = self.unpacked();
        let mut have = &*all;
        other.iter().all(|wanted| {
            // Both ascend: what ends before this one ends before those that follow.
            let passed = have.partition_point(|range| range.end < wanted.begin);
            have = &have[passed..];
            let here = have.first();
            here.is_some_and(|range| range.begin <= wanted.begin && wanted.end <= range.end)
        })
    }

    /// Adds every integer of `other`.
    pub fn add(&mut self, other: &Ranges) {
        *self = self.plus(other);
    }

    /// Removes every integer of `other`; those not in the set are ignored.
    pub fn subtract(&mut self, other: &Ranges) {
        *self = self.minus(other);
    }

    /// The integers in either.
    #[inline]
    pub(super) fn plus(&self, other: &Ranges) -> Ranges {
        match () {
            () if self.is_empty() => other.clone(),
            () if self.contains(other) => self.clone(),
            () => self.with(other),
        }
    }

    #[inline(never)]
    fn with(&self, other: &Ranges) -> Ranges {
        let mut all = Scratch::new();
        all.extend_from_slice(&self.unpacked());
        all.extend_from_slice(&other.unpacked());
        Ranges::joined(all).unwrap_or_default() // None of either is inverted.
    }

    /// The integers that are not in `other`.
    #[inline]
    pub(super) fn minus(&self, other: &Ranges) -> Ranges {
        match (&self.0, &other.0) {
            (_, Spans::Few([UNUSED, ..])) => self.clone(),
            (Spans::Few([one, UNUSED, _]), Spans::Few([hole, UNUSED, _])) => {
                Ranges::cut_one(*one, *hole)
            }
            (Spans::Few(all), Spans::Few(holes)) => Ranges::cut_few(used(all), used(holes)),
            _ => self.minus_many(other),
        }
    }

    /// The ports of most agents, less those of most tasks.
    #[inline(always)]
    fn cut_one((begin, end): (u16, u16), hole: (u16, u16)) -> Ranges {
        Ranges(Spans::Few(match (begin < hole.0, hole.1 < end) {
            _ if end < hole.0 || hole.1 < begin => [(begin, end), UNUSED, UNUSED],
            (true, true) => [(begin, hole.0 - 1), (hole.1 + 1, end), UNUSED],
            (true, false) => [(begin, hole.0 - 1), UNUSED, UNUSED],
            (false, true) => [(hole.1 + 1, end), UNUSED, UNUSED],
            (false, false) => [UNUSED; FEW],
        }))
    }

    fn cut_few(all: &[(u16, u16)], holes: &[(u16, u16)]) -> Ranges {
        // Each hole makes one interval more at most.
        let (mut left, mut count) = ([UNUSED; 2 * FEW], 0);
        cut(all, holes, widened, |range| {
            // No larger than what it is a part of.
            left[count] = (range.begin as u16, range.end as u16);
            count += 1;
        });
        let [first, second, third, ..] = left;
        match count <= FEW {
            true => Ranges(Spans::Few([first, second, third])),
            false => Ranges::from_sorted(&left.map(widened)[..count]),
        }
    }

    #[inline(never)]
    fn minus_many(&self, other: &Ranges) -> Ranges {
        let mut left = Scratch::new();
        let (all, holes) = (self.unpacked(), other.unpacked());
        cut(&all, &holes, |range| range, |range| left.push(range));
        Ranges::from_sorted(&left)
    }
}

/// What of intervals lies in none of `holes`, in order. Both ascend.
#[inline]
fn cut<T: Copy>(
    all: &[T],
    mut holes: &[T],
    range: impl Fn(T) -> Range,
    mut keep: impl FnMut(Range),
) {
    'all: for whole in all {
        let Range { mut begin, end } = range(*whole);
        while let Some((first, behind)) = holes.split_first() {
            let hole = range(*first);
            if hole.begin > end {
                break;
            }
            if begin < hole.begin {
                let end = hole.begin - 1;
                keep(Range { begin, end });
            }
            if hole.end >= end {
                continue 'all; // It may be in the next one too.
            }
            begin = begin.max(hole.end + 1);
            holes = behind;
        }
        keep(Range { begin, end });
    }
}

/// The intervals of a few.
#[inline]
fn used(few: &Few) -> &[(u16, u16)] {
    let count = few.iter().position(|range| *range == UNUSED);
    &few[..count.unwrap_or(FEW)]
}

fn widened((begin, end): (u16, u16)) -> Range {
    Range {
        begin: begin.into(),
        end: end.into(),
    }
}

impl Deref for Unpacked<'_> {
    type Target = [Range];

    fn deref(&self) -> &[Range] {
        match self {
            Unpacked::Few(count, few) => &few[..*count],
            Unpacked::Many(many) => many,
        }
    }
}

impl Default for Ranges {
    fn default() -> Ranges {
        Ranges::new()
    }
}

impl Ord for Ranges {
    fn cmp(&self, other: &Ranges) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl PartialOrd for Ranges {
    fn partial_cmp(&self, other: &Ranges) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<Vec<Range>> for Ranges {
    type Error = RangesError;
    fn try_from(ranges: Vec<Range>) -> Result<Ranges, RangesError> {
        Ranges::coalesce(ranges)
    }
}

impl From<Ranges> for Vec<Range> {
    fn from(ranges: Ranges) -> Vec<Range> {
        ranges.iter().collect()
    }
}

/// Prints as Mesos does: `[31000-32000, 33000-33000]`.
impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, range) in self.iter().enumerate() {
            let separator = if i > 0 { ", " } else { "" };
            write!(f, "{separator}{}-{}", range.begin, range.end)?;
        }
        f.write_str("]")
    }
}

/// Reads the text form; spaces do not matter, overlapping ranges are joined.
impl FromStr for Ranges {
    type Err = RangesError;

    fn from_str(text: &str) -> Result<Ranges, RangesError> {
        if let Some((ranges, length)) = Ranges::leading(text.as_bytes())
            && length == text.len()
        {
            return Ok(ranges);
        }
        let malformed = || RangesError::Malformed(text.to_string());
        let compact: String = text.split_whitespace().collect();
        let inner = compact
            .strip_prefix('[')
            .and_then(|t| t.strip_suffix(']'))
            .ok_or_else(malformed)?;
        let mut ranges = Scratch::new();
        for token in inner.split(',').filter(|token| !token.is_empty()) {
            let (begin, end) = token.split_once('-').ok_or_else(malformed)?;
            let begin = begin.parse().map_err(|_| malformed())?;
            let end = end.parse().map_err(|_| malformed())?;
            ranges.push(Range { begin, end });
        }
        Ranges::joined(ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn ranges(text: &str) -> Ranges {
        text.parse().unwrap()
    }

    #[test]
    fn joins_ranges_that_overlap_or_touch() {
        let table = [
            ("[]", "[]"),
            ("[1-2,3-4]", "[1-4]"),
            ("[5-9, 1-3]", "[1-3, 5-9]"),
            ("[ 5 - 9,,1-3,]", "[1-3, 5-9]"),
            ("[5-9,1-3]", "[1-3, 5-9]"),
            ("[999999999-1234567890]", "[999999999-1234567890]"),
            ("[1-10,2-3]", "[1-10]"),
            ("[0-18446744073709551615, 7-7]", "[0-18446744073709551615]"),
        ];
        for (text, joined) in table {
            assert_eq!(ranges(text).to_string(), joined);
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_text() {
        for text in [
            "",
            "1-2",
            "[1]",
            "[1-2",
            "[a-b]",
            "[-1-2]",
            "[1-2]3-4]",
            "[1-2,3]",
            "[1,2]",
            "[1-2-3]",
            "[1-2],",
            "[1-99999999999999999999]",
        ] {
            assert!(
                matches!(text.parse::<Ranges>(), Err(RangesError::Malformed(_))),
                "{text}"
            );
        }
        let inverted = RangesError::Inverted { begin: 3, end: 1 };
        assert_eq!("[3-1]".parse::<Ranges>(), Err(inverted));
    }

    #[test]
    fn an_integer_named_twice_in_a_message_is_a_mistake() {
        let twice = [Range { begin: 5, end: 9 }, Range { begin: 1, end: 5 }];
        assert!(matches!(
            Ranges::disjoint(twice),
            Err(RangesError::Overlapping { .. })
        ));
        let touching = [Range { begin: 6, end: 9 }, Range { begin: 1, end: 5 }];
        assert_eq!(Ranges::disjoint(touching).unwrap(), Ranges::span(1, 9));
    }

    #[test]
    fn subtracts_to_the_very_ends() {
        let mut all = Ranges::span(0, u64::MAX);
        all.subtract(&Ranges::span(0, 0));
        all.subtract(&Ranges::span(u64::MAX, u64::MAX));
        assert_eq!(all, Ranges::span(1, u64::MAX - 1));
        all.subtract(&Ranges::span(0, u64::MAX));
        assert!(all.is_empty());
    }

    /// A small universe, so that sets meet often.
    fn small_set() -> impl Strategy<Value = (BTreeSet<u64>, Ranges)> {
        proptest::collection::btree_set(0u64..24, 0..20).prop_map(|set| {
            let singles = set.iter().map(|v| Range { begin: *v, end: *v });
            let ranges = Ranges::coalesce(singles).unwrap();
            (set, ranges)
        })
    }

    proptest! {
        #[test]
        fn behaves_like_a_set_of_integers((a, ra) in small_set(), (b, rb) in small_set()) {
            let mut sum = ra.clone();
            sum.add(&rb);
            prop_assert_eq!(sum.values().collect::<BTreeSet<_>>(), a.union(&b).copied().collect());
            let mut difference = ra.clone();
            difference.subtract(&rb);
            prop_assert_eq!(difference.values().collect::<BTreeSet<_>>(), a.difference(&b).copied().collect());
            prop_assert_eq!(ra.contains(&rb), a.is_superset(&b));
            prop_assert_eq!(ra.count(), a.len() as u64);
        }

        /// At the ends of what needs no allocation, and beyond.
        #[test]
        fn cuts_one_hole_into_one_interval(
            (base, begin, length, hole, size) in
                (prop_oneof![Just(0u64), Just(65_520)], 0u64..16, 0u64..16, 0u64..16, 0u64..16)
        ) {
            let [begin, hole] = [base + begin, base + hole];
            let [end, hole_end] = [begin + length, hole + size];
            let left = Ranges::span(begin, end).minus(&Ranges::span(hole, hole_end));
            let expected = (begin..=end).filter(|at| *at < hole || hole_end < *at);
            prop_assert!(left.values().eq(expected), "{}", left);
            let cut: Vec<Range> = left.iter().collect();
            prop_assert_eq!(left.is_empty(), cut.is_empty());
            prop_assert_eq!(left, Ranges::coalesce(cut).unwrap());
        }

        #[test]
        fn survives_its_text((_, r) in small_set()) {
            prop_assert_eq!(ranges(&r.to_string()), r);
        }

        #[test]
        fn never_panics_on_text(text in "[\\[\\]0-9, a-]{0,20}") {
            let _ = text.parse::<Ranges>();
        }
    }
}
