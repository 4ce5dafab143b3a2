//! Returns so large or small that their squares are no floats, brought to a size at which they are.
//!
//! Scales are powers of two, by which numbers are multiplied without rounding: where no product
//! overflows or vanishes, the metrics have the same bits at any scale.

use std::borrow::Cow;

/// The power of two that numbers are divided by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    exponent: i32,
}

impl Scale {
    pub(super) const ONE: Self = Self { exponent: 0 };

    pub(super) const fn new(exponent: i32) -> Self {
        Self { exponent }
    }

    /// Returns the scale at which the fourth powers of numbers of at most this size are floats, and
    /// those of numbers 10^12 times smaller too: 1 for all that ever was a return.
    pub(super) fn of(size_max: f64) -> Self {
        const USUAL: i32 = 200;
        let exponent = exponent(size_max);
        if size_max == 0.0 || (-USUAL..=USUAL).contains(&exponent) {
            Self::ONE
        } else {
            Self { exponent }
        }
    }

    /// Returns the scale of quotients of what has this scale and what has the other.
    pub(super) fn over(self, other: Self) -> Self {
        Self {
            exponent: self.exponent - other.exponent,
        }
    }

    pub(super) fn down(self, number: f64) -> f64 {
        times_power_of_two(number, -self.exponent)
    }

    pub(super) fn down_all(self, numbers: &[f64]) -> Cow<'_, [f64]> {
        if self == Self::ONE {
            Cow::Borrowed(numbers)
        } else {
            Cow::Owned(numbers.iter().map(|&number| self.down(number)).collect())
        }
    }

    /// Returns what a scaled number stands for: 0 or infinity where it does not fit in a float.
    pub(super) fn up(self, number: f64) -> f64 {
        times_power_of_two(number, self.exponent)
    }
}

/// Returns the exponent of a number that is not negative, that of the least normal float for one
/// below it.
fn exponent(number: f64) -> i32 {
    let biased = i32::try_from(number.to_bits() >> 52).expect("a float has eleven bits of it");
    (biased - 1023).max(-1022)
}

fn times_power_of_two(mut number: f64, mut exponent: i32) -> f64 {
    while exponent != 0 {
        // The exponents of the normal floats.
        let step = exponent.clamp(-1022, 1023);
        number *= f64::from_bits(u64::from((1023 + step).unsigned_abs()) << 52);
        exponent -= step;
    }
    number
}
