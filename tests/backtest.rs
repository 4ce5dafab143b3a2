//! The backtest loop, its strategies, price series and sweeps.

#![expect(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking, and expects exact results"
)]

use std::cell::Cell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nanobook::{
    BacktestConfig, BacktestError, BacktestResult, ByRef, CostModel, Decision, EqualWeight, Fill,
    FillTiming, MetricsError, Portfolio, PortfolioError, Price, PriceColumn, PriceSeries,
    PriceSeriesBuilder, Prices, ScheduleError, SeriesError, Strategy, Symbol, Targets,
    WeightSchedule, compute_metrics, run_backtest, run_backtest_until, sweep, sweep_strategy,
};

type Answer = Result<Option<Vec<(Symbol, f64)>>, String>;

fn symbol(name: &str) -> Symbol {
    Symbol::new(name)
}

fn row(list: &[(&str, i64)]) -> Vec<(Symbol, Price)> {
    list.iter()
        .map(|&(name, price)| (symbol(name), Price(price)))
        .collect()
}

fn series(rows: &[&[(&str, i64)]]) -> PriceSeries {
    PriceSeries::from_rows(&rows.iter().map(|list| row(list)).collect::<Vec<_>>()).unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "a strategy's answer is a result")]
fn answer(list: &[(&str, f64)]) -> Answer {
    Ok(Some(
        list.iter()
            .map(|&(name, weight)| (symbol(name), weight))
            .collect(),
    ))
}

/// Bar, column and quantity of each fill.
fn traded(result: &BacktestResult) -> Vec<(usize, usize, i64)> {
    let trades = result.trades.iter();
    trades
        .map(|trade| (trade.bar, trade.column, trade.quantity))
        .collect()
}

/// Prices of a random walk with gaps: symbols that start late and days without a price.
fn random_series(symbols: usize, bars: usize, seed: u64) -> PriceSeries {
    let mut state = seed;
    let mut random = |end: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % end
    };
    let names: Vec<_> = (0..symbols)
        .map(|i| Symbol::new(&format!("S{}", i * 13 % 17)))
        .collect();
    let mut prices: Vec<i64> = (0..symbols)
        .map(|_| 1_000 + i64::try_from(random(20_000)).unwrap())
        .collect();
    let mut builder = PriceSeriesBuilder::new();
    for bar in 0..bars {
        for (i, price) in prices.iter_mut().enumerate() {
            *price = (*price * i64::try_from(980 + random(42)).unwrap() / 1_000).max(1);
            if bar >= i && random(20) != 0 {
                builder.push(names[i], Price(*price)).unwrap();
            }
        }
        builder.end_bar();
    }
    builder.finish()
}

fn costly(fill: FillTiming) -> BacktestConfig {
    BacktestConfig {
        cost_model: CostModel::new(10, 5, 100),
        periods_per_year: 12.0,
        risk_free: 0.001,
        fill,
        ..BacktestConfig::new(1_000_000_00)
    }
}

#[test]
fn defaults_are_those_of_the_contract() {
    let config = BacktestConfig::new(5);
    assert_eq!(config.cost_model, CostModel::zero());
    assert_eq!((config.periods_per_year, config.risk_free), (252.0, 0.0));
    assert_eq!(config.fill, FillTiming::Close);
}

#[test]
fn a_bar_is_strategy_rebalance_record() {
    // The portfolio, by hand, through the public calls.
    let series = random_series(7, 60, 1);
    for fill in [FillTiming::Close, FillTiming::Next] {
        let config = costly(fill);
        let decide = |bar: usize, prices: &[(Symbol, Price)]| match bar % 4 {
            0 => None,
            1 => Some(Vec::new()),
            _ => {
                let scale = f64::from(u32::try_from(prices.len()).unwrap());
                let sign = if bar % 4 == 2 { 1.0 } else { -0.5 };
                Some(
                    prices
                        .iter()
                        .map(|(s, _)| (*s, sign / scale))
                        .collect::<Vec<_>>(),
                )
            }
        };
        let strategy = |bar: usize, prices: &Prices<'_>, _: &Portfolio| -> Answer {
            Ok(decide(bar, &prices.to_vec()))
        };
        let result = run_backtest(strategy, &series, &config).unwrap();

        let mut portfolio = Portfolio::new(config.initial_cash, config.cost_model);
        let (mut trades, mut weights) = (Vec::new(), Vec::new());
        let mut waiting = None;
        for bar in 0..series.len() {
            let prices = series.prices(bar).to_vec();
            let mut trade = |portfolio: &mut Portfolio, targets: &[(Symbol, f64)]| {
                let fills = portfolio.rebalance_simple(targets, &prices).unwrap();
                trades.extend(fills.into_iter().map(|fill| (bar, fill)));
            };
            if let Some(targets) = waiting.take() {
                let targets: Vec<(Symbol, f64)> = targets;
                trade(&mut portfolio, &targets);
            }
            let answer = decide(bar, &prices);
            let mut line = vec![if answer.is_none() { f64::NAN } else { 0.0 }; 7];
            for (symbol, weight) in answer.iter().flatten() {
                line[series.column_of(*symbol).unwrap()] = *weight;
            }
            weights.extend(line);
            match fill {
                FillTiming::Close => {
                    if let Some(targets) = answer {
                        trade(&mut portfolio, &targets);
                    }
                }
                FillTiming::Next => waiting = answer,
            }
            portfolio.record_return(&prices).unwrap();
        }
        assert_eq!(*result.portfolio, portfolio);
        assert_eq!(result.portfolio.state_digest(), portfolio.state_digest());
        assert!(!trades.is_empty());
        let found: Vec<_> = result
            .trades
            .iter()
            .map(|trade| {
                let fill = Fill {
                    symbol: result.symbols[trade.column],
                    quantity: trade.quantity,
                    price: trade.price,
                    cost: trade.cost,
                };
                (trade.bar, fill)
            })
            .collect();
        assert_eq!(found, trades);
        assert_eq!(result.trades.len(), trades.len());
        assert_eq!(result.symbols, series.symbols());
        let bits = |weights: &[f64]| weights.iter().map(|w| w.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&result.weights.to_vec()), bits(&weights));
        let metrics = compute_metrics(portfolio.returns(), 12.0, 0.001).unwrap();
        assert_eq!(result.metrics, metrics);
        assert_eq!(result.costs(), portfolio.costs());
        result.portfolio.check_invariants().unwrap();
    }
}

#[test]
fn next_fills_use_the_next_bars_prices_and_equity() {
    let series = series(&[&[("A", 10)], &[("A", 20)], &[("A", 40)]]);
    let cash_seen = Cell::new(Vec::new());
    let strategy = |bar: usize, _: &Prices<'_>, portfolio: &Portfolio| -> Answer {
        let mut seen = cash_seen.take();
        seen.push(portfolio.cash());
        cash_seen.set(seen);
        if bar == 0 {
            answer(&[("A", 1.0)])
        } else {
            Ok(None)
        }
    };
    let config = BacktestConfig {
        fill: FillTiming::Next,
        ..BacktestConfig::new(100)
    };
    let result = run_backtest(strategy, &series, &config).unwrap();
    // Bought 5 at 20, before the strategy was called there.
    assert_eq!(cash_seen.take(), [100, 0, 0]);
    assert_eq!(result.equity_curve(), [100, 100, 100, 200]);
    assert_eq!(result.returns(), [0.0, 0.0, 1.0]);
    assert_eq!(traded(&result), [(1, 0, 5)]);
}

#[test]
fn an_empty_answer_closes_everything_and_none_leaves_all_alone() {
    let series = series(&[&[("A", 10)], &[("A", 10)], &[("A", 10)]]);
    let strategy = |bar: usize, _: &Prices<'_>, _: &Portfolio| -> Answer {
        match bar {
            0 => answer(&[("A", 1.0)]),
            1 => Ok(None),
            _ => answer(&[]),
        }
    };
    let result = run_backtest(strategy, &series, &BacktestConfig::new(100)).unwrap();
    assert_eq!(traded(&result), [(0, 0, 10), (2, 0, -10)]);
    assert_eq!(result.weights.row(0), Some(&[1.0][..]));
    assert_eq!(result.weights.row(1), None);
    assert_eq!(result.weights.row(2), Some(&[0.0][..]));
    let table = result.weights.to_vec();
    assert!(table[0] == 1.0 && table[1].is_nan() && table[2] == 0.0);
}

#[test]
fn the_strategys_error_arrives_unchanged_with_its_bar() {
    let series = random_series(3, 10, 2);
    let strategy = |bar: usize, _: &Prices<'_>, _: &Portfolio| -> Answer {
        if bar == 7 {
            Err("no idea".to_owned())
        } else {
            Ok(None)
        }
    };
    let error = run_backtest(strategy, &series, &BacktestConfig::new(100)).unwrap_err();
    assert_eq!(
        error,
        BacktestError::Strategy {
            bar: 7,
            error: "no idea".to_owned()
        }
    );
    assert_eq!(error.to_string(), "bar 7: no idea");
}

#[test]
fn wrong_answers_name_the_bar_and_the_value() {
    let series = series(&[&[("A", 10)], &[("A", 10)], &[("A", 10), ("late", 10)]]);
    let cases: [(&[(&str, f64)], &str); 6] = [
        (
            &[("A", 0.5), ("A", 0.5)],
            "bar 1: a symbol may have one target, A has two",
        ),
        (
            &[("A", 0.0), ("A", 0.0)],
            "bar 1: a symbol may have one target, A has two",
        ),
        (
            &[("A", f64::NAN)],
            "bar 1: a weight must be finite, got NaN for A",
        ),
        (
            &[("A", f64::INFINITY), ("B", 1.0)],
            "bar 1: a weight must be finite, got inf for A",
        ),
        (
            &[("B", 0.0)],
            "bar 1: a target must be for a symbol of the price series, got B",
        ),
        (
            &[("late", 0.5)],
            "bar 1: a symbol that is held or has a target must have had a price, late never had one",
        ),
    ];
    for fill in [FillTiming::Close, FillTiming::Next] {
        for (targets, message) in cases {
            let strategy = |bar: usize, _: &Prices<'_>, _: &Portfolio| -> Answer {
                if bar == 1 { answer(targets) } else { Ok(None) }
            };
            let config = BacktestConfig {
                fill,
                ..BacktestConfig::new(100)
            };
            let error = run_backtest(strategy, &series, &config).unwrap_err();
            assert!(matches!(error, BacktestError::Portfolio { bar: 1, .. }));
            assert_eq!(error.to_string(), message);
        }
    }
    // A weight of 0 for a symbol without a price is no mistake.
    let zero = |_: usize, _: &Prices<'_>, _: &Portfolio| -> Answer { answer(&[("late", 0.0)]) };
    run_backtest(zero, &series, &BacktestConfig::new(100)).unwrap();
}

#[test]
fn what_does_not_fit_names_its_bar() {
    let series = series(&[&[("A", 1)], &[("A", i64::MAX - 1)]]);
    let strategy = |bar: usize, _: &Prices<'_>, _: &Portfolio| -> Answer {
        if bar == 0 {
            answer(&[("A", 1.0)])
        } else {
            Ok(None)
        }
    };
    let error = run_backtest(strategy, &series, &BacktestConfig::new(100)).unwrap_err();
    assert!(matches!(
        error,
        BacktestError::Portfolio {
            bar: 1,
            error: PortfolioError::Overflow { what: "equity", .. }
        }
    ));
}

#[test]
fn rates_are_checked_before_the_first_bar() {
    let series = random_series(2, 3, 3);
    let config = BacktestConfig {
        periods_per_year: 0.0,
        ..BacktestConfig::new(100)
    };
    let strategy = |_: usize, _: &Prices<'_>, _: &Portfolio| -> Answer { panic!("not called") };
    let error = run_backtest(strategy, &series, &config).unwrap_err();
    assert_eq!(
        error,
        BacktestError::Metrics(MetricsError::InvalidPeriodsPerYear(0.0))
    );
}

#[test]
fn an_empty_series_has_no_returns() {
    let series = PriceSeries::from_rows::<Vec<_>>(&[]).unwrap();
    let result = run_backtest(EqualWeight::new(), &series, &BacktestConfig::new(100)).unwrap();
    assert_eq!(result.equity_curve(), [100]);
    assert_eq!(result.metrics, None);
    assert!(result.trades.is_empty() && result.weights.is_empty());
}

#[test]
fn a_callable_equal_weight_gives_exactly_the_built_in() {
    let uniform = series(&[&[("A", 100), ("B", 100)][..]; 20]);
    for series in [uniform, random_series(11, 300, 4)] {
        for fill in [FillTiming::Close, FillTiming::Next] {
            let mut seen: Vec<Symbol> = Vec::new();
            let by_hand = |_: usize, prices: &Prices<'_>, _: &Portfolio| -> Answer {
                for (symbol, _) in prices.iter() {
                    if !seen.contains(&symbol) {
                        seen.push(symbol);
                    }
                }
                let n = f64::from(u32::try_from(seen.len()).unwrap());
                Ok(Some(seen.iter().map(|symbol| (*symbol, 1.0 / n)).collect()))
            };
            let callable = run_backtest(by_hand, &series, &costly(fill)).unwrap();
            let built_in = run_backtest(EqualWeight::new(), &series, &costly(fill)).unwrap();
            assert_eq!(callable, built_in);
            assert_eq!(callable.digest(), built_in.digest());
        }
    }
}

#[test]
fn a_schedule_of_recorded_weights_gives_the_same_run() {
    let series = random_series(5, 100, 5);
    let strategy = |bar: usize, prices: &Prices<'_>, _: &Portfolio| -> Answer {
        Ok((bar % 3 != 0).then(|| prices.iter().map(|(symbol, _)| (symbol, 0.15)).collect()))
    };
    let config = costly(FillTiming::Close);
    let recorded = run_backtest(strategy, &series, &config).unwrap();
    let schedule = WeightSchedule::new(5, recorded.weights.to_vec()).unwrap();
    assert_eq!(run_backtest(schedule, &series, &config).unwrap(), recorded);
}

#[test]
fn a_schedule_must_fit_its_prices() {
    let series = random_series(3, 4, 6);
    for (symbols, weights, found) in [(3, 9, "3 x 3"), (4, 12, "3 x 4"), (0, 0, "4 x 0")] {
        let schedule = WeightSchedule::new(symbols, vec![0.0; weights]).unwrap();
        let error = run_backtest(schedule, &series, &BacktestConfig::new(100)).unwrap_err();
        let message = format!(
            "bar 0: a weight schedule must have the prices' 4 bars x 3 symbols, got {found}"
        );
        assert_eq!(error.to_string(), message);
    }
    // A row that is partly NaN is neither targets nor a pause.
    let mut weights = vec![0.0; 12];
    weights[7] = f64::NAN;
    let schedule = WeightSchedule::new(3, weights).unwrap();
    let error = run_backtest(schedule, &series, &BacktestConfig::new(100)).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("bar 2: a weight must be finite, got NaN for S")
    );
}

#[test]
fn schedules_compare_by_value() {
    let hash = |schedule: &WeightSchedule| {
        let mut hasher = DefaultHasher::new();
        schedule.hash(&mut hasher);
        hasher.finish()
    };
    let schedule =
        |columns, weights: [f64; 4]| WeightSchedule::new(columns, weights.to_vec()).unwrap();
    let (one, other) = (
        schedule(2, [0.5, f64::NAN, 0.0, 1.0]),
        schedule(2, [0.5, -f64::NAN, -0.0, 1.0]),
    );
    assert_eq!(one, other);
    assert_eq!(hash(&one), hash(&other));
    for different in [
        schedule(4, [0.5, f64::NAN, 0.0, 1.0]),
        schedule(2, [0.5, f64::NAN, 0.0, -1.0]),
        schedule(2, [0.5, 0.0, 0.0, 1.0]),
        WeightSchedule::with_symbols(&[symbol("A"), symbol("B")], one.weights()).unwrap(),
    ] {
        assert_ne!(one, different);
    }
}

#[test]
fn rows_of_a_schedule_are_whole() {
    for (columns, weights) in [(3, 13), (2, 1), (0, 1)] {
        let error = WeightSchedule::new(columns, vec![0.0; weights]).unwrap_err();
        assert_eq!(error, ScheduleError::UnevenRows { columns, weights });
        let names: Vec<_> = ["A", "B", "C"][..columns]
            .iter()
            .copied()
            .map(symbol)
            .collect();
        let named = WeightSchedule::with_symbols(&names, vec![0.0; weights]).unwrap_err();
        assert_eq!(named, error);
    }
    let twice = WeightSchedule::with_symbols(&["B", "A", "B"].map(symbol), vec![0.0; 3]);
    assert_eq!(
        twice.unwrap_err(),
        ScheduleError::DuplicateSymbol(symbol("B"))
    );
}

#[test]
fn a_schedule_with_symbols_goes_by_name() {
    let names = ["C", "A", "B"].map(symbol);
    let prices = [10, 20, 30, 11, 21, 31].map(|price| Some(Price(price)));
    let series = PriceSeries::from_prices(&names, prices).unwrap();
    let run = |schedule: WeightSchedule| {
        run_backtest(schedule, &series, &BacktestConfig::new(1_000))
            .map_err(|error| error.to_string())
    };
    let expected = run(WeightSchedule::new(3, [0.1, 0.2, 0.3, 0.0, 0.5, 0.4]).unwrap()).unwrap();
    let sorted = ["A", "B", "C"].map(symbol);
    let by_name = WeightSchedule::with_symbols(&sorted, [0.2, 0.3, 0.1, 0.5, 0.4, 0.0]).unwrap();
    assert_eq!(by_name.symbols(), Some(&sorted[..]));
    assert_eq!(run(by_name).unwrap(), expected);
    // A symbol without a column has no target, as in a strategy's answer.
    let some = WeightSchedule::with_symbols(&sorted[..2], [0.2, 0.3, f64::NAN, f64::NAN]).unwrap();
    let result = run(some).unwrap();
    assert_eq!(result.weights.row(0), Some(&[0.0, 0.2, 0.3][..]));
    assert_eq!(result.weights.row(1), None);

    let fails = |names: &[&str], weights: &[f64]| {
        let names: Vec<_> = names.iter().copied().map(symbol).collect();
        run(WeightSchedule::with_symbols(&names, weights).unwrap()).unwrap_err()
    };
    assert_eq!(
        fails(&["A", "D"], &[0.0; 4]),
        "bar 0: the columns of a weight schedule must be symbols of the prices, got D"
    );
    assert_eq!(
        fails(&["A", "B"], &[0.0; 6]),
        "bar 0: a weight schedule must have the prices' 2 bars, got 3"
    );
    assert_eq!(
        fails(&["B", "A"], &[0.0, 0.0, 0.5, f64::NAN]),
        "bar 1: a weight must be finite, got NaN for A"
    );
}

#[test]
fn trades_are_in_symbol_order_and_columns_in_the_callers() {
    let series = series(&[
        &[("b", 10), ("a", 10), ("c", 10)],
        &[("c", 10), ("a", 10), ("b", 10)],
    ]);
    let result = run_backtest(EqualWeight::new(), &series, &BacktestConfig::new(90)).unwrap();
    assert_eq!(result.symbols, ["b", "a", "c"].map(symbol));
    // a, b, c by column.
    assert_eq!(traded(&result), [(0, 1, 3), (0, 0, 3), (0, 2, 3)]);
}

#[test]
fn prices_have_the_order_of_each_bar() {
    let rows: [&[(&str, i64)]; 4] = [
        &[("b", 1), ("a", 2)],
        &[("a", 3), ("c", 4), ("b", 5)],
        &[("c", 6), ("a", 7)],
        &[],
    ];
    let series = series(&rows);
    assert_eq!(series.symbols(), ["b", "a", "c"].map(symbol));
    assert_eq!(series.len(), 4);
    for (bar, expected) in rows.iter().enumerate() {
        assert_eq!(series.prices(bar).to_vec(), row(expected));
    }
    assert_eq!(series.prices(2).get(symbol("b")), None);
    assert_eq!(series.prices(2).get(symbol("x")), None);
    assert_eq!(series.prices(2).get(symbol("a")), Some(Price(7)));
    assert_eq!(series.prices(2).column(1), Some(Price(7)));
}

#[test]
fn series_of_the_same_prices_are_equal_however_built() {
    let (a, b) = (symbol("A"), symbol("B"));
    let rows = series(&[&[("A", 100), ("B", 200)], &[("B", 210)]]);
    let prices = [Some(Price(100)), Some(Price(200)), None, Some(Price(210))];
    assert_eq!(PriceSeries::from_prices(&[a, b], prices).unwrap(), rows);
    let floats = [1.0, 2.0, f64::NAN, 2.1];
    assert_eq!(
        PriceSeries::from_floats(&[a, b], floats, 0.01).unwrap(),
        rows
    );
}

#[test]
fn wrong_prices_name_row_and_symbol() {
    let (a, b) = (symbol("A"), symbol("B"));
    let error =
        PriceSeries::from_rows(&[row(&[("A", 1)]), row(&[("A", 1), ("A", 2)])]).unwrap_err();
    assert_eq!(error, SeriesError::DuplicatePrice { bar: 1, symbol: a });
    let error = PriceSeries::from_rows(&[row(&[("A", 1)]), row(&[("A", 0)])]).unwrap_err();
    assert_eq!(
        error,
        SeriesError::InvalidPrice {
            bar: 1,
            symbol: a,
            price: Price(0)
        }
    );
    let error = PriceSeries::from_floats(&[a, b], [1.0, 1.0, 1.0, -0.5], 0.01).unwrap_err();
    assert_eq!(
        error,
        SeriesError::InvalidFloat {
            bar: 1,
            symbol: b,
            price: -0.5
        }
    );
    for price in [f64::INFINITY, f64::NEG_INFINITY] {
        let (symbol, bar) = (b, 1);
        let wrong = Err(SeriesError::InvalidFloat { bar, symbol, price });
        let prices = [1.0, 1.0, 1.0, price];
        assert_eq!(PriceSeries::from_floats(&[a, b], prices, 0.01), wrong);
        let columns = [vec![1.0, 1.0], vec![1.0, price]].map(PriceColumn::Floats);
        let columns: Vec<_> = [a, b].into_iter().zip(columns).collect();
        assert_eq!(PriceSeries::from_columns(&columns, Some(0.01)), wrong);
        let mut builder = PriceSeriesBuilder::new();
        builder.end_bar();
        assert_eq!(builder.push_float(b, price, 0.01), wrong.map(drop));
    }
    // Rounds to 0 ticks.
    let error = PriceSeries::from_floats(&[a], [0.004], 0.01).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a price must be at least 1 and below 9223372036854775807 ticks, got 0.004 for A at bar 0"
    );
    let error = PriceSeries::from_prices(&[a, a], []).unwrap_err();
    assert_eq!(error, SeriesError::DuplicateSymbol(a));
    for (symbols, prices) in [
        (&[a, b][..], &[1.0, 1.0, 1.0][..]),
        (&[], &[1.0]),
        (&[], &[-1.0]),
    ] {
        let error = PriceSeries::from_floats(symbols, prices, 1.0).unwrap_err();
        let expected = SeriesError::Shape {
            symbols: symbols.len(),
            prices: prices.len(),
        };
        assert_eq!(error, expected);
    }
    for tick in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        PriceSeries::from_floats(&[a], [1.0], tick).unwrap_err();
    }
}

#[test]
fn the_portfolio_is_lent_without_a_copy() {
    /// Notes where the portfolio's curve lives.
    struct Watch(Vec<*const i64>);

    impl Strategy for &mut Watch {
        type Error = String;

        fn compute_weights(
            &mut self,
            bar: usize,
            _prices: &Prices<'_>,
            portfolio: &Arc<Portfolio>,
            targets: &mut Targets<'_>,
        ) -> Result<Decision, String> {
            assert_eq!(Arc::strong_count(portfolio), 1);
            assert_eq!(portfolio.equity_curve().len(), bar + 1);
            self.0.push(portfolio.equity_curve().as_ptr());
            targets.set_all(&[0.5, 0.5]);
            Ok(Decision::Rebalance)
        }
    }

    // The curve has its room from the start, so that it moves only when it is copied.
    let series = series(&[&[("A", 10), ("B", 10)][..]; 500]);
    let mut watch = Watch(Vec::new());
    run_backtest(&mut watch, &series, &BacktestConfig::new(100)).unwrap();
    watch.0.dedup();
    assert_eq!(watch.0.len(), 1);
}

#[test]
fn a_strategy_that_keeps_the_portfolio_keeps_what_it_saw() {
    struct Keep(Vec<Arc<Portfolio>>);

    impl Strategy for &mut Keep {
        type Error = String;

        fn compute_weights(
            &mut self,
            _bar: usize,
            _prices: &Prices<'_>,
            portfolio: &Arc<Portfolio>,
            targets: &mut Targets<'_>,
        ) -> Result<Decision, String> {
            self.0.push(Arc::clone(portfolio));
            targets.set_column(0, 1.0);
            Ok(Decision::Rebalance)
        }
    }

    let series = series(&[&[("A", 10)], &[("A", 20)], &[("A", 30)]]);
    let mut keep = Keep(Vec::new());
    let result = run_backtest(&mut keep, &series, &BacktestConfig::new(100)).unwrap();
    let curves: Vec<_> = keep
        .0
        .iter()
        .map(|portfolio| portfolio.equity_curve().to_vec())
        .collect();
    assert_eq!(curves, [vec![100], vec![100, 100], vec![100, 100, 200]]);
    assert_eq!(result.equity_curve(), [100, 100, 200, 300]);
}

#[test]
fn a_run_stops_when_asked() {
    let series = random_series(3, 50, 7);
    let config = BacktestConfig::new(100);
    let error = run_backtest_until(EqualWeight::new(), &series, &config, || true).unwrap_err();
    assert!(matches!(error, BacktestError::Interrupted { bar: 0 }));

    // Asked again at least once in 65,536 prices.
    let long = series_of_one(200_000);
    let mut asked = 0;
    let error = run_backtest_until(EqualWeight::new(), &long, &config, || {
        asked += 1;
        asked == 3
    })
    .unwrap_err();
    assert!(matches!(error, BacktestError::Interrupted { bar } if bar <= 2 * 65_536));
}

#[test]
fn a_run_stops_when_asked_after_its_last_bar() {
    let bars = 1 << 20;
    let last = Cell::new(0);
    let hold = |bar: usize, _: &Prices<'_>, _: &Portfolio| -> Answer {
        last.set(bar);
        Ok(None)
    };
    let ended = || last.get() + 1 == bars;
    let config = BacktestConfig::new(100);
    let error = run_backtest_until(hold, &series_of_one(bars), &config, ended).unwrap_err();
    assert_eq!(error, BacktestError::Interrupted { bar: bars });
}

fn series_of_one(bars: usize) -> PriceSeries {
    PriceSeries::from_prices(&[symbol("A")], (0..bars).map(|_| Some(Price(100)))).unwrap()
}

#[test]
fn turnover_is_what_was_traded_over_the_mean_equity() {
    let series = series(&[&[("A", 10)], &[("A", 20)], &[("A", 20)]]);
    let strategy = |bar: usize, _: &Prices<'_>, _: &Portfolio| -> Answer {
        answer(if bar == 0 { &[("A", 1.0)] } else { &[] })
    };
    let result = run_backtest(strategy, &series, &BacktestConfig::new(100)).unwrap();
    // Bought for 100, sold for 200; equity 100, 100, 200, 200.
    assert_eq!(result.turnover(), 2.0);
    let nothing = run_backtest(strategy, &series, &BacktestConfig::new(0)).unwrap();
    assert!(nothing.turnover().is_nan());
    // Ten sold short; equity 100, 100, -200: the mean is zero.
    let short = |bar: usize, _: &Prices<'_>, _: &Portfolio| -> Answer {
        Ok((bar == 0).then(|| vec![(symbol("A"), -1.0)]))
    };
    let loss = self::series(&[&[("A", 10)], &[("A", 40)]]);
    let result = run_backtest(short, &loss, &BacktestConfig::new(100)).unwrap();
    assert_eq!(result.equity_curve(), [100, 100, -200]);
    assert!(result.turnover().is_nan());
}

#[test]
fn the_digest_follows_the_fills() {
    let series = random_series(4, 80, 8);
    let run = |config: &BacktestConfig| run_backtest(EqualWeight::new(), &series, config).unwrap();
    let config = costly(FillTiming::Close);
    assert_eq!(run(&config).digest(), run(&config).digest());
    assert_ne!(
        run(&config).digest(),
        run(&costly(FillTiming::Next)).digest()
    );
    // The same portfolio by other fills.
    let (up, down) = (series_of_one(2), series_of_one(2));
    let buy_at = |bar: usize, series: &PriceSeries| {
        let strategy = move |now: usize, _: &Prices<'_>, _: &Portfolio| -> Answer {
            if now == bar {
                answer(&[("A", 1.0)])
            } else {
                Ok(None)
            }
        };
        run_backtest(strategy, series, &BacktestConfig::new(100)).unwrap()
    };
    let (early, late) = (buy_at(0, &up), buy_at(1, &down));
    assert_eq!(early.portfolio, late.portfolio);
    assert_ne!(early.digest(), late.digest());
    assert_ne!(early.trades, late.trades);
    // 50 bought, and sold for 2 more each, at other prices.
    let [cheap, dear] = [(0.5, [10, 12, 5]), (1.0, [20, 22, 5])].map(|(weight, prices)| {
        let prices = prices.map(|price| Some(Price(price)));
        let series = PriceSeries::from_prices(&[symbol("A")], prices).unwrap();
        let schedule = WeightSchedule::new(1, vec![weight, 0.0, 0.0]).unwrap();
        run_backtest(schedule, &series, &BacktestConfig::new(1_000)).unwrap()
    });
    assert_eq!(traded(&cheap), traded(&dear));
    assert_eq!(cheap.portfolio, dear.portfolio);
    assert_ne!(cheap.digest(), dear.digest());
    // A symbol that never had a price is a column all the same.
    let [one, other] = ["B", "C"].map(|never| {
        let symbols = [symbol("A"), symbol(never)];
        let series = PriceSeries::from_prices(&symbols, [Some(Price(10)), None]).unwrap();
        run_backtest(EqualWeight::new(), &series, &BacktestConfig::new(100)).unwrap()
    });
    assert_ne!(one.digest(), other.digest());
}

#[test]
fn sweeps_are_in_order_and_equal_for_any_number_of_threads() {
    let series = random_series(6, 120, 9);
    let config = costly(FillTiming::Close);
    let params: Vec<usize> = (1..40).collect();
    let make = |every: &usize| {
        let every = *every;
        move |bar: usize, prices: &Prices<'_>, _: &Portfolio| -> Answer {
            Ok((bar % every == 0).then(|| prices.iter().map(|(s, _)| (s, 0.16)).collect()))
        }
    };
    let alone: Vec<_> = params
        .iter()
        .map(|param| run_backtest(make(param), &series, &config).unwrap())
        .collect();
    let run = || sweep_strategy(make, &params, &series, &config, || false).unwrap();
    assert_eq!(run(), alone);
    #[cfg(feature = "parallel")]
    for threads in [1, 2, 7] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        assert_eq!(pool.install(run), alone);
    }
}

#[test]
fn a_sweep_names_the_first_parameter_that_fails() {
    let params: Vec<usize> = (0..200).collect();
    for _ in 0..20 {
        let runs = AtomicUsize::new(0);
        let error = sweep(&params, |param| {
            runs.fetch_add(1, Ordering::Relaxed);
            if param % 50 == 37 {
                Err(*param)
            } else {
                Ok(*param)
            }
        })
        .unwrap_err();
        assert_eq!((error.index, error.error), (37, 37));
        assert!(runs.into_inner() >= 38);
    }
    let series = random_series(2, 5, 10);
    let config = BacktestConfig::new(100);
    let error = sweep_strategy(
        |_: &u8| EqualWeight::new(),
        &[1, 2],
        &series,
        &config,
        || true,
    )
    .unwrap_err();
    assert_eq!(error.to_string(), "parameter 0: bar 0: interrupted");
}

#[cfg(feature = "parallel")]
#[test]
fn a_parameter_before_one_that_failed_is_still_run() {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap();
    let third_failed = AtomicUsize::new(0);
    let run = |param: &usize| match param {
        0 => {
            while third_failed.load(Ordering::Acquire) == 0 {
                std::thread::yield_now();
            }
            // Until the other thread has noted its failure.
            std::thread::sleep(std::time::Duration::from_millis(20));
            Ok(())
        }
        2 => {
            third_failed.store(1, Ordering::Release);
            Err(2)
        }
        _ => Err(*param),
    };
    let error = pool.install(|| sweep(&[0, 1, 2, 3], run)).unwrap_err();
    assert_eq!((error.index, error.error), (1, 1));
}

#[test]
fn strategies_of_any_kind_are_lent_to_a_run_and_keep_what_they_saw() {
    let series = series(&[&[("A", 10)], &[("A", 12)]]);
    let config = BacktestConfig::new(100);
    let schedule = WeightSchedule::with_symbols(&[symbol("A")], vec![1.0, 1.0]).unwrap();
    let mut strategies: Vec<Box<dyn Strategy<Error = ScheduleError>>> = vec![Box::new(schedule)];
    // A second run begins with `start` again, and so comes to the same.
    for _ in 0..2 {
        let result = run_backtest(ByRef(&mut *strategies[0]), &series, &config).unwrap();
        assert_eq!(result.portfolio.equity_curve(), [100, 100, 120]);
    }
    let mut bars = Vec::new();
    let mut closure = |bar: usize, _: &Prices<'_>, _: &Portfolio| -> Answer {
        bars.push(bar);
        Ok(None)
    };
    run_backtest(closure.by_ref(), &series, &config).unwrap();
    run_backtest(closure.by_ref(), &series, &config).unwrap();
    assert_eq!(bars, [0, 1, 0, 1]);
}
