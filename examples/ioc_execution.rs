//! Buy 1,000 shares at $100.20 or better, without a resting order that others could see.
//!
//! An IOC order takes what is there at once; what is left of it is cancelled. Others offer more
//! shares in between, so the purchase is made in rounds.
#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use nanobook::{Exchange, OrderStatus, Price, Quantity, Side, TimeInForce, Trade};

const TARGET: Quantity = 1_000; // shares
const LIMIT: Price = Price(100_20); // cents
const SLICE: Quantity = 400; // shares in one order
const ROUNDS: usize = 3;

/// Returns a price as text in dollars.
fn dollars(price: Price) -> String {
    format!("${}.{:02}", price.0 / 100, price.0 % 100)
}

/// Offers 320 shares up to the limit, and 500 above it.
fn others_offer(exchange: &mut Exchange) {
    exchange.submit_limit(Side::Sell, Price(100_10), 120, TimeInForce::GTC);
    exchange.submit_limit(Side::Sell, Price(100_20), 200, TimeInForce::GTC);
    exchange.submit_limit(Side::Sell, Price(100_40), 500, TimeInForce::GTC);
}

/// Buys with IOC orders, and says what each did.
fn buy_in_rounds() {
    let mut exchange = Exchange::new();
    let mut trades = Vec::new();
    let mut left = TARGET;
    println!(
        "buy {TARGET} at {} or better, {SLICE} at most in one order",
        dollars(LIMIT)
    );
    for number in 1..=ROUNDS {
        others_offer(&mut exchange);
        let order = exchange.submit_limit(Side::Buy, LIMIT, SLICE.min(left), TimeInForce::IOC);
        left -= order.filled_quantity;
        println!(
            "round {number}: filled {:>3}, cancelled {:>2}, still to buy {left:>3}",
            order.filled_quantity, order.cancelled_quantity
        );
        // Nothing ever rests: nobody sees a bid.
        assert_eq!(order.resting_quantity, 0);
        assert_eq!(exchange.best_bid(), None);
        trades.extend(order.trades);
    }

    let average = Trade::vwap(&trades).expect("something traded");
    let filled = TARGET - left;
    println!("bought {filled} at {} on average", dollars(average));

    assert_eq!(filled, 960);
    let traded: Quantity = trades.iter().map(|trade| trade.quantity).sum();
    assert_eq!(filled, traded);
    // A trade is at the seller's price, so the average is better than the limit.
    assert_eq!(trades.iter().map(|trade| trade.price).max(), Some(LIMIT));
    assert_eq!(average, Price((120 * 100_10 + 200 * 100_20) / 320));
    // The last order filled in part and ends cancelled: look at the quantity, not at the status.
    let last = trades.last().expect("something traded").aggressor_order_id;
    let last = exchange.get_order(last).expect("finished orders are kept");
    assert_eq!(
        (last.status, last.filled_quantity),
        (OrderStatus::Cancelled, 320)
    );
}

/// Sends the same order three times, each to a book of its own.
fn compare_times_in_force() {
    println!();
    println!("one order for {SLICE} where 320 are for sale");
    println!("tif  filled  resting  cancelled");
    for (tif, expected) in [
        (TimeInForce::GTC, [320, 80, 0]),
        (TimeInForce::IOC, [320, 0, 80]),
        (TimeInForce::FOK, [0, 0, 400]),
    ] {
        let mut exchange = Exchange::new();
        others_offer(&mut exchange);
        let order = exchange.submit_limit(Side::Buy, LIMIT, SLICE, tif);
        let quantities = [
            order.filled_quantity,
            order.resting_quantity,
            order.cancelled_quantity,
        ];
        let [filled, resting, cancelled] = quantities;
        println!("{tif}  {filled:>6}  {resting:>7}  {cancelled:>9}");
        assert_eq!(quantities, expected);
        // The three quantities add up to what was sent.
        assert_eq!(quantities.iter().sum::<Quantity>(), SLICE);
    }
}

fn main() {
    buy_in_rounds();
    compare_times_in_force();
}
