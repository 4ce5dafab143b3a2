//! How long do backtests, sweeps, metrics and series take in the core?
//!
//! P8, P10, P11 and P13 of the workloads in `benches/README.md` without Python.
#![expect(
    missing_docs,
    reason = "criterion's macros make public functions without docs"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nanobook::{
    BacktestConfig, CostModel, EqualWeight, Portfolio, PriceSeries, Prices, Symbol, WeightSchedule,
    compute_metrics, run_backtest, sweep_strategy,
};

/// Returns a random walk of each symbol in dollars, by xorshift64: the same in every run.
fn random_walk(bars: usize, symbols: usize) -> Vec<f64> {
    let mut state = 42_u64;
    let mut prices = vec![100.0_f64; symbols];
    let mut table = Vec::with_capacity(bars * symbols);
    for _ in 0..bars {
        for price in &mut prices {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let up = state & 1 == 0;
            // Up and down cancel, and no walk leaves 1 to 10,000.
            let step = if up { 1.01 } else { 1.0 / 1.01 };
            *price = (*price * step).clamp(1.0, 10_000.0);
        }
        table.extend_from_slice(&prices);
    }
    table
}

fn names(symbols: usize) -> Vec<Symbol> {
    (0..symbols)
        .map(|column| Symbol::new(&format!("S{column}")))
        .collect()
}

fn series(bars: usize, symbols: usize) -> PriceSeries {
    PriceSeries::from_floats(&names(symbols), random_walk(bars, symbols), 0.01)
        .expect("the walk has prices only")
}

fn config() -> BacktestConfig {
    BacktestConfig {
        cost_model: CostModel::new(10, 5, 0),
        ..BacktestConfig::new(1_000_000_000_00)
    }
}

fn backtests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("backtest");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(3));

    let wide = series(2_520, 100);
    group.bench_function("P8 equal weight, 2,520 bars x 100 symbols", |bencher| {
        bencher.iter(|| run_backtest(EqualWeight::new(), black_box(&wide), &config()));
    });
    let schedule = WeightSchedule::new(100, vec![0.01; 2_520 * 100]).expect("rows are whole");
    group.bench_function("schedule, 2,520 bars x 100 symbols", |bencher| {
        bencher.iter(|| run_backtest(schedule.clone(), black_box(&wide), &config()));
    });

    let everything = names(1)[0];
    let single = series(2_520, 1);
    // One schedule per parameter: in the market every so many bars.
    let schedules: Vec<WeightSchedule> = (1..=200)
        .map(|every| {
            let weight = |bar| if bar % every == 0 { 1.0 } else { 0.0 };
            WeightSchedule::new(1, (0..2_520).map(weight).collect::<Vec<_>>()).expect("rows of one")
        })
        .collect();
    group.bench_function("P11 sweep of 200 schedules, 2,520 bars", |bencher| {
        let make = |schedule: &WeightSchedule| schedule.clone();
        bencher.iter(|| sweep_strategy(make, &schedules, black_box(&single), &config(), || false));
    });

    for bars in [10_000, 100_000, 1_000_000] {
        let narrow = series(bars, 1);
        group.throughput(Throughput::Elements(bars as u64));
        group.bench_with_input(
            BenchmarkId::new("closure, 1 symbol", bars),
            &narrow,
            |bencher, narrow| {
                let all_in = |_: usize, _: &Prices<'_>, _: &Portfolio| {
                    Ok::<_, ()>(Some(vec![(everything, 1.0)]))
                };
                bencher.iter(|| run_backtest(all_in, black_box(narrow), &config()));
            },
        );
    }
    group.finish();
}

fn conversions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("numbers");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(3));

    let prices = random_walk(2_520, 100);
    let symbols = names(100);
    group.bench_function("P13 series of 2,520 x 100 floats", |bencher| {
        bencher
            .iter(|| PriceSeries::from_floats(&symbols, black_box(&prices).iter().copied(), 0.01));
    });

    let walk = random_walk(1_000_001, 1);
    let returns: Vec<f64> = walk
        .windows(2)
        .map(|pair| pair[1] / pair[0] - 1.0)
        .collect();
    group.bench_function("P10 metrics of 1M returns", |bencher| {
        bencher.iter(|| compute_metrics(black_box(&returns), 252.0, 0.0));
    });
    group.finish();
}

criterion_group!(benches, backtests, conversions);
criterion_main!(benches);
