//! How many bytes does an order cost, and what else an exchange keeps?
//!
//! Counted by the allocator: bytes asked for and not given back, per thing. `ready` is an exchange
//! made `with_capacity`, `grown` one that started from nothing.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use allocation_counter::measure;
use nanobook::{Event, Exchange, OrderId, Price, Side, TimeInForce};

type New = fn() -> Exchange;

const COUNT: u64 = 1_000_000;

fn limit(side: Side, price: i64, time_in_force: TimeInForce) -> Event {
    Event::SubmitLimit {
        side,
        price: Price(price),
        quantity: 100,
        time_in_force,
    }
}

/// Returns bids on a hundred prices.
fn resting(order: u64) -> Event {
    let away = i64::try_from(order % 100).expect("it is small");
    limit(Side::Buy, 10_000 - away, TimeInForce::GTC)
}

fn run(exchange: &mut Exchange, count: u64, event: &dyn Fn(u64) -> Event) {
    for number in 0..count {
        let outcome = exchange.apply(&event(number));
        outcome.expect("the commands are valid");
    }
}

fn main() {
    const EXCHANGES: [(&str, New); 3] = [
        ("ready, event log", || Exchange::with_capacity(1_000_001)),
        ("grown, event log", Exchange::new),
        ("grown, no event log", Exchange::without_event_log),
    ];
    // `cargo bench -- NAME` and the options of the other benchmarks are not for this one.
    println!("bytes each, {COUNT} of each");
    for (memory, new) in EXCHANGES {
        let row = |what: &str, before: &dyn Fn(&mut Exchange), event: &dyn Fn(u64) -> Event| {
            let mut kept = None;
            let info = measure(|| {
                let exchange = kept.insert(new());
                before(exchange);
                run(exchange, COUNT, event);
            });
            let bytes = u64::try_from(info.bytes_current).expect("it holds something");
            println!("{what:<60} {memory:<20} {:>6}", bytes.div_ceil(COUNT));
        };
        row("resting order", &|_| {}, &resting);
        row("finished order: an IOC that met nothing", &|_| {}, &|_| {
            limit(Side::Buy, 100, TimeInForce::IOC)
        });
        row(
            "event alone: a cancel of an unknown order",
            &|_| {},
            &|_| Event::Cancel {
                order_id: OrderId(u64::MAX),
            },
        );
        row(
            "order that trades once, and its trade",
            &|exchange| {
                exchange.submit_limit(Side::Sell, Price(100), u64::MAX / 200, TimeInForce::GTC);
            },
            &|_| limit(Side::Buy, 100, TimeInForce::IOC),
        );
        row("pending stop", &|_| {}, &|number| Event::SubmitStopMarket {
            side: Side::Buy,
            stop_price: Price(20_000 + i64::try_from(number % 1_000).expect("it is small")),
            quantity: 1,
        });
    }
}
