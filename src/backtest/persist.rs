//! Results and weight schedules as bytes, so that they can travel between processes.
//!
//! Both use the frame of every saved state: magic, version, length, payload, checksum. What is read
//! is checked like anything that comes from outside.

use std::sync::Arc;

use super::result::{BacktestResult, FillPrices, HOLD, TradeColumns, WeightRows};
use super::strategy::WeightSchedule;
use crate::error::PersistenceError;
use crate::persist::{self, Frame};
use crate::portfolio::{CostModel, Metrics, State};
use crate::types::{Price, Symbol};

const RESULT: Frame = Frame {
    magic: *b"nanobkBR",
    version: 1,
};

const SCHEDULE: Frame = Frame {
    magic: *b"nanobkWS",
    version: 1,
};

/// A result without the series it was made from: fills bring their prices with them.
#[derive(serde::Serialize, serde::Deserialize)]
struct ResultImage {
    portfolio: State,
    metrics: Option<Metrics>,
    symbols: Vec<Symbol>,
    weights: Vec<f64>,
    /// For each bar the number of its row in `weights`, `None` where the answer was to hold.
    weight_rows: Vec<Option<u64>>,
    /// For each bar how many fills there are up to its end.
    trade_ends: Vec<u64>,
    trade_columns: Vec<u32>,
    trade_quantities: Vec<i64>,
    trade_prices: Vec<i64>,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct ScheduleImage {
    columns: u64,
    weights: Vec<f64>,
    symbols: Option<Vec<Symbol>>,
}

impl BacktestResult {
    /// Returns the result as bytes, versioned and checksummed. The prices it was made from are not
    /// in it, save those of its fills.
    ///
    /// ```
    /// use nanobook::{
    ///     BacktestConfig, BacktestResult, EqualWeight, Price, PriceSeries, Symbol, run_backtest,
    /// };
    /// let series = PriceSeries::from_rows(&[[(Symbol::new("AAPL"), Price(100_00))]])?;
    /// let result = run_backtest(EqualWeight::new(), &series, &BacktestConfig::new(1_000_00))?;
    /// assert_eq!(BacktestResult::from_bytes(&result.to_bytes())?, result);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        let width = self.weights.width.max(1) as u64;
        let row = |&start: &usize| (start != HOLD).then(|| start as u64 / width);
        persist::to_frame(
            RESULT,
            &ResultImage {
                portfolio: self.portfolio.to_state(),
                metrics: self.metrics,
                symbols: self.symbols.clone(),
                weights: self.weights.cells.clone(),
                weight_rows: self.weights.starts.iter().map(row).collect(),
                trade_ends: self.trades.ends.iter().map(|&end| end as u64).collect(),
                trade_columns: self.trades.column.clone(),
                trade_quantities: self.trades.quantity.clone(),
                trade_prices: self.trades.iter().map(|trade| trade.price.0).collect(),
            },
        )
    }

    /// Returns the result that [`to_bytes`](Self::to_bytes) gave.
    ///
    /// # Errors
    ///
    /// [`PersistenceError::Malformed`] for bytes that are damaged or of another version.
    pub fn from_bytes(data: &[u8]) -> Result<Self, PersistenceError> {
        let image = persist::from_frame(RESULT, data)?;
        Self::from_image(image).map_err(PersistenceError::malformed)
    }

    fn from_image(image: ResultImage) -> Result<Self, String> {
        let portfolio = image.portfolio.into_portfolio()?;
        let width = image.symbols.len();
        let mut sorted = image.symbols.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != width {
            return Err(format!("{width} columns have a symbol each"));
        }
        let bars = portfolio.equity_curve().len() - 1;
        if image.weight_rows.len() != bars || image.trade_ends.len() != bars {
            return Err(format!("weights and fills are those of {bars} bars"));
        }
        let rows = image.weights.len().checked_div(width).unwrap_or(0);
        if rows * width != image.weights.len() || !image.weights.iter().all(|w| w.is_finite()) {
            return Err(format!("weights are finite rows of {width} symbols"));
        }
        let start = |row: Option<u64>| match row {
            None => Ok(HOLD),
            // Without symbols every row is the empty one.
            Some(0) if width == 0 => Ok(0),
            Some(row) => match usize::try_from(row) {
                Ok(row) if row < rows => Ok(row * width),
                _ => Err(format!("a bar's weights are one of {rows} rows")),
            },
        };
        let weights = WeightRows {
            width,
            starts: image
                .weight_rows
                .into_iter()
                .map(start)
                .collect::<Result<_, _>>()?,
            cells: image.weights,
        };

        let trades = TradeColumns {
            cost_model: portfolio.cost_model(),
            ends: image
                .trade_ends
                .into_iter()
                .map(|end| usize::try_from(end).map_err(|_| "fills fit in memory".to_owned()))
                .collect::<Result<_, _>>()?,
            column: image.trade_columns,
            quantity: image.trade_quantities,
            prices: FillPrices::Own(image.trade_prices),
        };
        trades.check(width)?;
        Ok(Self {
            portfolio: Arc::new(portfolio),
            metrics: image.metrics,
            symbols: image.symbols,
            weights,
            trades,
        })
    }
}

impl TradeColumns {
    /// Checks that every fill has a bar, a column, a price and a cost.
    fn check(&self, width: usize) -> Result<(), String> {
        let FillPrices::Own(prices) = &self.prices else {
            return Ok(());
        };
        let count = self.quantity.len();
        if self.column.len() != count || prices.len() != count {
            return Err(format!("{count} fills have as many columns and prices"));
        }
        if !self.ends.is_sorted() || self.ends.last().copied().unwrap_or(0) != count {
            return Err(format!("the bars share {count} fills in their order"));
        }
        for ((&column, &quantity), &price) in self.column.iter().zip(&self.quantity).zip(prices) {
            if column as usize >= width || !Price(price).is_valid() || quantity == 0 {
                return Err(format!(
                    "a fill has a column below {width}, a price and a quantity, \
                     got {column}, {price} and {quantity}"
                ));
            }
            let fits = |model: CostModel| model.compute_cost(quantity.checked_mul(price)?).ok();
            if fits(self.cost_model).is_none() {
                return Err(format!(
                    "the cost of {quantity} x {price} does not fit in 64 bits"
                ));
            }
        }
        Ok(())
    }
}

impl WeightSchedule {
    /// Returns the schedule as bytes, versioned and checksummed.
    pub fn to_bytes(&self) -> Vec<u8> {
        persist::to_frame(
            SCHEDULE,
            &ScheduleImage {
                columns: self.columns() as u64,
                weights: self.weights().to_vec(),
                symbols: self.symbols().map(<[Symbol]>::to_vec),
            },
        )
    }

    /// Returns the schedule that [`to_bytes`](Self::to_bytes) gave.
    ///
    /// # Errors
    ///
    /// [`PersistenceError::Malformed`] for bytes that are damaged or of another version, or that no
    /// schedule has.
    pub fn from_bytes(data: &[u8]) -> Result<Self, PersistenceError> {
        let image: ScheduleImage = persist::from_frame(SCHEDULE, data)?;
        let columns = usize::try_from(image.columns)
            .map_err(|_| PersistenceError::malformed("the columns fit in memory"))?;
        let schedule = match image.symbols {
            Some(symbols) if symbols.len() == columns => {
                Self::with_symbols(&symbols, image.weights)
            }
            Some(symbols) => {
                return Err(PersistenceError::malformed(format!(
                    "{columns} columns have a symbol each, got {}",
                    symbols.len()
                )));
            }
            None => Self::new(columns, image.weights),
        };
        schedule.map_err(|error| PersistenceError::malformed(error.to_string()))
    }
}
