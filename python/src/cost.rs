//! `CostModel`.

use nanobook::CostModel;
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::arguments::{CommissionBps, MinTradeFee, SlippageBps};
use crate::convert::{self, Arg, Reduced};
use crate::errors::BindingResult;

/// What each fill costs: basis points of its notional, and a least fee.
#[pyclass(name = "CostModel", module = "nanobook", frozen, eq, hash)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PyCostModel(pub(crate) CostModel);

/// Reads a cost model.
pub(crate) fn read(value: Arg<'_, '_>, name: &str) -> PyResult<CostModel> {
    match value.cast::<PyCostModel>() {
        Ok(model) => Ok(model.get().0),
        Err(_) => Err(crate::errors::wrong_type(name, "a CostModel", value)),
    }
}

fn shown(model: &CostModel) -> String {
    format!(
        "CostModel(commission_bps={}, slippage_bps={}, min_trade_fee={})",
        model.commission_bps(),
        model.slippage_bps(),
        model.min_trade_fee()
    )
}

#[pymethods]
impl PyCostModel {
    #[new]
    #[pyo3(
        signature = (
            commission_bps=CommissionBps::DEFAULT, slippage_bps=SlippageBps::DEFAULT,
            min_trade_fee=MinTradeFee::DEFAULT
        ),
        text_signature = "(commission_bps=0, slippage_bps=0, min_trade_fee=0)"
    )]
    fn new(
        commission_bps: CommissionBps,
        slippage_bps: SlippageBps,
        min_trade_fee: MinTradeFee,
    ) -> BindingResult<Self> {
        Ok(Self(CostModel::try_new(
            commission_bps.0?,
            slippage_bps.0?,
            min_trade_fee.0?,
        )?))
    }

    /// Return a model that charges nothing.
    #[staticmethod]
    fn zero() -> Self {
        Self(CostModel::zero())
    }

    /// The commission in basis points of the notional.
    #[getter]
    fn commission_bps(&self) -> u32 {
        self.0.commission_bps()
    }

    /// The slippage in basis points of the notional.
    #[getter]
    fn slippage_bps(&self) -> u32 {
        self.0.slippage_bps()
    }

    /// The least fee of a fill, in the smallest currency unit.
    #[getter]
    fn min_trade_fee(&self) -> i64 {
        self.0.min_trade_fee()
    }

    /// Return the cost of a fill with this notional, in the smallest currency unit.
    ///
    /// ``(commission_bps + slippage_bps) x |notional| / 10,000``, rounded down, and at least
    /// ``min_trade_fee``.
    fn compute_cost(&self, notional: Arg<'_, '_>) -> BindingResult<i64> {
        Ok(self
            .0
            .compute_cost(convert::integer(notional, "notional")?)?)
    }

    fn __repr__(&self) -> String {
        shown(&self.0)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> Reduced<'py, (u32, u32, i64)> {
        let model = slf.get().0;
        (
            PyType::new::<Self>(slf.py()),
            (
                model.commission_bps(),
                model.slippage_bps(),
                model.min_trade_fee(),
            ),
        )
    }
}
