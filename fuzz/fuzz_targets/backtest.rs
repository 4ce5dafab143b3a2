//! Backtests of any prices and weights: the same run in several ways gives the same result, or the
//! same error.
#![no_main]

mod numbers;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use nanobook::{
    BacktestConfig, BacktestError, BacktestResult, CostModel, EqualWeight, FillTiming, Portfolio,
    Price, PriceColumn, PriceSeries, Prices, Symbol, WeightSchedule, run_backtest, sweep_strategy,
};

use numbers::{Amount, Weight, symbol};

const BARS_MAX: usize = 40;

#[derive(Arbitrary, Debug)]
struct Case {
    width: u8,
    bars: Vec<Bar>,
    /// Prices are floats, and this is their tick size.
    tick_size: Option<Weight>,
    cash: Amount,
    bps: u8,
    fee_min: u8,
    is_next: bool,
    periods_per_year: u8,
    sweep: bool,
}

#[derive(Arbitrary, Debug)]
struct Bar {
    prices: [Option<Amount>; 5],
    weights: Option<[Weight; 5]>,
}

type Outcome = Result<BacktestResult, BacktestError<()>>;

fuzz_target!(|case: Case| {
    let width = usize::from(case.width) % 6;
    let bars = &case.bars[..case.bars.len().min(BARS_MAX)];
    let places = [0, 1, 2, 3, 4];
    let symbols: Vec<Symbol> = places[..width].iter().map(|place| symbol(*place)).collect();
    let Some(series) = series(&symbols, bars, case.tick_size.map(|tick| tick.0)) else {
        return;
    };
    // Without symbols a table has no bars.
    let bars = &bars[..series.len()];
    let config = BacktestConfig {
        cost_model: CostModel::new(case.bps.into(), 3, case.fee_min.into()),
        periods_per_year: case.periods_per_year.into(),
        fill: [FillTiming::Close, FillTiming::Next][usize::from(case.is_next)],
        ..BacktestConfig::new(case.cash.0)
    };
    let strategy = |bar: usize, _: &Prices<'_>, _: &Portfolio| {
        Ok::<_, ()>(bars[bar].weights.map(|weights| targets(&symbols, &weights)))
    };

    let outcome = run_backtest(strategy, &series, &config);
    same(&outcome, &run_backtest(strategy, &series, &config));
    if let Some(by_hand) = by_hand(&series, bars, &symbols, &config) {
        match (&outcome, by_hand) {
            (Ok(result), Ok(portfolio)) => assert!(*result.portfolio == portfolio),
            (Err(BacktestError::Portfolio { bar, .. }), Err(expected)) => {
                assert_eq!(*bar, expected);
            }
            (outcome, by_hand) => panic!("{outcome:?}, by hand {by_hand:?}"),
        }
    }
    if let Ok(result) = &outcome {
        check(result, bars, width);
        let rows = bars.iter().flat_map(|bar| {
            let weights = bar
                .weights
                .map_or([f64::NAN; 5], |row| row.map(|weight| weight.0));
            weights.into_iter().take(width)
        });
        let rows: Vec<f64> = rows.collect();
        let schedule = WeightSchedule::with_symbols(&symbols, rows).expect("the rows are whole");
        let scheduled = run_backtest(schedule, &series, &config).expect("it ran before");
        if width > 0 {
            assert!(
                scheduled == *result,
                "a schedule of the same weights gives the same"
            );
        }
        let bytes = result.to_bytes();
        let restored = BacktestResult::from_bytes(&bytes).expect("it was just saved");
        assert!(restored == *result);
        assert_eq!(restored.digest(), result.digest());
    }
    let restored = PriceSeries::from_bytes(&series.to_bytes()).expect("it was just saved");
    assert!(restored == series);
    if case.sweep {
        let equal = run_backtest(EqualWeight::new(), &series, &config);
        let swept = sweep_strategy(|_| EqualWeight::new(), &[1, 2], &series, &config, || false);
        match (equal, swept) {
            (Ok(result), Ok(results)) => assert!(results.iter().all(|other| *other == result)),
            (Err(error), Err(swept)) => {
                assert_eq!(swept.index, 0);
                assert_eq!(format!("{error:?}"), format!("{:?}", swept.error));
            }
            (equal, swept) => panic!("{equal:?}, swept {swept:?}"),
        }
    }
});

/// Builds the series in more ways than one.
fn series(symbols: &[Symbol], bars: &[Bar], tick_size: Option<f64>) -> Option<PriceSeries> {
    let cell = |bar: &Bar, column: usize| bar.prices[column].map(|price| Price(price.0));
    let columns = 0..symbols.len();
    let Some(tick_size) = tick_size else {
        let rows = bars
            .iter()
            .flat_map(|bar| columns.clone().map(|column| cell(bar, column)));
        let table = PriceSeries::from_prices(symbols, rows);
        let by_column: Vec<_> = columns
            .clone()
            .map(|column| {
                let ticks = bars.iter().map(|bar| Some(cell(bar, column)?.0));
                (symbols[column], PriceColumn::Integers(ticks.collect()))
            })
            .collect();
        let other = PriceSeries::from_columns(&by_column, None);
        // They may find another one first of two wrong prices.
        assert_eq!(table.is_ok(), other.is_ok());
        let table = table.ok()?;
        assert!(other.is_ok_and(|other| other == table));
        return Some(table);
    };
    let float = |bar: &Bar, column: usize| {
        bar.prices[column].map_or(f64::NAN, |price| {
            #[expect(clippy::cast_precision_loss, reason = "any float will do")]
            let price = price.0 as f64;
            price / 4.0
        })
    };
    let rows = bars
        .iter()
        .flat_map(|bar| columns.clone().map(|column| float(bar, column)));
    let table = PriceSeries::from_floats(symbols, rows, tick_size);
    let by_column: Vec<_> = columns
        .clone()
        .map(|column| {
            let prices = bars.iter().map(|bar| float(bar, column));
            (symbols[column], PriceColumn::Floats(prices.collect()))
        })
        .collect();
    let other = PriceSeries::from_columns(&by_column, Some(tick_size));
    assert_eq!(table.is_ok(), other.is_ok());
    let table = table.ok()?;
    assert!(other.is_ok_and(|other| other == table));
    Some(table)
}

fn targets(symbols: &[Symbol], weights: &[Weight; 5]) -> Vec<(Symbol, f64)> {
    let weights = weights.iter().map(|weight| weight.0);
    symbols.iter().copied().zip(weights).collect()
}

/// Errors may carry a NaN.
fn same(one: &Outcome, other: &Outcome) {
    match (one, other) {
        (Ok(one), Ok(other)) => {
            assert!(one == other);
            assert_eq!(one.digest(), other.digest());
            assert_eq!(one.to_bytes(), other.to_bytes());
        }
        _ => assert_eq!(format!("{one:?}"), format!("{other:?}")),
    }
}

/// Does what the loop does with the portfolio's own methods; the error is the bar where it stops.
/// `None` where the loop does not get that far.
fn by_hand(
    series: &PriceSeries,
    bars: &[Bar],
    symbols: &[Symbol],
    config: &BacktestConfig,
) -> Option<Result<Portfolio, usize>> {
    if config.periods_per_year == 0.0 {
        return None;
    }
    let mut portfolio = Portfolio::new(config.initial_cash, config.cost_model);
    let mut waiting: Option<Vec<(Symbol, f64)>> = None;
    for (bar, prices) in series.iter().enumerate() {
        let prices = prices.to_vec();
        if let Some(targets) = waiting.take() {
            if portfolio.rebalance_simple(&targets, &prices).is_err() {
                return Some(Err(bar));
            }
        }
        if let Some(weights) = &bars[bar].weights {
            let targets = targets(symbols, weights);
            if config.fill == FillTiming::Close {
                if portfolio.rebalance_simple(&targets, &prices).is_err() {
                    return Some(Err(bar));
                }
            } else {
                let is_wrong = targets.iter().any(|&(symbol, weight)| {
                    let is_priced = prices.iter().any(|price| price.0 == symbol);
                    let is_known = is_priced || portfolio.last_price(symbol).is_some();
                    !weight.is_finite() || (weight != 0.0 && !is_known)
                });
                if is_wrong {
                    return Some(Err(bar));
                }
                waiting = Some(targets);
            }
        }
        if portfolio.record_return(&prices).is_err() {
            return Some(Err(bar));
        }
    }
    Some(Ok(portfolio))
}

fn check(result: &BacktestResult, bars: &[Bar], width: usize) {
    result
        .portfolio
        .check_invariants()
        .expect("a portfolio is whole");
    assert_eq!(result.equity_curve().len(), bars.len() + 1);
    assert_eq!(result.weights.len(), bars.len());
    let mut costs = 0;
    let mut quantities = vec![0_i64; width];
    for trade in result.trades.iter() {
        costs += trade.cost;
        quantities[trade.column] += trade.quantity;
    }
    assert_eq!(costs, result.costs());
    for (symbol, quantity) in result.symbols.iter().zip(quantities) {
        let held = result
            .portfolio
            .position(*symbol)
            .map_or(0, |position| position.quantity);
        assert_eq!(held, quantity);
    }
    for (bar, given) in bars.iter().enumerate() {
        assert_eq!(result.weights.row(bar).is_some(), given.weights.is_some());
    }
    assert!(result.turnover().is_nan() || result.turnover() >= 0.0);
}
