//! How long does one command take in the core?
//!
//! R1 to R3 of the workloads in `benches/README.md`, with memory touched before (`warm`) and
//! growing from nothing (`cold`). Figures are per command.
#![expect(
    missing_docs,
    reason = "criterion's macros make public functions without docs"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nanobook::{Event, Exchange, OrderId, Outcome, Price, Side, TimeInForce};

/// A small generator (xorshift64): the same stream in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn side(&mut self) -> Side {
        if self.next() & 1 == 0 {
            Side::Buy
        } else {
            Side::Sell
        }
    }
}

/// Returns the price so far away from the middle.
fn price_at(side: Side, distance: u64) -> Price {
    const MID: i64 = 1 << 30;
    let distance = i64::try_from(distance).expect("distances are small");
    match side {
        Side::Buy => Price(MID - 1 - distance),
        Side::Sell => Price(MID + 1 + distance),
    }
}

fn add(side: Side, price: Price, quantity: u64) -> Event {
    Event::SubmitLimit {
        side,
        price,
        quantity,
        time_in_force: TimeInForce::GTC,
    }
}

fn run(mut exchange: Exchange, events: &[Event]) -> Exchange {
    for event in events {
        let outcome = exchange.apply(black_box(event));
        let _ = black_box(outcome);
    }
    exchange
}

/// R1: orders that do not cross, within 50 ticks of the touch on each side.
fn adds(count: usize) -> Vec<Event> {
    let mut random = Random(42);
    let one = |_| {
        let side = random.side();
        let price = price_at(side, random.below(50));
        add(side, price, 1 + random.below(100))
    };
    (0..count).map(one).collect()
}

/// R3: orders at one price, then their cancels in random order.
fn one_price(count: u64) -> (Vec<Event>, Vec<Event>) {
    let mut random = Random(42);
    let rests = vec![add(Side::Buy, Price(100), 1); usize::try_from(count).expect("fits")];
    let mut ids: Vec<u64> = (1..=count).collect();
    for place in (1..ids.len()).rev() {
        let other = random.below(place as u64 + 1);
        ids.swap(place, usize::try_from(other).expect("fits"));
    }
    let cancel = |id| Event::Cancel {
        order_id: OrderId(id),
    };
    (rests, ids.into_iter().map(cancel).collect())
}

/// R2: 45 % add at a geometric distance (4 % of them crossing), 45 % cancel of a random live
/// order, 8 % market, 2 % replace. Returns what fills the book first, and the mix.
fn mixed(live: usize, count: usize) -> (Vec<Event>, Vec<Event>) {
    let mut random = Random(7);
    let mut model = Exchange::without_event_log();
    let mut alive: Vec<OrderId> = Vec::new();
    let mut events = Vec::with_capacity(live + count);
    while events.len() < live + count {
        let is_filling = events.len() < live;
        let kind = if is_filling { 0 } else { random.below(100) };
        let mut distance = 0;
        while random.below(8) != 0 && distance < 200 {
            distance += 1;
        }
        let event = if kind < 45 {
            let side = random.side();
            let crosses = !is_filling && random.below(100) < 4;
            let price = if crosses {
                price_at(side.opposite(), 0)
            } else {
                price_at(side, distance)
            };
            add(side, price, 1 + random.below(100))
        } else if (90..98).contains(&kind) {
            Event::SubmitMarket {
                side: random.side(),
                quantity: 1 + random.below(50),
            }
        } else {
            let Some(order) = take_live(&mut random, &model, &mut alive) else {
                continue;
            };
            if kind < 90 {
                Event::Cancel { order_id: order.id }
            } else {
                Event::Modify {
                    order_id: order.id,
                    new_price: price_at(order.side, distance),
                    new_quantity: 1 + random.below(100),
                }
            }
        };
        match model.apply(&event) {
            Ok(Outcome::Submit(execution) | Outcome::Modify(Ok((_, execution))))
                if execution.resting_quantity > 0 =>
            {
                alive.push(execution.order_id);
            }
            _ => {}
        }
        events.push(event);
    }
    let mix = events.split_off(live);
    (events, mix)
}

fn take_live(
    random: &mut Random,
    model: &Exchange,
    alive: &mut Vec<OrderId>,
) -> Option<nanobook::Order> {
    while !alive.is_empty() {
        let place = usize::try_from(random.below(alive.len() as u64)).expect("fits");
        let order = model.get_order(alive.swap_remove(place));
        if let Some(order) = order.filter(|order| order.status.is_active()) {
            return Some(order);
        }
    }
    None
}

fn engine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(3));

    let events = adds(200_000);
    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function("R1 add, warm", |bencher| {
        bencher.iter_batched(
            || Exchange::with_capacity(events.len()),
            |exchange| run(exchange, &events),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("R1 add, cold", |bencher| {
        bencher.iter_batched(
            Exchange::new,
            |exchange| run(exchange, &events),
            BatchSize::PerIteration,
        );
    });

    for live in [1_000, 10_000, 200_000] {
        let (fill, mix) = mixed(live, 200_000);
        group.throughput(Throughput::Elements(mix.len() as u64));
        group.bench_with_input(
            BenchmarkId::new("R2 mixed, warm", live),
            &mix,
            |bencher, mix| {
                bencher.iter_batched(
                    || run(Exchange::with_capacity(fill.len() + mix.len()), &fill),
                    |exchange| run(exchange, mix),
                    BatchSize::PerIteration,
                );
            },
        );
    }

    let (rests, cancels) = one_price(100_000);
    group.throughput(Throughput::Elements(cancels.len() as u64));
    group.bench_function("R3 cancel at one price, warm", |bencher| {
        bencher.iter_batched(
            || run(Exchange::with_capacity(rests.len() + cancels.len()), &rests),
            |exchange| run(exchange, &cancels),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, engine);
criterion_main!(benches);
