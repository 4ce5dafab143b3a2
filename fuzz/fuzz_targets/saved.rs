//! What the targets of saved states share: small states to begin with, and a bound on memory.
#![allow(dead_code, reason = "each target uses its own part of it")]

use nanobook::{
    BacktestConfig, BacktestResult, CostModel, Exchange, FillTiming, MultiExchange,
    PersistenceError, Portfolio, Price, PriceSeries, Prices, Symbol, WeightSchedule, run_backtest,
};

use crate::common::live::{Clears, run};
use crate::common::{Profile, Random, Stream};

/// Commands of a fresh exchange.
const COMMANDS_MAX: u64 = 40;

/// Calls a reader, and checks that it takes no more memory than its input can account for: a few
/// hundred bytes for each of the input's, and what serde reserves of a length before it has seen
/// the items, a mebibyte for each list.
pub(crate) fn read<T>(
    len: usize,
    read: impl FnOnce() -> Result<T, PersistenceError>,
) -> Result<T, PersistenceError> {
    let mut found = None;
    let memory = allocation_counter::measure(|| found = Some(read()));
    let most = 512 * len as u64 + (4 << 20);
    assert!(
        memory.bytes_max <= most,
        "{} bytes for an input of {len}",
        memory.bytes_max
    );
    found.expect("it was called")
}

pub(crate) fn exchange(random: &mut Random) -> Exchange {
    let profile = Profile::ALL[random.index(Profile::ALL.len())];
    let length = random.below(COMMANDS_MAX);
    let stream = Stream::of_profile(random, profile, length);
    let mut exchange = if stream.event_log {
        Exchange::new()
    } else {
        Exchange::without_event_log()
    };
    run(&mut exchange, stream.commands(), Clears::All);
    exchange
}

/// An exchange whose log is complete, and short: text is slow to read.
pub(crate) fn logged_exchange(random: &mut Random) -> Exchange {
    let profile = Profile::ALL[random.index(Profile::ALL.len())];
    let length = random.below(COMMANDS_MAX / 4);
    let mut exchange = Exchange::new();
    let stream = Stream::of_profile(random, profile, length);
    run(&mut exchange, stream.commands(), Clears::Nothing);
    exchange
}

pub(crate) fn multi_exchange(random: &mut Random) -> MultiExchange {
    let mut multi = MultiExchange::new();
    for symbol in symbols(random) {
        *multi.get_or_create(symbol) = exchange(random);
    }
    multi
}

pub(crate) fn series(random: &mut Random) -> PriceSeries {
    let symbols = symbols(random);
    let rows: Vec<Vec<(Symbol, Price)>> = (0..random.below(6))
        .map(|_| {
            let mut row: Vec<_> = symbols
                .iter()
                .filter_map(|symbol| {
                    let price = i64::try_from(1 + random.below(100)).expect("it is small");
                    (random.below(5) > 0).then_some((*symbol, Price(price)))
                })
                .collect();
            random.shuffle(&mut row);
            row
        })
        .collect();
    PriceSeries::from_rows(&rows).expect("the prices are valid")
}

pub(crate) fn schedule(random: &mut Random) -> WeightSchedule {
    let symbols = symbols(random);
    let bars = random.index(4);
    let weights: Vec<f64> = (0..bars * symbols.len()).map(|_| weight(random)).collect();
    match random.below(2) {
        0 => WeightSchedule::new(symbols.len(), weights),
        _ => WeightSchedule::with_symbols(&symbols, weights),
    }
    .expect("the rows are whole")
}

pub(crate) fn result(random: &mut Random) -> BacktestResult {
    let series = series(random);
    let bps = u32::try_from(random.below(50)).expect("it is small");
    let config = BacktestConfig {
        cost_model: CostModel::new(bps, 1, 2),
        fill: [FillTiming::Close, FillTiming::Next][random.index(2)],
        ..BacktestConfig::new(100_000)
    };
    let strategy = |_: usize, prices: &Prices<'_>, _: &Portfolio| {
        let targets = prices.iter().map(|(symbol, _)| (symbol, weight(random)));
        let targets: Vec<_> = targets.collect();
        Ok::<_, ()>((random.below(3) > 0).then_some(targets))
    };
    run_backtest(strategy, &series, &config).expect("the numbers are small")
}

fn symbols(random: &mut Random) -> Vec<Symbol> {
    let mut symbols = ["B", "A", "C"].map(Symbol::new);
    random.shuffle(&mut symbols);
    symbols[..random.index(4)].to_vec()
}

/// -1 to 1 in steps of one half.
fn weight(random: &mut Random) -> f64 {
    [-1.0, -0.5, 0.0, 0.5, 1.0][random.index(5)]
}
