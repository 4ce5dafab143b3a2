//! Price series: their columns, slices, equality and saved form.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking where a result is an error"
)]

mod common;

use std::hash::{DefaultHasher, Hash, Hasher};

use nanobook::{
    BacktestConfig, EqualWeight, Price, PriceColumn, PriceSeries, PriceSeriesBuilder, SeriesError,
    Symbol, run_backtest,
};

fn symbol(name: &str) -> Symbol {
    Symbol::new(name)
}

type Rows = Vec<Vec<(Symbol, Price)>>;

fn series(rows: &[Vec<(Symbol, Price)>]) -> PriceSeries {
    PriceSeries::from_rows(rows).unwrap()
}

/// Rows with gaps, symbols that start late, and orders of their own; the first names all symbols.
fn random_rows(symbols: usize, bars: usize, seed: u64) -> Rows {
    let mut state = seed;
    let mut random = |end: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % end
    };
    let names: Vec<_> = (0..symbols)
        .map(|i| Symbol::new(&format!("S{}", i * 13 % 17)))
        .collect();
    let mut rows = Vec::new();
    for bar in 0..bars {
        let mut row = Vec::new();
        for &name in &names {
            if bar == 0 || random(5) != 0 {
                row.push((name, Price(1 + i64::try_from(random(1_000_000)).unwrap())));
            }
        }
        if bar > 0 && !row.is_empty() && random(3) == 0 {
            let places = (random(row.len()), random(row.len()));
            row.swap(places.0, places.1);
        }
        rows.push(row);
    }
    rows
}

fn hash(series: &PriceSeries) -> u64 {
    let mut hasher = DefaultHasher::new();
    series.hash(&mut hasher);
    hasher.finish()
}

/// Whether both show the same, in every way there is.
fn assert_same(one: &PriceSeries, other: &PriceSeries) {
    assert_eq!(one, other);
    assert_eq!(hash(one), hash(other));
    assert_eq!(one.len(), other.len());
    assert_eq!(one.symbols(), other.symbols());
    assert_eq!(one.ticks(), other.ticks());
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
    for bar in 0..one.len() {
        assert_eq!(one.prices(bar).to_vec(), other.prices(bar).to_vec());
    }
}

#[test]
fn a_slice_is_a_series_of_its_bars() {
    for seed in 0..50 {
        let rows = random_rows(4, 12, seed);
        let whole = series(&rows);
        for start in 0..=rows.len() {
            for end in start..=rows.len() {
                // The first bar names all symbols, and the others in their own order.
                let mut expected = PriceSeriesBuilder::new();
                for row in [&rows[..1], &rows[start..end]].concat() {
                    for (name, price) in row {
                        expected.push(name, price).unwrap();
                    }
                    expected.end_bar();
                }
                let expected = expected.finish().slice(1..);
                let slice = whole.slice(start..end);
                assert_same(&slice, &expected);
                assert!(
                    slice
                        .iter()
                        .map(|prices| prices.to_vec())
                        .eq(rows[start..end].iter().cloned())
                );
                if start == 0 && end > 0 {
                    assert_same(&slice, &series(&rows[..end]));
                }
            }
        }
    }
}

#[test]
fn slices_share_the_table() {
    let whole = series(&random_rows(5, 20, 1));
    let slice = whole.slice(3..=12).slice(2..);
    assert!(std::ptr::eq(
        &raw const whole.ticks()[25],
        slice.ticks().as_ptr()
    ));
    assert_same(&slice, &whole.slice(5..13));
    assert_eq!(slice.len(), 8);
    assert_same(&whole.slice(..), &whole);
    assert_eq!(whole.slice(20..).len(), 0);
    drop(whole);
    assert_eq!(
        slice.prices(7).iter().count(),
        slice.iter().next_back().unwrap().iter().count()
    );
}

#[test]
#[should_panic(expected = "bars 1..4 are within 0..3")]
fn a_slice_ends_where_the_series_does() {
    let whole = series(&random_rows(1, 5, 1));
    let _ = whole.slice(..3).slice(1..4);
}

#[test]
#[should_panic(expected = "bar 2 is below 2")]
fn a_slice_does_not_show_the_bars_behind_it() {
    let whole = series(&random_rows(1, 5, 1));
    whole.slice(1..3).prices(2);
}

#[test]
fn a_run_over_a_slice_is_a_run_over_its_bars() {
    for seed in 0..10 {
        let rows = random_rows(6, 60, seed);
        let config = BacktestConfig::new(1_000_000_00);
        let slice = series(&rows).slice(20..50);
        let cells = slice.ticks().iter();
        let cells = cells.map(|&price| (price != 0).then_some(Price(price)));
        let rebuilt = PriceSeries::from_prices(slice.symbols(), cells).unwrap();
        let [of_slice, of_rebuilt] = [slice, rebuilt]
            .map(|series| run_backtest(EqualWeight::new(), &series, &config).unwrap());
        assert_eq!(of_slice, of_rebuilt);
        assert_eq!(of_slice.digest(), of_rebuilt.digest());
    }
}

#[test]
fn series_that_differ_are_not_equal() {
    let (a, b) = (symbol("A"), symbol("B"));
    let all = [
        series(&[
            vec![(a, Price(1)), (b, Price(2))],
            vec![(a, Price(3)), (b, Price(4))],
        ]),
        series(&[
            vec![(a, Price(1)), (b, Price(2))],
            vec![(b, Price(4)), (a, Price(3))],
        ]),
        series(&[
            vec![(b, Price(2)), (a, Price(1))],
            vec![(b, Price(4)), (a, Price(3))],
        ]),
        series(&[vec![(a, Price(1)), (b, Price(2))], vec![(a, Price(3))]]),
        series(&[
            vec![(a, Price(1)), (b, Price(2))],
            vec![(a, Price(3)), (b, Price(5))],
        ]),
        series(&[vec![(a, Price(1)), (b, Price(2))]]),
        series(&[vec![(a, Price(1))], vec![(a, Price(3))]]),
        series(&[vec![], vec![]]),
        series(&[vec![]]),
    ];
    for (i, one) in all.iter().enumerate() {
        for (j, other) in all.iter().enumerate() {
            assert_eq!(one == other, i == j, "{one:?} {other:?}");
            assert_eq!(hash(one) == hash(other), i == j);
        }
    }
}

#[test]
fn columns_give_the_series_of_their_rows() {
    let (a, b) = (symbol("A"), symbol("B"));
    for bars in [0, 1, 2, 63, 64, 65, 200] {
        let number = |bar: usize| i64::try_from(bar + 1).unwrap();
        let rows: Vec<Option<Price>> = (0..bars)
            .flat_map(|bar| [Some(Price(number(bar))), (bar % 3 > 0).then_some(Price(7))])
            .collect();
        let expected = PriceSeries::from_prices(&[a, b], rows).unwrap();
        let integers = PriceColumn::Integers((0..bars).map(|bar| Some(number(bar))).collect());
        let gaps = PriceColumn::Integers((0..bars).map(|bar| (bar % 3 > 0).then_some(7)).collect());
        let columns = [(a, integers.clone()), (b, gaps)];
        assert_same(
            &PriceSeries::from_columns(&columns, None).unwrap(),
            &expected,
        );

        let nan = |bar: usize| if bar % 3 > 0 { 7.0 } else { f64::NAN };
        let floats = PriceColumn::Floats((0..bars).map(nan).collect());
        let columns = [(a, integers), (b, floats)];
        assert_same(
            &PriceSeries::from_columns(&columns, Some(1.0)).unwrap(),
            &expected,
        );
    }
}

#[test]
fn columns_that_are_wrong_say_what_is_wrong() {
    let (a, b) = (symbol("A"), symbol("B"));
    let integers =
        |prices: &[i64]| PriceColumn::Integers(prices.iter().map(|&p| Some(p)).collect());
    let floats = |prices: &[f64]| PriceColumn::Floats(prices.to_vec());
    let cases = [
        (
            vec![(a, integers(&[1])), (b, integers(&[1, 2]))],
            None,
            "every column must have the 1 bars of the first, B has 2",
        ),
        (
            vec![(a, integers(&[])), (a, integers(&[]))],
            None,
            "a symbol may have one column, A has two",
        ),
        (
            vec![(a, integers(&[1])), (b, floats(&[]))],
            None,
            "every column must have the 1 bars of the first, B has 0",
        ),
        (
            vec![(a, integers(&[1])), (b, floats(&[1.0]))],
            None,
            "tick_size is required where prices are floats, as those of B are",
        ),
        (
            vec![(a, integers(&[1]))],
            Some(0.01),
            "tick_size goes with float prices only, got 0.01",
        ),
        (
            vec![(a, floats(&[1.0]))],
            Some(0.0),
            "a tick size must be positive and finite, got 0",
        ),
        (
            vec![(a, integers(&[1, 2])), (b, integers(&[3, 0]))],
            None,
            "a price must be positive and below 9223372036854775807, got 0 for B at bar 1",
        ),
        (
            vec![(a, floats(&[1.0, -0.5]))],
            Some(0.01),
            "a price must be at least 1 and below 9223372036854775807 ticks, got -0.5 for A at bar 1",
        ),
        (
            vec![(a, floats(&[1.0])), (b, integers(&[-5]))],
            Some(0.01),
            "a price must be at least 1 and below 9223372036854775807 ticks, got -5 for B at bar 0",
        ),
    ];
    for (columns, tick_size, message) in cases {
        let error = PriceSeries::from_columns(&columns, tick_size).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let gaps = [(a, PriceColumn::Integers(vec![None]))];
    assert_eq!(
        PriceSeries::from_columns(&gaps, Some(0.01))
            .unwrap()
            .ticks(),
        [0]
    );
    assert!(PriceSeries::from_columns(&[], None).unwrap().is_empty());
    assert!(
        PriceSeries::from_columns(&[], Some(0.01))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_float_that_is_a_gap_still_names_its_symbol() {
    let (a, b) = (symbol("A"), symbol("B"));
    let mut builder = PriceSeriesBuilder::new();
    builder.push_float(b, f64::NAN, 0.5).unwrap();
    builder.push_float(a, 1.25, 0.5).unwrap();
    let twice = builder.push_float(b, 1.0, 0.5).unwrap_err();
    assert_eq!(twice, SeriesError::DuplicatePrice { bar: 0, symbol: b });
    builder.end_bar();
    builder.push_float(a, 2.0, 0.5).unwrap();
    let wrong = builder.push_float(b, -1.0, 0.5).unwrap_err();
    assert_eq!(
        wrong,
        SeriesError::InvalidFloat {
            bar: 1,
            symbol: b,
            price: -1.0
        }
    );
    builder.push_float(a, 1.0, f64::NAN).unwrap_err();
    builder.push_float(b, f64::NAN, 0.5).unwrap();
    builder.end_bar();
    let built = builder.finish();
    let prices = [None, Some(Price(3)), None, Some(Price(4))];
    assert_same(&built, &PriceSeries::from_prices(&[b, a], prices).unwrap());
}

#[cfg(feature = "persistence")]
mod saved {
    use super::*;
    use crate::common::reseal;

    #[test]
    fn bytes_give_the_same_series() {
        for seed in 0..100 {
            let rows = random_rows(usize::try_from(seed % 7).unwrap(), 9, seed);
            let whole = series(&rows);
            for series in [whole.slice(..), whole.slice(3..7), whole.slice(..0)] {
                let bytes = series.to_bytes();
                let restored = PriceSeries::from_bytes(&bytes).unwrap();
                assert_same(&restored, &series);
                assert_eq!(restored.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn a_slice_saves_its_own_bars_only() {
        let whole = series(&random_rows(3, 1_000, 5));
        let slice = whole.slice(500..510);
        assert!(slice.to_bytes().len() < whole.to_bytes().len() / 50);
        let again = PriceSeries::from_bytes(&slice.to_bytes()).unwrap();
        assert_eq!(again.to_bytes(), slice.to_bytes());
    }

    /// Two symbols, three bars, a gap, and an order of its own.
    fn small() -> PriceSeries {
        let (a, b) = (symbol("A"), symbol("B"));
        series(&[
            vec![(a, Price(100)), (b, Price(200))],
            vec![(b, Price(70_000))],
            vec![(b, Price(201)), (a, Price(101))],
        ])
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let good = small().to_bytes();
        for end in 0..good.len() {
            PriceSeries::from_bytes(&good[..end]).unwrap_err();
        }
        for place in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[place] ^= 1 << bit;
                PriceSeries::from_bytes(&bytes).unwrap_err();
            }
        }
        let mut bytes = good.clone();
        bytes.push(0);
        PriceSeries::from_bytes(&bytes).unwrap_err();
        let exchange = nanobook::Exchange::new().to_bytes();
        let error = PriceSeries::from_bytes(&exchange).unwrap_err();
        assert!(error.to_string().contains("saved state of this kind"));
    }

    /// Whoever forges a checksum gets an error or a series that holds together.
    #[test]
    fn a_forged_series_is_refused_or_consistent() {
        let good = small().to_bytes();
        let (head, payload) = (&good[..12], &good[20..good.len() - 8]);
        assert_eq!(
            reseal(head, payload),
            good,
            "the format is as it is described"
        );
        let mut read = 0;
        for place in 0..payload.len() {
            for value in 0..=255 {
                let mut forged = payload.to_vec();
                forged[place] = value;
                let Ok(series) = PriceSeries::from_bytes(&reseal(head, &forged)) else {
                    continue;
                };
                read += 1;
                assert!(series.len() <= payload.len());
                let again = PriceSeries::from_rows(
                    &series
                        .iter()
                        .map(|prices| prices.to_vec())
                        .collect::<Vec<_>>(),
                );
                for (bar, prices) in again.unwrap().iter().enumerate() {
                    assert_eq!(prices.to_vec(), series.prices(bar).to_vec());
                }
                assert_same(
                    &PriceSeries::from_bytes(&series.to_bytes()).unwrap(),
                    &series,
                );
            }
        }
        assert!(read > 100, "{read} were read");
    }

    /// Symbols, prices and orders as postcard writes them.
    fn forged(payload: &[u8]) -> String {
        let good = small().to_bytes();
        let error = PriceSeries::from_bytes(&reseal(&good[..12], payload)).unwrap_err();
        error.to_string()
    }

    #[test]
    fn forged_contradictions_are_named() {
        // One symbol, A; one price, 100, which zigzag writes as 200.
        let good = small().to_bytes();
        let one = [1, 1, b'A', 1, 200, 1, 0];
        let series = PriceSeries::from_bytes(&reseal(&good[..12], &one)).unwrap();
        assert_eq!(series.prices(0).to_vec(), [(symbol("A"), Price(100))]);

        for (payload, message) in [
            (
                &[2, 1, b'A', 1, b'A', 0, 0][..],
                "a symbol may have one column, A has two",
            ),
            (&[1, 1, 7, 0, 0], "the data is damaged"),
            (&[1, 1, b'A', 1, 199, 1, 0], "price 0 is a price or a gap"),
            (&[2, 1, b'A', 1, b'B', 1, 2, 0], "1 prices fill rows of 2"),
            (&[0, 1, 2, 0], "price 0 is a price or a gap"),
            // The order of a bar that is not there, twice the same, of a gap, and that ascends.
            (
                &[2, 1, b'A', 1, b'B', 2, 2, 2, 1, 1, 2, 1, 0],
                "the order of bar 1 has its place",
            ),
            (
                &[2, 1, b'A', 1, b'B', 2, 2, 2, 2, 0, 2, 1, 0, 0, 2, 1, 0],
                "the order of bar 0 has its place",
            ),
            (
                &[2, 1, b'A', 1, b'B', 2, 2, 2, 1, 0, 2, 1, 1],
                "one of its prices",
            ),
            (
                &[2, 1, b'A', 1, b'B', 2, 2, 0, 1, 0, 2, 1, 0],
                "one of its prices",
            ),
            (
                &[2, 1, b'A', 1, b'B', 2, 2, 2, 1, 0, 2, 0, 1],
                "one of its prices",
            ),
            (
                &[2, 1, b'A', 1, b'B', 2, 2, 2, 1, 0, 2, 9, 0],
                "one of its prices",
            ),
            // 2^62 prices, of which none follows.
            (
                &[1, 1, b'A', 128, 128, 128, 128, 128, 128, 128, 128, 64, 0],
                "the data is damaged",
            ),
        ] {
            let error = forged(payload);
            assert!(error.contains(message), "{error}");
        }
    }
}
