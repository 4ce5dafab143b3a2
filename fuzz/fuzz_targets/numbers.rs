//! Numbers of every size, and those at the ends, for structured inputs.

use arbitrary::{Arbitrary, Result, Unstructured};
use nanobook::Symbol;

/// A price or an amount: each size is as likely as any other, and some are no price.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount(pub(crate) i64);

impl<'a> Arbitrary<'a> for Amount {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        const ENDS: [i64; 6] = [0, -1, i64::MIN, i64::MAX, i64::MAX - 1, 1];
        let kind: u8 = input.arbitrary()?;
        Ok(Self(match kind {
            // Most are small, so that they meet.
            0..160 => i64::from(kind) + 1,
            160..248 => {
                let bits = u32::from(kind - 160) % 63;
                let low: u64 = input.arbitrary()?;
                let number = (1 << bits) | (low & ((1 << bits) - 1));
                i64::try_from(number).expect("it has at most 63 bits")
            }
            _ => ENDS[usize::from(kind) % ENDS.len()],
        }))
    }

    fn size_hint(_depth: usize) -> (usize, Option<usize>) {
        (1, Some(9))
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight(pub(crate) f64);

impl<'a> Arbitrary<'a> for Weight {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        const ENDS: [f64; 10] = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            -0.0,
            1e18,
            // 2^-64, times the largest equity, is close to one half.
            5.421_010_862_427_522e-20,
            1.0 - f64::EPSILON,
        ];
        let kind: u8 = input.arbitrary()?;
        Ok(Self(match kind {
            // -1 to 1 in sixteenths, and a little further.
            0..40 => (f64::from(kind) - 20.0) / 16.0,
            40..200 => f64::from(kind) / 200.0,
            200..240 => f64::from_bits(input.arbitrary()?),
            _ => ENDS[usize::from(kind) % ENDS.len()],
        }))
    }

    fn size_hint(_depth: usize) -> (usize, Option<usize>) {
        (1, Some(9))
    }
}

/// One of twelve, enough for market values to add up to more than 128 bits, and mostly one of three.
pub(crate) fn symbol(place: u8) -> Symbol {
    const NAMES: [&str; 12] = ["E", "A", "D", "BB", "B", "AA", "C", "F", "H", "G", "J", "I"];
    let choice = if place < 192 { 3 } else { NAMES.len() };
    Symbol::new(NAMES[usize::from(place) % choice])
}
