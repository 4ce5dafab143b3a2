//! How long does a message of a venue's feed take, from bytes to book?
//!
//! R5 of the workloads in `benches/README.md`: `NANOBOOK_DATA` names the folder that has
//! `itch/AAPL_20200130_first10000.itch` (NASDAQ `TotalView-ITCH` 5.0, each message behind its
//! length) and the book it must lead to. Figures are processor time per message.
#![expect(
    missing_docs,
    reason = "criterion's macros make public functions without docs"
)]

mod common;

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BatchSize, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use nanobook::{Event, Exchange, OrderId, Outcome, Price, Side, TimeInForce};

use common::{ThreadTime, thread_time};

/// What of the feed changes the book. References are the venue's.
#[derive(Clone, Copy)]
enum Message {
    Add {
        reference: u64,
        side: Side,
        shares: u64,
        price: Price,
    },
    /// An order traded, at its own price or another.
    Execute {
        reference: u64,
        shares: u64,
    },
    /// Shares were taken off an order that keeps its place.
    Reduce {
        reference: u64,
        shares: u64,
    },
    Delete {
        reference: u64,
    },
    Replace {
        reference: u64,
        new_reference: u64,
        shares: u64,
        price: Price,
    },
}

/// Returns the big-endian number of `LEN` bytes at an offset.
#[inline]
fn number<const LEN: usize>(message: &[u8], offset: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes[8 - LEN..].copy_from_slice(&message[offset..][..LEN]);
    u64::from_be_bytes(bytes)
}

#[inline]
fn price(message: &[u8], offset: usize) -> Price {
    Price(i64::try_from(number::<4>(message, offset)).expect("four bytes fit"))
}

/// Returns what a message does to the book; nothing, where it only tells.
#[inline]
fn decode(message: &[u8]) -> Option<Message> {
    let reference = || number::<8>(message, 11);
    Some(match message[0] {
        b'A' | b'F' => Message::Add {
            reference: reference(),
            side: if message[19] == b'B' {
                Side::Buy
            } else {
                Side::Sell
            },
            shares: number::<4>(message, 20),
            price: price(message, 32),
        },
        b'E' | b'C' => Message::Execute {
            reference: reference(),
            shares: number::<4>(message, 19),
        },
        b'X' => Message::Reduce {
            reference: reference(),
            shares: number::<4>(message, 19),
        },
        b'D' => Message::Delete {
            reference: reference(),
        },
        b'U' => Message::Replace {
            reference: reference(),
            new_reference: number::<8>(message, 19),
            shares: number::<4>(message, 27),
            price: price(message, 31),
        },
        _ => return None,
    })
}

/// The ids of the live orders by the venue's references: chains of ids by hash.
struct References {
    /// By hash: the first id of the chain, or 0.
    heads: Vec<u32>,
    /// By id: its reference and the next id of its chain.
    links: Vec<(u64, u32)>,
}

impl References {
    fn new() -> Self {
        Self {
            heads: vec![0; 4096],
            links: Vec::new(),
        }
    }

    #[inline]
    fn place(&self, reference: u64) -> usize {
        let hash = reference.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        usize::try_from(hash >> 40).expect("24 bits fit") & (self.heads.len() - 1)
    }

    #[inline]
    fn insert(&mut self, reference: u64, id: OrderId) {
        let index = usize::try_from(id.0).expect("ids are dense");
        if index >= self.links.len() {
            self.links.resize(index + 1, (0, 0));
        }
        let place = self.place(reference);
        self.links[index] = (reference, self.heads[place]);
        self.heads[place] = u32::try_from(id.0).expect("ids are dense");
    }

    #[inline]
    fn get(&self, reference: u64) -> OrderId {
        let mut id = self.heads[self.place(reference)];
        while self.links[id as usize].0 != reference {
            id = self.links[id as usize].1;
        }
        OrderId(u64::from(id))
    }

    #[inline]
    fn remove(&mut self, reference: u64) -> OrderId {
        let place = self.place(reference);
        let mut before = 0;
        let mut id = self.heads[place];
        while self.links[id as usize].0 != reference {
            before = id;
            id = self.links[id as usize].1;
        }
        let next = self.links[id as usize].1;
        if before == 0 {
            self.heads[place] = next;
        } else {
            self.links[before as usize].1 = next;
        }
        OrderId(u64::from(id))
    }
}

struct Replay {
    exchange: Exchange,
    references: References,
    messages: u64,
}

impl Replay {
    fn new(exchange: Exchange) -> Self {
        Self {
            exchange,
            references: References::new(),
            messages: 0,
        }
    }

    #[inline]
    fn apply(&mut self, event: &Event) -> Outcome {
        self.exchange
            .apply(event)
            .expect("a venue's orders are valid")
    }

    fn run(mut self, mut bytes: &[u8]) -> Self {
        while let [high, low, rest @ ..] = bytes {
            let (message, rest) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
            bytes = rest;
            self.messages += 1;
            if let Some(message) = decode(black_box(message)) {
                self.step(message);
            }
        }
        self
    }

    #[inline]
    fn step(&mut self, message: Message) {
        match message {
            Message::Add {
                reference,
                side,
                shares,
                price,
            } => {
                let event = Event::SubmitLimit {
                    side,
                    price,
                    quantity: shares,
                    time_in_force: TimeInForce::GTC,
                };
                if let Outcome::Submit(execution) = self.apply(&event) {
                    self.references.insert(reference, execution.order_id);
                }
            }
            Message::Execute { reference, shares } => {
                // The aggressor is not in the feed. An order of the same size takes its place, and
                // the engine finds the passive order by itself.
                let passive = self.exchange.get_order(self.references.get(reference));
                let passive = passive.expect("no history is dropped");
                let event = Event::SubmitLimit {
                    side: passive.side.opposite(),
                    price: passive.price,
                    quantity: shares,
                    time_in_force: TimeInForce::IOC,
                };
                let _ = black_box(&self.apply(&event));
                let last = self.exchange.trades().last().expect("it traded");
                assert_eq!(last.passive_order_id, passive.id, "first at the best price");
                if passive.remaining_quantity == shares {
                    self.references.remove(reference);
                }
            }
            Message::Reduce { reference, shares } => {
                let order_id = self.references.get(reference);
                let event = Event::Reduce {
                    order_id,
                    quantity: shares,
                };
                let _ = black_box(&self.apply(&event));
                let order = self.exchange.get_order(order_id);
                if order.is_some_and(|order| !order.status.is_active()) {
                    self.references.remove(reference);
                }
            }
            Message::Delete { reference } => {
                let order_id = self.references.remove(reference);
                let _ = black_box(&self.apply(&Event::Cancel { order_id }));
            }
            Message::Replace {
                reference,
                new_reference,
                shares,
                price,
            } => {
                let event = Event::Modify {
                    order_id: self.references.remove(reference),
                    new_price: price,
                    new_quantity: shares,
                };
                if let Outcome::Modify(Ok((_, execution))) = self.apply(&event) {
                    self.references.insert(new_reference, execution.order_id);
                }
            }
        }
    }

    /// Returns the book as the expected one is written.
    fn book(&self) -> String {
        let book = self.exchange.depth(usize::MAX);
        let mut text = "side,price,shares,orders\n".to_owned();
        for (side, levels) in [("B", &book.bids), ("S", &book.asks)] {
            for level in levels {
                // Ten-thousandths of a dollar, and whole cents in this file.
                let (dollars, rest) = (level.price.0 / 10_000, level.price.0 % 10_000 / 100);
                let (shares, orders) = (level.quantity, level.order_count);
                writeln!(text, "{side},{dollars}.{rest:02},{shares},{orders}")
                    .expect("a string takes all");
            }
        }
        text
    }
}

#[expect(clippy::print_stdout, reason = "a row that is missing says why")]
fn itch(criterion: &mut Criterion<ThreadTime>) {
    let Some(data) = std::env::var_os("NANOBOOK_DATA") else {
        println!("R5 ITCH replay: skipped, NANOBOOK_DATA names no folder");
        return;
    };
    let folder = Path::new(&data).join("itch");
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let bytes = read("AAPL_20200130_first10000.itch");
    let expected = read("AAPL_20200130_expected_book.csv");

    let replay = Replay::new(Exchange::new()).run(&bytes);
    assert_eq!(replay.messages, 10_000);
    assert_eq!(replay.book().as_bytes(), expected, "the book at the end");
    let executed: u64 = replay
        .exchange
        .trades()
        .iter()
        .map(|trade| trade.quantity)
        .sum();
    assert_eq!((replay.exchange.trades().len(), executed), (849, 56_086));

    let mut group = criterion.benchmark_group("itch");
    group
        .sample_size(20)
        .sampling_mode(SamplingMode::Flat)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .throughput(Throughput::Elements(replay.messages));
    let mut row = |name: &str, new: fn() -> Exchange| {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || Replay::new(new()),
                |replay| replay.run(black_box(&bytes)),
                BatchSize::PerIteration,
            );
        });
    };
    row("R5 ITCH replay, warm", || Exchange::with_capacity(10_000));
    row("R5 ITCH replay, cold", Exchange::new);
    group.finish();
}

criterion_group! {
    name = benches;
    config = thread_time();
    targets = itch
}
criterion_main!(benches);
