//! A market maker earns the spread; what it holds in the meantime, its inventory, is the risk.
//!
//! It quotes a bid and an ask around a fair price that moves. Where it moves both quotes away from
//! what it holds (it leans), the inventory stays small, and so does the profit.
#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use nanobook::{Exchange, InvariantError, Price, Quantity, Side, TimeInForce};

const HALF_SPREAD: i64 = 5; // cents
const SIZE: Quantity = 10; // shares of each quote
const VISITORS: usize = 500;
const DAYS: i64 = 20;

/// A small random generator (Lehmer, 1951): the same numbers on every machine.
struct Chance(i64);

impl Chance {
    /// Returns a whole number from 0, below the limit.
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0 * 48_271 % 2_147_483_647;
        self.0 % limit
    }
}

/// What a day brought, in cents and shares.
struct Day {
    profit: i64,
    edge: i64,
    drift: i64,
    largest: i64,
}

/// Quotes to all visitors; `lean` is in cents for each 100 shares held.
fn day(lean: i64, seed: i64) -> Result<Day, InvariantError> {
    let mut exchange = Exchange::new();
    let mut chance = Chance(seed);
    let mut quotes = Vec::new();
    let (mut fair, mut cash, mut inventory) = (100_00, 0, 0_i64);
    let (mut edge, mut drift, mut largest) = (0, 0, 0);
    for _ in 0..VISITORS {
        let step = 2 * chance.below(3) - 2;
        fair += step;
        drift += inventory * step;

        // Quotes that were filled answer `OrderNotActive`, and nothing happens.
        for order_id in quotes {
            exchange.cancel(order_id);
        }
        let center = fair - (lean * inventory).div_euclid(100);
        let (bid, ask) = (center - HALF_SPREAD, center + HALF_SPREAD);
        let bid_quote = exchange.submit_limit(Side::Buy, Price(bid), SIZE, TimeInForce::GTC);
        let ask_quote = exchange.submit_limit(Side::Sell, Price(ask), SIZE, TimeInForce::GTC);
        quotes = vec![bid_quote.order_id, ask_quote.order_id];

        // A visitor has an opinion of what a share is worth, and trades if a quote is better.
        let worth = fair + chance.below(41) - 20;
        let quantity = 1 + chance.below(15).unsigned_abs();
        let visit = if worth > ask {
            exchange.submit_market(Side::Buy, quantity)
        } else if worth < bid {
            exchange.submit_market(Side::Sell, quantity)
        } else {
            continue;
        };
        for trade in &visit.trades {
            // The passive side is the market maker's.
            let quantity = i64::try_from(trade.quantity).expect("quotes are small");
            let bought = match trade.passive_side() {
                Side::Buy => quantity,
                Side::Sell => -quantity,
            };
            inventory += bought;
            cash -= bought * trade.price.0;
            edge += bought * (fair - trade.price.0);
        }
        largest = largest.max(inventory.abs());
    }

    exchange.check_invariants()?;
    let profit = cash + inventory * fair;
    // All profit comes from two places: what a fill was better than the fair price, and what the
    // fair price did to the inventory afterwards.
    assert_eq!(profit, edge + drift);
    Ok(Day {
        profit,
        edge,
        drift,
        largest,
    })
}

/// Returns cents as text in dollars.
fn dollars(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}${}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

/// Compares three ways to lean, each on the same days.
fn main() -> Result<(), InvariantError> {
    println!("{DAYS} days of {VISITORS} visitors");
    println!("quotes of {SIZE} shares, {HALF_SPREAD} cents from the fair price");
    println!("lean is in cents for each 100 shares held");
    println!();
    println!("lean    profit = spread  +  drift   worst drift of a day  most held");
    let (mut earned, mut held) = (Vec::new(), Vec::new());
    for lean in [0, 25, 100] {
        let days: Vec<Day> = (1..=DAYS)
            .map(|seed| day(lean, seed))
            .collect::<Result<_, _>>()?;
        let profit = days.iter().map(|day| day.profit).sum();
        let edge = days.iter().map(|day| day.edge).sum();
        let drift = days.iter().map(|day| day.drift).sum();
        let worst = days.iter().map(|day| day.drift).min().unwrap_or(0);
        let largest = days.iter().map(|day| day.largest).max().unwrap_or(0);
        println!(
            "{lean:>4} {:>9} {:>9} {:>9} {:>21} {largest:>10}",
            dollars(profit),
            dollars(edge),
            dollars(drift),
            dollars(worst)
        );
        earned.push(edge);
        held.push(largest);
    }

    // Leaning costs a part of the spread, and keeps the inventory small.
    assert!(earned[0] > earned[1] && earned[1] > earned[2]);
    assert!(held[0] > held[1] && held[1] > held[2]);
    Ok(())
}
