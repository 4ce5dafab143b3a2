//! The portfolio's rules, one test each, and its accounting against an independent model.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use nanobook::{
    CostModel, Fill, MultiExchange, Portfolio, PortfolioError, Position, Price, Side, Symbol,
    TimeInForce, TrailMethod,
};

use common::Ledger;

type Targets = &'static [(&'static str, f64)];
type Quotes = &'static [(&'static str, i64)];

fn symbol(name: &str) -> Symbol {
    Symbol::new(name)
}

fn prices(list: &[(&str, i64)]) -> Vec<(Symbol, Price)> {
    list.iter()
        .map(|&(name, price)| (symbol(name), Price(price)))
        .collect()
}

fn weights(list: &[(&str, f64)]) -> Vec<(Symbol, f64)> {
    list.iter()
        .map(|&(name, weight)| (symbol(name), weight))
        .collect()
}

fn rebalance(
    portfolio: &mut Portfolio,
    targets: &[(&str, f64)],
    at: &[(&str, i64)],
) -> Result<Vec<Fill>, PortfolioError> {
    portfolio.rebalance_simple(&weights(targets), &prices(at))
}

fn fill(name: &str, quantity: i64, price: i64, cost: i64) -> Fill {
    Fill {
        symbol: symbol(name),
        quantity,
        price: Price(price),
        cost,
    }
}

fn quantity(portfolio: &Portfolio, name: &str) -> i64 {
    portfolio
        .position(symbol(name))
        .map_or(0, |position| position.quantity)
}

/// A portfolio with a long and a short position, a closed one, costs and two returns.
fn lived_in() -> Portfolio {
    let mut portfolio = Portfolio::new(1_000_000, CostModel::new(10, 5, 3));
    rebalance(
        &mut portfolio,
        &[("A", 0.5), ("B", -0.25), ("C", 0.1)],
        &[("A", 100), ("B", 70), ("C", 9)],
    )
    .unwrap();
    portfolio
        .record_return(&prices(&[("A", 101), ("B", 69), ("C", 9)]))
        .unwrap();
    rebalance(
        &mut portfolio,
        &[("A", 0.7), ("B", -0.25)],
        &[("A", 102), ("B", 68), ("C", 10)],
    )
    .unwrap();
    portfolio.record_return(&prices(&[("A", 103)])).unwrap();
    portfolio
}

/// Asserts that a call fails with this error and leaves the portfolio as it was.
fn refuses(
    portfolio: &mut Portfolio,
    error: &PortfolioError,
    call: impl FnOnce(&mut Portfolio) -> Result<(), PortfolioError>,
) {
    let before = portfolio.clone();
    let digest = portfolio.state_digest();
    assert_eq!(call(portfolio).unwrap_err(), *error);
    assert_eq!(*portfolio, before);
    assert_eq!(portfolio.state_digest(), digest);
    portfolio.check_invariants().unwrap();
}

#[test]
fn all_in_then_half_realizes_half_the_gain() {
    let mut portfolio = Portfolio::new(1_000_000_00, CostModel::zero());
    let fills = rebalance(&mut portfolio, &[("AAPL", 1.0)], &[("AAPL", 100_00)]).unwrap();
    assert_eq!(fills, [fill("AAPL", 10_000, 100_00, 0)]);
    let fills = rebalance(&mut portfolio, &[("AAPL", 0.5)], &[("AAPL", 110_00)]).unwrap();
    assert_eq!(fills, [fill("AAPL", -5_000, 110_00, 0)]);
    let position = portfolio.position(symbol("AAPL")).unwrap();
    assert_eq!(
        (position.quantity, position.realized_pnl),
        (5_000, 50_000_00)
    );
}

#[test]
fn target_quantities_round_toward_zero() {
    let mut portfolio = Portfolio::new(100, CostModel::zero());
    rebalance(
        &mut portfolio,
        &[("AAPL", 0.5), ("GOOG", 0.5)],
        &[("AAPL", 10), ("GOOG", 20)],
    )
    .unwrap();
    assert_eq!(
        (quantity(&portfolio, "AAPL"), quantity(&portfolio, "GOOG")),
        (5, 2)
    );
    assert_eq!(
        portfolio.total_equity(&prices(&[("AAPL", 12), ("GOOG", 18)])),
        Ok(106)
    );

    // A short target of 2.5 shares is 2.
    let mut portfolio = Portfolio::new(100, CostModel::zero());
    rebalance(&mut portfolio, &[("A", -0.25)], &[("A", 10)]).unwrap();
    assert_eq!(quantity(&portfolio, "A"), -2);
}

#[test]
fn money_targets_round_to_the_nearest_unit_halves_away_from_zero() {
    // 5 x 0.5 = 2.5 is 3, enough for one share at 3.
    let mut portfolio = Portfolio::new(5, CostModel::zero());
    rebalance(&mut portfolio, &[("A", 0.5)], &[("A", 3)]).unwrap();
    assert_eq!(quantity(&portfolio, "A"), 1);
    let mut portfolio = Portfolio::new(5, CostModel::zero());
    rebalance(&mut portfolio, &[("A", -0.5)], &[("A", 3)]).unwrap();
    assert_eq!(quantity(&portfolio, "A"), -1);
    // The float 0.15 is just below 15 %: 10 of it is just below 1.5, and 1.
    let mut portfolio = Portfolio::new(10, CostModel::zero());
    rebalance(&mut portfolio, &[("A", 0.15)], &[("A", 2)]).unwrap();
    assert_eq!(quantity(&portfolio, "A"), 0);
}

#[test]
fn money_beyond_the_precision_of_floats_stays_exact() {
    let cash = (1 << 53) + 1;
    let mut portfolio = Portfolio::new(cash, CostModel::zero());
    rebalance(&mut portfolio, &[("A", 1.0)], &[("A", 1)]).unwrap();
    assert_eq!((quantity(&portfolio, "A"), portfolio.cash()), (cash, 0));
}

#[test]
fn held_symbols_without_a_target_are_closed() {
    let mut portfolio = Portfolio::new(1_000, CostModel::zero());
    rebalance(&mut portfolio, &[("A", 0.5)], &[("A", 10)]).unwrap();
    let fills = rebalance(&mut portfolio, &[], &[("A", 12)]).unwrap();
    assert_eq!(fills, [fill("A", -50, 12, 0)]);
    // A symbol that had a price only has no position.
    portfolio.record_return(&prices(&[("B", 1)])).unwrap();
    assert_eq!(portfolio.position(symbol("B")), None);
    // A closed position stays, with what it made.
    let position = portfolio.position(symbol("A")).unwrap();
    assert_eq!(
        *position,
        Position {
            realized_pnl: 100,
            ..Position::flat(symbol("A"))
        }
    );
}

#[test]
fn sells_come_before_buys_each_in_byte_order() {
    let at = [("b", 10), ("AA", 10), ("A", 10), ("B", 10), ("a", 10)];
    let mut portfolio = Portfolio::new(1_000, CostModel::zero());
    rebalance(&mut portfolio, &[("b", 0.2), ("B", 0.2), ("A", 0.2)], &at).unwrap();
    let fills = rebalance(
        &mut portfolio,
        &[("a", 0.1), ("AA", 0.1), ("A", 0.3), ("B", 0.1)],
        &at,
    )
    .unwrap();
    let order: Vec<_> = fills
        .iter()
        .map(|f| (f.symbol.to_string(), f.quantity))
        .collect();
    let expected = [("B", -10), ("b", -20), ("A", 10), ("AA", 10), ("a", 10)];
    assert_eq!(
        order,
        expected.map(|(name, quantity)| (name.to_owned(), quantity))
    );
}

#[test]
fn the_order_of_targets_and_prices_never_matters() {
    let at = [("A", 7), ("B", 11), ("C", 13)];
    let targets = [("A", 0.3), ("B", -0.4), ("C", 0.5)];
    let run = |targets: &[(&str, f64)], at: &[(&str, i64)]| {
        let mut portfolio = Portfolio::new(12_345, CostModel::new(10, 5, 1));
        let fills = rebalance(&mut portfolio, targets, at).unwrap();
        (fills, portfolio)
    };
    let (fills, portfolio) = run(&targets, &at);
    let reversed = |mut list: [(&'static str, i64); 3]| {
        list.reverse();
        list
    };
    let mut back = targets;
    back.reverse();
    let (fills_back, portfolio_back) = run(&back, &reversed(at));
    assert_eq!(fills, fills_back);
    assert_eq!(portfolio, portfolio_back);
    assert_eq!(portfolio.state_digest(), portfolio_back.state_digest());
}

#[test]
fn a_symbol_twice_is_refused() {
    let mut p = lived_in();
    refuses(&mut p, &PortfolioError::DuplicateTarget(symbol("A")), |p| {
        rebalance(p, &[("A", 0.1), ("A", 0.1)], &[("A", 10)]).map(drop)
    });
    // Targets of 0 are targets too, for a symbol that nobody knows.
    refuses(
        &mut p,
        &PortfolioError::DuplicateTarget(symbol("new")),
        |p| rebalance(p, &[("new", 0.0), ("new", 0.0)], &[("A", 10)]).map(drop),
    );
    refuses(&mut p, &PortfolioError::DuplicatePrice(symbol("B")), |p| {
        rebalance(p, &[], &[("B", 10), ("A", 10), ("B", 10)]).map(drop)
    });
    let twice = prices(&[("new", 10), ("A", 10), ("other", 10), ("new", 10)]);
    let error = PortfolioError::DuplicatePrice(symbol("new"));
    refuses(&mut p, &error, |p| p.record_return(&twice));
    refuses(&mut p, &error, |p| p.total_equity(&twice).map(drop));
    refuses(&mut p, &error, |p| p.current_weights(&twice).map(drop));
    refuses(&mut p, &error, |p| p.snapshot(&twice).map(drop));
}

#[test]
fn weights_must_be_finite() {
    for weight in [f64::INFINITY, f64::NEG_INFINITY] {
        let error = PortfolioError::WeightNotFinite {
            symbol: symbol("B"),
            weight,
        };
        refuses(&mut lived_in(), &error, |p| {
            rebalance(p, &[("A", 0.1), ("B", weight)], &[("A", 10), ("B", 10)]).map(drop)
        });
    }
    let error = rebalance(&mut lived_in(), &[("A", f64::NAN)], &[("A", 10)]).unwrap_err();
    assert_eq!(error.to_string(), "a weight must be finite, got NaN for A");
}

#[test]
fn prices_must_be_positive() {
    for price in [0, -1, i64::MIN, i64::MAX] {
        let error = PortfolioError::InvalidPrice {
            symbol: symbol("new"),
            price: Price(price),
        };
        let at = [("A", 10), ("new", price)];
        refuses(&mut lived_in(), &error, |p| {
            rebalance(p, &[], &at).map(drop)
        });
        refuses(&mut lived_in(), &error, |p| p.record_return(&prices(&at)));
        refuses(&mut lived_in(), &error, |p| {
            p.total_equity(&prices(&at)).map(drop)
        });
    }
}

#[test]
fn a_target_that_never_had_a_price_is_refused_unless_it_is_zero() {
    let error = PortfolioError::NeverPriced(symbol("new"));
    refuses(&mut lived_in(), &error, |p| {
        rebalance(p, &[("new", 0.1)], &[("A", 10)]).map(drop)
    });
    rebalance(&mut lived_in(), &[("new", 0.0)], &[("A", 10)]).unwrap();
    // A query does not make a price known.
    let mut portfolio = lived_in();
    portfolio.total_equity(&prices(&[("new", 10)])).unwrap();
    refuses(&mut portfolio, &error, |p| {
        rebalance(p, &[("new", 0.1)], &[]).map(drop)
    });
    // A recorded price does, and so does one of a rebalance without a target for it.
    portfolio.record_return(&prices(&[("new", 10)])).unwrap();
    assert_eq!(
        rebalance(&mut portfolio, &[("new", 0.1)], &[]),
        Ok(Vec::new())
    );
}

#[test]
fn a_symbol_without_a_price_now_is_marked_at_its_last_and_not_traded() {
    let mut portfolio = Portfolio::new(1_000, CostModel::zero());
    rebalance(&mut portfolio, &[("A", 0.5)], &[("A", 10), ("B", 10)]).unwrap();
    portfolio.record_return(&prices(&[("A", 20)])).unwrap();
    // Equity is 500 + 50 x 20 = 1,500: B gets 750, A keeps its 50 shares whatever its target.
    let fills = rebalance(&mut portfolio, &[("A", 0.1), ("B", 0.5)], &[("B", 10)]).unwrap();
    assert_eq!(fills, [fill("B", 75, 10, 0)]);
    assert_eq!(quantity(&portfolio, "A"), 50);
    assert_eq!(portfolio.last_price(symbol("A")), Some(Price(20)));
    // Without a target it is not closed either.
    assert_eq!(
        rebalance(&mut portfolio, &[("B", 0.5)], &[("B", 10)]),
        Ok(Vec::new())
    );
}

#[test]
fn queries_do_not_set_the_last_known_price() {
    let mut portfolio = Portfolio::new(1_000, CostModel::zero());
    rebalance(&mut portfolio, &[("A", 0.5)], &[("A", 10)]).unwrap();
    assert_eq!(portfolio.total_equity(&prices(&[("A", 20)])), Ok(1_500));
    assert_eq!(portfolio.total_equity(&[]), Ok(1_000));
}

#[test]
fn nothing_is_traded_while_equity_is_not_positive() {
    let mut portfolio = Portfolio::new(1_000, CostModel::zero());
    rebalance(&mut portfolio, &[("A", -1.0)], &[("A", 10)]).unwrap();
    assert_eq!(rebalance(&mut portfolio, &[], &[("A", 20)]), Ok(Vec::new()));
    assert_eq!(quantity(&portfolio, "A"), -100);
    assert_eq!(portfolio.last_price(symbol("A")), Some(Price(20)));
    // What is wrong is wrong all the same.
    for targets in [[("A", f64::NAN)], [("new", 0.5)]] {
        rebalance(&mut portfolio, &targets, &[("A", 20)]).unwrap_err();
    }
    rebalance(&mut portfolio, &[("A", 0.1), ("A", 0.1)], &[("A", 20)]).unwrap_err();
    rebalance(&mut portfolio, &[], &[("A", 0)]).unwrap_err();
}

#[test]
fn each_fill_pays_once_a_flip_too() {
    let mut portfolio = Portfolio::new(100_000, CostModel::new(10, 0, 7));
    let fills = rebalance(&mut portfolio, &[("A", 0.5)], &[("A", 10)]).unwrap();
    // 10 bps of 50,000.
    assert_eq!(fills, [fill("A", 5_000, 10, 50)]);
    // Equity is 99,950, the target -99,950 / 10 = -9,995.
    let fills = rebalance(&mut portfolio, &[("A", -1.0)], &[("A", 10)]).unwrap();
    assert_eq!(fills, [fill("A", -14_995, 10, 149)]);
    assert_eq!(portfolio.costs(), 199);
    // The least fee.
    let fills = rebalance(&mut portfolio, &[("A", -0.999_999)], &[("A", 10)]).unwrap();
    assert_eq!(fills, [fill("A", 15, 10, 7)]);
}

#[test]
fn cash_may_go_below_zero() {
    let mut portfolio = Portfolio::new(1_000, CostModel::new(100, 0, 0));
    rebalance(&mut portfolio, &[("A", 2.0)], &[("A", 10)]).unwrap();
    assert_eq!((quantity(&portfolio, "A"), portfolio.cash()), (200, -1_020));
}

#[test]
fn what_does_not_fit_is_an_error_with_its_operands() {
    let mut portfolio = Portfolio::new(i64::MAX, CostModel::zero());
    let before = portfolio.clone();
    let cases: [(Targets, Quotes, &str); 3] = [
        (
            &[("A", 1.5)],
            &[("A", 1)],
            "target of A: equity 9223372036854775807 x weight 1.5",
        ),
        // Selling short brings in cash that does not fit.
        (
            &[("A", -1.0)],
            &[("A", 1)],
            "cash: 9223372036854775807 - -9223372036854775807",
        ),
        (
            &[("A", 0.5), ("B", -1.0)],
            &[("A", 1), ("B", 1)],
            "cash: 9223372036854775807 - -",
        ),
    ];
    for (targets, at, message) in cases {
        let error = rebalance(&mut portfolio, targets, at)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(message), "{error}");
        assert_eq!(portfolio, before);
    }

    let mut portfolio = Portfolio::new(1 << 60, CostModel::zero());
    rebalance(&mut portfolio, &[("A", 1.0)], &[("A", 1)]).unwrap();
    let error = PortfolioError::Overflow {
        what: "equity",
        left: 0,
        operator: "+",
        right: 1 << 63,
    };
    let at = prices(&[("A", 8)]);
    refuses(&mut portfolio, &error, |p| p.record_return(&at));
    refuses(&mut portfolio, &error, |p| p.total_equity(&at).map(drop));
    refuses(&mut portfolio, &error, |p| {
        p.rebalance_simple(&[], &at).map(drop)
    });
}

#[test]
fn returns_are_recorded_while_the_previous_equity_is_positive() {
    let mut portfolio = Portfolio::new(1_000, CostModel::zero());
    assert_eq!(portfolio.equity_curve(), [1_000]);
    rebalance(&mut portfolio, &[("A", -1.0)], &[("A", 10)]).unwrap();
    for price in [5, 20, 25, 10] {
        portfolio.record_return(&prices(&[("A", price)])).unwrap();
    }
    // Cash is 2,000, short 100 shares.
    assert_eq!(portfolio.equity_curve(), [1_000, 1_500, 0, -500, 1_000]);
    assert_eq!(portfolio.returns(), [0.5, -1.0]);
    portfolio.record_return(&[]).unwrap();
    assert_eq!(portfolio.returns(), [0.5, -1.0, 0.0]);
}

#[test]
fn a_snapshot_has_the_numbers_at_its_prices() {
    let mut portfolio = Portfolio::new(1_000, CostModel::new(0, 0, 1));
    rebalance(
        &mut portfolio,
        &[("B", 0.5), ("A", 0.25), ("C", 0.1)],
        &[("A", 10), ("B", 10), ("C", 10)],
    )
    .unwrap();
    // A: 25, B: 50, C: 10; three fees.
    rebalance(&mut portfolio, &[("B", 0.501), ("A", 0.25)], &[("C", 12)]).unwrap();
    // C is sold for 120, gaining 20; one fee.
    let at = prices(&[("A", 20), ("B", 9)]);
    let snapshot = portfolio.snapshot(&at).unwrap();
    assert_eq!(snapshot.cash, 1_000 - 850 + 120 - 4);
    assert_eq!(snapshot.equity, 266 + 500 + 450);
    assert_eq!(snapshot.unrealized, 250 - 50);
    assert_eq!(snapshot.total_realized_pnl, 20);
    assert_eq!(snapshot.costs, 4);
    assert_eq!(snapshot.num_positions, 2);
    assert_eq!(
        snapshot.weights,
        weights(&[("A", 500.0 / 1216.0), ("B", 450.0 / 1216.0)])
    );
    assert_eq!(portfolio.current_weights(&at).unwrap(), snapshot.weights);
    let symbols: Vec<_> = portfolio
        .positions()
        .map(|position| position.symbol)
        .collect();
    assert_eq!(symbols, ["A", "B", "C"].map(symbol));
}

#[test]
fn weights_of_no_equity_are_undefined() {
    let mut portfolio = Portfolio::new(1_000, CostModel::zero());
    rebalance(&mut portfolio, &[("A", -1.0)], &[("A", 10)]).unwrap();
    let at = portfolio.current_weights(&prices(&[("A", 20)])).unwrap();
    assert!(at[0].1.is_nan());
}

#[test]
fn copies_share_nothing() {
    let portfolio = lived_in();
    let mut copy = portfolio.clone();
    rebalance(&mut copy, &[], &[("A", 100), ("B", 70)]).unwrap();
    assert_ne!(copy, portfolio);
    assert_ne!(copy.state_digest(), portfolio.state_digest());
    assert_eq!(portfolio, lived_in());
}

#[test]
fn the_digest_tells_every_number_apart() {
    let digests = [
        Portfolio::new(1, CostModel::zero()),
        Portfolio::new(2, CostModel::zero()),
        Portfolio::new(1, CostModel::new(1, 0, 0)),
        Portfolio::new(1, CostModel::new(0, 1, 0)),
        Portfolio::new(1, CostModel::new(0, 0, 1)),
        lived_in(),
    ]
    .map(|portfolio| portfolio.state_digest());
    for (i, digest) in digests.iter().enumerate() {
        assert!(!digests[..i].contains(digest));
    }
    // A last price, a fill, a gain and a period: each is all that differs.
    let after = |calls: &[(Targets, Quotes)]| {
        let mut portfolio = Portfolio::new(1_000, CostModel::zero());
        for (targets, at) in calls {
            rebalance(&mut portfolio, targets, at).unwrap();
        }
        portfolio
    };
    let known = after(&[(&[], &[("A", 10), ("B", 10)])]);
    let dearer = after(&[(&[], &[("A", 10), ("B", 11)])]);
    let there_and_back = after(&[
        (&[("A", 0.5)], &[("A", 10), ("B", 10)]),
        (&[], &[("A", 10)]),
    ]);
    assert_ne!(known.state_digest(), dearer.state_digest());
    assert_ne!(known.state_digest(), there_and_back.state_digest());
    let [gain_in_a, gain_in_b] = [("A", "B"), ("B", "A")].map(|(up, down)| {
        let mut portfolio = after(&[(&[("A", 0.5), ("B", 0.5)], &[("A", 10), ("B", 10)])]);
        for at in [[(up, 12), (down, 8)], [("A", 10), ("B", 10)]] {
            rebalance(&mut portfolio, &[], &at).unwrap();
        }
        portfolio
    });
    assert_eq!(gain_in_a.cash(), gain_in_b.cash());
    assert_ne!(gain_in_a.state_digest(), gain_in_b.state_digest());
    let mut longer = known.clone();
    longer.record_return(&[]).unwrap();
    assert_ne!(longer.state_digest(), known.state_digest());
    // A price that is known changes what can happen.
    let mut portfolio = Portfolio::new(1, CostModel::zero());
    rebalance(&mut portfolio, &[], &[("A", 5)]).unwrap();
    assert!(!digests.contains(&portfolio.state_digest()));
}

/// `SplitMix64`, of S. Vigna.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// From 1 to about 2^bits, every size as likely as any other.
    fn size(&mut self, bits: u64) -> i64 {
        let bits = self.below(bits);
        i64::try_from((1 << bits) + self.below(1 << bits)).unwrap()
    }

    fn weight(&mut self) -> f64 {
        let unit = f64::from(u32::try_from(self.below(1 << 32)).unwrap()) / f64::from(u32::MAX);
        match self.below(8) {
            0 => 0.0,
            1 => 1.0 / f64::from(u32::try_from(self.below(9) + 1).unwrap()),
            2 => unit * 1e-9,
            3 => (unit - 0.5) * 40.0,
            4 | 5 => -unit,
            _ => unit,
        }
    }
}

#[test]
fn random_fills_match_an_exact_model_to_the_unit() {
    let names = ["E", "A", "D", "BB", "B"];
    let mut random = Random(2026);
    let (mut fills_seen, mut overflows_seen, mut flips_seen) = (0_u32, 0_u32, 0_u32);
    while fills_seen < 150_000 {
        let initial_cash = random.size(63);
        let price_bits = random.below(40) + 2;
        let bps = [random.below(60), random.below(60)].map(|bps| u32::try_from(bps).unwrap());
        let fee_min = if random.below(3) == 0 {
            random.size(8)
        } else {
            0
        };
        let mut portfolio = Portfolio::new(initial_cash, CostModel::new(bps[0], bps[1], fee_min));
        let mut model = Ledger {
            initial_cash: i128::from(initial_cash),
            cash: i128::from(initial_cash),
            bps: i128::from(bps[0] + bps[1]),
            fee_min: i128::from(fee_min),
            ..Ledger::default()
        };
        for _ in 0..100 {
            let some = |random: &mut Random| {
                let keep = random.below(4) + 1;
                names
                    .iter()
                    .filter(|_| random.below(4) < keep)
                    .copied()
                    .collect::<Vec<_>>()
            };
            let at: Vec<_> = some(&mut random)
                .into_iter()
                .map(|name| (name, random.size(price_bits)))
                .collect();
            let targets: Vec<_> = some(&mut random)
                .into_iter()
                .map(|name| (name, random.weight()))
                .collect();

            let before = portfolio.clone();
            let mut after = model.clone();
            let expected = after.rebalance(
                &targets
                    .iter()
                    .map(|(name, weight)| ((*name).to_owned(), *weight))
                    .collect(),
                &at.iter()
                    .map(|(n, price)| ((*n).to_owned(), i128::from(*price)))
                    .collect(),
            );
            let found = rebalance(&mut portfolio, &targets, &at);
            portfolio.check_invariants().unwrap();
            let Ok(expected) = expected else {
                match found {
                    Ok(_) => panic!("{targets:?} at {at:?} of {before:?} does not fit"),
                    Err(PortfolioError::NeverPriced(_)) => {}
                    Err(_) => overflows_seen += 1,
                }
                assert_eq!(portfolio, before);
                continue;
            };
            let found: Vec<_> = found
                .unwrap()
                .iter()
                .map(|fill| (fill.symbol.to_string(), i128::from(fill.quantity)))
                .collect();
            assert_eq!(found, expected);
            fills_seen += u32::try_from(found.len()).unwrap();
            flips_seen += u32::from(found.iter().any(|(name, quantity)| {
                let held = model.positions.get(name).map_or(0, |position| position[0]);
                held.signum() * (held + quantity).signum() < 0
            }));
            model = after;
            assert_eq!(i128::from(portfolio.cash()), model.cash);
            assert_eq!(i128::from(portfolio.costs()), model.costs);
            let positions: Vec<_> = portfolio
                .positions()
                .map(|p| {
                    (
                        p.symbol.to_string(),
                        [p.quantity, p.total_cost, p.realized_pnl].map(i128::from),
                    )
                })
                .collect();
            assert!(positions.into_iter().eq(model.positions.clone()));
        }
    }
    assert!(
        overflows_seen > 1_000 && flips_seen > 1_000,
        "{overflows_seen} overflows, {flips_seen} flips"
    );
    println!("{fills_seen} fills, {overflows_seen} overflows, {flips_seen} rebalances with a flip");
}

/// Two books: A has 10 @ 99 x 101 @ 4, 102 @ 3; B has bids only.
fn books() -> MultiExchange {
    let mut exchanges = MultiExchange::new();
    let a = exchanges.get_or_create(symbol("A"));
    a.submit_limit(Side::Buy, Price(99), 10, TimeInForce::GTC);
    a.submit_limit(Side::Sell, Price(101), 1, TimeInForce::GTC);
    a.submit_limit(Side::Sell, Price(101), 3, TimeInForce::GTC);
    a.submit_limit(Side::Sell, Price(102), 30, TimeInForce::GTC);
    let b = exchanges.get_or_create(symbol("B"));
    b.submit_limit(Side::Buy, Price(50), 5, TimeInForce::GTC);
    b.submit_limit(Side::Buy, Price(48), 5, TimeInForce::GTC);
    exchanges.get_or_create(symbol("empty"));
    exchanges
}

#[test]
fn books_are_traded_sells_first_each_trade_a_fill_with_its_cost() {
    let mut exchanges = books();
    let mut portfolio = Portfolio::new(1_000, CostModel::new(0, 0, 2));
    // A at the mid of 100: 5 shares; B at its only side, 50: -8 shares, which the bids can take.
    let fills = portfolio
        .rebalance_lob(&weights(&[("A", 0.5), ("B", -0.4)]), &mut exchanges)
        .unwrap();
    let expected = [
        fill("B", -5, 50, 2),
        fill("B", -3, 48, 2),
        fill("A", 1, 101, 2),
        fill("A", 3, 101, 2),
        fill("A", 1, 102, 2),
    ];
    assert_eq!(fills, expected);
    assert_eq!(portfolio.cash(), 1_000 + 250 + 144 - 404 - 102 - 10);
    assert_eq!(portfolio.costs(), 10);
    assert_eq!(portfolio.last_price(symbol("A")), Some(Price(100)));
    assert_eq!(portfolio.last_price(symbol("B")), Some(Price(50)));
    let trades = exchanges.exchange(symbol("B")).unwrap().trades();
    assert_eq!(
        trades
            .iter()
            .map(|t| (t.price.0, t.quantity))
            .collect::<Vec<_>>(),
        [(50, 5), (48, 3)]
    );
    assert!(
        trades
            .iter()
            .all(|trade| trade.aggressor_side == Side::Sell)
    );
    portfolio.check_invariants().unwrap();
}

#[test]
fn the_mid_is_rounded_down() {
    let mut exchanges = MultiExchange::new();
    let book = exchanges.get_or_create(symbol("A"));
    book.submit_limit(Side::Buy, Price(10), 100, TimeInForce::GTC);
    book.submit_limit(Side::Sell, Price(13), 100, TimeInForce::GTC);
    let mut portfolio = Portfolio::new(110, CostModel::zero());
    // 110 / 11 = 10 shares; at 11.5 it would be 9.
    let fills = portfolio
        .rebalance_lob(&weights(&[("A", 1.0)]), &mut exchanges)
        .unwrap();
    assert_eq!(fills, [fill("A", 10, 13, 0)]);
}

#[test]
fn what_a_book_cannot_fill_stays_unfilled() {
    let mut exchanges = books();
    let mut portfolio = Portfolio::new(100_000, CostModel::zero());
    portfolio
        .rebalance_lob(&weights(&[("A", 1.0)]), &mut exchanges)
        .unwrap();
    assert_eq!(quantity(&portfolio, "A"), 34);
    // Now the asks are gone: the price is the bid's, and there is no more to buy.
    let fills = portfolio
        .rebalance_lob(&weights(&[("A", 1.0)]), &mut exchanges)
        .unwrap();
    assert_eq!(fills, []);
    assert_eq!(portfolio.last_price(symbol("A")), Some(Price(99)));
}

#[test]
fn a_held_symbol_whose_book_is_empty_is_marked_at_its_last_price() {
    let mut exchanges = books();
    let mut portfolio = Portfolio::new(1_000, CostModel::zero());
    rebalance(
        &mut portfolio,
        &[("empty", 0.5), ("gone", 0.1)],
        &[("empty", 10), ("gone", 10)],
    )
    .unwrap();
    // Equity is still 1,000, so half of it is 5 shares of A at 100.
    let fills = portfolio
        .rebalance_lob(&weights(&[("A", 0.5)]), &mut exchanges)
        .unwrap();
    assert_eq!(fills.iter().map(|fill| fill.quantity).sum::<i64>(), 5);
    assert_eq!(quantity(&portfolio, "empty"), 50);
}

#[test]
fn stops_that_the_orders_trigger_trade_after_them() {
    let mut exchanges = books();
    let a = exchanges.get_or_create(symbol("A"));
    // Buys what is left as soon as something trades at 101.
    a.submit_stop_market(Side::Buy, Price(101), 20);
    a.submit_trailing_stop_market(Side::Sell, Price(90), 1, TrailMethod::Fixed(5));
    let mut portfolio = Portfolio::new(1_000, CostModel::zero());
    let fills = portfolio
        .rebalance_lob(&weights(&[("A", 0.5)]), &mut exchanges)
        .unwrap();
    assert_eq!(fills.iter().map(|fill| fill.quantity).sum::<i64>(), 5);
    // 5 for the portfolio, 20 for the stop.
    let trades = exchanges.exchange(symbol("A")).unwrap().trades();
    assert_eq!(trades.iter().map(|trade| trade.quantity).sum::<u64>(), 25);
}

#[test]
fn an_error_leaves_the_books_alone_too() {
    let cases: [(Targets, i64, CostModel); 5] = [
        (&[("B", -0.1), ("A", f64::NAN)], 1_000, CostModel::zero()),
        (
            &[("B", -0.1), ("A", 0.1), ("A", 0.1)],
            1_000,
            CostModel::zero(),
        ),
        (&[("B", -0.1), ("empty", 0.1)], 1_000, CostModel::zero()),
        (&[("B", -0.1), ("unknown", 0.1)], 1_000, CostModel::zero()),
        // The first sale brings in more cash than fits.
        (&[("B", -0.1)], i64::MAX, CostModel::zero()),
    ];
    for (targets, cash, model) in cases {
        let mut exchanges = books();
        let digest = exchanges.state_digest();
        let mut portfolio = Portfolio::new(cash, model);
        let before = portfolio.clone();
        portfolio
            .rebalance_lob(&weights(targets), &mut exchanges)
            .unwrap_err();
        assert_eq!(portfolio, before);
        assert_eq!(exchanges.state_digest(), digest);
        assert!(exchanges == books());
    }
    // A cost that does not fit, in the last fill of all.
    let mut exchanges = books();
    let digest = exchanges.state_digest();
    let mut portfolio = Portfolio::new(1_000, CostModel::new(0, 0, i64::MAX / 3));
    let error = portfolio
        .rebalance_lob(&weights(&[("A", 0.5), ("B", -0.4)]), &mut exchanges)
        .unwrap_err();
    assert!(matches!(error, PortfolioError::Overflow { .. }), "{error}");
    assert_eq!(exchanges.state_digest(), digest);
}

#[cfg(feature = "persistence")]
mod json {
    use super::*;

    #[test]
    fn saved_text_gives_the_portfolio_back() {
        for portfolio in [Portfolio::new(-5, CostModel::zero()), lived_in()] {
            let text = portfolio.to_json();
            let read = Portfolio::from_json(&text).unwrap();
            assert_eq!(read, portfolio);
            assert_eq!(read.state_digest(), portfolio.state_digest());
            assert_eq!(read.returns(), portfolio.returns());
            assert_eq!(read.to_json(), text);
        }
    }

    #[test]
    fn a_read_portfolio_goes_on_like_the_saved_one() {
        let mut portfolio = lived_in();
        let mut read = Portfolio::from_json(&portfolio.to_json()).unwrap();
        for portfolio in [&mut portfolio, &mut read] {
            rebalance(portfolio, &[("C", 0.5), ("A", 0.1)], &[("A", 90), ("C", 5)]).unwrap();
        }
        assert_eq!(read, portfolio);
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_refused() {
        let text = lived_in().to_json();
        for end in 0..text.len() {
            Portfolio::from_json(&text[..end]).unwrap_err();
        }
        for place in 0..text.len() {
            for byte in [b'0', b'1', b' ', b'"', b'}', b'x'] {
                let mut bytes = text.clone().into_bytes();
                if bytes[place] == byte {
                    continue;
                }
                bytes[place] = byte;
                let changed = String::from_utf8(bytes).unwrap();
                assert!(Portfolio::from_json(&changed).is_err(), "{changed}");
            }
        }
        Portfolio::from_json(&format!("{text} ")).unwrap_err();
        Portfolio::from_json(&format!("{text}\n{text}")).unwrap_err();
    }

    #[test]
    fn a_forged_last_price_is_refused_as_a_live_one_is() {
        let text = lived_in().to_json();
        // A is held, C was closed; a symbol that traded has had a price.
        for (symbol, price) in [("A", 103), ("C", 10)] {
            for forged in [0, -1, i64::MIN, i64::MAX] {
                let (head, state) = text.split_once(r#","portfolio":"#).unwrap();
                let (before, after) = state
                    .split_once(&format!(r#""symbol":"{symbol}""#))
                    .unwrap();
                let after = after.replacen(
                    &format!(r#""last_price":{price}"#),
                    &format!(r#""last_price":{forged}"#),
                    1,
                );
                let state = format!(r#"{before}"symbol":"{symbol}"{after}"#);
                let state = state.strip_suffix('}').unwrap();
                let checksum = xxhash_rust::xxh3::xxh3_64(state.as_bytes());
                let (head, _) = head.split_once(r#","checksum""#).unwrap();
                let forged_text =
                    format!(r#"{head},"checksum":"{checksum:016x}","portfolio":{state}}}"#);
                assert_ne!(forged_text, text);
                let error = Portfolio::from_json(&forged_text).unwrap_err().to_string();
                let rule = format!(
                    "a last price is positive and below {}, got {forged} for {symbol}",
                    i64::MAX
                );
                assert!(error.contains(&rule), "{error}");
            }
        }
    }

    #[test]
    fn files_come_back_and_replace_the_old_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("portfolio.json");
        Portfolio::new(1, CostModel::zero())
            .save_json(&path)
            .unwrap();
        let portfolio = lived_in();
        portfolio.save_json(&path).unwrap();
        assert_eq!(Portfolio::load_json(&path).unwrap(), portfolio);
        // Nothing else is left beside it.
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);

        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        Portfolio::load_json(&path).unwrap_err();
        let missing = Portfolio::load_json(directory.path().join("missing.json")).unwrap_err();
        assert!(matches!(missing, nanobook::PersistenceError::Io(_)));
    }
}
