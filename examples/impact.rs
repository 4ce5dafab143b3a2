//! How much worse does the price get when you buy more? Ask a copy of the book.
//!
//! A copy shares nothing with the original, so each order is tried on the same book.
#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use std::collections::BTreeMap;

use nanobook::{Exchange, Price, Side, TimeInForce, Trade};

/// Returns cents as text in dollars.
fn dollars(cents: i64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}

/// Returns a book around $100.00 with 100 shares each 5 cents, on both sides.
fn book_of_ten_levels() -> Exchange {
    let mut exchange = Exchange::new();
    for step in 1..=10 {
        exchange.submit_limit(Side::Buy, Price(100_00 - 5 * step), 100, TimeInForce::GTC);
        exchange.submit_limit(Side::Sell, Price(100_00 + 5 * step), 100, TimeInForce::GTC);
    }
    exchange
}

/// Tries orders of five sizes.
fn main() {
    let exchange = book_of_ten_levels();
    let before = exchange.state_digest();
    let mid = exchange
        .depth(1)
        .mid_price()
        .expect("both sides have orders")
        .0;
    assert_eq!(mid, 100_00);

    println!("mid {}, 100 shares for sale each 5 cents", dollars(mid));
    println!("wanted  filled  average  above the mid      bps  next ask");
    let mut costs = BTreeMap::new();
    for wanted in [50, 100, 300, 900, 2_000] {
        let mut trial = exchange.clone();
        let order = trial.submit_market(Side::Buy, wanted);
        let average = Trade::vwap(&order.trades).expect("something traded").0;

        // What was paid more than at the mid: exact, in cents.
        let filled = i64::try_from(order.filled_quantity).expect("the book is small");
        let paid: i64 = order.trades.iter().map(Trade::notional).sum();
        let cost = paid - mid * filled;
        costs.insert(wanted, cost);
        let tenths = 100_000 * cost / (mid * filled);
        let bps = format!("{}.{}", tenths / 10, tenths % 10);
        let next_ask = trial.best_ask().map_or("none".into(), |ask| dollars(ask.0));
        println!(
            "{wanted:>6}  {filled:>6}  {}  {:>13}  {bps:>7}  {next_ask:>8}",
            dollars(average),
            dollars(cost)
        );
    }

    // Half the spread is paid by everyone: 5 cents for each of 50 shares.
    assert_eq!(costs[&50], 50 * 5);
    // Three levels at 5, 10 and 15 cents: three times the shares cost six times as much.
    assert_eq!(costs[&300], 100 * (5 + 10 + 15));
    assert_eq!(costs[&300], 6 * costs[&100]);
    // There are only 1,000 shares. The rest of a market order is cancelled.
    assert_eq!(
        costs[&2_000],
        100 * (1..=10).map(|step| 5 * step).sum::<i64>()
    );
    // The original has all its orders.
    assert_eq!(exchange.state_digest(), before);
}
