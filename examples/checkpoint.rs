//! Keep a state, try something and go back; find the command that did it; keep a day on disk.
#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use std::error::Error;
use std::fs;

use nanobook::{Exchange, OrderId, OrderStatus, Price, ReplayError, Side, TimeInForce};

/// Returns the index of an event by halving; `is_true` has to stay true once it is.
fn first_event_after_which(
    exchange: &Exchange,
    is_true: impl Fn(&Exchange) -> bool,
) -> Result<usize, ReplayError> {
    let events = exchange.events().to_vec();
    let (mut low, mut high) = (0, events.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        if is_true(&Exchange::replay(&events[..middle])?) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low - 1)
}

/// Returns whether order 1 is filled.
fn first_is_filled(exchange: &Exchange) -> bool {
    exchange
        .get_order(OrderId(1))
        .is_some_and(|order| order.status == OrderStatus::Filled)
}

/// Returns the best ask; there is always one here.
fn best_ask(exchange: &Exchange) -> Price {
    exchange.best_ask().expect("somebody offers")
}

/// Goes back once, then looks for an event in the log.
fn main() -> Result<(), Box<dyn Error>> {
    let mut exchange = Exchange::new();
    for price in [101_00, 102_00, 103_00] {
        exchange.submit_limit(Side::Sell, Price(price), 10, TimeInForce::GTC);
    }

    // A state is bytes. The clock and the ids are part of it.
    let checkpoint = exchange.to_bytes();
    let digest = exchange.state_digest();
    println!(
        "checkpoint: best ask {} cents, digest {digest}",
        best_ask(&exchange)
    );
    let tried = exchange.submit_market(Side::Buy, 25);
    println!(
        "bought {}: best ask {} cents",
        tried.filled_quantity,
        best_ask(&exchange)
    );
    assert_ne!(exchange.state_digest(), digest);
    let mut exchange = Exchange::from_bytes(&checkpoint)?;
    println!("back again: best ask {} cents", best_ask(&exchange));
    assert_eq!(exchange.state_digest(), digest);
    // The same command gives the same answer, its id included.
    assert_eq!(
        Exchange::from_bytes(&checkpoint)?.submit_market(Side::Buy, 25),
        tried
    );

    // A log replays as far as you like. Which command emptied the level at $101.00?
    exchange.submit_market(Side::Buy, 4);
    exchange.cancel(OrderId(2));
    exchange.submit_market(Side::Buy, 6);
    exchange.submit_market(Side::Buy, 1);
    println!();
    let events = exchange.events().to_vec();
    println!("{} events", events.len());
    let traded = first_event_after_which(&exchange, |state| !state.trades().is_empty())?;
    println!("the first trade: event {traded}, {:?}", events[traded]);
    let emptied = first_event_after_which(&exchange, first_is_filled)?;
    println!("$101.00 emptied: event {emptied}, {:?}", events[emptied]);
    assert_eq!((traded, emptied), (3, 5));

    // The file is text: a header, one command a line, and a checksum.
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("day.jsonl");
    exchange.save(&path)?;
    println!();
    let text = fs::read_to_string(&path)?;
    let lines: Vec<&str> = text.lines().collect();
    println!("saved {} lines, the fifth is {}", lines.len(), lines[4]);
    let again = Exchange::load(&path)?;
    assert_eq!(lines.len(), events.len() + 2);
    assert_eq!(again, exchange);
    assert_eq!(again.state_digest(), exchange.state_digest());
    println!("loaded the same state, digest {}", again.state_digest());
    Ok(())
}
