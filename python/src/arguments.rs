//! Arguments with a default, one class each: its errors name it, and it refuses `None`.
//!
//! An argument keeps the error of reading it for its function to raise: to one that it is told of,
//! `PyO3` adds a note that says no more.

use std::convert::Infallible;

use nanobook::{CostModel, FillTiming};
use pyo3::prelude::*;

use crate::convert;
use crate::cost;

macro_rules! argument {
    ($class:ident, $value:ty, $name:literal, $default:expr, $read:path) => {
        #[doc = concat!("The argument `", $name, "`.")]
        pub(crate) struct $class(pub(crate) PyResult<$value>);

        impl $class {
            pub(crate) const DEFAULT: Self = Self(Ok($default));
        }

        impl FromPyObject<'_, '_> for $class {
            type Error = Infallible;

            fn extract(value: Borrowed<'_, '_, PyAny>) -> Result<Self, Infallible> {
                Ok(Self($read(&value, $name)))
            }
        }
    };
}

argument!(EventLog, bool, "event_log", true, convert::flag);
argument!(CommissionBps, u32, "commission_bps", 0, convert::integer);
argument!(SlippageBps, u32, "slippage_bps", 0, convert::integer);
argument!(MinTradeFee, i64, "min_trade_fee", 0, convert::fee);
argument!(
    Costs,
    CostModel,
    "cost_model",
    CostModel::zero(),
    cost::read
);
argument!(
    PeriodsPerYear,
    f64,
    "periods_per_year",
    252.0,
    convert::float
);
argument!(RiskFree, f64, "risk_free", 0.0, convert::float);
argument!(
    Fill,
    FillTiming,
    "fill",
    FillTiming::Close,
    convert::fill_timing
);

impl PeriodsPerYear {
    /// A year of months, the default of the 0.4 sweeps.
    pub(crate) const MONTHS: Self = Self(Ok(12.0));
}
