//! How long does one operation take, and how does that grow with the book?
//!
//! Figures are per operation. Each row repeats its operation on one exchange, so that the
//! book stays as it was; what has to be rebuilt is rebuilt outside the measurement.
#![expect(
    missing_docs,
    reason = "criterion's macros make public functions without docs"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nanobook::{Event, Exchange, OrderId, Price, Side, TimeInForce, TrailMethod};

/// The best bid is below, the best ask is here.
const MID: i64 = 1_000_000;

/// Operations in one measurement: the time of one is too short to take alone.
const BATCH: u64 = 1_000;

fn limit(exchange: &mut Exchange, side: Side, price: i64, quantity: u64) -> OrderId {
    let result = exchange.submit_limit(side, Price(price), quantity, TimeInForce::GTC);
    result.order_id
}

/// Returns a book with so many levels on each side, a tick apart, and orders of 10 at each level.
fn book(levels: i64, orders_per_level: usize) -> Exchange {
    let mut exchange = Exchange::without_event_log();
    for level in 0..levels {
        for _ in 0..orders_per_level {
            limit(&mut exchange, Side::Sell, MID + level, 10);
            limit(&mut exchange, Side::Buy, MID - 1 - level, 10);
        }
    }
    exchange
}

fn submits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("submit");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(2))
        .throughput(Throughput::Elements(BATCH));

    group.bench_function("without match", |bencher| {
        bencher.iter_batched_ref(
            || book(100, 1),
            |exchange| {
                for order in 0..BATCH {
                    let away = i64::try_from(order % 100).expect("small");
                    limit(exchange, Side::Buy, black_box(MID - 1 - away), 10);
                }
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("with match", |bencher| {
        bencher.iter_batched_ref(
            || {
                let mut exchange = book(100, 1);
                for _ in 0..BATCH {
                    limit(&mut exchange, Side::Sell, MID, 10);
                }
                exchange
            },
            |exchange| {
                for _ in 0..BATCH {
                    limit(exchange, Side::Buy, black_box(MID), 10);
                }
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn cancels(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cancel");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(2))
        .throughput(Throughput::Elements(BATCH));

    for levels in [10, 100, 1_000] {
        group.bench_with_input(BenchmarkId::new("levels", levels), &levels, |bencher, _| {
            bencher.iter_batched(
                || {
                    let mut exchange = book(levels, 1);
                    let ids: Vec<OrderId> = (0..BATCH)
                        .map(|order| {
                            let away = i64::try_from(order).expect("small") * 7 % levels;
                            limit(&mut exchange, Side::Buy, MID - 1 - away, 10)
                        })
                        .collect();
                    (exchange, ids)
                },
                |(mut exchange, ids)| {
                    for id in ids {
                        black_box(exchange.cancel(id));
                    }
                    exchange
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.bench_function("deep in a queue of 100,000", |bencher| {
        bencher.iter_batched(
            || {
                let mut exchange = Exchange::without_event_log();
                let ids: Vec<OrderId> = (0..100_000)
                    .map(|_| limit(&mut exchange, Side::Buy, MID, 10))
                    .collect();
                (exchange, ids)
            },
            |(mut exchange, ids)| {
                // From the middle: as far from both ends as an order can be.
                for id in &ids[50_000..][..usize::try_from(BATCH).expect("small")] {
                    black_box(exchange.cancel(*id));
                }
                exchange
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn sweeps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("market sweep");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(2));
    for levels in [1_i64, 10, 100, 1_000] {
        group.throughput(Throughput::Elements(levels.unsigned_abs()));
        group.bench_with_input(BenchmarkId::new("levels", levels), &levels, |bencher, _| {
            bencher.iter_batched_ref(
                || book(levels, 1),
                |exchange| exchange.submit_market(Side::Buy, levels.unsigned_abs() * 10),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn queries(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("query");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(1));
    let exchange = book(1_000, 10);
    group.bench_function("BBO", |bencher| {
        bencher.iter(|| black_box(&exchange).best_bid_ask());
    });
    for levels in [1, 10, 100, 1_000] {
        group.bench_with_input(BenchmarkId::new("depth", levels), &levels, |bencher, _| {
            bencher.iter(|| black_box(&exchange).depth(levels));
        });
    }
    group.finish();
}

/// Returns commands of a day: orders near the touch, some of which trade, and cancels.
fn day(count: u64) -> Vec<Event> {
    let mut state = 42_u64;
    (1..=count)
        .map(|command| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if state % 3 == 0 {
                let order_id = OrderId(1 + state / 3 % command);
                return Event::Cancel { order_id };
            }
            let away = i64::try_from(state / 3 % 20).expect("small") - 2;
            let (side, price) = if state & 1 == 0 {
                (Side::Buy, Price(MID - away))
            } else {
                (Side::Sell, Price(MID + away))
            };
            Event::SubmitLimit {
                side,
                price,
                quantity: 1 + state / 60 % 100,
                time_in_force: TimeInForce::GTC,
            }
        })
        .collect()
}

fn replays(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("replay");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(2));
    for count in [10_000, 100_000] {
        let events = day(count);
        group.throughput(Throughput::Elements(count));
        group.bench_with_input(
            BenchmarkId::new("events", count),
            &events,
            |bencher, events| bencher.iter_with_large_drop(|| Exchange::replay(black_box(events))),
        );
    }
    group.finish();
}

/// Puts `BATCH` stops above the market, ten at each price.
fn pend(exchange: &mut Exchange) {
    for stop in 0..BATCH {
        let above = i64::try_from(stop / 10).expect("small");
        exchange.submit_stop_market(Side::Buy, Price(MID + 1 + above), 1);
    }
}

fn stops(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stops");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(2))
        .throughput(Throughput::Elements(BATCH));

    group.bench_function("submit", |bencher| {
        bencher.iter_batched_ref(|| book(1_000, 1), pend, BatchSize::PerIteration);
    });
    group.bench_function("trigger in one wave", |bencher| {
        bencher.iter_batched_ref(
            || {
                // What trades above every stop, and enough for them to buy.
                let mut exchange = Exchange::without_event_log();
                pend(&mut exchange);
                limit(&mut exchange, Side::Sell, MID + 1_000, 2 * BATCH);
                exchange
            },
            |exchange| exchange.submit_market(Side::Buy, 1),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("trade past pending trailing stops", |bencher| {
        bencher.iter_batched_ref(
            || {
                let mut exchange = book(1, 1);
                for _ in 0..BATCH {
                    exchange.submit_trailing_stop_market(
                        Side::Sell,
                        Price(MID - 1_000),
                        1,
                        TrailMethod::Fixed(1_000),
                    );
                }
                exchange
            },
            |exchange| exchange.submit_market(Side::Buy, 1),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, submits, cancels, sweeps, queries, replays, stops);
criterion_main!(benches);
