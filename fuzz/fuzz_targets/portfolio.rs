//! A portfolio under any targets and prices, against an exact ledger written from the rules.
//!
//! What is refused changes nothing, and everything done twice gives the same.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;
mod numbers;

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use nanobook::{
    CostModel, Fill, MultiExchange, Portfolio, PortfolioError, Price, Side, Symbol, TimeInForce,
};

use common::Ledger;
use numbers::{Amount, Weight, symbol};

const STEPS_MAX: usize = 60;

/// A header and each step have so many bytes, so that a changed byte changes one step; what a
/// header or a step has more than it needs is not used, and what is missing is 0.
const RECORD: usize = 24;

#[derive(Arbitrary, Debug)]
struct Header {
    cash_kind: u8,
    cash: Amount,
    commission_bps: u8,
    slippage_bps: u8,
    fee_kind: u8,
    fee_min: Amount,
    bps: u32,
}

#[derive(Arbitrary, Debug)]
struct Step {
    kind: u8,
    /// How many of each are used.
    counts: u8,
    weights: [(u8, Weight); 3],
    prices: [(u8, Amount); 3],
    quantity: Amount,
}

impl Header {
    /// Mostly what buys many of most things.
    fn cash(&self) -> i64 {
        match self.cash_kind {
            0..224 => (1 << (8 + self.cash_kind % 55)) - 1,
            224.. => self.cash.0,
        }
    }

    fn cost_model(&self) -> (u32, u32, i64) {
        let commission = match self.fee_kind % 8 {
            0 => self.bps,
            _ => self.commission_bps.into(),
        };
        let fee_min = match self.fee_kind / 8 % 4 {
            0 => self.fee_min.0,
            fee => i64::from(fee) - 1,
        };
        (commission, self.slippage_bps.into(), fee_min)
    }
}

fuzz_target!(|data: &[u8]| {
    let (header, steps) = data.split_at(data.len().min(RECORD));
    let header = Header::arbitrary(&mut Unstructured::new(header)).expect("bytes do not run out");
    let (commission, slippage, fee_min) = header.cost_model();
    let Ok(cost_model) = CostModel::try_new(commission, slippage, fee_min) else {
        assert!(fee_min < 0);
        return;
    };
    let mut run = Run {
        portfolio: Portfolio::new(header.cash(), cost_model),
        ledger: Ledger {
            initial_cash: header.cash().into(),
            cash: header.cash().into(),
            bps: i128::from(commission) + i128::from(slippage),
            fee_min: fee_min.into(),
            ..Ledger::default()
        },
        books: MultiExchange::new(),
        market: BTreeMap::new(),
        plan: BTreeMap::new(),
    };
    for step in steps.chunks(RECORD).take(STEPS_MAX) {
        let step = Step::arbitrary(&mut Unstructured::new(step)).expect("bytes do not run out");
        run.step(&step);
        run.portfolio
            .check_invariants()
            .expect("a portfolio is whole");
    }
    let text = run.portfolio.to_json();
    assert!(Portfolio::from_json(&text).expect("it was just written") == run.portfolio);
});

struct Run {
    portfolio: Portfolio,
    ledger: Ledger,
    books: MultiExchange,
    /// The last valid price of each symbol.
    market: BTreeMap<Symbol, Price>,
    /// The last valid weight of each.
    plan: BTreeMap<Symbol, f64>,
}

impl Run {
    fn step(&mut self, step: &Step) {
        let own_prices: Vec<(Symbol, Price)> = step.prices[..usize::from(step.counts % 4)]
            .iter()
            .map(|(place, price)| (symbol(*place), Price(price.0)))
            .collect();
        let own_targets: Vec<(Symbol, f64)> = step.weights[..usize::from(step.counts / 4 % 4)]
            .iter()
            .map(|(place, weight)| (symbol(*place), weight.0))
            .collect();
        let valid = own_prices.iter().filter(|(_, price)| price.is_valid());
        self.market.extend(valid.copied());
        let valid = own_targets.iter().filter(|(_, weight)| weight.is_finite());
        self.plan.extend(valid.copied());
        let market = self.market.iter().map(|(symbol, price)| (*symbol, *price));
        // A target needs a price.
        let plan = self.plan.iter().map(|(symbol, weight)| (*symbol, *weight));
        let plan = plan.filter(|(symbol, _)| self.market.contains_key(symbol));
        let (market, plan): (Vec<_>, Vec<_>) = (market.collect(), plan.collect());
        match step.kind % 8 {
            0..3 => self.rebalance(&plan, &market),
            3 => self.rebalance(&plan, &own_prices),
            4 => self.rebalance(&own_targets, &own_prices),
            5 => self.record(&market),
            6 => self.record(&own_prices),
            7.. => {
                for (place, price) in &step.prices {
                    let side = [Side::Buy, Side::Sell][usize::from(place % 2)];
                    let quantity = step.quantity.0.unsigned_abs();
                    let book = self.books.get_or_create(symbol(*place));
                    let _ = book.try_submit_limit(side, Price(price.0), quantity, TimeInForce::GTC);
                }
                self.rebalance_lob(&own_targets);
            }
        }
    }

    fn rebalance(&mut self, targets: &[(Symbol, f64)], prices: &[(Symbol, Price)]) {
        let before = self.portfolio.clone();
        let mut twin = before.clone();
        let fills = self.portfolio.rebalance_simple(targets, prices);
        same(&fills, &twin.rebalance_simple(targets, prices));
        assert!(twin == self.portfolio);
        assert_eq!(twin.state_digest(), self.portfolio.state_digest());
        compare(&mut self.ledger, &self.portfolio, targets, prices, &fills);
        match &fills {
            Ok(fills) => check_fills(&before, &self.portfolio, fills),
            Err(_) => assert!(self.portfolio == before, "an error changes nothing"),
        }
    }

    fn record(&mut self, prices: &[(Symbol, Price)]) {
        let before = self.portfolio.clone();
        let equity = before.total_equity(prices);
        assert_eq!(before.current_weights(prices).is_ok(), equity.is_ok());
        if let Ok(snapshot) = before.snapshot(prices) {
            assert_eq!(equity, Ok(snapshot.equity));
            check_identity(&before, &snapshot);
        }
        let recorded = self.portfolio.record_return(prices);
        assert_eq!(recorded.is_ok(), equity.is_ok());
        let Ok(equity) = equity else {
            assert!(self.portfolio == before, "an error changes nothing");
            return;
        };
        assert_eq!(self.portfolio.equity_curve().last(), Some(&equity));
        let marks = by_name(prices);
        assert_eq!(self.ledger.equity(&marks), Ok(equity.into()));
        self.ledger.last.extend(marks);
    }

    /// Trades in the books. The portfolio is left as it was: the ledger knows no books.
    fn rebalance_lob(&mut self, targets: &[(Symbol, f64)]) {
        let (mut portfolio, mut books) = (self.portfolio.clone(), self.books.clone());
        let fills = portfolio.rebalance_lob(targets, &mut self.books);
        if let Ok(fills) = &fills {
            check_fills(&self.portfolio, &portfolio, fills);
        } else {
            assert!(portfolio == self.portfolio, "an error changes nothing");
            assert!(books == self.books, "an error leaves the books alone");
        }
        portfolio.check_invariants().expect("a portfolio is whole");
        self.books.check_invariants().expect("the books are whole");
        let mut twin = self.portfolio.clone();
        same(&fills, &twin.rebalance_lob(targets, &mut books));
        assert!(twin == portfolio && books == self.books);
    }
}

fn by_name(prices: &[(Symbol, Price)]) -> BTreeMap<String, i128> {
    let prices = prices.iter();
    prices
        .map(|(symbol, price)| (symbol.to_string(), price.0.into()))
        .collect()
}

/// Errors may carry a NaN.
fn same<T: std::fmt::Debug>(one: &T, other: &T) {
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}

/// Does on the ledger what the portfolio was told to do, and compares what they have become.
fn compare(
    ledger: &mut Ledger,
    portfolio: &Portfolio,
    targets: &[(Symbol, f64)],
    prices: &[(Symbol, Price)],
    fills: &Result<Vec<Fill>, PortfolioError>,
) {
    let is_distinct = |symbols: Vec<Symbol>| {
        let mut seen = BTreeSet::new();
        symbols.into_iter().all(|symbol| seen.insert(symbol))
    };
    let is_valid = is_distinct(targets.iter().map(|target| target.0).collect())
        && is_distinct(prices.iter().map(|price| price.0).collect())
        && targets.iter().all(|target| target.1.is_finite())
        && prices
            .iter()
            .all(|(_, price)| price.0 > 0 && price.0 < i64::MAX);
    if !is_valid {
        assert!(fills.is_err());
        return;
    }
    let mut after = ledger.clone();
    let targets = targets
        .iter()
        .map(|(symbol, weight)| (symbol.to_string(), *weight));
    let expected = after.rebalance(&targets.collect(), &by_name(prices));
    let Ok(expected) = expected else {
        assert!(fills.is_err(), "it does not fit");
        return;
    };
    let fills = fills.as_ref().expect("the ledger takes it");
    let fills = fills
        .iter()
        .map(|fill| (fill.symbol.to_string(), i128::from(fill.quantity)));
    assert!(fills.eq(expected.iter().cloned()), "{expected:?}");
    assert_eq!(i128::from(portfolio.cash()), after.cash);
    assert_eq!(i128::from(portfolio.costs()), after.costs);
    let positions: BTreeMap<String, [i128; 3]> = portfolio
        .positions()
        .map(|position| {
            let numbers = [
                position.quantity,
                position.total_cost,
                position.realized_pnl,
            ];
            (position.symbol.to_string(), numbers.map(i128::from))
        })
        .collect();
    assert_eq!(positions, after.positions);
    *ledger = after;
}

/// Fills explain cash, costs and quantities.
fn check_fills(before: &Portfolio, after: &Portfolio, fills: &[Fill]) {
    let mut cash = i128::from(before.cash());
    let mut costs = i128::from(before.costs());
    let mut quantities: BTreeMap<Symbol, i64> = before
        .positions()
        .map(|position| (position.symbol, position.quantity))
        .collect();
    for fill in fills {
        assert!(fill.quantity != 0 && fill.price.is_valid());
        let notional = i128::from(fill.quantity) * i128::from(fill.price.0);
        let cost = before
            .cost_model()
            .compute_cost(i64::try_from(notional).expect("it fits"));
        assert_eq!(cost, Ok(fill.cost));
        cash -= notional + i128::from(fill.cost);
        costs += i128::from(fill.cost);
        *quantities.entry(fill.symbol).or_default() += fill.quantity;
    }
    assert_eq!(i128::from(after.cash()), cash);
    assert_eq!(i128::from(after.costs()), costs);
    let found = after
        .positions()
        .map(|position| (position.symbol, position.quantity));
    assert!(found.eq(quantities));
}

/// equity = initial cash + realized + unrealized - costs.
fn check_identity(portfolio: &Portfolio, snapshot: &nanobook::PortfolioSnapshot) {
    let explained = i128::from(portfolio.initial_cash())
        + i128::from(snapshot.total_realized_pnl)
        + i128::from(snapshot.unrealized)
        - i128::from(snapshot.costs);
    assert_eq!(i128::from(snapshot.equity), explained);
}
