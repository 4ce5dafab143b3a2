//! How long does one command take in the core?
//!
//! R1 to R4 of the workloads in `benches/README.md`, with memory touched before (`warm`) and
//! growing from nothing (`cold`). Figures are processor time per command.
#![expect(
    missing_docs,
    reason = "criterion's macros make public functions without docs"
)]

mod common;

use std::time::Duration;

use criterion::measurement::Measurement;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use nanobook::{Event, Exchange, Order, OrderId, OrderStatus, Outcome, Price, Side};

use common::{Random, ThreadTime, add, price_at, run, thread_time};

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
    let rests = vec![add(Side::Buy, Price(100), 1); usize::try_from(count).expect("fits")];
    let mut ids: Vec<u64> = (1..=count).collect();
    Random(42).shuffle(&mut ids);
    let cancel = |id| Event::Cancel {
        order_id: OrderId(id),
    };
    (rests, ids.into_iter().map(cancel).collect())
}

/// How far from the middle orders are.
#[derive(Clone, Copy)]
enum Spread {
    /// Geometric, 7 ticks on average.
    Near,
    /// As many in each octave from 1 to 2^30 ticks.
    Wide,
}

impl Spread {
    fn distance(self, random: &mut Random) -> u64 {
        match self {
            Self::Near => {
                let mut distance = 0;
                while random.below(8) != 0 && distance < 200 {
                    distance += 1;
                }
                distance
            }
            Self::Wide => {
                let octave = 1 << random.below(30);
                octave + random.below(octave) - 1
            }
        }
    }
}

/// The commands of R2 and R4: what fills the book first, and the mix.
struct Mixed {
    fill: Vec<Event>,
    mix: Vec<Event>,
    /// How many levels the mix leaves.
    levels: usize,
}

/// R2 and R4: 45 % add (4 % of them crossing), 45 % cancel of a random live order, 8 % market,
/// 2 % replace. Trades take orders off, so an add stands for a cancel while fewer than `live` rest.
fn mixed(live: usize, count: usize, spread: Spread) -> Mixed {
    let mut random = Random(7);
    let mut model = Exchange::without_event_log();
    let mut alive: Vec<OrderId> = Vec::new();
    let mut resting = 0;
    let mut events = Vec::with_capacity(live + count);
    while events.len() < live + count {
        let is_filling = events.len() < live;
        let kind = random.below(100);
        let distance = spread.distance(&mut random);
        let event = if kind < 45 || is_filling || (kind < 90 && resting < live) {
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
            let order = take_live(&mut random, &model, &mut alive);
            resting -= 1;
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
        if let Ok(Outcome::Submit(execution) | Outcome::Modify(Ok((_, execution)))) =
            model.apply(&event)
        {
            let filled = model.trades()[execution.trades]
                .iter()
                .filter_map(|trade| model.get_order(trade.passive_order_id))
                .filter(|passive| passive.status == OrderStatus::Filled);
            resting -= filled.count();
            if execution.resting_quantity > 0 {
                alive.push(execution.order_id);
                resting += 1;
            }
        }
        events.push(event);
    }
    let book = model.depth(usize::MAX);
    let mix = events.split_off(live);
    Mixed {
        fill: events,
        mix,
        levels: book.bids.len() + book.asks.len(),
    }
}

fn take_live(random: &mut Random, model: &Exchange, alive: &mut Vec<OrderId>) -> Order {
    loop {
        let id = alive.swap_remove(random.index(alive.len()));
        let order = model.get_order(id).expect("no history is dropped");
        if order.status.is_active() {
            return order;
        }
    }
}

/// Measures `events` on exchanges that `first` has filled: with memory ready for all of them, and
/// with what an exchange has grown to.
fn warm_and_cold<M: Measurement<Value = Duration>>(
    group: &mut BenchmarkGroup<'_, M>,
    name: &str,
    first: &[Event],
    events: &[Event],
) {
    group.throughput(Throughput::Elements(events.len() as u64));
    let mut row = |memory: &str, new: &dyn Fn() -> Exchange| {
        group.bench_function(format!("{name}, {memory}"), |bencher| {
            bencher.iter_batched(
                || run(new(), first),
                |exchange| run(exchange, events),
                BatchSize::PerIteration,
            );
        });
    };
    row("warm", &|| {
        Exchange::with_capacity(first.len() + events.len())
    });
    row("cold", &Exchange::new);
    row("cold, no event log", &Exchange::without_event_log);
}

fn engine(criterion: &mut Criterion<ThreadTime>) {
    let mut group = criterion.benchmark_group("engine");
    group
        .sample_size(10)
        .sampling_mode(SamplingMode::Flat)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    warm_and_cold(&mut group, "R1 add", &[], &adds(1_000_000));
    for (live, name) in [(1_000, "1k"), (10_000, "10k"), (200_000, "200k")] {
        let Mixed { fill, mix, .. } = mixed(live, 2_000_000, Spread::Near);
        warm_and_cold(&mut group, &format!("R2 mixed, {name} live"), &fill, &mix);
    }
    let (rests, cancels) = one_price(100_000);
    warm_and_cold(&mut group, "R3 cancel at one price", &rests, &cancels);
    // So many orders stand on about 16,000 levels.
    let Mixed { fill, mix, levels } = mixed(22_000, 2_000_000, Spread::Wide);
    let name = format!("R4 mixed, {levels} levels");
    warm_and_cold(&mut group, &name, &fill, &mix);
    group.finish();
}

criterion_group! {
    name = benches;
    config = thread_time();
    targets = engine
}
criterion_main!(benches);
