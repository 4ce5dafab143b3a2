//! What trading costs.

use super::error::{PortfolioError, narrow};

/// Basis points in one.
const BPS: i64 = 10_000;

/// What each fill costs: basis points of its notional, and a least fee.
///
/// ```
/// use nanobook::CostModel;
/// let model = CostModel::new(10, 5, 100);
/// assert_eq!(model.compute_cost(1_000_000)?, 1_500); // 15 bps of $10,000 is $15
/// assert_eq!(model.compute_cost(-1_000)?, 100); // never below the least fee
/// assert_eq!(CostModel::zero().compute_cost(1_000_000)?, 0);
/// # Ok::<(), nanobook::PortfolioError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CostModel {
    commission_bps: u32,
    slippage_bps: u32,
    min_trade_fee: i64,
}

impl CostModel {
    /// Returns a model that charges nothing.
    pub const fn zero() -> Self {
        Self {
            commission_bps: 0,
            slippage_bps: 0,
            min_trade_fee: 0,
        }
    }

    /// Returns a model that charges `commission_bps + slippage_bps` basis points of a fill's
    /// notional, and at least `min_trade_fee` in the smallest currency unit.
    ///
    /// # Errors
    ///
    /// [`PortfolioError::NegativeFee`] for a fee below zero.
    pub const fn try_new(
        commission_bps: u32,
        slippage_bps: u32,
        min_trade_fee: i64,
    ) -> Result<Self, PortfolioError> {
        if min_trade_fee < 0 {
            return Err(PortfolioError::NegativeFee(min_trade_fee));
        }
        Ok(Self {
            commission_bps,
            slippage_bps,
            min_trade_fee,
        })
    }

    /// Returns the model that [`CostModel::try_new`] returns.
    ///
    /// # Panics
    ///
    /// Where [`CostModel::try_new`] gives an error.
    #[track_caller]
    pub fn new(commission_bps: u32, slippage_bps: u32, min_trade_fee: i64) -> Self {
        match Self::try_new(commission_bps, slippage_bps, min_trade_fee) {
            Ok(model) => model,
            Err(error) => panic!("{error}"),
        }
    }

    /// Returns the commission in basis points.
    pub const fn commission_bps(&self) -> u32 {
        self.commission_bps
    }

    /// Returns the slippage in basis points.
    pub const fn slippage_bps(&self) -> u32 {
        self.slippage_bps
    }

    /// Returns the least fee of a fill, in the smallest currency unit.
    pub const fn min_trade_fee(&self) -> i64 {
        self.min_trade_fee
    }

    /// Returns what a fill of this notional costs, in the smallest currency unit.
    ///
    /// `|notional| x (commission + slippage) / 10,000`, rounded down, and at least the least fee.
    ///
    /// # Errors
    ///
    /// [`PortfolioError::Overflow`] where that does not fit in `i64`.
    #[inline]
    pub fn compute_cost(&self, notional: i64) -> Result<i64, PortfolioError> {
        let bps = i64::from(self.commission_bps) + i64::from(self.slippage_bps);
        // 64 bits do for all but huge notionals, and divide several times faster.
        let small = notional
            .checked_abs()
            .and_then(|size| size.checked_mul(bps));
        let proportional = if let Some(product) = small {
            product / BPS
        } else {
            let size = i128::from(notional).abs();
            let cost = size * i128::from(bps) / i128::from(BPS);
            narrow(cost, "cost in basis points", size, "x", i128::from(bps))?
        };
        Ok(proportional.max(self.min_trade_fee))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_round_down_and_ignore_the_sign() {
        let model = CostModel::new(10, 5, 0);
        // 15 bps of 666 is 0.999, of 667 is 1.0005.
        assert_eq!(model.compute_cost(666), Ok(0));
        assert_eq!(model.compute_cost(667), Ok(1));
        assert_eq!(model.compute_cost(-667), Ok(1));
        assert_eq!(model.compute_cost(0), Ok(0));
    }

    #[test]
    fn the_least_fee_is_a_floor_even_for_nothing() {
        let model = CostModel::new(0, 1, 7);
        assert_eq!(model.compute_cost(0), Ok(7));
        assert_eq!(model.compute_cost(70_000), Ok(7));
        assert_eq!(model.compute_cost(80_000), Ok(8));
    }

    #[test]
    fn huge_notionals_are_exact() {
        // 2^63 x 15 / 10,000 = 13,835,058,055,282,163.712
        let model = CostModel::new(10, 5, 0);
        assert_eq!(model.compute_cost(i64::MIN), Ok(13_835_058_055_282_163));
        assert_eq!(model.compute_cost(i64::MAX), Ok(13_835_058_055_282_163));
    }

    #[test]
    fn a_cost_that_does_not_fit_names_its_operands() {
        let error = CostModel::new(20_000, 0, 0)
            .compute_cost(i64::MAX)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "cost in basis points: 9223372036854775807 x 20000 does not fit in 64 bits"
        );
    }

    #[test]
    fn a_negative_fee_is_refused() {
        assert_eq!(
            CostModel::try_new(0, 0, -1),
            Err(PortfolioError::NegativeFee(-1))
        );
    }
}
