//! `Portfolio`: one of its own, or a read-only one: that of a strategy or of a result.

use std::sync::{Arc, Mutex};

use nanobook::{Portfolio, PortfolioSnapshot, Price, Symbol};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};

use crate::arguments::{Costs, PeriodsPerYear, RiskFree};
use crate::convert::{self, Arg};
use crate::cost::PyCostModel;
use crate::errors::{BindingError, BindingResult, invalid, read_only, wrong_type};
use crate::exchange::{lock, lock_detached};
use crate::metrics::{PyMetrics, warn_if_annual};
use crate::multi::PyMultiExchange;
use crate::position::{PyFill, PyPosition, wrap_fills};

/// Cash, positions, costs paid, equity curve and returns, exact to the smallest currency unit.
///
/// Prices and targets are dicts, or pairs of symbol and value. The default of ``cost_model`` is
/// ``CostModel.zero()``, which the signature of a compiled class cannot show.
#[pyclass(name = "Portfolio", module = "nanobook", frozen)]
#[derive(Debug)]
pub(crate) struct PyPortfolio {
    /// `None` only in a view, while its backtest works outside the strategy's call: nothing is
    /// copied for the view, so it has nothing to show then.
    state: Mutex<Option<Arc<Portfolio>>>,
    is_read_only: bool,
}

impl PyPortfolio {
    /// Wraps a portfolio of its own.
    pub(crate) fn own(portfolio: impl Into<Arc<Portfolio>>) -> Self {
        Self {
            state: Mutex::new(Some(portfolio.into())),
            is_read_only: false,
        }
    }

    /// Wraps the portfolio of a result, which cannot be traded on.
    pub(crate) fn of_result(portfolio: Arc<Portfolio>) -> Self {
        Self {
            state: Mutex::new(Some(portfolio)),
            is_read_only: true,
        }
    }

    /// Returns a read-only view that shows nothing yet.
    pub(crate) fn view() -> Self {
        Self {
            state: Mutex::new(None),
            is_read_only: true,
        }
    }

    /// Shows a portfolio in a view, or takes it back.
    pub(crate) fn show(&self, py: Python<'_>, portfolio: Option<Arc<Portfolio>>) {
        // The old value is dropped once the lock is free again.
        let _old = std::mem::replace(&mut *lock(py, &self.state), portfolio);
    }

    fn shared(&self, py: Python<'_>) -> BindingResult<Arc<Portfolio>> {
        let state = lock(py, &self.state);
        state.clone().ok_or_else(not_shown)
    }

    fn with<R>(&self, py: Python<'_>, run: impl FnOnce(&Portfolio) -> R) -> BindingResult<R> {
        let state = lock(py, &self.state);
        state.as_deref().map(run).ok_or_else(not_shown)
    }

    fn with_mut<R>(
        &self,
        py: Python<'_>,
        run: impl FnOnce(&mut Portfolio) -> R,
    ) -> BindingResult<R> {
        if self.is_read_only {
            return Err(read_only().into());
        }
        let mut state = lock(py, &self.state);
        let portfolio = state.as_mut().ok_or_else(not_shown)?;
        // Copies only what a result or a pickle still shares.
        Ok(run(Arc::make_mut(portfolio)))
    }
}

#[cold]
fn not_shown() -> BindingError {
    invalid(
        "a backtest shows its portfolio while the strategy is called and after the run".to_owned(),
    )
    .into()
}

/// Reads pairs of symbol and value from a dict or an iterable of pairs.
fn read_pairs<T>(
    pairs: Arg<'_, '_>,
    name: &str,
    read: impl Fn(Arg<'_, '_>, &str) -> PyResult<T>,
) -> BindingResult<Vec<(Symbol, T)>> {
    let mut all = Vec::new();
    let mut push = |symbol: Arg<'_, '_>, value: Arg<'_, '_>| -> BindingResult<()> {
        let symbol = convert::symbol(symbol)?;
        all.push((
            symbol,
            read(value, &format!("{name}[{:?}]", symbol.as_str()))?,
        ));
        Ok(())
    };
    if let Ok(dict) = pairs.cast::<PyDict>() {
        // Of a copy: reading a value can run code of the caller's, which may change the dict.
        for (symbol, value) in &dict.copy()? {
            push(&symbol, &value)?;
        }
        return Ok(all);
    }
    let expected = "a dict or pairs of symbol and value";
    if pairs.is_instance_of::<PyString>() {
        return Err(wrong_type(name, expected, pairs).into());
    }
    let items = convert::items_of_mapping(pairs)?;
    for item in convert::items(&items, name, expected)? {
        let item = item?;
        let Some((symbol, value)) = convert::pair(&item) else {
            return Err(wrong_type(name, expected, &item).into());
        };
        push(&symbol, &value)?;
    }
    Ok(all)
}

/// Reads prices in the smallest currency unit.
pub(crate) fn read_prices(prices: Arg<'_, '_>, name: &str) -> BindingResult<Vec<(Symbol, Price)>> {
    read_pairs(prices, name, |value, name| {
        convert::integer(value, name).map(Price)
    })
}

/// Reads target weights.
fn read_targets(targets: Arg<'_, '_>) -> BindingResult<Vec<(Symbol, f64)>> {
    read_pairs(targets, "targets", convert::float)
}

#[pymethods]
impl PyPortfolio {
    #[new]
    #[pyo3(
        signature = (initial_cash, cost_model=Costs::DEFAULT),
        text_signature = "(initial_cash, cost_model=...)"
    )]
    fn new(initial_cash: Arg<'_, '_>, cost_model: Costs) -> PyResult<Self> {
        let initial_cash = convert::integer(initial_cash, "initial_cash")?;
        Ok(Self::own(Portfolio::new(initial_cash, cost_model.0?)))
    }

    /// The cash, in the smallest currency unit; below zero when it was borrowed.
    #[getter]
    fn cash(&self, py: Python<'_>) -> BindingResult<i64> {
        self.with(py, Portfolio::cash)
    }

    /// The cash at the start, in the smallest currency unit.
    #[getter]
    fn initial_cash(&self, py: Python<'_>) -> BindingResult<i64> {
        self.with(py, Portfolio::initial_cash)
    }

    /// What fills cost.
    #[getter]
    fn cost_model(&self, py: Python<'_>) -> BindingResult<PyCostModel> {
        self.with(py, |portfolio| PyCostModel(portfolio.cost_model()))
    }

    /// The costs paid so far, in the smallest currency unit.
    #[getter]
    fn costs(&self, py: Python<'_>) -> BindingResult<i64> {
        self.with(py, Portfolio::costs)
    }

    /// Return the position in a symbol, or ``None`` if it never traded.
    fn position(&self, symbol: Arg<'_, '_>) -> BindingResult<Option<PyPosition>> {
        let name = convert::symbol(symbol)?;
        self.with(symbol.py(), |portfolio| {
            portfolio.position(name).copied().map(PyPosition)
        })
    }

    /// Return the positions in every symbol that ever traded, in symbol order.
    fn positions<'py>(&self, py: Python<'py>) -> BindingResult<Bound<'py, PyDict>> {
        let positions: Vec<_> =
            self.with(py, |portfolio| portfolio.positions().copied().collect())?;
        let dict = PyDict::new(py);
        for position in positions {
            dict.set_item(position.symbol.as_str(), PyPosition(position))?;
        }
        Ok(dict)
    }

    /// Return the price at which a symbol is marked when no other is given, or ``None``.
    fn last_price(&self, symbol: Arg<'_, '_>) -> BindingResult<Option<i64>> {
        let name = convert::symbol(symbol)?;
        self.with(symbol.py(), |portfolio| {
            portfolio.last_price(name).map(|price| price.0)
        })
    }

    /// Return the initial cash and the equity at each ``record_return``.
    fn equity_curve(&self, py: Python<'_>) -> BindingResult<Vec<i64>> {
        self.with(py, |portfolio| portfolio.equity_curve().to_vec())
    }

    /// Return the simple return of each period whose starting equity was positive.
    fn returns(&self, py: Python<'_>) -> BindingResult<Vec<f64>> {
        self.with(py, |portfolio| portfolio.returns().to_vec())
    }

    /// Return cash + market value, in the smallest currency unit.
    fn total_equity(&self, prices: Arg<'_, '_>) -> BindingResult<i64> {
        let read = read_prices(prices, "prices")?;
        Ok(self.with(prices.py(), |portfolio| portfolio.total_equity(&read))??)
    }

    /// Return each open position's share of the equity, as pairs in symbol order.
    fn current_weights(&self, prices: Arg<'_, '_>) -> BindingResult<Vec<(String, f64)>> {
        let read = read_prices(prices, "prices")?;
        let weights = self.with(prices.py(), |portfolio| portfolio.current_weights(&read))??;
        let named = weights.into_iter();
        Ok(named
            .map(|(symbol, weight)| (symbol.into(), weight))
            .collect())
    }

    /// Append the equity at these prices to the curve, and its return to the returns.
    fn record_return(&self, prices: Arg<'_, '_>) -> BindingResult<()> {
        let read = read_prices(prices, "prices")?;
        Ok(self.with_mut(prices.py(), |portfolio| portfolio.record_return(&read))??)
    }

    /// Trade towards target weights at these prices, and return the fills in the order made.
    fn rebalance_simple(
        &self,
        targets: Arg<'_, '_>,
        prices: Arg<'_, '_>,
    ) -> BindingResult<Vec<PyFill>> {
        let weights = read_targets(targets)?;
        let read = read_prices(prices, "prices")?;
        let fills = self.with_mut(prices.py(), |portfolio| {
            portfolio.rebalance_simple(&weights, &read)
        })??;
        Ok(wrap_fills(fills))
    }

    /// Trade towards target weights in real order books, and return the fills in the order made.
    fn rebalance_lob(
        &self,
        py: Python<'_>,
        targets: Arg<'_, '_>,
        exchanges: Arg<'_, '_>,
    ) -> BindingResult<Vec<PyFill>> {
        let Ok(exchanges) = exchanges.cast::<PyMultiExchange>() else {
            return Err(wrong_type("exchanges", "a MultiExchange", exchanges).into());
        };
        let weights = read_targets(targets)?;
        if self.is_read_only {
            return Err(read_only().into());
        }
        let multi = exchanges.get();
        // Two locks, always in this order, and the interpreter let go while waiting for them.
        let fills = py.detach(|| {
            let mut state = lock_detached(&self.state);
            let mut multi = lock_detached(&multi.0);
            let portfolio = state.as_mut().ok_or_else(not_shown)?;
            Ok::<_, BindingError>(Arc::make_mut(portfolio).rebalance_lob(&weights, &mut multi)?)
        })?;
        Ok(wrap_fills(fills))
    }

    /// Return the portfolio's numbers at these prices as a dict.
    fn snapshot<'py>(&self, prices: Arg<'_, 'py>) -> BindingResult<Bound<'py, PyDict>> {
        let py = prices.py();
        let read = read_prices(prices, "prices")?;
        let PortfolioSnapshot {
            cash,
            equity,
            unrealized,
            total_realized_pnl,
            costs,
            num_positions,
            weights,
        } = self.with(py, |portfolio| portfolio.snapshot(&read))??;
        let dict = PyDict::new(py);
        dict.set_item("cash", cash)?;
        dict.set_item("equity", equity)?;
        dict.set_item("unrealized", unrealized)?;
        dict.set_item("total_realized_pnl", total_realized_pnl)?;
        dict.set_item("costs", costs)?;
        dict.set_item("num_positions", num_positions)?;
        let weights: Vec<(String, f64)> = weights
            .into_iter()
            .map(|(symbol, weight)| (symbol.into(), weight))
            .collect();
        dict.set_item("weights", weights)?;
        Ok(dict)
    }

    /// Return the metrics of the returns so far, or ``None`` when there are none.
    #[pyo3(
        signature = (periods_per_year=PeriodsPerYear::DEFAULT, risk_free=RiskFree::DEFAULT),
        text_signature = "($self, periods_per_year=252.0, risk_free=0.0)"
    )]
    fn compute_metrics(
        &self,
        py: Python<'_>,
        periods_per_year: PeriodsPerYear,
        risk_free: RiskFree,
    ) -> BindingResult<Option<PyMetrics>> {
        let (periods_per_year, risk_free) = (periods_per_year.0?, risk_free.0?);
        warn_if_annual(py, risk_free, 1)?;
        let metrics = self.with(py, |portfolio| {
            portfolio.compute_metrics(periods_per_year, risk_free)
        })??;
        Ok(metrics.map(PyMetrics))
    }

    /// Return a hash of everything the portfolio is, as 16 hexadecimal digits.
    fn state_digest(&self, py: Python<'_>) -> BindingResult<String> {
        self.with(py, |portfolio| convert::digest(portfolio.state_digest()))
    }

    /// Check the accounting identity and the indices; a failure is a bug in nanobook.
    fn check_invariants(&self, py: Python<'_>) -> BindingResult<()> {
        Ok(self.with(py, Portfolio::check_invariants)??)
    }

    /// Return the whole portfolio as JSON text, with a checksum.
    fn to_json(&self, py: Python<'_>) -> BindingResult<String> {
        let portfolio = self.shared(py)?;
        Ok(py.detach(|| portfolio.to_json()))
    }

    /// Return the portfolio that ``to_json`` wrote.
    #[staticmethod]
    fn from_json(py: Python<'_>, text: Arg<'_, '_>) -> BindingResult<Self> {
        let text = convert::text(text, "text")?;
        Ok(Self::own(py.detach(|| Portfolio::from_json(&text))?))
    }

    /// Write the portfolio to a JSON file with a checksum, so that a crash leaves no half of one.
    fn save_json(&self, py: Python<'_>, path: Arg<'_, '_>) -> BindingResult<()> {
        let path = convert::path(path)?;
        let portfolio = self.shared(py)?;
        py.detach(|| portfolio.save_json(&path))
            .map_err(|error| BindingError::file(error, &path))
    }

    /// Return the portfolio that ``save_json`` wrote.
    #[staticmethod]
    fn load_json(py: Python<'_>, path: Arg<'_, '_>) -> BindingResult<Self> {
        let path = convert::path(path)?;
        py.detach(|| Portfolio::load_json(&path))
            .map(Self::own)
            .map_err(|error| BindingError::file(error, &path))
    }

    fn __eq__(&self, py: Python<'_>, other: Arg<'_, '_>) -> BindingResult<Py<PyAny>> {
        let Ok(other) = other.cast::<Self>() else {
            return Ok(py.NotImplemented());
        };
        let (left, right) = (self.shared(py)?, other.get().shared(py)?);
        let equal = py.detach(|| left == right);
        Ok(equal
            .into_pyobject(py)
            .map_err(PyErr::from)?
            .to_owned()
            .into_any()
            .unbind())
    }

    #[classattr]
    const __hash__: Option<Py<PyAny>> = None;

    /// Return a portfolio of its own, also from a read-only one.
    fn __copy__(&self, py: Python<'_>) -> BindingResult<Self> {
        Ok(Self::own(self.shared(py)?))
    }

    #[expect(unused_variables, reason = "the protocol passes it")]
    fn __deepcopy__(&self, py: Python<'_>, memo: Arg<'_, '_>) -> BindingResult<Self> {
        self.__copy__(py)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> BindingResult<(Bound<'py, PyAny>, (String,))> {
        let py = slf.py();
        let from_json = PyType::new::<Self>(py).getattr("from_json")?;
        Ok((from_json, (slf.get().to_json(py)?,)))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let shown = self.with(py, |portfolio| {
            let open = portfolio.positions().filter(|p| p.quantity != 0).count();
            let equity = portfolio.equity_curve().last().copied().unwrap_or(0);
            format!(
                "Portfolio(cash={}, positions={open}, equity={equity}, costs={}, periods={})",
                portfolio.cash(),
                portfolio.costs(),
                portfolio.equity_curve().len() - 1
            )
        });
        shown.unwrap_or_else(|_| "Portfolio(of a running backtest)".to_owned())
    }
}
