//! Metrics of every window of returns, as arrays.

use pyo3::prelude::*;

use crate::arguments::{PeriodsPerYear, RiskFree};
use crate::array;
use crate::convert::{self, Arg};
use crate::errors::BindingResult;
use crate::metrics::{read_returns, warn_if_annual};

/// Return the annualized Sharpe ratio of every window, NaN for the first ``window - 1`` periods.
#[pyfunction]
#[pyo3(
    signature = (
        returns, window, periods_per_year=PeriodsPerYear::DEFAULT, risk_free=RiskFree::DEFAULT
    ),
    text_signature = "(returns, window, periods_per_year=252.0, risk_free=0.0)"
)]
pub(crate) fn rolling_sharpe<'py>(
    py: Python<'py>,
    returns: Arg<'_, 'py>,
    window: Arg<'_, 'py>,
    periods_per_year: PeriodsPerYear,
    risk_free: RiskFree,
) -> BindingResult<Bound<'py, PyAny>> {
    let (periods_per_year, risk_free) = (periods_per_year.0?, risk_free.0?);
    let returns = read_returns(returns, "returns")?;
    let window = convert::window(window)?;
    warn_if_annual(py, risk_free, 1)?;
    let values =
        py.detach(|| nanobook::rolling_sharpe(&returns, window, periods_per_year, risk_free))?;
    Ok(array::own_floats(py, &values)?)
}

/// Return the annualized volatility of every window, NaN for the first ``window - 1`` periods.
#[pyfunction]
#[pyo3(
    signature = (returns, window, periods_per_year=PeriodsPerYear::DEFAULT),
    text_signature = "(returns, window, periods_per_year=252.0)"
)]
pub(crate) fn rolling_volatility<'py>(
    py: Python<'py>,
    returns: Arg<'_, 'py>,
    window: Arg<'_, 'py>,
    periods_per_year: PeriodsPerYear,
) -> BindingResult<Bound<'py, PyAny>> {
    let periods_per_year = periods_per_year.0?;
    let returns = read_returns(returns, "returns")?;
    let window = convert::window(window)?;
    let values = py.detach(|| nanobook::rolling_volatility(&returns, window, periods_per_year))?;
    Ok(array::own_floats(py, &values)?)
}

/// Return the largest fall of wealth inside every window, NaN for the first ``window - 1`` periods.
#[pyfunction]
pub(crate) fn rolling_max_drawdown<'py>(
    py: Python<'py>,
    returns: Arg<'_, 'py>,
    window: Arg<'_, 'py>,
) -> BindingResult<Bound<'py, PyAny>> {
    let returns = read_returns(returns, "returns")?;
    let window = convert::window(window)?;
    let values = py.detach(|| nanobook::rolling_max_drawdown(&returns, window))?;
    Ok(array::own_floats(py, &values)?)
}
