//! Metrics of any floats: an error for what is not finite, a sound answer for all else.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use nanobook::{
    compute_benchmark_metrics, compute_metrics, drawdown_series, drawdowns, rolling_max_drawdown,
    rolling_sharpe, rolling_volatility,
};

#[derive(Arbitrary, Debug)]
struct Case {
    /// Each with the return of a benchmark.
    returns: Vec<(Return, Return)>,
    periods_per_year: Return,
    risk_free: Return,
    window: u8,
    top: Option<u8>,
}

/// Most are returns as there are, for an error is soon found.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Return {
    Percent(i8),
    Same,
    Loss,
    Small(f32),
    Any(f64),
}

impl Return {
    fn value(self) -> f64 {
        match self {
            Self::Percent(percent) => f64::from(percent) / 100.0,
            Self::Same => 0.01,
            Self::Loss => -1.0,
            Self::Small(value) => f64::from(value) % 1.0,
            Self::Any(value) => value,
        }
    }
}

fuzz_target!(|case: Case| {
    let returns: Vec<f64> = case.returns.iter().map(|(own, _)| own.value()).collect();
    let benchmark: Vec<f64> = case
        .returns
        .iter()
        .map(|(_, other)| other.value())
        .collect();
    let year = match case.periods_per_year {
        Return::Percent(percent) => f64::from(percent) * 4.0,
        other => other.value(),
    };
    let (rate, window) = (case.risk_free.value(), usize::from(case.window));
    let is_finite = returns.iter().all(|value| value.is_finite());
    let rates = compute_metrics(&[], year, rate);

    let metrics = compute_metrics(&returns, year, rate);
    assert_eq!(metrics.is_ok(), is_finite && rates.is_ok());
    let again = compute_metrics(&returns, year, rate);
    // The error may carry a NaN.
    assert_eq!(format!("{metrics:?}"), format!("{again:?}"));
    let falls = drawdown_series(&returns);
    assert_eq!(falls.is_ok(), is_finite);
    let listed = drawdowns(&returns, case.top.map(usize::from));
    assert_eq!(listed.is_ok(), is_finite);
    let rolling = rolling_max_drawdown(&returns, window);
    assert_eq!(rolling.is_ok(), is_finite && window > 0);
    let rolling = [
        rolling_sharpe(&returns, window, year, rate),
        rolling_volatility(&returns, window, year),
    ];
    for series in rolling.into_iter().flatten() {
        assert!(is_finite && window > 0);
        assert_eq!(series.len(), returns.len());
        assert!(series.iter().take(window - 1).all(|value| value.is_nan()));
    }
    let _ = compute_benchmark_metrics(&returns, &benchmark, year, rate);

    if let Ok(falls) = &falls {
        assert_eq!(falls.len(), returns.len());
    }
    if let (Ok(Some(metrics)), Ok(falls), Ok(listed)) = (metrics, falls, listed) {
        assert_eq!(metrics.num_periods, returns.len());
        assert!(metrics.winning_periods + metrics.losing_periods <= returns.len());
        assert!((0.0..=1.0).contains(&metrics.max_drawdown), "{metrics:?}");
        assert!(metrics.total_return >= -1.0, "{metrics:?}");
        assert!(metrics.volatility.is_nan() || metrics.volatility >= 0.0);
        // The tail ends where the percentile lies; a mean may be off by its rounding.
        let rounding = 1e-12 * metrics.var_95.abs();
        assert!(metrics.cvar_95 <= metrics.var_95 + rounding, "{metrics:?}");
        // These are the same to the bit.
        let deepest = falls.iter().copied().fold(0.0, f64::max);
        assert_eq!(deepest.to_bits(), metrics.max_drawdown.to_bits());
        match (case.top, listed.first()) {
            (Some(top), _) => assert!(listed.len() <= usize::from(top)),
            (None, None) => assert_eq!(metrics.max_drawdown_periods, 0),
            (None, Some(first)) => {
                assert_eq!(first.depth.to_bits(), metrics.max_drawdown.to_bits());
                let longest = listed.iter().map(|fall| fall.length).max();
                assert_eq!(longest, Some(metrics.max_drawdown_periods));
            }
        }
    }
});
