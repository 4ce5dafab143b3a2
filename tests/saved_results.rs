//! Saved results and weight schedules: what is written comes back, and nothing damaged is read.
#![cfg(feature = "persistence")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use nanobook::{
    BacktestConfig, BacktestResult, CostModel, FillTiming, Portfolio, Price, PriceSeries, Prices,
    Symbol, WeightSchedule, run_backtest,
};

use common::reseal;

/// A linear congruential generator, of D. Knuth's MMIX.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn weight(&mut self) -> f64 {
        f64::from(u32::try_from(self.below(41)).unwrap()) / 20.0 - 1.0
    }
}

/// A run over prices with gaps, by a strategy that holds now and then.
fn random_run(symbols: usize, bars: usize, seed: u64) -> BacktestResult {
    let mut random = Random(seed);
    let names: Vec<_> = (0..symbols)
        .map(|i| Symbol::new(&format!("S{}", i * 13 % 17)))
        .collect();
    let cells: Vec<_> = (0..bars * symbols)
        .map(|cell| {
            let price = Price(90 + i64::try_from(random.below(20)).unwrap());
            (cell < symbols || random.below(6) > 0).then_some(price)
        })
        .collect();
    let series = PriceSeries::from_prices(&names, cells).unwrap();
    let config = BacktestConfig {
        cost_model: CostModel::new(10, 5, 3),
        risk_free: 0.0001,
        fill: [FillTiming::Close, FillTiming::Next][usize::try_from(seed % 2).unwrap()],
        ..BacktestConfig::new(1_000_000)
    };
    let strategy = |_: usize, _: &Prices<'_>, _: &Portfolio| {
        let targets: Vec<_> = names.iter().map(|name| (*name, random.weight())).collect();
        Ok::<_, String>(match random.below(4) {
            0 => None,
            1 => Some(Vec::new()),
            _ => Some(targets),
        })
    };
    run_backtest(strategy, &series, &config).unwrap()
}

/// A run over a series without symbols.
fn without_symbols(bars: usize) -> BacktestResult {
    let series = PriceSeries::from_rows(&vec![Vec::new(); bars]).unwrap();
    let every_other =
        |bar: usize, _: &Prices<'_>, _: &Portfolio| Ok::<_, String>((bar % 2 == 0).then(Vec::new));
    run_backtest(every_other, &series, &BacktestConfig::new(5)).unwrap()
}

/// Two bars of one symbol: 10 bought at 7 for a fee of 3, then held.
fn small() -> BacktestResult {
    let a = Symbol::new("A");
    let series = PriceSeries::from_rows(&[[(a, Price(7))], [(a, Price(9))]]).unwrap();
    let config = BacktestConfig {
        cost_model: CostModel::new(0, 0, 3),
        ..BacktestConfig::new(140)
    };
    let strategy = |bar: usize, _: &Prices<'_>, _: &Portfolio| {
        Ok::<_, String>((bar == 0).then(|| vec![(a, 0.5)]))
    };
    run_backtest(strategy, &series, &config).unwrap()
}

/// Whether both show the same, in every way there is.
fn assert_same(one: &BacktestResult, other: &BacktestResult) {
    assert_eq!(one, other);
    assert_eq!(one.digest(), other.digest());
    assert_eq!(one.portfolio.state_digest(), other.portfolio.state_digest());
    assert_eq!(one.turnover().to_bits(), other.turnover().to_bits());
    assert_eq!(one.costs(), other.costs());
    assert_eq!(one.equity_curve(), other.equity_curve());
    assert_eq!(one.returns(), other.returns());
    assert_eq!(one.symbols, other.symbols);
    assert!(one.trades.iter().eq(other.trades.iter()));
    assert_eq!(one.trades.len(), other.trades.len());
    assert_eq!(one.weights.len(), other.weights.len());
    for bar in 0..one.weights.len() {
        assert_eq!(one.weights.row(bar), other.weights.row(bar));
    }
}

#[test]
fn bytes_give_the_same_result() {
    let (mut fills, mut holds) = (0, 0);
    for seed in 0..200 {
        let symbols = usize::try_from(seed % 7).unwrap();
        let bars = usize::try_from(seed % 31).unwrap();
        let result = random_run(symbols, bars, seed);
        let bytes = result.to_bytes();
        let restored = BacktestResult::from_bytes(&bytes).unwrap();
        assert_same(&restored, &result);
        restored.portfolio.check_invariants().unwrap();
        assert_eq!(restored.to_bytes(), bytes);
        fills += result.trades.len();
        holds += (0..result.weights.len())
            .filter(|bar| result.weights.row(*bar).is_none())
            .count();
    }
    assert!(fills > 1_000 && holds > 100, "{fills} fills, {holds} holds");
}

#[test]
fn a_result_without_symbols_or_bars_comes_back() {
    for bars in [0, 1, 5] {
        let result = without_symbols(bars);
        let restored = BacktestResult::from_bytes(&result.to_bytes()).unwrap();
        assert_same(&restored, &result);
        assert_eq!(restored.weights.len(), bars);
    }
    let restored = BacktestResult::from_bytes(&without_symbols(2).to_bytes()).unwrap();
    assert_eq!(restored.weights.row(0), Some(&[][..]));
    assert_eq!(restored.weights.row(1), None);
}

#[test]
fn a_read_result_is_worth_what_was_written() {
    let restored = BacktestResult::from_bytes(&small().to_bytes()).unwrap();
    // 140 - 3, then 10 shares gain 2 each; 70 traded over a mean of (140 + 137 + 157) / 3.
    assert_eq!(restored.equity_curve(), [140, 137, 157]);
    assert_eq!(restored.costs(), 3);
    assert!((restored.turnover() - 70.0 / (434.0 / 3.0)).abs() < 1e-15);
    let trades: Vec<_> = restored
        .trades
        .iter()
        .map(|trade| (trade.bar, trade.quantity, trade.price.0, trade.cost))
        .collect();
    assert_eq!(trades, [(0, 10, 7, 3)]);
    assert_eq!(restored.weights.row(0), Some(&[0.5][..]));
    assert_eq!(restored.weights.row(1), None);
}

/// Every cut, every flipped bit, and a byte too many.
fn assert_damage_is_refused(good: &[u8], is_refused: impl Fn(&[u8]) -> bool) {
    assert!(!is_refused(good));
    for end in 0..good.len() {
        assert!(is_refused(&good[..end]), "cut after {end}");
    }
    for place in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.to_vec();
            bytes[place] ^= 1 << bit;
            assert!(is_refused(&bytes), "bit {bit} of byte {place}");
        }
    }
    assert!(is_refused(&[good, &[0]].concat()));
}

#[test]
fn damaged_bytes_are_refused() {
    let result = small().to_bytes();
    assert_damage_is_refused(&result, |bytes| BacktestResult::from_bytes(bytes).is_err());
    let schedule = WeightSchedule::with_symbols(&["A", "B"].map(Symbol::new), [0.5, f64::NAN])
        .unwrap()
        .to_bytes();
    assert_damage_is_refused(&schedule, |bytes| {
        WeightSchedule::from_bytes(bytes).is_err()
    });
    for (bytes, error) in [
        (&schedule, BacktestResult::from_bytes(&schedule).err()),
        (&result, WeightSchedule::from_bytes(&result).err()),
    ] {
        let error = error.unwrap().to_string();
        assert!(error.contains("saved state of this kind"), "{error}");
        assert!(PriceSeries::from_bytes(bytes).is_err());
    }
}

/// Whoever forges a checksum gets an error, or a result of which everything can be asked.
#[test]
fn a_forged_result_is_refused_or_consistent() {
    let mut read = 0;
    for good in [small(), random_run(2, 3, 2), without_symbols(2)].map(|run| run.to_bytes()) {
        let (head, payload) = (&good[..12], &good[20..good.len() - 8]);
        assert_eq!(
            reseal(head, payload),
            good,
            "the format is as it is described"
        );
        for place in 0..payload.len() {
            for value in 0..=255 {
                let mut forged = payload.to_vec();
                forged[place] = value;
                let Ok(result) = BacktestResult::from_bytes(&reseal(head, &forged)) else {
                    continue;
                };
                read += 1;
                result.portfolio.check_invariants().unwrap();
                let bars = result.equity_curve().len() - 1;
                assert_eq!(result.weights.len(), bars);
                assert_eq!(result.weights.to_vec().len(), bars * result.symbols.len());
                assert_eq!(result.trades.iter().count(), result.trades.len());
                for trade in result.trades.iter() {
                    assert!(trade.bar < bars && trade.column < result.symbols.len());
                }
                let again = BacktestResult::from_bytes(&result.to_bytes()).unwrap();
                assert_same(&again, &result);
            }
        }
    }
    assert!(read > 1_000, "{read} were read");
}

/// The state of [`small`] as postcard writes it, without metrics; what comes after are the symbols,
/// weights, rows, and the fills' ends, columns, quantities and prices.
fn forged(after: &[u8]) -> Result<BacktestResult, String> {
    let good = small().to_bytes();
    // Cash 67, costs 3, no basis points, a fee of 3; A: 10 for 70, nothing realized, last at 9,
    // traded; three values of equity. Zigzag doubles a number that is positive.
    let state = [
        &[134, 1, 6, 0, 0, 6][..],
        &[1, 1, b'A', 20, 140, 1, 0, 18, 1],
        &[3, 152, 2, 146, 2, 186, 2],
        &[0],
    ];
    BacktestResult::from_bytes(&reseal(&good[..12], &[&state.concat(), after].concat()))
        .map_err(|error| error.to_string())
}

#[test]
fn forged_contradictions_are_named() {
    let symbol: &[u8] = &[1, 1, b'A'];
    // 0.5 is 0x3fe0 << 48.
    let weights: &[u8] = &[1, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f];
    let rows: &[u8] = &[2, 1, 0, 0];
    let (ends, columns, quantities, prices): (&[u8], &[u8], &[u8], &[u8]) =
        (&[2, 1, 1], &[1, 0], &[1, 20], &[1, 14]);
    let good = [symbol, weights, rows, ends, columns, quantities, prices];
    let result = forged(&good.concat()).unwrap();
    assert_same(
        &result,
        &BacktestResult {
            metrics: None,
            ..small()
        },
    );

    let infinity: &[u8] = &[1, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f];
    // 2^62, as a number and as a zigzag.
    let huge: &[u8] = &[1, 128, 128, 128, 128, 128, 128, 128, 128, 128, 1];
    let cases: [(usize, &[u8], &str); 18] = [
        (0, &[2, 1, b'A', 1, b'A'], "2 columns have a symbol each"),
        (0, &[0], "weights are finite rows of 0 symbols"),
        (
            0,
            &[2, 1, b'A', 1, b'B'],
            "weights are finite rows of 2 symbols",
        ),
        (1, infinity, "weights are finite rows of 1 symbols"),
        (1, &[0], "a bar's weights are one of 0 rows"),
        (2, &[2, 1, 1, 0], "a bar's weights are one of 1 rows"),
        (2, &[1, 0], "weights and fills are those of 2 bars"),
        (2, &[3, 0, 0, 0], "weights and fills are those of 2 bars"),
        (3, &[1, 1], "weights and fills are those of 2 bars"),
        (3, &[2, 1, 0], "the bars share 1 fills in their order"),
        (3, &[2, 1, 2], "the bars share 1 fills in their order"),
        (3, &[2, 0, 0], "the bars share 1 fills in their order"),
        (4, &[0], "1 fills have as many columns and prices"),
        (4, &[1, 1], "a fill has a column below 1"),
        (5, &[1, 0], "got 0, 7 and 0"),
        (
            5,
            huge,
            "the cost of 4611686018427387904 x 7 does not fit in 64 bits",
        ),
        (6, &[1, 0], "got 0, 0 and 10"),
        (6, &[0], "1 fills have as many columns and prices"),
    ];
    for (part, bytes, message) in cases {
        let mut parts = good;
        parts[part] = bytes;
        let error = forged(&parts.concat()).unwrap_err();
        assert!(error.contains(message), "{error}, not {message}");
    }
    // 2^62 of anything, of which none follows.
    for part in 0..good.len() {
        let mut parts = good;
        let count = &[128, 128, 128, 128, 128, 128, 128, 128, 64];
        parts[part] = count;
        let error = forged(&parts[..=part].concat()).unwrap_err();
        assert!(error.contains("the data is damaged"), "{error}");
    }
}

#[test]
fn bytes_give_the_same_schedule() {
    let mut random = Random(1);
    for rows in 0..20 {
        for symbols in 0..5 {
            let weights: Vec<_> = (0..rows * symbols)
                .map(|_| match random.below(4) {
                    0 => f64::NAN,
                    1 => -0.0,
                    _ => random.weight(),
                })
                .collect();
            let names: Vec<_> = ["C", "A", "D", "B"][..symbols]
                .iter()
                .map(|name| Symbol::new(name))
                .collect();
            let by_name = WeightSchedule::with_symbols(&names, weights.clone()).unwrap();
            for schedule in [WeightSchedule::new(symbols, weights).unwrap(), by_name] {
                let bytes = schedule.to_bytes();
                let restored = WeightSchedule::from_bytes(&bytes).unwrap();
                assert_eq!(restored, schedule);
                assert_eq!(restored.columns(), symbols);
                assert_eq!(restored.symbols(), schedule.symbols());
                assert_eq!(restored.to_bytes(), bytes);
            }
        }
    }
}

#[test]
fn a_forged_schedule_has_whole_rows() {
    let head = &WeightSchedule::new(0, Vec::new()).unwrap().to_bytes()[..12];
    let zero = [0; 8];
    for (payload, message) in [
        (
            [&[2, 1][..], &zero, &[0]].concat(),
            "weights must fill rows of 2, got 1",
        ),
        (
            [&[0, 1][..], &zero, &[0]].concat(),
            "weights must fill rows of 0, got 1",
        ),
        (
            vec![2, 0, 1, 1, 1, b'A'],
            "2 columns have a symbol each, got 1",
        ),
        (
            vec![2, 0, 1, 2, 1, b'A', 1, b'A'],
            "a symbol may have one column of weights, A has two",
        ),
        (vec![1, 128, 128, 128, 128, 64], "the data is damaged"),
    ] {
        let error = WeightSchedule::from_bytes(&reseal(head, &payload)).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    let read = WeightSchedule::from_bytes(&reseal(head, &[2, 0, 0])).unwrap();
    assert_eq!((read.columns(), read.weights()), (2, &[][..]));
}
