//! Does a command take as long late in a long session as early, and in a large one as in a small?
//!
//! Each pair of rows differs in length or size alone, and shows processor time per command.
#![expect(
    missing_docs,
    reason = "criterion's macros make public functions without docs"
)]

mod common;

use std::time::Duration;

use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group,
    criterion_main,
};
use nanobook::{
    Event, Exchange, FeedDriver, FeedKind, FeedMessage, MultiExchange, OrderId, Price, Side,
    Symbol, TimeInForce,
};

use common::{Random, ThreadTime, add, price_at, run, thread_time};

const MILLION: u64 = 1_000_000;

/// Adds a million asks and cancels each at once.
fn live_a_million(mut exchange: Exchange) -> Exchange {
    for pair in 0..MILLION {
        let result = exchange.submit_limit(
            Side::Sell,
            price_at(Side::Sell, pair % 1_009),
            10,
            TimeInForce::GTC,
        );
        exchange.cancel(result.order_id);
        if pair % 100_000 == 99_999 {
            exchange.clear_order_history();
            exchange.clear_trades();
            exchange.clear_events();
        }
    }
    exchange
}

type Group<'a> = BenchmarkGroup<'a, ThreadTime>;

fn sessions(criterion: &mut Criterion<ThreadTime>) {
    let mut group = criterion.benchmark_group("sessions");
    group
        .sample_size(10)
        .sampling_mode(SamplingMode::Flat)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    long_lives(&mut group);
    symbols(&mut group);
    walks(&mut group);
    stops(&mut group);
    one_price(&mut group);
    follows(&mut group);
    group.finish();
}

fn long_lives(group: &mut Group) {
    let fill: Vec<Event> = (0..1_000)
        .map(|distance| add(Side::Buy, price_at(Side::Buy, distance), 10))
        .collect();
    let young = run(Exchange::new(), &fill);
    let old = (1..10).fold(young.clone(), |exchange, _| live_a_million(exchange));
    group.throughput(Throughput::Elements(2 * MILLION));
    for (age, exchange) in [("first", young), ("tenth", old)] {
        group.bench_function(format!("long life, {age} million"), |bencher| {
            bencher.iter_batched(|| exchange.clone(), live_a_million, BatchSize::PerIteration);
        });
    }
}

fn symbols(group: &mut Group) {
    for count in [1, 5_000] {
        let symbols: Vec<Symbol> = (0..count)
            .map(|number| Symbol::try_new(&format!("S{number:04}")).expect("it is valid"))
            .collect();
        let mut random = Random(3);
        let events: Vec<(Symbol, Event)> = (0..300_000)
            .map(|_| {
                let symbol = symbols[random.index(symbols.len())];
                let side = random.side();
                let price = price_at(side, random.below(50));
                (symbol, add(side, price, 1 + random.below(100)))
            })
            .collect();
        group.throughput(Throughput::Elements(events.len() as u64));
        let id = BenchmarkId::new("add, symbols", count);
        group.bench_with_input(id, &events, |bencher, events| {
            bencher.iter_batched(
                MultiExchange::new,
                |mut multi| {
                    for (symbol, event) in events {
                        let outcome = multi.get_or_create(*symbol).apply(event);
                        outcome.expect("the commands are valid");
                    }
                    multi
                },
                BatchSize::PerIteration,
            );
        });
    }
}

fn walks(group: &mut Group) {
    for ticks in [1_000_i64, 100_000] {
        // Up: an ask, an order that takes it, and a bid that stays behind.
        let walk: Vec<Event> = (1..=ticks)
            .flat_map(|price| {
                let buy = Event::SubmitMarket {
                    side: Side::Buy,
                    quantity: 1,
                };
                let ask = add(Side::Sell, Price(price + 1), 1);
                [ask, buy, add(Side::Buy, Price(price), 1)]
            })
            .collect();
        group.throughput(Throughput::Elements(walk.len() as u64));
        let id = BenchmarkId::new("walk, ticks", ticks);
        group.bench_with_input(id, &walk, |bencher, walk| {
            bencher.iter_batched(
                || Exchange::with_capacity(walk.len()),
                |exchange| run(exchange, walk),
                BatchSize::PerIteration,
            );
        });
    }
}

fn stops(group: &mut Group) {
    for count in [10_000, MILLION] {
        let stops: Vec<Event> = (0..count)
            .map(|number| Event::SubmitStopMarket {
                side: Side::Buy,
                stop_price: price_at(Side::Sell, number * 7_919 % 1_000),
                quantity: 1,
            })
            .collect();
        let ask = add(Side::Sell, price_at(Side::Sell, 499), 1 + count);
        let pending = run(run(Exchange::new(), &stops), &[ask]);
        group.throughput(Throughput::Elements(count / 2));
        group.bench_function(BenchmarkId::new("half of the stops", count), |bencher| {
            bencher.iter_batched_ref(
                || pending.clone(),
                |exchange| exchange.submit_market(Side::Buy, 1),
                BatchSize::PerIteration,
            );
        });
    }
}

fn one_price(group: &mut Group) {
    for count in [10_000, MILLION] {
        let rests = vec![add(Side::Buy, Price(100), 1); usize::try_from(count).expect("it fits")];
        let mut ids: Vec<u64> = (1..=count).collect();
        Random(5).shuffle(&mut ids);
        let half = ids.len() / 2;
        let cancel = |id: &u64| Event::Cancel {
            order_id: OrderId(*id),
        };
        let mut events: Vec<Event> = ids[..half].iter().map(cancel).collect();
        events.push(Event::SubmitMarket {
            side: Side::Sell,
            quantity: count,
        });
        group.throughput(Throughput::Elements(count));
        let id = BenchmarkId::new("one price, half cancelled, then swept", count);
        group.bench_with_input(id, &events, |bencher, events| {
            bencher.iter_batched(
                || run(Exchange::with_capacity(rests.len() + events.len()), &rests),
                |exchange| run(exchange, events),
                BatchSize::PerIteration,
            );
        });
    }
}

/// A feed's best bid comes, goes and makes room for an execution at the next, while an order of
/// one's own is better than both.
fn follows(group: &mut Group) {
    const EXECUTIONS: u64 = 1_000;
    for count in [100, 50_000] {
        let mut exchange = Exchange::without_event_log();
        let mut driver = FeedDriver::new();
        let message = |kind, reference, price, quantity| FeedMessage {
            kind,
            venue_code: b'?',
            timestamp_ns: 0,
            instrument: 0,
            reference,
            new_reference: 0,
            side: Some(Side::Buy),
            price: Some(price),
            quantity,
        };
        for reference in 0..count {
            let price = price_at(Side::Buy, 1 + reference % 100);
            let rests = message(FeedKind::Add, reference, price, EXECUTIONS);
            driver.apply(&mut exchange, &rests);
        }
        let passing = price_at(Side::Buy, 0);
        exchange.submit_limit(Side::Buy, Price(passing.0 + 1), MILLION, TimeInForce::GTC);
        let executed = message(FeedKind::Execute, 0, price_at(Side::Buy, 1), 1);
        let comes = message(FeedKind::Add, count, passing, 1);
        let goes = message(FeedKind::Delete, count, passing, 1);
        group.throughput(Throughput::Elements(3 * EXECUTIONS));
        let id = BenchmarkId::new("a feed behind an order of one's own", count);
        group.bench_function(id, |bencher| {
            bencher.iter_batched_ref(
                || (exchange.clone(), driver.clone()),
                |(exchange, driver)| {
                    for _ in 0..EXECUTIONS {
                        driver.apply(exchange, &comes);
                        driver.apply(exchange, &goes);
                        driver.apply(exchange, &executed);
                    }
                },
                BatchSize::PerIteration,
            );
        });
    }
}

criterion_group! {
    name = benches;
    config = thread_time();
    targets = sessions
}
criterion_main!(benches);
