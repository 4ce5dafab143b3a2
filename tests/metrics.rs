//! Metrics against published values, and at their edges.
//!
//! The published values are read from the folder `metrics` under the path in the environment
//! variable `NANOBOOK_DATA`; without it those tests say that they skipped.

#![expect(
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::print_stdout,
    reason = "a test fails by panicking, expects exact results and says when it skips"
)]

use std::fs;
use std::path::PathBuf;

use nanobook::{Metrics, MetricsError, compute_metrics};

fn metrics(returns: &[f64], periods_per_year: f64, risk_free: f64) -> Metrics {
    compute_metrics(returns, periods_per_year, risk_free)
        .unwrap()
        .unwrap()
}

fn close(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance
}

#[track_caller]
fn assert_close(found: f64, expected: f64) {
    assert!(
        close(found, expected, 1e-12 * expected.abs().max(1.0)),
        "{found} is not {expected}"
    );
}

/// Returns a published file, or says that there is none.
fn published(name: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("NANOBOOK_DATA") else {
        println!("skipped: NANOBOOK_DATA is not set, so there is no {name}");
        return None;
    };
    let path = PathBuf::from(folder).join("metrics").join(name);
    if !path.exists() {
        println!("skipped: there is no {}", path.display());
        return None;
    }
    Some(fs::read_to_string(path).unwrap())
}

/// Splits a line of comma-separated values, some in quotes.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            _ => cells.last_mut().unwrap().push(c),
        }
    }
    cells
}

/// Returns a column's values, those that are missing left out.
fn column(table: &str, name: &str) -> Vec<f64> {
    let mut lines = table.lines().map(cells);
    let header = lines.next().unwrap();
    let place = header
        .iter()
        .position(|cell| cell == name || (name == "portfolio" && cell.starts_with("portfolio")))
        .unwrap_or_else(|| panic!("{header:?} has {name}"));
    lines
        .filter(|row| !row[place].is_empty())
        .map(|row| row[place].parse().unwrap())
        .collect()
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap())
}

/// Returns the value in our definition, or `None` where the definitions differ.
fn ours(metric: &str, definition: &str, returns: &[f64]) -> Option<f64> {
    let monthly = |risk_free| metrics(returns, 12.0, risk_free);
    let per_period = |risk_free| metrics(returns, 1.0, risk_free);
    let above = |target: f64| {
        metrics(
            &returns.iter().map(|r| r - target).collect::<Vec<_>>(),
            12.0,
            0.0,
        )
    };
    // A downside deviation is the excess over Sortino's ratio.
    let downside = |target: f64| {
        let excess = returns.iter().map(|r| r - target).sum::<f64>() / count(returns.len());
        excess / per_period(target).sortino
    };
    Some(match metric {
        "annualized_return_geometric" => monthly(0.0).cagr,
        "annualized_stddev" => monthly(0.0).volatility,
        "stddev_per_period" => per_period(0.0).volatility,
        "annualized_sharpe_arithmetic" if definition.starts_with("rf=0;") => monthly(0.0).sharpe,
        "annualized_sharpe_arithmetic" => monthly(0.035 / 12.0).sharpe,
        "sharpe_per_period" => per_period(0.035 / 12.0).sharpe,
        "sortino_per_period" => per_period(0.0).sortino,
        "downside_deviation" => downside(match definition.split(';').next().unwrap() {
            "mar=0" => 0.0,
            "mar=0.04/12" => 0.04 / 12.0,
            "mar=0.005" => 0.005,
            other => panic!("{other} is a known target"),
        }),
        "max_drawdown" => monthly(0.0).max_drawdown,
        "calmar" => monthly(0.0).calmar,
        "omega" | "bernardo_ledoit" => monthly(0.0).profit_factor,
        "upside_frequency" => above(0.005).win_rate,
        "downside_frequency" => {
            let found = above(0.005);
            count(found.losing_periods) / count(found.num_periods)
        }
        // Geometric Sharpe ratio, arithmetic annual return, Ulcer and pain index, downside
        // potential and the like are not metrics of ours.
        _ => return None,
    })
}

#[test]
fn performance_analytics_values_match() {
    let Some(expected) = published("expected_performanceanalytics.csv") else {
        return;
    };
    let mut lines = expected.lines().map(cells);
    let header = lines.next().unwrap();
    let place = |name: &str| header.iter().position(|cell| cell == name).unwrap();
    let [file, name, metric, definition, value, tolerance] = [
        "file",
        "column",
        "metric",
        "definition",
        "expected",
        "tolerance",
    ]
    .map(place);
    let (mut matched, mut others) = (0, Vec::new());
    for row in lines {
        let table = published(&row[file]).unwrap();
        let returns = column(&table, &row[name]);
        let Some(found) = ours(&row[metric], &row[definition], &returns) else {
            others.push(row[metric].clone());
            continue;
        };
        let (value, tolerance): (f64, f64) =
            (row[value].parse().unwrap(), row[tolerance].parse().unwrap());
        assert!(close(found, value, tolerance), "{row:?}: {found}");
        matched += 1;
    }
    others.sort();
    others.dedup();
    println!("{matched} published values match; other definitions: {others:?}");
    assert!(matched >= 75, "{matched}");
}

#[test]
fn the_longest_published_drawdown_matches() {
    let Some(expected) = published("expected_drawdowns.csv") else {
        return;
    };
    let worst = cells(expected.lines().nth(1).unwrap());
    let returns = column(&published("managers.csv").unwrap(), &worst[0]);
    let found = metrics(&returns, 12.0, 0.0);
    assert!(close(-found.max_drawdown, worst[5].parse().unwrap(), 5e-5));
    // From the first month below the peak to the month that reached it again, both counted.
    assert_eq!(
        found.max_drawdown_periods,
        worst[6].parse::<usize>().unwrap()
    );
}

#[cfg(feature = "persistence")]
#[test]
fn empyrical_values_match() {
    use serde_json::Value;

    fn number(value: &Value) -> f64 {
        match value.as_str() {
            Some(text) => text.parse().unwrap(),
            None => value.as_f64().unwrap(),
        }
    }

    let Some(text) = published("empyrical_cases.json") else {
        return;
    };
    let cases: Value = serde_json::from_str(&text).unwrap();
    let mut matched = 0;
    let mut differing = Vec::new();
    for case in cases["cases"].as_array().unwrap() {
        let arguments = &case["args"];
        let series = &arguments["returns"];
        let values = match series["series"].as_str() {
            Some(name) => &cases["series"][name]["values"],
            None => &series["values"],
        };
        let Some(values) = values.as_array() else {
            continue;
        };
        // Missing values are left out; where that changes the definition the case is one that differs.
        let returns: Vec<f64> = values.iter().map(number).filter(|r| !r.is_nan()).collect();
        let gaps = returns.len() != values.len();
        let periods = match arguments["period"].as_str() {
            None | Some("daily") => 252.0,
            Some("weekly") => 52.0,
            Some("monthly") => 12.0,
            Some(other) => panic!("{other} is a known period"),
        };
        let risk_free = [&arguments["risk_free"], &arguments["required_return"]]
            .into_iter()
            .find(|value| !value.is_null())
            .map_or(Some(0.0), Value::as_f64);
        // A risk free rate for each period is not ours.
        let Some(risk_free) = risk_free else { continue };
        let Some(found) = compute_metrics(&returns, periods, risk_free).unwrap() else {
            continue;
        };
        let n = count(returns.len());
        let found = match case["test"].as_str().unwrap() {
            "cum_returns_final" if arguments["starting_value"] == 0 => found.total_return,
            "max_drawdown" => -found.max_drawdown,
            // Their years count the missing period.
            "annual_ret" | "cagr" if !gaps => found.cagr,
            "calmar" if !gaps => found.calmar,
            "annual_volatility" => found.volatility,
            "sharpe_ratio" => found.sharpe,
            "sortino" => found.sortino,
            "downside_risk" if found.sortino.is_finite() => {
                (returns.iter().sum::<f64>() / n - risk_free) * periods / found.sortino
            }
            "omega" if risk_free == 0.0 && arguments["required_return"].is_null() => {
                found.profit_factor
            }
            _ => continue,
        };
        let expected = number(&arguments["expected"]);
        if expected.is_nan() && found.is_nan() || close(found, expected, 1e-4) {
            matched += 1;
        } else {
            differing.push((case["test"].as_str().unwrap().to_owned(), expected, found));
        }
    }
    println!("{matched} published values match; differing: {differing:?}");
    // Theirs are infinite where a denominator is zero, ours undefined.
    for (name, expected, found) in differing {
        assert!(
            expected.is_infinite() && found.is_nan(),
            "{name}: {expected}, not {found}"
        );
    }
    assert!(matched >= 25, "{matched}");
}

/// Nine months whose metrics were computed from their definitions with exact fractions.
const RETURNS: [f64; 9] = [0.0, 0.01, 0.1, -0.04, 0.02, 0.03, 0.02, 0.01, -0.1];

#[test]
fn a_worked_series() {
    let m = metrics(&RETURNS, 12.0, 0.0);
    assert_close(m.total_return, 0.038_931_091_700_48);
    assert_close(m.cagr, 0.052_242_061_386_048_18);
    assert_close(m.volatility, 0.186_636_902_388_925_58);
    assert_close(m.sharpe, 0.357_199_813_184_546_6);
    assert_close(m.sortino, 0.536_056_267_418_897_4);
    assert_close(m.max_drawdown, 0.1);
    assert_close(m.calmar, 0.522_420_613_860_481_8);
    assert_close(m.win_rate, 0.666_666_666_666_666_6);
    assert_close(m.profit_factor, 1.357_142_857_142_857_2);
    assert_close(m.payoff_ratio, 0.452_380_952_380_952_4);
    assert_close(m.var_95, -0.076);
    assert_close(m.cvar_95, -0.1);
    assert_close(m.skew, -0.345_524_397_046_011_3);
    assert_close(m.kurtosis, 0.478_998_649_298_321_9);
    assert_eq!(
        (m.num_periods, m.winning_periods, m.losing_periods),
        (9, 6, 2)
    );
    // Below 1.111 from -0.04 on, to within the next two, and again at the end.
    assert_eq!(m.max_drawdown_periods, 3);
}

#[test]
fn no_returns_have_no_metrics() {
    assert_eq!(compute_metrics(&[], 252.0, 0.0), Ok(None));
}

#[test]
fn one_return() {
    let m = metrics(&[0.25], 4.0, 0.0);
    assert_eq!(m.total_return, 0.25);
    // 1.25^4 - 1
    assert_close(m.cagr, 1.441_406_25);
    assert!(m.volatility.is_nan() && m.sharpe.is_nan() && m.sortino.is_nan());
    assert!(m.skew.is_nan() && m.kurtosis.is_nan());
    assert_eq!((m.max_drawdown, m.max_drawdown_periods), (0.0, 0));
    assert!(m.calmar.is_nan() && m.profit_factor.is_nan() && m.payoff_ratio.is_nan());
    assert_eq!(
        (m.num_periods, m.winning_periods, m.losing_periods),
        (1, 1, 0)
    );
    assert_eq!((m.win_rate, m.var_95, m.cvar_95), (1.0, 0.25, 0.25));
}

#[test]
fn constant_returns_have_no_risk() {
    // 0.1 is not a float, so sums of it leave rounding behind: it counts as zero.
    for (r, n) in [(0.1, 7), (0.01, 1_000), (-0.003, 10_007), (0.0, 5)] {
        let m = metrics(&vec![r; n], 252.0, 0.0);
        assert_eq!(m.volatility, 0.0, "{r} x {n}");
        assert!(m.sharpe.is_nan() && m.skew.is_nan() && m.kurtosis.is_nan());
    }
    let m = metrics(&[-0.1; 4], 1.0, 0.0);
    assert_close(m.sortino, -1.0);
    // Deviations from the target are none either.
    assert!(metrics(&[0.1; 7], 252.0, 0.1).sortino.is_nan());
}

#[test]
fn no_losses() {
    let m = metrics(&[0.1, 0.2, 0.0], 1.0, 0.0);
    assert!(m.sortino.is_nan() && m.calmar.is_nan());
    assert!(m.profit_factor.is_nan() && m.payoff_ratio.is_nan());
    assert_eq!((m.max_drawdown, m.max_drawdown_periods), (0.0, 0));
    assert_close(m.win_rate, 2.0 / 3.0);
}

#[test]
fn no_gains() {
    let m = metrics(&[-0.1, -0.2], 1.0, 0.0);
    assert_eq!((m.profit_factor, m.win_rate), (0.0, 0.0));
    assert!(m.payoff_ratio.is_nan());
    assert_close(m.max_drawdown, 0.28);
    assert_eq!(m.max_drawdown_periods, 2);
}

#[test]
fn ruin_is_the_end_of_wealth() {
    for ruin in [-1.0, -1.5, -40.0] {
        let m = metrics(&[0.5, ruin, 3.0, -0.5], 252.0, 0.0);
        assert_eq!(
            (m.total_return, m.cagr, m.max_drawdown, m.calmar),
            (-1.0, -1.0, 1.0, -1.0)
        );
        assert_eq!(m.max_drawdown_periods, 3);
        assert_eq!((m.winning_periods, m.losing_periods), (2, 2));
    }
}

#[test]
fn returns_that_are_not_finite_are_named() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for index in [0, 1, 8, 1_500, 2_999] {
            let mut returns = vec![0.01; 3_000];
            returns[index] = value;
            // A later one does not matter, whatever it is.
            returns[2_999] = if index == 2_999 { value } else { f64::NAN };
            let error = compute_metrics(&returns, 252.0, 0.0).unwrap_err();
            assert!(
                matches!(error, MetricsError::ReturnNotFinite { index: found, .. } if found == index)
            );
        }
    }
    let error = compute_metrics(&[0.1, f64::NAN], 252.0, 0.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a return must be finite, got NaN at index 1"
    );
}

#[test]
fn rates_must_be_sensible() {
    for periods in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = compute_metrics(&[0.1], periods, 0.0).unwrap_err();
        assert!(matches!(error, MetricsError::InvalidPeriodsPerYear(_)));
        compute_metrics(&[], periods, 0.0).unwrap_err();
    }
    for rate in [f64::NAN, f64::NEG_INFINITY] {
        let error = compute_metrics(&[0.1], 252.0, rate).unwrap_err();
        assert!(matches!(error, MetricsError::InvalidRiskFree(_)));
    }
}

#[test]
fn an_annual_rate_passed_per_period_is_taken_at_its_word() {
    // 5 % a month is 80 % a year: no fund of these months beats it.
    let m = metrics(&RETURNS, 12.0, 0.05);
    assert!(m.sharpe < 0.0 && m.sortino < 0.0);
}

#[test]
fn drawdowns_start_at_the_first_wealth_and_end_at_its_recovery() {
    // 0.9, 0.99, 1.089: one drawdown, recovered in the third period.
    let m = metrics(&[-0.1, 0.1, 0.1], 1.0, 0.0);
    assert_close(m.max_drawdown, 0.1);
    assert_eq!(m.max_drawdown_periods, 3);
    // 2, 1, 2: recovered to the unit. Then 1 for three periods, not recovered.
    let m = metrics(&[1.0, -0.5, 1.0, -0.5, 0.0, 0.0], 1.0, 0.0);
    assert_eq!((m.max_drawdown, m.max_drawdown_periods), (0.5, 3));
    // The deepest is not the longest.
    let m = metrics(&[-0.5, 2.0, -0.1, 0.0, 0.0, 0.0], 1.0, 0.0);
    assert_eq!((m.max_drawdown, m.max_drawdown_periods), (0.5, 4));
}

#[test]
fn wealth_need_not_fit_in_a_float() {
    // 2^4000, and back by half.
    let mut returns = vec![1.0; 4_000];
    let m = metrics(&returns, 4_000.0, 0.0);
    assert_eq!((m.total_return, m.max_drawdown), (f64::INFINITY, 0.0));
    let m = metrics(&returns, 1.0, 0.0);
    assert_close(m.cagr, 1.0);
    returns.extend([-0.75, 0.0]);
    let m = metrics(&returns, 2.0, 0.0);
    assert_eq!((m.max_drawdown, m.max_drawdown_periods), (0.75, 2));
    assert_close(m.cagr, 2_f64.powf(3_998.0 / 2_001.0) - 1.0);

    // 2^-4000 is not ruin.
    let m = metrics(&vec![-0.5; 4_000], 1.0, 0.0);
    assert_close(m.cagr, -0.5);
    assert_eq!(
        (m.total_return, m.max_drawdown, m.max_drawdown_periods),
        (-1.0, 1.0, 4_000)
    );
}

#[test]
fn the_tail_is_that_of_a_full_sort() {
    // Sizes around the ones at which only a part is ranked, with many ties.
    for n in [2_usize, 20, 21, 22, 100, 4_095, 4_096, 5_000, 100_003] {
        for kinds in [3_u64, 1_000, u64::MAX] {
            let mut state = 7_u64;
            let returns: Vec<f64> = (0..n)
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    let part = u32::try_from((state >> 33) % kinds).unwrap();
                    f64::from(part) / f64::from(u32::MAX) - 0.2
                })
                .collect();
            let mut sorted = returns.clone();
            sorted.sort_by(f64::total_cmp);
            let rank = (n - 1) * 5 / 100;
            let between = count((n - 1) * 5 % 100) / 100.0;
            let expected = sorted[rank] + (sorted[rank + 1] - sorted[rank]) * between;
            let m = metrics(&returns, 252.0, 0.0);
            assert_close(m.var_95, expected);
            assert_close(
                m.cvar_95,
                sorted[..=rank].iter().sum::<f64>() / count(rank + 1),
            );
        }
    }
    // The sample sees none of the low ones: the first period of every sixteen.
    let returns: Vec<f64> = (0..16_384)
        .map(|i| if i % 16 == 1 { -0.5 } else { 0.01 })
        .collect();
    let m = metrics(&returns, 252.0, 0.0);
    assert_eq!((m.var_95, m.cvar_95), (-0.5, -0.5));
    // The sample sees little but low ones: the bound it gives is too low.
    let returns: Vec<f64> = (0..16_384)
        .map(|i| {
            if i % 16 == 0 {
                -0.5 + f64::from(i) * 1e-6
            } else {
                0.01
            }
        })
        .collect();
    let m = metrics(&returns, 252.0, 0.0);
    // The lowest 820 of 16 x 10^-6 apart; the percentile is 0.15 of the way to the next.
    assert_close(m.var_95, -0.5 + 819.15 * 16e-6);
    assert_close(m.cvar_95, -0.5 + 409.5 * 16e-6);
}

#[test]
fn metrics_compare_undefined_fields_as_equal() {
    assert_eq!(metrics(&[0.1], 1.0, 0.0), metrics(&[0.1], 1.0, 0.0));
    assert_ne!(metrics(&[0.1], 1.0, 0.0), metrics(&[0.2], 1.0, 0.0));
}
