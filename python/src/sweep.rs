//! Many backtests with the same settings: what the functions of `nanobook._sweep` are made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nanobook::{BacktestConfig, BacktestResult, run_backtest_until};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple, PyType};
use rayon::ThreadPoolBuilder;

use crate::arguments::{Costs, Fill, PeriodsPerYear, RiskFree};
use crate::backtest::{PyBacktestResult, own_error, raise, run_one};
use crate::convert::{self, Arg};
use crate::cost::PyCostModel;
use crate::errors::{BindingResult, invalid};
use crate::metrics::{self, PyMetrics, read_returns, warn_if_annual};
use crate::series::{self, PyPriceSeries};
use crate::strategy::BuiltIn;

pyo3::import_exception!(concurrent.futures, CancelledError);

/// How long a signal or the progress of a sweep goes unseen.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// The first run that failed: its index and its exception.
type Failure = Option<(usize, PyErr)>;

/// A switch that stops runs, in this thread and others.
#[derive(Clone, Debug, Default)]
pub(crate) struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Returns the error of a run that was stopped by its flag.
#[cold]
pub(crate) fn cancelled() -> PyErr {
    CancelledError::new_err("the sweep was stopped")
}

/// A switch that stops the runs it was given to.
#[pyclass(name = "CancelFlag", module = "nanobook.nanobook", frozen)]
#[derive(Debug, Default)]
pub(crate) struct PyCancelFlag(CancelFlag);

#[pymethods]
impl PyCancelFlag {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Stop the runs that have this flag at their next bar.
    fn set(&self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Warn about a risk free rate that looks annual, at the caller of the caller.
#[pyfunction]
#[pyo3(name = "warn_if_annual")]
pub(crate) fn warn_caller_if_annual(py: Python<'_>, risk_free: Arg<'_, '_>) -> PyResult<()> {
    warn_if_annual(py, convert::float(risk_free, "risk_free")?, 2)
}

/// Return the prices of a sweep as a series.
#[pyfunction]
pub(crate) fn read_price_series(price_series: Arg<'_, '_>) -> BindingResult<PyPriceSeries> {
    series::read(price_series).map(PyPriceSeries::from)
}

/// What all runs of a sweep share, read and checked once.
#[pyclass(name = "SweepSettings", module = "nanobook.nanobook", frozen)]
#[derive(Debug)]
pub(crate) struct PySettings(BacktestConfig);

#[pymethods]
impl PySettings {
    #[new]
    fn new(
        initial_cash: Arg<'_, '_>,
        cost_model: Costs,
        periods_per_year: PeriodsPerYear,
        risk_free: RiskFree,
        fill: Fill,
    ) -> BindingResult<Self> {
        let config = BacktestConfig {
            initial_cash: convert::integer(initial_cash, "initial_cash")?,
            cost_model: cost_model.0?,
            periods_per_year: periods_per_year.0?,
            risk_free: risk_free.0?,
            fill: fill.0?,
        };
        // Wrong rates are an error now, not in each run.
        nanobook::compute_metrics(&[], config.periods_per_year, config.risk_free)?;
        Ok(Self(config))
    }

    /// Run one strategy, until it is done or the flag is set.
    fn run(
        &self,
        py: Python<'_>,
        strategy: Arg<'_, '_>,
        price_series: Arg<'_, '_>,
        cancel: &Bound<'_, PyCancelFlag>,
    ) -> BindingResult<PyBacktestResult> {
        let series = series::read(price_series)?;
        run_one(py, strategy, &series, &self.0, cancel.get().0.clone())
    }

    /// Run built-in strategies in threads of their own.
    ///
    /// Returns the results and ``None``, or the error of the first strategy that fails as a pair
    /// of its index and the exception. ``progress`` is called with the number of finished runs.
    fn run_built_ins<'py>(
        &self,
        strategies: &Bound<'py, PyList>,
        price_series: Arg<'_, 'py>,
        max_workers: Option<usize>,
        progress: Option<Arg<'_, 'py>>,
    ) -> PyResult<(Vec<PyBacktestResult>, Failure)> {
        let py = strategies.py();
        let built_ins = strategies.iter().map(|strategy| {
            BuiltIn::read(&strategy).ok_or_else(|| invalid("a built-in strategy".to_owned()))
        });
        let built_ins = built_ins.collect::<PyResult<Vec<_>>>()?;
        let progress = progress.map(|progress| progress.clone().unbind());
        let series = &series::read(price_series)?;
        let pool = ThreadPoolBuilder::new()
            // 0 is one for each processor; more than there are runs would have nothing to do.
            .num_threads(max_workers.unwrap_or(0).min(built_ins.len()))
            .build()
            .map_err(|error| invalid(format!("max_workers must be threads that start: {error}")))?;

        let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
        let run = |strategy: &BuiltIn| {
            let stopped = || stop.load(Ordering::Relaxed);
            let result = run_backtest_until(strategy.clone(), series, &self.0, stopped);
            done.fetch_add(1, Ordering::Relaxed);
            result
        };
        let (results, raised) = py.detach(|| {
            let this = thread::current();
            thread::scope(|scope| {
                let runs = scope.spawn(|| {
                    let results = pool.install(|| nanobook::sweep(&built_ins, run));
                    this.unpark();
                    results
                });
                // Only this thread sees signals, so it runs nothing itself.
                let mut raised = None;
                while !runs.is_finished() {
                    thread::park_timeout(BETWEEN_LOOKS);
                    if raised.is_some() {
                        continue;
                    }
                    let looked = Python::attach(|py| {
                        py.check_signals()?;
                        match &progress {
                            Some(progress) => progress
                                .call1(py, (done.load(Ordering::Relaxed),))
                                .map(drop),
                            None => Ok(()),
                        }
                    });
                    if let Err(error) = looked {
                        stop.store(true, Ordering::Relaxed);
                        raised = Some(error);
                    }
                }
                match runs.join() {
                    Ok(results) => (results, raised),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            })
        });
        if let Some(error) = raised {
            return Err(error);
        }
        match results {
            Ok(results) => Ok((wrap_all(py, results)?, None)),
            Err(failed) => {
                let error = raise(failed.error, own_error);
                Ok((Vec::new(), Some((failed.index, error))))
            }
        }
    }

    /// Return the metrics of returns.
    fn metrics(&self, py: Python<'_>, returns: Arg<'_, '_>) -> BindingResult<Option<PyMetrics>> {
        let returns = read_returns(returns, "returns")?;
        metrics::compute(py, &returns, self.0.periods_per_year, self.0.risk_free)
    }

    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let config = slf.get().0;
        let arguments = (
            config.initial_cash,
            PyCostModel(config.cost_model),
            config.periods_per_year,
            config.risk_free,
            convert::fill_name(config.fill),
        );
        Ok((PyType::new::<Self>(py), arguments.into_pyobject(py)?))
    }
}

fn wrap_all(py: Python<'_>, results: Vec<BacktestResult>) -> PyResult<Vec<PyBacktestResult>> {
    results
        .into_iter()
        .map(|result| PyBacktestResult::wrap(py, result))
        .collect()
}
