//! The compiled module `nanobook.nanobook`: thin wrappers around the crate `nanobook`.
//!
//! A method converts its arguments, calls one core function and wraps what it returns.
#![expect(
    clippy::needless_pass_by_value,
    reason = "PyO3 hands arguments over by value"
)]

mod arguments;
mod array;
mod arrow;
mod arrow_import;
mod backtest;
mod batch;
mod batch_result;
mod benchmark;
mod columns;
mod command;
mod convert;
mod cost;
mod drawdown;
mod errors;
mod event;
mod exchange;
mod feed;
mod fields;
mod metrics;
mod multi;
mod order;
mod portfolio;
mod position;
mod records;
mod results;
mod rolling;
mod series;
mod series_input;
mod snapshot;
mod stop;
mod strategy;
mod sweep;
mod table;
mod trade;

use pyo3::prelude::*;

/// The compiled part of nanobook; `import nanobook` gives all of it.
// Free-threaded interpreters keep their lock off: whatever can change is behind a mutex or an
// atomic, no mutex is held while Python code runs, and two are taken in one order.
// `tests/test_threads.py` holds this.
#[pymodule(gil_used = false)]
mod nanobook {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::backtest::{PyBacktestResult, run_backtest, sweep_equal_weight};
    #[pymodule_export]
    use crate::batch_result::PyBatchResult;
    #[pymodule_export]
    use crate::benchmark::{PyBenchmarkMetrics, compute_benchmark_metrics};
    #[pymodule_export]
    use crate::cost::PyCostModel;
    #[pymodule_export]
    use crate::drawdown::{PyDrawdown, drawdown_series, drawdowns};
    #[pymodule_export]
    use crate::event::PyEvent;
    #[pymodule_export]
    use crate::exchange::PyExchange;
    #[pymodule_export]
    use crate::feed::driver::PyFeedDriver;
    #[pymodule_export]
    use crate::feed::message::PyFeedMessage;
    #[pymodule_export]
    use crate::feed::reader::{PyItchReader, PyLobsterBookReader, PyLobsterReader};
    #[pymodule_export]
    use crate::feed::venue::PyVenueBook;
    #[pymodule_export]
    use crate::metrics::{PyMetrics, compute_metrics};
    #[pymodule_export]
    use crate::multi::PyMultiExchange;
    #[pymodule_export]
    use crate::order::PyOrder;
    #[pymodule_export]
    use crate::portfolio::PyPortfolio;
    #[pymodule_export]
    use crate::position::{PyFill, PyPosition};
    #[pymodule_export]
    use crate::results::{PyCancelResult, PyModifyResult, PyStopSubmitResult, PySubmitResult};
    #[pymodule_export]
    use crate::rolling::{rolling_max_drawdown, rolling_sharpe, rolling_volatility};
    #[pymodule_export]
    use crate::series::PyPriceSeries;
    #[pymodule_export]
    use crate::snapshot::{PyBookSnapshot, PyLevelSnapshot};
    #[pymodule_export]
    use crate::strategy::{PyEqualWeight, PyWeightSchedule};
    #[pymodule_export]
    use crate::sweep::{PyCancelFlag, PySettings, read_price_series, warn_caller_if_annual};
    #[pymodule_export]
    use crate::table::PyTable;
    #[pymodule_export]
    use crate::trade::PyTrade;

    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "the name that Python expects")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // The names of the 0.4 bindings.
        module.add("py_compute_metrics", module.getattr("compute_metrics")?)?;
        module.add(
            "py_sweep_equal_weight",
            module.getattr("sweep_equal_weight")?,
        )?;
        crate::convert::init(module.py())
    }
}
