//! A portfolio under any targets and prices, against an exact ledger written from the rules.
//!
//! What is refused changes nothing, and everything done twice gives the same.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;
mod numbers;

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use nanobook::{
    CostModel, Fill, MultiExchange, Portfolio, PortfolioError, Price, Side, Symbol, TimeInForce,
};

use common::Ledger;
use numbers::{Amount, Weight, symbol};

const STEPS_MAX: usize = 40;

type Targets = Vec<(u8, Weight)>;
type Marks = Vec<(u8, Amount)>;

#[derive(Arbitrary, Debug)]
struct Case {
    cash: Amount,
    commission_bps: Bps,
    slippage_bps: Bps,
    fee_min: Option<Amount>,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Bps {
    Few(u8),
    Any(u32),
}

#[derive(Arbitrary, Debug)]
enum Step {
    Rebalance(Targets, Marks),
    Record(Marks),
    /// Orders for the books, then a rebalance in them.
    RebalanceLob(Vec<(u8, bool, Amount, Amount)>, Targets),
}

impl Bps {
    fn value(self) -> u32 {
        match self {
            Self::Few(bps) => bps.into(),
            Self::Any(bps) => bps,
        }
    }
}

fuzz_target!(|case: Case| {
    let (commission, slippage) = (case.commission_bps.value(), case.slippage_bps.value());
    let fee_min = case.fee_min.map_or(0, |fee| fee.0);
    let Ok(cost_model) = CostModel::try_new(commission, slippage, fee_min) else {
        assert!(fee_min < 0);
        return;
    };
    let mut portfolio = Portfolio::new(case.cash.0, cost_model);
    // Books have fills at many prices, and the ledger knows one for each symbol.
    let mut ledger = Some(Ledger {
        initial_cash: case.cash.0.into(),
        cash: case.cash.0.into(),
        bps: i128::from(commission) + i128::from(slippage),
        fee_min: fee_min.into(),
        ..Ledger::default()
    });
    let mut books = MultiExchange::new();

    for step in case.steps.iter().take(STEPS_MAX) {
        let before = portfolio.clone();
        let mut twin = portfolio.clone();
        let is_done = match step {
            Step::Rebalance(targets, marks) => {
                let (targets, prices) = (weights(targets), prices(marks));
                let fills = portfolio.rebalance_simple(&targets, &prices);
                same(&fills, &twin.rebalance_simple(&targets, &prices));
                if let Some(ledger) = &mut ledger {
                    compare(ledger, &targets, &prices, &fills);
                }
                if let Ok(fills) = &fills {
                    check_fills(&before, &portfolio, fills);
                }
                fills.is_ok()
            }
            Step::Record(marks) => {
                let prices = prices(marks);
                let equity = portfolio.total_equity(&prices);
                let snapshot = portfolio.snapshot(&prices);
                let weights = portfolio.current_weights(&prices);
                assert_eq!(equity.is_ok(), weights.is_ok());
                let recorded = portfolio.record_return(&prices);
                same(&recorded, &twin.record_return(&prices));
                assert_eq!(equity.is_ok(), recorded.is_ok());
                if let Ok(equity) = equity {
                    assert_eq!(portfolio.equity_curve().last(), Some(&equity));
                    if let Some(ledger) = &mut ledger {
                        let marks = by_name(&prices);
                        assert_eq!(ledger.equity(&marks), Ok(equity.into()));
                        ledger.last.extend(marks);
                    }
                }
                if let Ok(snapshot) = snapshot {
                    check_identity(&portfolio, &snapshot);
                }
                recorded.is_ok()
            }
            Step::RebalanceLob(orders, targets) => {
                for (place, is_bid, price, quantity) in orders {
                    let side = if *is_bid { Side::Buy } else { Side::Sell };
                    let quantity = quantity.0.unsigned_abs();
                    let _ = books.get_or_create(symbol(*place)).try_submit_limit(
                        side,
                        Price(price.0),
                        quantity,
                        TimeInForce::GTC,
                    );
                }
                let books_before = books.clone();
                let mut twin_books = books.clone();
                let targets = weights(targets);
                let fills = portfolio.rebalance_lob(&targets, &mut books);
                same(&fills, &twin.rebalance_lob(&targets, &mut twin_books));
                assert!(books == twin_books);
                match &fills {
                    Ok(fills) => check_fills(&before, &portfolio, fills),
                    Err(_) => assert!(books == books_before, "an error leaves the books alone"),
                }
                books.check_invariants().expect("the books are whole");
                if fills.is_ok() {
                    ledger = None;
                }
                fills.is_ok()
            }
        };
        portfolio.check_invariants().expect("a portfolio is whole");
        assert!(is_done || portfolio == before, "an error changes nothing");
        assert!(twin == portfolio);
        assert_eq!(twin.state_digest(), portfolio.state_digest());
    }
    let text = portfolio.to_json();
    assert!(Portfolio::from_json(&text).expect("it was just written") == portfolio);
});

fn weights(targets: &Targets) -> Vec<(Symbol, f64)> {
    let targets = targets
        .iter()
        .map(|(place, weight)| (symbol(*place), weight.0));
    targets.collect()
}

fn prices(marks: &Marks) -> Vec<(Symbol, Price)> {
    let marks = marks
        .iter()
        .map(|(place, price)| (symbol(*place), Price(price.0)));
    marks.collect()
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

/// Does on the ledger what the portfolio was told to do.
fn compare(
    ledger: &mut Ledger,
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
