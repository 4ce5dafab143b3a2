//! Many runs, one for each parameter.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(feature = "parallel")]
use rayon::prelude::*;

use super::{
    BacktestConfig, BacktestError, BacktestResult, PriceSeries, Strategy, run_backtest_until,
};

/// The first parameter, in their order, whose run failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SweepError<E> {
    /// The parameter's index, from 0.
    pub index: usize,
    /// Why its run failed.
    pub error: E,
}

impl<E: fmt::Display> fmt::Display for SweepError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parameter {}: {}", self.index, self.error)
    }
}

/// The message tells the cause too, so that is no source beside it.
impl<E: fmt::Debug + fmt::Display> Error for SweepError<E> {}

/// Calls a function once for each parameter, and returns the results in the parameters' order.
///
/// With the feature `parallel` the calls run on the threads of the current `rayon` pool. The
/// results are the same for any number of threads, and so is the error: that of the first parameter
/// that fails. Those after it may not run at all.
///
/// ```
/// let roots = nanobook::sweep(&[1.0_f64, 4.0], |x| Ok::<_, ()>(x.sqrt())).unwrap();
/// assert_eq!(roots, [1.0, 2.0]);
/// let error = nanobook::sweep(&[1, 2, 3], |x| if *x < 2 { Ok(()) } else { Err(*x) }).unwrap_err();
/// assert_eq!((error.index, error.error), (1, 2));
/// ```
///
/// # Errors
///
/// [`SweepError`] with the index of the parameter and its error.
pub fn sweep<P, R, E>(
    params: &[P],
    run: impl Fn(&P) -> Result<R, E> + Sync,
) -> Result<Vec<R>, SweepError<E>>
where
    P: Sync,
    R: Send,
    E: Send,
{
    // A run is left out only when one before it has failed: the first failure is always found.
    let failed = AtomicUsize::new(usize::MAX);
    let attempt = |(index, param): (usize, &P)| {
        if index > failed.load(Ordering::Relaxed) {
            return None;
        }
        let outcome = run(param);
        if outcome.is_err() {
            failed.fetch_min(index, Ordering::Relaxed);
        }
        Some(outcome)
    };
    #[cfg(feature = "parallel")]
    let outcomes: Vec<_> = params.par_iter().enumerate().map(attempt).collect();
    #[cfg(not(feature = "parallel"))]
    let outcomes = params.iter().enumerate().map(attempt);

    outcomes
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(index, outcome)| outcome.map_err(|error| SweepError { index, error }))
        .collect()
}

/// Runs one backtest for each parameter, and returns the results in the parameters' order.
///
/// `stop` is asked as [`run_backtest_until`] asks it, on every thread.
///
/// ```
/// use nanobook::{BacktestConfig, EqualWeight, Price, PriceSeries, Symbol, sweep_strategy};
/// let series = PriceSeries::from_rows(&[[(Symbol::new("AAPL"), Price(100_00))]])?;
/// let config = BacktestConfig::new(1_000_000_00);
/// let results = sweep_strategy(|_: &u32| EqualWeight::new(), &[1, 2], &series, &config, || false)?;
/// assert_eq!(results[0], results[1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`SweepError`] with the index of the first parameter whose run failed, and its error.
pub fn sweep_strategy<P, S>(
    make_strategy: impl Fn(&P) -> S + Sync,
    params: &[P],
    series: &PriceSeries,
    config: &BacktestConfig,
    stop: impl Fn() -> bool + Sync,
) -> Result<Vec<BacktestResult>, SweepError<BacktestError<S::Error>>>
where
    P: Sync,
    S: Strategy,
    S::Error: Send,
{
    sweep(params, |param| {
        run_backtest_until(make_strategy(param), series, config, &stop)
    })
}
