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

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use nanobook::{
    Metrics, MetricsError, compute_metrics, compute_metrics_until, drawdown_series, drawdowns,
};

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

/// Published values, and which of them are ours.
#[derive(Default)]
struct Parity {
    matched: usize,
    /// What is left out, and why.
    left: BTreeMap<String, (&'static str, usize)>,
}

impl Parity {
    fn leave(&mut self, metric: &str, reason: &'static str) {
        let entry = self.left.entry(metric.to_owned()).or_insert((reason, 0));
        assert_eq!(entry.0, reason, "{metric}");
        entry.1 += 1;
    }

    /// Fails unless so many match and just these are left out.
    fn is(&self, matched: usize, left: &[(&str, usize)]) {
        println!("{} published values match", self.matched);
        for (metric, (reason, number)) in &self.left {
            println!("left out: {number} of {metric}: {reason}");
        }
        let found: Vec<_> = self
            .left
            .iter()
            .map(|(metric, (_, number))| (metric.as_str(), *number))
            .collect();
        assert_eq!(found, left);
        assert_eq!(self.matched, matched);
    }
}

/// Returns the value in our definitions, or why they have none.
fn ours(metric: &str, definition: &str, returns: &[f64]) -> Result<f64, &'static str> {
    let monthly = |risk_free| metrics(returns, 12.0, risk_free);
    let per_period = |risk_free| metrics(returns, 1.0, risk_free);
    let target = match definition.split([';', ' ']).next().unwrap() {
        "mar=0.04/12" => 0.04 / 12.0,
        "mar=0.005" => 0.005,
        "rf=0.035/12" => 0.035 / 12.0,
        other => {
            let none = !other.contains('=') || ["mar=0", "rf=0"].contains(&other);
            assert!(none || ["scale=12", "ddof=1", "threshold=0"].contains(&other));
            0.0
        }
    };
    let above = || metrics(&less(returns, target), 12.0, 0.0);
    // Mean and root of the mean square of the fall from the peak.
    let pain = || {
        let falls = drawdown_series(returns).unwrap();
        falls.iter().sum::<f64>() / count(falls.len())
    };
    let ulcer = || {
        let falls = drawdown_series(returns).unwrap();
        (falls.iter().map(|fall| fall * fall).sum::<f64>() / count(falls.len())).sqrt()
    };
    Ok(match metric {
        "annualized_return_geometric" => monthly(0.0).cagr,
        // The numerator of our Sharpe ratio.
        "annualized_return_arithmetic" => monthly(0.0).sharpe * monthly(0.0).volatility,
        "annualized_stddev" => monthly(0.0).volatility,
        "stddev_per_period" => per_period(0.0).volatility,
        "annualized_sharpe_arithmetic" => monthly(target).sharpe,
        "annualized_sharpe_geometric" => monthly(0.0).cagr / monthly(0.0).volatility,
        "sharpe_per_period" => per_period(target).sharpe,
        "sortino_per_period" => per_period(target).sortino,
        // The denominator of our Sortino ratio.
        "downside_deviation" => mean(&less(returns, target)) / per_period(target).sortino,
        "max_drawdown" => monthly(0.0).max_drawdown,
        "calmar" => monthly(0.0).calmar,
        "ulcer_index" => ulcer(),
        "pain_index" => pain(),
        "martin_ratio" => {
            // 1.6945, in NumPy too: not within the tolerance of the 1.7 that is quoted.
            assert_close(round(monthly(0.0).cagr / ulcer(), 4), 1.6945);
            return Err("quoted to one digit, with a tolerance for three");
        }
        "omega" | "bernardo_ledoit" => monthly(0.0).profit_factor,
        "omega_sharpe" => above().profit_factor - 1.0,
        "upside_frequency" => above().win_rate,
        "downside_frequency" => count(above().losing_periods) / count(returns.len()),
        "d_ratio" => {
            let found = monthly(0.0);
            count(found.losing_periods) / count(found.winning_periods) / found.profit_factor
        }
        "downside_potential" | "mean_absolute_deviation" => return Err("not a metric of ours"),
        other => panic!("{other} is a known metric"),
    })
}

fn less(returns: &[f64], target: f64) -> Vec<f64> {
    returns.iter().map(|r| r - target).collect()
}

fn round(number: f64, digits: i32) -> f64 {
    (number * 10_f64.powi(digits)).round() / 10_f64.powi(digits)
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / count(numbers.len())
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
    let mut parity = Parity::default();
    for row in lines {
        let table = published(&row[file]).unwrap();
        let returns = column(&table, &row[name]);
        match ours(&row[metric], &row[definition], &returns) {
            Ok(found) => {
                let (value, tolerance): (f64, f64) =
                    (row[value].parse().unwrap(), row[tolerance].parse().unwrap());
                assert!(close(found, value, tolerance), "{row:?}: {found}");
                parity.matched += 1;
            }
            Err(reason) => parity.leave(&row[metric], reason),
        }
    }
    parity.is(
        107,
        &[
            ("downside_potential", 1),
            ("martin_ratio", 1),
            ("mean_absolute_deviation", 1),
        ],
    );
}

#[test]
fn published_drawdowns_match() {
    let Some(expected) = published("expected_drawdowns.csv") else {
        return;
    };
    let managers = published("managers.csv").unwrap();
    let mut rows = expected.lines().map(cells);
    let header = rows.next().unwrap();
    assert_eq!(header[1..6], ["rank", "from", "trough", "to", "depth"]);
    assert_eq!(header[6..], ["length", "to_trough", "recovery"]);
    let mut matched = 0;
    for row in rows {
        let returns = column(&managers, &row[0]);
        // The column has no gaps, so that a place in it is a line of the table.
        let dates: Vec<_> = managers.lines().skip(1).map(|line| &line[..10]).collect();
        assert_eq!(dates.len(), returns.len());
        let number = |place: usize| row[place].parse::<usize>().unwrap();
        let top = drawdowns(&returns, Some(number(1))).unwrap();
        let found = top[number(1) - 1];
        assert_eq!(dates[found.start], row[2]);
        assert_eq!(dates[found.trough], row[3]);
        assert_eq!(dates[found.end.unwrap()], row[4]);
        assert!(close(-found.depth, row[5].parse().unwrap(), 5e-5));
        assert_eq!((found.length, found.to_trough), (number(6), number(7)));
        assert_eq!(found.recovery, Some(number(8)));
        if number(1) == 1 {
            let found = metrics(&returns, 12.0, 0.0);
            assert!(close(-found.max_drawdown, row[5].parse().unwrap(), 5e-5));
            assert_eq!(found.max_drawdown_periods, number(6));
        }
        matched += 1;
    }
    println!("{matched} published drawdowns match");
    assert_eq!(matched, 5);
}

/// The cases of empyrical's tests.
#[cfg(feature = "persistence")]
mod empyrical {
    use nanobook::{BenchmarkMetrics, compute_benchmark_metrics};
    use serde_json::Value;

    use super::*;

    /// Dates and returns, some of them NaN.
    type Series = Vec<(String, f64)>;

    fn number(value: &Value) -> f64 {
        match value.as_str() {
            Some(text) => text.parse().unwrap(),
            None => value.as_f64().unwrap(),
        }
    }

    /// Returns a series, or a number as one with the dates of another.
    fn series(all: &Value, argument: &Value, dates: &Series) -> Series {
        if argument.is_number() {
            let same = |(date, _): &(String, f64)| (date.clone(), number(argument));
            return dates.iter().map(same).collect();
        }
        let series = match argument["series"].as_str() {
            Some(name) => &all["series"][name],
            None => argument,
        };
        let dates = series["index"].as_array().unwrap().iter();
        let values = series["values"].as_array().unwrap().iter();
        dates
            .map(|date| date.as_str().unwrap().to_owned())
            .zip(values.map(number))
            .collect()
    }

    /// Their means and deviations leave a missing return out.
    fn present(series: &Series) -> Vec<f64> {
        let returns = series.iter().map(|(_, r)| *r);
        returns.filter(|r| !r.is_nan()).collect()
    }

    /// In their wealth a missing return is a period in which nothing is earned.
    fn filled(series: &Series) -> Vec<f64> {
        let or_zero = |(_, r): &(String, f64)| if r.is_nan() { 0.0 } else { *r };
        series.iter().map(or_zero).collect()
    }

    /// Returns the returns of both on the dates that both have.
    fn pairs(a: &Series, b: &Series) -> (Vec<f64>, Vec<f64>) {
        let of = |date| b.iter().find(|(other, _)| other == date).map(|(_, r)| *r);
        let both = a.iter().filter_map(|(date, r)| Some((*r, of(date)?)));
        both.filter(|(r, b)| !r.is_nan() && !b.is_nan()).unzip()
    }

    fn difference(a: &Series, b: &Series) -> Vec<f64> {
        let (a, b) = pairs(a, b);
        a.iter().zip(&b).map(|(a, b)| a - b).collect()
    }

    /// Returns a field, NaN where there are no returns.
    fn field(returns: &[f64], periods: f64, risk_free: f64, field: impl Fn(Metrics) -> f64) -> f64 {
        compute_metrics(returns, periods, risk_free)
            .unwrap()
            .map_or(f64::NAN, field)
    }

    /// Returns the values in our definitions, or why they have none.
    fn ours(all: &Value, case: &Value) -> Result<Vec<f64>, &'static str> {
        let arguments = &case["args"];
        let test = case["test"].as_str().unwrap();
        let periods = match arguments["period"].as_str() {
            None | Some("daily") => 252.0,
            Some("weekly") => 52.0,
            Some("monthly") => 12.0,
            Some(other) => panic!("{other} is a known period"),
        };
        if test == "simple_returns" {
            return Err("makes returns of prices");
        }
        let given = series(all, &arguments["returns"], &Vec::new());
        let (present, filled) = (present(&given), filled(&given));
        let other = |name: &str| series(all, &arguments[name], &given);
        let total = |returns: &[f64]| {
            let total = field(returns, 1.0, 0.0, |m| m.total_return);
            let start = number(&arguments["starting_value"]);
            if start == 0.0 {
                total
            } else {
                (1.0 + total) * start
            }
        };
        // A rate for each period is taken off first, one for all given as it is.
        let above = |name: &str, of: fn(Metrics) -> f64| {
            if let Some(rate) = arguments[name].as_f64() {
                field(&present, periods, rate, of)
            } else {
                field(&difference(&given, &other(name)), periods, 0.0, of)
            }
        };
        let benchmark = |name: &str, periods: f64, field: fn(BenchmarkMetrics) -> f64| {
            let (returns, benchmark) = pairs(&given, &other(name));
            compute_benchmark_metrics(&returns, &benchmark, periods, 0.0)
                .unwrap()
                .map_or(f64::NAN, field)
        };
        let factor = |field| benchmark("factor_returns", 252.0, field);
        let one = match test {
            "cum_returns" => {
                return Ok((1..=filled.len()).map(|n| total(&filled[..n])).collect());
            }
            "cum_returns_final" => total(&filled),
            "max_drawdown" => -field(&filled, 1.0, 0.0, |m| m.max_drawdown),
            "annual_ret" | "cagr" => field(&filled, periods, 0.0, |m| m.cagr),
            "calmar" => field(&filled, periods, 0.0, |m| m.calmar),
            "annual_volatility" => field(&present, periods, 0.0, |m| m.volatility),
            "sharpe_ratio" => above("risk_free", |m| m.sharpe),
            "sortino" => above("required_return", |m| m.sortino),
            "downside_risk" => {
                // The denominator of our Sortino ratio.
                let excess = difference(&given, &other("required_return"));
                let sortino = field(&excess, periods, 0.0, |m| m.sortino);
                if sortino.is_nan() && !excess.is_empty() {
                    return Err("a risk of 0 is the denominator of our undefined Sortino ratio");
                }
                excess.iter().sum::<f64>() / count(excess.len()) * periods / sortino
            }
            "omega" => {
                let required = number(&arguments["required_return"]);
                if required <= -1.0 {
                    return Err("an annual threshold of -1 or less, which is none per period");
                }
                let threshold = (1.0 + required).powf(1.0 / periods) - 1.0;
                let excess = difference(&given, &other("risk_free"));
                field(&less(&excess, threshold), 1.0, 0.0, |m| m.profit_factor)
            }
            "excess_sharpe" => benchmark("factor_returns", 1.0, |m| m.information_ratio),
            "alpha_beta" => {
                return Ok(vec![
                    benchmark("benchmark", 252.0, |m| m.alpha),
                    benchmark("benchmark", 252.0, |m| m.beta),
                ]);
            }
            "alpha" => benchmark("benchmark", 252.0, |m| m.alpha),
            "beta" => benchmark("benchmark", 252.0, |m| m.beta),
            "up_capture" => factor(|m| m.up_capture),
            "down_capture" => factor(|m| m.down_capture),
            "up_down_capture" => factor(|m| m.up_capture) / factor(|m| m.down_capture),
            "capture_ratio" => {
                let theirs = super::empyrical::filled(&other("factor_returns"));
                let cagr = |returns: &[f64]| field(returns, 252.0, 0.0, |m| m.cagr);
                cagr(&filled) / cagr(&theirs)
            }
            "aggregate_returns" => return Err("needs a calendar"),
            "stability_of_timeseries" | "tail_ratio" => return Err("not a metric of ours"),
            other => panic!("{other} is a known case"),
        };
        Ok(vec![one])
    }

    #[test]
    fn empyrical_values_match() {
        let Some(text) = published("empyrical_cases.json") else {
            return;
        };
        let all: Value = serde_json::from_str(&text).unwrap();
        let mut parity = Parity::default();
        for case in all["cases"].as_array().unwrap() {
            let test = case["test"].as_str().unwrap();
            let found = match ours(&all, case) {
                Ok(found) => found,
                Err(reason) => {
                    parity.leave(test, reason);
                    continue;
                }
            };
            let expected = &case["args"]["expected"];
            let expected: Vec<f64> = match expected.as_array() {
                Some(values) => values.iter().map(number).collect(),
                None => vec![number(expected)],
            };
            if expected.iter().any(|value| value.is_infinite()) {
                assert!(found.iter().all(|value| value.is_nan()), "{case}");
                parity.leave(
                    &format!("{test} of inf"),
                    "a denominator of 0: theirs is infinite, ours undefined",
                );
                continue;
            }
            // These two are printed with five digits after the point, or less.
            let tolerance = |expected: f64| match test {
                "cum_returns" | "cum_returns_final" => 1e-5 * expected.abs().max(1.0),
                _ => 1e-8,
            };
            assert_eq!(found.len(), expected.len(), "{case}");
            for (&found, &expected) in found.iter().zip(&expected) {
                assert!(
                    found.is_nan() && expected.is_nan()
                        || close(found, expected, tolerance(expected)),
                    "{case}: {found}"
                );
            }
            parity.matched += 1;
        }
        parity.is(
            96,
            &[
                ("aggregate_returns", 8),
                ("downside_risk", 2),
                ("omega", 1),
                ("sharpe_ratio of inf", 1),
                ("simple_returns", 1),
                ("sortino of inf", 2),
                ("stability_of_timeseries", 3),
                ("tail_ratio", 3),
            ],
        );
    }
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
    assert_eq!((m.total_return, m.cagr), (f64::INFINITY, f64::INFINITY));
    assert_eq!(m.max_drawdown, 0.0);
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
fn growth_that_is_too_large_for_a_float_is_infinite() {
    // 10^900, of factors that are no floats together; then halved.
    let m = metrics(&[1e300, 1e300, 1e300, -0.5], 4.0, 0.0);
    assert_eq!([m.total_return, m.cagr, m.calmar], [f64::INFINITY; 3]);
    assert_eq!((m.max_drawdown, m.max_drawdown_periods), (0.5, 1));
    assert!(close(
        metrics(&[1e300, 1e300, 1e300, -0.5], 1.0, 0.0).cagr / 1e225,
        0.5_f64.powf(0.25),
        1e-9
    ));
    assert_eq!(metrics(&[1e300, 1e300, 1e300, -1.0], 4.0, 0.0).cagr, -1.0);
    // Down by 2^2000, back to within a half of the peak, and past it at last.
    let mut returns = vec![-0.5; 2_000];
    returns.extend([1.0; 1_999]);
    let m = metrics(&returns, 1.0, 0.0);
    assert_eq!((m.total_return, m.max_drawdown_periods), (-0.5, 3_999));
    returns.extend([1.0, 1.0]);
    let m = metrics(&returns, 1.0, 0.0);
    assert_eq!((m.total_return, m.max_drawdown_periods), (1.0, 4_000));
    // A year of many periods: a small wealth to a high power is nothing, not 0 times infinity.
    let mut returns = vec![-0.5; 600];
    returns.extend([1.0; 500]);
    assert_eq!(metrics(&returns, 1e9, 0.0).cagr, -1.0);
}

/// Asserts that two numbers have twelve digits in common, however large or small they are.
#[track_caller]
fn assert_alike(found: f64, expected: f64) {
    assert!(
        (found / expected - 1.0).abs() < 1e-12,
        "{found} is not {expected}"
    );
}

#[test]
fn returns_of_any_size_have_metrics() {
    // Times 1, 3 and -2: mean 2/3, squared distances 1/9, 49/9 and 64/9, so that their sum is 38/3.
    // The cubes are 1/27, 343/27 and -512/27, the fourth powers 1/81, 2401/81 and 4096/81.
    let deviation = (19.0_f64 / 3.0).sqrt();
    for size in [
        2e307, 1e300, 1e200, 1e155, 1e154, 1e80, 1e70, 1e60, 1.0, 1e-60, 1e-70, 1e-80, 1e-154,
        1e-170, 1e-200, 1e-300, 1e-305,
    ] {
        let m = metrics(&[size, 3.0 * size, -2.0 * size], 4.0, 0.0);
        assert_alike(m.volatility, 2.0 * deviation * size);
        assert_alike(m.sharpe, 2.0 * (2.0 / 3.0) / deviation);
        assert_alike(m.sortino, 2.0 * (2.0 / 3.0) / (4.0_f64 / 3.0).sqrt());
        assert_alike(m.skew, (-168.0 / 81.0) / (38.0_f64 / 9.0).powf(1.5));
        assert_alike(
            m.kurtosis,
            (6498.0 / 243.0) / (38.0_f64 / 9.0).powi(2) - 3.0,
        );
        assert_alike(m.profit_factor, 2.0);
        assert_alike(m.payoff_ratio, 1.0);
        assert_alike(m.cvar_95, -2.0 * size);
        // A tenth of the way from -2 to 1.
        assert_alike(m.var_95, -1.7 * size);
        assert_eq!((m.winning_periods, m.losing_periods), (2, 1));
        // The rate counts as much as the returns.
        let m = metrics(&[size, 3.0 * size, -2.0 * size], 4.0, size);
        assert_alike(m.sharpe, 2.0 * (-1.0 / 3.0) / deviation);
        assert_alike(m.sortino, 2.0 * (-1.0 / 3.0) / 3.0_f64.sqrt());
    }
}

#[test]
fn a_scale_changes_no_bit() {
    for exponent in [-1_000, -700, -300, 300, 700, 1_000] {
        let size = 2_f64.powi(exponent);
        let plain = metrics(&RETURNS, 12.0, 0.001);
        let m = metrics(&RETURNS.map(|r| r * size), 12.0, 0.001 * size);
        assert_eq!(m.volatility, plain.volatility * size);
        assert_eq!(
            [m.sharpe, m.sortino, m.skew, m.kurtosis],
            [plain.sharpe, plain.sortino, plain.skew, plain.kurtosis]
        );
        assert_eq!(
            [m.profit_factor, m.payoff_ratio],
            [plain.profit_factor, plain.payoff_ratio]
        );
    }
}

#[test]
fn sums_need_not_fit_in_a_float() {
    // The largest float, M, and less: mean M, and M / 4.
    let m = metrics(&[f64::MAX; 3], 1.0, 0.0);
    assert_eq!(
        (m.volatility, m.var_95, m.cvar_95),
        (0.0, f64::MAX, f64::MAX)
    );
    assert!(m.sharpe.is_nan() && m.profit_factor.is_nan());
    let m = metrics(&[-f64::MAX; 50], 1.0, 0.0);
    assert_eq!((m.var_95, m.cvar_95), (-f64::MAX, -f64::MAX));
    assert_alike(m.sortino, -1.0);
    // From -M to M: a twentieth of the way.
    let m = metrics(&[f64::MAX, -f64::MAX], 1.0, 0.0);
    assert_alike(m.var_95, -0.9 * f64::MAX);
    assert_eq!((m.sharpe, m.profit_factor, m.skew), (0.0, 1.0, 0.0));
    // The deviation is M x sqrt(2).
    assert_eq!(m.volatility, f64::INFINITY);
    let m = metrics(&[0.5 * f64::MAX, -0.5 * f64::MAX], 1.0, 0.0);
    assert_alike(m.volatility, 0.5 * f64::MAX * 2.0_f64.sqrt());
    // The smallest floats of all.
    let m = metrics(&[5e-324, 1e-323], 1.0, 0.0);
    assert_alike(m.sharpe, 1.5 * 2.0_f64.sqrt());
    // 0.7 of the smallest is the smallest; a hundredth of it is none.
    assert_eq!(m.volatility, 5e-324);
    assert_eq!(metrics(&[5e-324, 1e-323], 1e-4, 0.0).volatility, 0.0);
}

#[test]
fn a_quotient_that_does_not_fit_in_a_float_is_not_zero() {
    // 10^500 and 10^-500, of gains and losses.
    let m = metrics(&[1e250, -1e-250], 1.0, 0.0);
    assert!(m.profit_factor.is_nan() && m.payoff_ratio.is_nan());
    assert_eq!((m.winning_periods, m.losing_periods), (1, 1));
    let m = metrics(&[-1e250, 1e-250], 1.0, 0.0);
    assert!(m.profit_factor.is_nan() && m.payoff_ratio.is_nan());
    assert_alike(metrics(&[1e150, -1e-150], 1.0, 0.0).profit_factor, 1e300);
    // Of a rate and of a deviation.
    let m = metrics(&[1e-250, 2e-250], 1.0, -1e100);
    assert_eq!(m.sharpe, f64::INFINITY);
    assert_alike(
        metrics(&[1e-250, 3e-250], 1.0, -1e50).sharpe,
        1e300 / 2.0_f64.sqrt(),
    );
    // Of a year.
    let m = metrics(&[1.0], 1_025.0, 0.0);
    assert_eq!((m.cagr, m.total_return), (f64::INFINITY, 1.0));
}

#[test]
fn a_rate_of_any_size_has_a_downside() {
    // All are below it by 10^200, to the last digit.
    let m = metrics(&[0.01, -0.02, 0.03], 4.0, 1e200);
    assert_alike(m.sortino, -2.0);
    // And by a hundredth.
    let m = metrics(&[1e-200, -2e-200, 3e-200], 4.0, 0.01);
    assert_alike(m.sortino, -2.0);
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
fn every_pass_over_the_returns_stops_when_asked() {
    let returns = [0.01, -0.01].repeat(1 << 19);
    let run = |yes: usize| {
        let mut asked = 0;
        let found = compute_metrics_until(&returns, 252.0, 0.0, || {
            asked += 1;
            asked == yes
        });
        (asked, found)
    };
    // Sums, moments, the path of wealth, the tail.
    for yes in 1..=4 {
        assert_eq!(run(yes), (yes, Err(MetricsError::Interrupted)));
    }
    assert_eq!(run(5), (4, compute_metrics(&returns, 252.0, 0.0)));
    let few = compute_metrics_until(&returns[..1_000], 252.0, 0.0, || true);
    assert_eq!(few, compute_metrics(&returns[..1_000], 252.0, 0.0));
}

#[test]
fn metrics_compare_undefined_fields_as_equal() {
    assert_eq!(metrics(&[0.1], 1.0, 0.0), metrics(&[0.1], 1.0, 0.0));
    assert_ne!(metrics(&[0.1], 1.0, 0.0), metrics(&[0.2], 1.0, 0.0));
}
