//! Rolling metrics, drawdowns and metrics against a benchmark: naive forms of their definitions,
//! and their edges. Published values of these are in `metrics.rs`.

#![expect(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking and expects exact results"
)]

use nanobook::{
    BenchmarkMetrics, Drawdown, MetricsError, compute_benchmark_metrics, compute_metrics,
    drawdown_series, drawdowns, rolling_max_drawdown, rolling_sharpe, rolling_volatility,
};

/// Returns numbers from -0.5 to 0.5 that are the same in every run.
fn random(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(state >> 32).unwrap()) / f64::from(u32::MAX) - 0.5
    };
    (0..n).map(|_| next()).collect()
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap())
}

fn mean(numbers: &[f64]) -> f64 {
    // About the first, so that a mean of numbers nearly alike is exact to the last digits.
    let sum: f64 = numbers.iter().map(|number| number - numbers[0]).sum();
    numbers[0] + sum / count(numbers.len())
}

fn size_max(numbers: &[f64]) -> f64 {
    numbers
        .iter()
        .fold(0.0, |max, number| number.abs().max(max))
}

/// Returns the standard deviation, ddof 1; 0 where it is below the noise of numbers of this size.
fn deviation(numbers: &[f64], size_max: f64) -> f64 {
    let mean = mean(numbers);
    let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
    let deviation = (squares / (count(numbers.len()) - 1.0)).sqrt();
    if deviation < 1e-12 * size_max {
        0.0
    } else {
        deviation
    }
}

fn naive_sharpe(returns: &[f64], periods: f64, risk_free: f64) -> f64 {
    let deviation = deviation(returns, size_max(returns));
    if deviation == 0.0 {
        return f64::NAN;
    }
    let excess: Vec<f64> = returns.iter().map(|r| r - risk_free).collect();
    mean(&excess) / deviation * periods.sqrt()
}

/// Returns the largest fall between any two moments, one pair at a time.
fn naive_max_drawdown(returns: &[f64]) -> f64 {
    let falls = (0..returns.len()).map(|from| {
        let mut wealth = 1.0_f64;
        let mut fall = 0.0_f64;
        for r in &returns[from..] {
            wealth = (wealth * (1.0 + r)).max(0.0);
            fall = fall.max(1.0 - wealth);
        }
        fall
    });
    falls.fold(0.0, f64::max)
}

/// Returns what a function makes of every full window, and NaN before.
fn naive(returns: &[f64], window: usize, of: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let value = |end: usize| {
        if end < window {
            f64::NAN
        } else {
            of(&returns[end - window..end])
        }
    };
    (1..=returns.len()).map(value).collect()
}

#[track_caller]
fn assert_all_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let close = (found - expected).abs() <= tolerance * expected.abs().max(1.0);
        assert!(
            close || found.is_nan() && expected.is_nan(),
            "{found} is not {expected} at {place}"
        );
    }
}

/// Runs of returns with what is hard in them: ties, losses of all, constant stretches.
fn hard_returns(n: usize, seed: u64) -> Vec<f64> {
    let mut returns = random(n, seed);
    for (place, r) in returns.iter_mut().enumerate() {
        match place % 97 {
            11..=30 => *r = 0.01,
            40 => *r = 0.0,
            50 => *r *= 1e6,
            60 => *r = if place % 2 == 0 { -1.0 } else { -3.0 },
            _ => *r *= 0.1,
        }
    }
    returns
}

#[test]
fn rolling_metrics_follow_their_definitions() {
    for n in [1, 2, 3, 10, 96, 300] {
        for returns in [random(n, 3), hard_returns(n, 5)] {
            for window in [1, 2, 3, 7, 8, 50, 95, 96, 97, 299, 300, 301, usize::MAX] {
                let sharpe = rolling_sharpe(&returns, window, 252.0, 0.001).unwrap();
                let expected = naive(&returns, window, |r| naive_sharpe(r, 252.0, 0.001));
                assert_all_close(&sharpe, &expected, 1e-9);
                let volatility = rolling_volatility(&returns, window, 12.0).unwrap();
                let expected = naive(&returns, window, |r| {
                    deviation(r, size_max(r)) * 12.0_f64.sqrt()
                });
                assert_all_close(&volatility, &expected, 1e-9);
                let falls = rolling_max_drawdown(&returns, window).unwrap();
                let expected = naive(&returns, window, naive_max_drawdown);
                assert_all_close(&falls, &expected, 1e-12);
            }
        }
    }
}

#[test]
fn a_window_has_the_metrics_of_its_returns() {
    let returns = hard_returns(500, 9);
    for window in [2, 5, 60, 500] {
        let sharpe = rolling_sharpe(&returns, window, 252.0, 0.002).unwrap();
        let volatility = rolling_volatility(&returns, window, 252.0).unwrap();
        let falls = rolling_max_drawdown(&returns, window).unwrap();
        for end in window..=returns.len() {
            let whole = compute_metrics(&returns[end - window..end], 252.0, 0.002);
            let whole = whole.unwrap().unwrap();
            assert_all_close(&[sharpe[end - 1]], &[whole.sharpe], 1e-9);
            assert_all_close(&[volatility[end - 1]], &[whole.volatility], 1e-9);
            assert_all_close(&[falls[end - 1]], &[whole.max_drawdown], 1e-12);
        }
    }
}

#[test]
fn worked_windows() {
    // sd(0.1, 0.3) = 0.1 x sqrt(2), mean 0.2; sd(0.3, -0.1) = 0.2 x sqrt(2), mean 0.1.
    let returns = [0.1, 0.3, -0.1];
    let root = 2.0_f64.sqrt();
    let volatility = rolling_volatility(&returns, 2, 4.0).unwrap();
    assert_all_close(&volatility, &[f64::NAN, 0.2 * root, 0.4 * root], 1e-15);
    let sharpe = rolling_sharpe(&returns, 2, 4.0, 0.0).unwrap();
    assert_all_close(&sharpe, &[f64::NAN, 2.0 * root, root / 2.0], 1e-14);
    // 1.1 x 1.3 x 0.9; a window that starts with a loss falls from where it starts.
    let falls = rolling_max_drawdown(&[-0.2, 0.5, -0.1], 2).unwrap();
    assert_all_close(&falls, &[f64::NAN, 0.2, 0.1], 1e-15);
}

#[test]
fn windows_are_checked() {
    for returns in [&[][..], &[0.1, 0.2]] {
        for error in [
            rolling_sharpe(returns, 0, 252.0, 0.0).unwrap_err(),
            rolling_volatility(returns, 0, 252.0).unwrap_err(),
            rolling_max_drawdown(returns, 0).unwrap_err(),
        ] {
            assert_eq!(error, MetricsError::InvalidWindow(0));
            assert_eq!(error.to_string(), "window 0: must be at least 1");
        }
        for window in [1, 3, usize::MAX] {
            // No deviation of one return, no window longer than the returns.
            let nan = vec![f64::NAN; returns.len()];
            assert_all_close(
                &rolling_sharpe(returns, window, 252.0, 0.0).unwrap(),
                &nan,
                0.0,
            );
            assert_all_close(
                &rolling_volatility(returns, window, 252.0).unwrap(),
                &nan,
                0.0,
            );
        }
        assert!(
            rolling_max_drawdown(returns, 3)
                .unwrap()
                .iter()
                .all(|fall| fall.is_nan())
        );
    }
    assert_all_close(
        &rolling_max_drawdown(&[0.5, -0.25, -2.0], 1).unwrap(),
        &[0.0, 0.25, 1.0],
        0.0,
    );
}

#[test]
fn constant_windows_have_no_risk() {
    // 0.1 is not a float: what is left of it counts as zero, in blocks and across them.
    for (r, n, window) in [
        (0.1, 40, 7),
        (0.01, 1_000, 100),
        (-0.003, 5_000, 4_999),
        (0.0, 5, 2),
    ] {
        let returns = vec![r; n];
        let volatility = rolling_volatility(&returns, window, 252.0).unwrap();
        let sharpe = rolling_sharpe(&returns, window, 252.0, 0.0).unwrap();
        assert!(
            volatility[window - 1..]
                .iter()
                .all(|&volatility| volatility == 0.0)
        );
        assert!(sharpe.iter().all(|sharpe| sharpe.is_nan()));
    }
    // The noise is that of the window's own largest return.
    let quiet = [1.0, 1.0 + 1e-13, 1.0, 1e-13, 2e-13, 1e-13];
    let volatility = rolling_volatility(&quiet, 2, 1.0).unwrap();
    assert_eq!(volatility[1..3], [0.0, 0.0]);
    assert!(volatility[4] > 0.0 && volatility[5] > 0.0);
}

#[test]
fn a_huge_return_leaves_no_trace() {
    // A running sum would keep the rounding of 10^9 squared: 100 in units of the last place.
    let mut returns: Vec<f64> = random(1_000_000, 1)
        .iter()
        .map(|r| 0.5 + r * 1e-9)
        .collect();
    returns[0] = 1e9;
    returns[333_333] = -1e9;
    for window in [2, 20, 1_000, 300_000] {
        let volatility = rolling_volatility(&returns, window, 1.0).unwrap();
        let sharpe = rolling_sharpe(&returns, window, 1.0, 0.5).unwrap();
        for end in [
            window,
            window + 1,
            333_333,
            333_334 + window,
            777_777,
            1_000_000,
        ] {
            let returns = &returns[end - window..end];
            let expected = deviation(returns, 1.0);
            let found = volatility[end - 1];
            assert!(
                (found - expected).abs() <= 1e-8 * expected,
                "{found} is not {expected}"
            );
            let expected = (mean(returns) - 0.5) / deviation(returns, 1.0);
            let found = sharpe[end - 1];
            // 0.5 + 10^-9 has seven digits of its distance from 0.5.
            assert!(
                (found - expected).abs() <= 1e-6,
                "{found} is not {expected}"
            );
        }
    }
}

#[test]
fn windows_of_any_size_have_their_own_scale() {
    // Pairs of 1 and 3 times a size, each a window: mean 2, deviation sqrt(2).
    let sizes = [
        0.01, 1e200, 5e307, 0.02, 1e-200, 1e-305, 1e-100, 1e154, 1e-323, 1e120, 1e-130, 1e-140,
    ];
    let returns: Vec<f64> = sizes.iter().flat_map(|size| [*size, 3.0 * size]).collect();
    let volatility = rolling_volatility(&returns, 2, 2.0).unwrap();
    let sharpe = rolling_sharpe(&returns, 2, 2.0, 0.0).unwrap();
    for (place, size) in sizes.iter().enumerate() {
        let (found, expected) = (volatility[2 * place + 1], 2.0 * size);
        assert!(
            (found / expected - 1.0).abs() < 1e-12,
            "{found} is not {expected}"
        );
        let found = sharpe[2 * place + 1];
        assert!((found - 2.0).abs() < 1e-12, "{found} at {size}");
    }
    // A window with returns of several sizes has that of the largest.
    let whole = rolling_volatility(&returns, returns.len(), 1.0).unwrap();
    let expected = compute_metrics(&returns, 1.0, 0.0).unwrap().unwrap();
    let found = whole[returns.len() - 1];
    assert!((found / expected.volatility - 1.0).abs() < 1e-12);
    // What does not fit is infinite: a deviation of M x sqrt(2), and a ratio of 10^400.
    let edges = [f64::MAX, -f64::MAX];
    assert_eq!(
        rolling_volatility(&edges, 2, 1.0).unwrap()[1],
        f64::INFINITY
    );
    assert_eq!(rolling_sharpe(&edges, 2, 1.0, 0.0).unwrap()[1], 0.0);
    let tiny = [1e-300, 3e-300];
    assert_eq!(
        rolling_sharpe(&tiny, 2, 1.0, -1e100).unwrap()[1],
        f64::INFINITY
    );
}

#[test]
fn a_benchmark_may_be_of_any_other_size() {
    // beta 2, a = 0.01; r - b is 0.11 and -0.09, as in the worked benchmark, times two sizes.
    for own in [1e300, 1e200, 1e100, 1.0, 1e-100, 1e-200, 1e-300] {
        for their in [1e300, 1e200, 1e100, 1.0, 1e-100, 1e-200, 1e-300] {
            let returns = [0.21 * own, -0.19 * own];
            let found = against(&returns, &[0.1 * their, -0.1 * their], 1.0, 0.0);
            let alike = |found: f64, expected: f64| {
                let fits = expected != 0.0 && expected.is_finite();
                assert!(
                    if fits {
                        (found / expected - 1.0).abs() < 1e-12
                    } else {
                        found == expected
                    },
                    "{found} is not {expected} with {own} and {their}"
                );
            };
            alike(found.beta, 2.0 * (own / their));
            alike(found.correlation, 1.0);
            let sizes = own.max(their);
            let active = [0.21 * own - 0.1 * their, -0.19 * own + 0.1 * their];
            let spread = (active[0] / sizes - active[1] / sizes).abs();
            alike(found.tracking_error, spread / 2.0_f64.sqrt() * sizes);
            let mean = f64::midpoint(active[0] / sizes, active[1] / sizes);
            assert!((found.information_ratio - mean / (spread / 2.0_f64.sqrt())).abs() < 1e-12);
            if own >= 1.0 {
                alike(found.alpha, 0.01 * own);
            }
        }
    }
}

#[test]
fn a_capture_that_does_not_fit_in_a_float_is_infinite_or_zero() {
    // A year of 1,025 periods of 100 % is 2^1025.
    let found = against(&[0.001], &[1.0], 1_025.0, 0.0);
    assert_eq!(found.up_capture, 0.0);
    let found = against(&[1.0], &[0.001], 1_025.0, 0.0);
    assert_eq!(found.up_capture, f64::INFINITY);
    let found = against(&[1.0], &[1.0], 1_025.0, 0.0);
    assert!(found.up_capture.is_nan());
    // Over a gain of next to nothing.
    let found = against(&[1e300], &[1e-15], 1.0, 0.0);
    assert_eq!(found.up_capture, f64::INFINITY);
    let found = against(&[1e300; 2], &[1e-3, 0.0], 400.0, 0.0);
    assert_eq!(found.alpha, f64::INFINITY);
}

#[test]
fn falls_of_wealth_follow_their_definition() {
    for returns in [random(400, 21), hard_returns(400, 22)] {
        let mut wealth = vec![1.0_f64];
        for r in &returns {
            wealth.push((wealth[wealth.len() - 1] * (1.0 + r)).max(0.0));
        }
        let expected: Vec<f64> = (1..wealth.len())
            .map(|period| {
                let peak = wealth[..=period].iter().copied().fold(0.0, f64::max);
                1.0 - wealth[period] / peak
            })
            .collect();
        let found = drawdown_series(&returns).unwrap();
        assert_all_close(&found, &expected, 1e-12);
        let largest = found.iter().copied().fold(0.0, f64::max);
        let metrics = compute_metrics(&returns, 1.0, 0.0).unwrap().unwrap();
        assert_eq!(largest, metrics.max_drawdown);
    }
    assert_eq!(drawdown_series(&[]), Ok(vec![]));
    assert_eq!(drawdown_series(&[0.0, 0.25, 0.5]), Ok(vec![0.0; 3]));
    // Nothing comes back from ruin.
    let ruin = [0.5, -1.5, 3.0, -1.0, f64::MAX];
    assert_eq!(drawdown_series(&ruin), Ok(vec![0.0, 1.0, 1.0, 1.0, 1.0]));
    assert_eq!(
        rolling_max_drawdown(&ruin, 2).unwrap()[1..],
        [1.0, 1.0, 1.0, 1.0]
    );
    assert_eq!(
        rolling_max_drawdown(&[-2.0, 0.5, -0.5], 1).unwrap(),
        [1.0, 0.0, 0.5]
    );
}

#[test]
fn drawdowns_follow_their_definition() {
    for seed in 0..20 {
        for mut returns in [random(150, seed), hard_returns(150, seed)] {
            if seed % 2 == 0 {
                returns.retain(|r| *r > -1.0);
            }
            let falls = drawdown_series(&returns).unwrap();
            let mut expected = Vec::new();
            let mut start = 0;
            while start < falls.len() {
                if falls[start] == 0.0 {
                    start += 1;
                    continue;
                }
                let end = (start..falls.len()).find(|&period| falls[period] == 0.0);
                let last = end.unwrap_or(falls.len() - 1);
                let depth = falls[start..=last].iter().copied().fold(0.0, f64::max);
                let trough = (start..=last)
                    .find(|&period| falls[period] == depth)
                    .unwrap();
                expected.push(Drawdown {
                    start,
                    trough,
                    end,
                    depth,
                    length: last - start + 1,
                    to_trough: trough - start + 1,
                    recovery: end.map(|end| end - trough),
                });
                start = last + 1;
            }
            expected.sort_by(|a, b| b.depth.total_cmp(&a.depth).then(a.start.cmp(&b.start)));
            let found = drawdowns(&returns, None).unwrap();
            assert_eq!(found, expected);
            for top in [0, 1, 3, 1_000] {
                let some = &expected[..top.min(expected.len())];
                assert_eq!(drawdowns(&returns, Some(top)).unwrap(), some);
            }
            let metrics = compute_metrics(&returns, 1.0, 0.0).unwrap().unwrap();
            let longest = found.iter().map(|drawdown| drawdown.length).max();
            assert_eq!(longest.unwrap_or(0), metrics.max_drawdown_periods);
            let deepest = found.first().map_or(0.0, |drawdown| drawdown.depth);
            assert_eq!(deepest, metrics.max_drawdown);
        }
    }
}

#[test]
fn a_worked_table_of_drawdowns() {
    // Wealth 0.5, 0.5, 1, 2, 1.5, 1, 2, 1: two are equally deep, and the earlier is first.
    let returns = [
        -0.5,
        0.0,
        1.0,
        1.0,
        -0.25,
        -1.0 / 3.0,
        1.0,
        -0.5,
        0.25,
        -0.2,
    ];
    let found = drawdowns(&returns, None).unwrap();
    let fields = |d: &Drawdown| (d.start, d.trough, d.end, d.length, d.to_trough, d.recovery);
    assert_eq!(
        found.iter().map(fields).collect::<Vec<_>>(),
        [
            (0, 0, Some(2), 3, 1, Some(2)),
            (4, 5, Some(6), 3, 2, Some(1)),
            (7, 7, None, 3, 1, None),
        ]
    );
    for drawdown in &found {
        assert!((drawdown.depth - 0.5).abs() < 1e-15);
    }
    assert_eq!(drawdowns(&[], None), Ok(vec![]));
    assert_eq!(drawdowns(&[0.1, 0.0, 0.2], None), Ok(vec![]));
    let one = drawdowns(&[-0.25], None).unwrap();
    assert_eq!(fields(&one[0]), (0, 0, None, 1, 1, None));
    // Ruin is the trough, whatever comes later.
    let ruin = drawdowns(&[0.5, -0.5, -1.5, 4.0, -1.0], None).unwrap();
    assert_eq!(fields(&ruin[0]), (1, 2, None, 4, 2, None));
    assert_eq!(ruin[0].depth, 1.0);
}

#[test]
fn wealth_need_not_fit_in_a_float() {
    // 2^4000 and back to 2^3998; a fall by 2^4000 and all the way up again.
    let mut returns = vec![1.0; 4_000];
    returns.extend([-0.75, 0.0]);
    let falls = drawdown_series(&returns).unwrap();
    assert!(falls[..4_000].iter().all(|fall| *fall == 0.0));
    assert_eq!(falls[4_000..], [0.75, 0.75]);
    for window in [1, 2, 1_500, 4_002] {
        let rolling = rolling_max_drawdown(&returns, window).unwrap();
        assert!(
            rolling[window - 1..]
                .iter()
                .all(|fall| *fall == 0.0 || *fall == 0.75)
        );
        assert_eq!(rolling[4_001], if window == 1 { 0.0 } else { 0.75 });
    }
    let mut returns = vec![-0.5; 4_000];
    returns.extend(vec![1.0; 3_999]);
    returns.extend([1.0, -0.5]);
    let found = drawdowns(&returns, None).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(
        (found[0].start, found[0].trough, found[0].end),
        (0, 3_999, Some(7_999))
    );
    assert_eq!((found[1].start, found[1].depth), (8_000, 0.5));
    let falls = drawdown_series(&returns).unwrap();
    assert_eq!(
        (falls[0], falls[1], falls[7_998], falls[7_999]),
        (0.5, 0.75, 0.5, 0.0)
    );
    for window in [3_000, 4_001, 7_000, 8_001] {
        let rolling = rolling_max_drawdown(&returns, window).unwrap();
        assert!(
            rolling[window - 1..]
                .iter()
                .all(|fall| (0.0..=1.0).contains(fall))
        );
    }
    // Factors whose products are no floats, up and down.
    let returns = [1e300, 1e300, -0.5, 1e300, -0.75, -1.0 + 1e-16, -1.0, 1e300];
    assert_eq!(
        drawdown_series(&returns).unwrap()[..5],
        [0.0, 0.0, 0.5, 0.0, 0.75]
    );
    for window in 1..=8 {
        let rolling = rolling_max_drawdown(&returns, window).unwrap();
        let expected = naive(&returns, window, naive_max_drawdown);
        assert_all_close(&rolling, &expected, 1e-12);
    }
    let (found, flat) = ([f64::MAX; 9], [0.0; 9]);
    assert_eq!(drawdown_series(&found).unwrap(), flat);
    assert_eq!(rolling_max_drawdown(&found, 4).unwrap()[3..], flat[3..]);
}

fn against(returns: &[f64], benchmark: &[f64], periods: f64, risk_free: f64) -> BenchmarkMetrics {
    compute_benchmark_metrics(returns, benchmark, periods, risk_free)
        .unwrap()
        .unwrap()
}

#[test]
fn benchmark_metrics_follow_their_definitions() {
    for n in [2, 3, 10, 1_000, 5_003] {
        for seed in 0..4 {
            let benchmark: Vec<f64> = random(n, seed).iter().map(|b| 0.01 + b * 0.1).collect();
            let noise = random(n, seed + 100);
            let returns: Vec<f64> = benchmark
                .iter()
                .zip(&noise)
                .map(|(b, e)| 0.002 + 0.7 * b + 0.05 * e)
                .collect();
            let (periods, risk_free) = (12.0, 0.001);
            let found = against(&returns, &benchmark, periods, risk_free);

            let (mean_r, mean_b) = (mean(&returns), mean(&benchmark));
            let both = returns.iter().zip(&benchmark);
            let covariance =
                both.map(|(r, b)| (r - mean_r) * (b - mean_b)).sum::<f64>() / (count(n) - 1.0);
            let (sd_r, sd_b) = (deviation(&returns, 0.0), deviation(&benchmark, 0.0));
            let beta = covariance / (sd_b * sd_b);
            let alpha = (mean_r - risk_free) - beta * (mean_b - risk_free);
            let active: Vec<f64> = returns.iter().zip(&benchmark).map(|(r, b)| r - b).collect();
            let sd = deviation(&active, 0.0);
            let capture = |keep: fn(f64) -> bool| {
                let growth = |series: &[f64]| {
                    let kept = series.iter().zip(&benchmark).filter(|(_, b)| keep(**b));
                    let m = count(kept.clone().count());
                    kept.map(|(x, _)| (1.0 + x).ln()).sum::<f64>() * periods / m
                };
                growth(&returns).exp_m1() / growth(&benchmark).exp_m1()
            };
            assert_all_close(
                &[
                    found.alpha,
                    found.beta,
                    found.correlation,
                    found.tracking_error,
                    found.information_ratio,
                    found.up_capture,
                    found.down_capture,
                ],
                &[
                    (1.0 + alpha).powi(12) - 1.0,
                    beta,
                    covariance / (sd_r * sd_b),
                    sd * periods.sqrt(),
                    mean(&active) / sd * periods.sqrt(),
                    capture(|b| b > 0.0),
                    capture(|b| b < 0.0),
                ],
                1e-9,
            );
        }
    }
}

#[test]
fn a_worked_benchmark() {
    // beta 2, a = 0.01 per period; r - b is 0.11 and -0.09: mean 0.01, deviation 0.1 x sqrt(2).
    let benchmark = [0.1, -0.1];
    let found = against(&[0.21, -0.19], &benchmark, 2.0, 0.0);
    assert_all_close(
        &[found.alpha, found.beta, found.correlation],
        &[1.01 * 1.01 - 1.0, 2.0, 1.0],
        1e-14,
    );
    assert_all_close(
        &[found.tracking_error, found.information_ratio],
        &[0.2, 0.1],
        1e-14,
    );
    // A year of two such periods: 1.21^2 - 1 over 1.1^2 - 1.
    assert_all_close(
        &[found.up_capture, found.down_capture],
        &[0.4641 / 0.21, (0.81 * 0.81 - 1.0) / (0.81 - 1.0)],
        1e-14,
    );
    // The rate is taken off both: 0.01 - 2 x 0.01 less than without.
    let found = against(&[0.21, -0.19], &benchmark, 1.0, 0.01);
    assert_all_close(&[found.alpha, found.beta], &[0.02, 2.0], 1e-14);
}

#[test]
fn what_a_benchmark_leaves_undefined_is_nan() {
    assert_eq!(compute_benchmark_metrics(&[], &[], 252.0, 0.0), Ok(None));
    // One period: no deviation; only one of the markets.
    let one = against(&[0.5], &[0.25], 1.0, 0.0);
    let undefined = [one.alpha, one.beta, one.correlation, one.tracking_error];
    assert!(undefined.iter().all(|value| value.is_nan()) && one.information_ratio.is_nan());
    assert_eq!(one.up_capture, 2.0);
    assert!(one.down_capture.is_nan());
    // The benchmark itself.
    let returns = [0.25, -0.5, 0.125, 0.0];
    let same = against(&returns, &returns, 1.0, 0.0);
    assert_eq!((same.alpha, same.beta, same.correlation), (0.0, 1.0, 1.0));
    assert_eq!(
        (same.tracking_error, same.up_capture, same.down_capture),
        (0.0, 1.0, 1.0)
    );
    assert!(same.information_ratio.is_nan());
    // Above it by the same in each period: the rounding of a difference is no risk.
    let above: Vec<f64> = returns.iter().map(|r| r + 0.1).collect();
    let above = against(&above, &returns, 1.0, 0.0);
    assert_eq!(above.tracking_error, 0.0);
    assert!(above.information_ratio.is_nan());
    // A constant benchmark, and constant returns.
    let flat = against(&returns, &[0.1; 4], 1.0, 0.0);
    assert!(flat.alpha.is_nan() && flat.beta.is_nan() && flat.correlation.is_nan());
    assert!(flat.tracking_error > 0.0 && flat.down_capture.is_nan());
    let flat = against(&[0.1; 4], &returns, 1.0, 0.0);
    assert!(flat.beta.abs() < 1e-15 && flat.correlation.is_nan());
    // A market that never moved is neither up nor down.
    let still = against(&returns, &[0.0; 4], 1.0, 0.0);
    assert!(still.up_capture.is_nan() && still.down_capture.is_nan());
    // Ruin, of an alpha and in an up market.
    let ruin = against(&[-1.0, -3.0, -2.5], &[0.1, 0.2, -0.1], 252.0, 0.0);
    assert_eq!(ruin.alpha, -1.0);
    assert!(ruin.up_capture < 0.0);
    assert_eq!(one, against(&[0.5], &[0.25], 1.0, 0.0));
    assert_ne!(one, same);
}

#[test]
fn wealth_in_one_market_need_not_fit_in_a_float() {
    let benchmark = vec![1.0; 4_000];
    let found = against(&vec![3.0; 4_000], &benchmark, 1.0, 0.0);
    assert_all_close(&[found.up_capture], &[3.0], 1e-12);
}

#[test]
fn errors_name_what_is_wrong() {
    let bad = [0.1, f64::NAN, f64::INFINITY];
    let named = "a return must be finite, got NaN at index 1";
    for error in [
        rolling_sharpe(&bad, 2, 252.0, 0.0).unwrap_err(),
        rolling_volatility(&bad, 9, 252.0).unwrap_err(),
        rolling_max_drawdown(&bad, 2).unwrap_err(),
        drawdown_series(&bad).unwrap_err(),
        drawdowns(&bad, Some(0)).unwrap_err(),
        compute_benchmark_metrics(&bad, &bad, 252.0, 0.0).unwrap_err(),
    ] {
        assert_eq!(error.to_string(), named);
    }
    let error = compute_benchmark_metrics(&[0.1; 3], &bad, 252.0, 0.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a return of the benchmark must be finite, got NaN at index 1"
    );
    for (a, b) in [(3, 2), (0, 1), (1, 0)] {
        let error = compute_benchmark_metrics(&vec![0.1; a], &vec![0.1; b], 252.0, 0.0);
        let expected = MetricsError::LengthsDiffer {
            returns: a,
            benchmark: b,
        };
        assert_eq!(error, Err(expected));
        let text = format!("returns and benchmark must have the same length, got {a} and {b}");
        assert_eq!(expected.to_string(), text);
    }
    for periods in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        for error in [
            rolling_sharpe(&[], 2, periods, 0.0).unwrap_err(),
            rolling_volatility(&[], 2, periods).unwrap_err(),
            compute_benchmark_metrics(&[], &[], periods, 0.0).unwrap_err(),
        ] {
            assert!(matches!(error, MetricsError::InvalidPeriodsPerYear(_)));
        }
    }
    for error in [
        rolling_sharpe(&[], 2, 252.0, f64::NAN).unwrap_err(),
        compute_benchmark_metrics(&[], &[], 252.0, f64::INFINITY).unwrap_err(),
    ] {
        assert!(matches!(error, MetricsError::InvalidRiskFree(_)));
    }
}
