//! One amount of a scalar resource, as Mesos counts it: in thousandths.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::scan;

/// An amount of a scalar resource in fixed point: three decimals, an integer inside.
///
/// The unit is the resource's own: processors for `cpus`, mebibytes for `mem` and `disk`.
/// Floating point appears only at the edges ([`Quantity::from_f64`], [`Quantity::to_f64`]);
/// sums are exact. Two amounts are equal when their thousandths are equal, so 0.0004 is zero.
///
/// `+` and `-` saturate at the bounds of `i64`, which amounts accepted from outside (each at most
/// [`Quantity::MAX_FROM_OUTSIDE`]) reach only after thousands of additions; where that matters
/// use the checked forms.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Quantity(i64);

/// Why a number is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// The text is no decimal number, or the number is NaN.
    #[error("is not a number")]
    NotANumber,
    /// Below zero.
    #[error("is negative")]
    Negative,
    /// Infinite, or above [`Quantity::MAX_FROM_OUTSIDE`].
    #[error("is larger than {max}", max = Quantity::MAX_FROM_OUTSIDE)]
    TooLarge,
    /// Not zero, but less than half a thousandth.
    #[error("is positive but below 0.001, the smallest amount that counts")]
    TooSmall,
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Quantity = Quantity(0);

    /// The largest amount accepted from a message, a flag or a file: 2^40 units, which is an
    /// exbibyte of memory counted in mebibytes. Mesos caps quotas there; beyond it a number is a
    /// mistake or an attack, and sums could overflow.
    pub const MAX_FROM_OUTSIDE: Quantity = Quantity::from_whole(1 << 40);

    /// An amount given in thousandths of a unit.
    pub const fn from_milli(milli: i64) -> Quantity {
        Quantity(milli)
    }

    /// A whole number of units, saturating.
    pub const fn from_whole(units: i64) -> Quantity {
        Quantity(units.saturating_mul(1000))
    }

    /// The amount nearest to `units`; halves of a thousandth round away from zero.
    ///
    /// # Errors
    /// NaN, infinities, negative numbers, numbers above [`Quantity::MAX_FROM_OUTSIDE`], and
    /// positive numbers that would count as nothing.
    pub fn from_f64(units: f64) -> Result<Quantity, QuantityError> {
        if units.is_nan() {
            return Err(QuantityError::NotANumber);
        }
        if units < 0.0 {
            return Err(QuantityError::Negative);
        }
        if units > Quantity::MAX_FROM_OUTSIDE.to_f64() {
            return Err(QuantityError::TooLarge);
        }
        // In range: at most 2^40 * 1000 < 2^53, exact in both types. This is `round`, half away
        // from zero, of what is not negative; that is a call.
        let thousandths = units * 1000.0;
        let below = thousandths as i64;
        let rounds_up = thousandths - below as f64 >= 0.5;
        let quantity = Quantity(below + i64::from(rounds_up));
        if quantity.is_zero() && units > 0.0 {
            return Err(QuantityError::TooSmall);
        }
        Ok(quantity)
    }

    /// The amount at the beginning of a text and its length, as nearly everybody writes it: up to nine
    /// digits, and up to three more behind a point.
    #[inline]
    pub(super) fn leading(text: &[u8]) -> Option<(Quantity, usize)> {
        let (units, whole) = scan::integer(text, 9);
        let (mut milli, mut length) = (units * 1000, whole);
        if let Some((b'.', behind)) = text.get(whole..)?.split_first() {
            let (part, places) = scan::integer(behind, 3);
            milli += part * [1000, 100, 10, 1][places];
            length += 1 + places;
        }
        (whole > 0).then_some((Quantity(milli as i64), length))
    }

    /// The amount in thousandths of a unit.
    pub const fn milli(self) -> i64 {
        self.0
    }

    /// The amount as a floating point number of units, for the wire and for printing.
    pub fn to_f64(self) -> f64 {
        // One division of two exact numbers gives the double nearest to the decimal, which is
        // printed with no more than three decimals.
        self.0 as f64 / 1000.0
    }

    /// Whether this is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether this is a whole number of units.
    pub const fn is_whole(self) -> bool {
        self.0 % 1000 == 0
    }

    /// The sum, or `None` on overflow.
    pub fn checked_add(self, other: Quantity) -> Option<Quantity> {
        self.0.checked_add(other.0).map(Quantity)
    }

    /// The difference, or `None` if it would be negative.
    pub fn checked_sub(self, other: Quantity) -> Option<Quantity> {
        self.0
            .checked_sub(other.0)
            .filter(|left| *left >= 0)
            .map(Quantity)
    }

    /// The difference, but never below zero.
    pub fn saturating_sub(self, other: Quantity) -> Quantity {
        Quantity(self.0.saturating_sub(other.0).max(0))
    }
}

impl Add for Quantity {
    type Output = Quantity;
    fn add(self, other: Quantity) -> Quantity {
        Quantity(self.0.saturating_add(other.0))
    }
}

impl Sub for Quantity {
    type Output = Quantity;
    fn sub(self, other: Quantity) -> Quantity {
        Quantity(self.0.saturating_sub(other.0))
    }
}

impl Neg for Quantity {
    type Output = Quantity;
    fn neg(self) -> Quantity {
        Quantity(self.0.saturating_neg())
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Quantity) {
        *self = *self + other;
    }
}

impl SubAssign for Quantity {
    fn sub_assign(&mut self, other: Quantity) {
        *self = *self - other;
    }
}

impl Sum for Quantity {
    fn sum<I: Iterator<Item = Quantity>>(amounts: I) -> Quantity {
        amounts.fold(Quantity::ZERO, Add::add)
    }
}

/// Prints as Mesos does: the decimals that matter and no more (`4`, `0.5`, `12.125`).
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, thousandths) = (self.0.unsigned_abs() / 1000, self.0.unsigned_abs() % 1000);
        let text = match thousandths {
            0 => format!("{whole}"),
            t if t % 100 == 0 => format!("{whole}.{}", t / 100),
            t if t % 10 == 0 => format!("{whole}.{:02}", t / 10),
            t => format!("{whole}.{t:03}"),
        };
        f.pad(&format!("{sign}{text}"))
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Quantity, QuantityError> {
        if let Some((quantity, length)) = Quantity::leading(text.as_bytes())
            && length == text.len()
        {
            return Ok(quantity);
        }
        let units: f64 = text.trim().parse().map_err(|_| QuantityError::NotANumber)?;
        Quantity::from_f64(units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prints_the_decimals_that_matter() {
        let table = [
            (0, "0"),
            (4000, "4"),
            (500, "0.5"),
            (120, "0.12"),
            (12_125, "12.125"),
            (1, "0.001"),
            (1_024_000, "1024"),
            (-1500, "-1.5"),
        ];
        for (milli, text) in table {
            assert_eq!(Quantity::from_milli(milli).to_string(), text);
        }
    }

    #[test]
    fn rounds_half_a_thousandth_away_from_zero() {
        let table = [
            (0.1 + 0.2, 300),
            (1.0005, 1001),
            (0.0005, 1),
            (3.8, 3800),
            (0.9999, 1000),
        ];
        for (units, milli) in table {
            assert_eq!(
                Quantity::from_f64(units),
                Ok(Quantity::from_milli(milli)),
                "{units}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_amount() {
        let table = [
            (f64::NAN, QuantityError::NotANumber),
            (f64::INFINITY, QuantityError::TooLarge),
            (f64::NEG_INFINITY, QuantityError::Negative),
            (-0.5, QuantityError::Negative),
            (1e300, QuantityError::TooLarge),
            (f64::MIN_POSITIVE, QuantityError::TooSmall),
            (0.0004, QuantityError::TooSmall),
        ];
        for (units, error) in table {
            assert_eq!(Quantity::from_f64(units), Err(error), "{units}");
        }
        assert_eq!(Quantity::from_f64(-0.0), Ok(Quantity::ZERO));
        assert_eq!("four".parse::<Quantity>(), Err(QuantityError::NotANumber));
    }

    proptest! {
        #[test]
        fn survives_floats_and_text(milli in 0..=Quantity::MAX_FROM_OUTSIDE.milli()) {
            let quantity = Quantity::from_milli(milli);
            prop_assert_eq!(Quantity::from_f64(quantity.to_f64()), Ok(quantity));
            prop_assert_eq!(quantity.to_f64().to_string(), quantity.to_string());
            prop_assert_eq!(quantity.to_string().parse(), Ok(quantity));
        }

        #[test]
        fn reads_numbers_as_floats_are_read(text in "[0-9]{0,10}(\\.[0-9]{0,5})?") {
            let float: Result<f64, _> = text.parse();
            let expected = float.map_err(|_| QuantityError::NotANumber).and_then(Quantity::from_f64);
            prop_assert_eq!(text.parse(), expected);
        }

        #[test]
        fn any_float_is_an_amount_or_an_error(units in any::<f64>()) {
            if let Ok(quantity) = Quantity::from_f64(units) {
                prop_assert!(quantity >= Quantity::ZERO && quantity <= Quantity::MAX_FROM_OUTSIDE);
            }
        }

        #[test]
        fn subtraction_undoes_addition(a in 0..1i64 << 50, b in 0..1i64 << 50) {
            let (a, b) = (Quantity::from_milli(a), Quantity::from_milli(b));
            prop_assert_eq!(a.checked_add(b).and_then(|sum| sum.checked_sub(b)), Some(a));
        }
    }
}
