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
use nanobook::{BookSnapshot, Exchange, FeedDriver, FeedMessage, ItchReader, VenueBook};

use common::{ThreadTime, thread_time};

/// From bytes to the venue's book, which matches nothing.
fn rebuild(bytes: &[u8], mut book: VenueBook) -> VenueBook {
    let mut reader = ItchReader::new(bytes);
    let mut message = FeedMessage::default();
    while reader
        .read_message(&mut message)
        .expect("the file is whole")
    {
        book.apply(&message);
    }
    book
}

/// From bytes to an exchange, which matches the aggressors of the executions.
fn follow(bytes: &[u8], mut exchange: Exchange) -> (Exchange, FeedDriver) {
    let mut driver = FeedDriver::new();
    let mut reader = ItchReader::new(bytes);
    let mut message = FeedMessage::default();
    while reader
        .read_message(&mut message)
        .expect("the file is whole")
    {
        black_box(driver.apply(&mut exchange, &message));
    }
    (exchange, driver)
}

/// Returns the book as the expected one is written.
fn text(book: &BookSnapshot) -> String {
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

    let book = rebuild(&bytes, VenueBook::new());
    assert_eq!(book.counts().messages, 10_000);
    assert_eq!(
        text(&book.full_book()).as_bytes(),
        expected,
        "the book at the end"
    );
    let (exchange, _) = follow(&bytes, Exchange::new());
    assert_eq!(
        text(&exchange.full_book()).as_bytes(),
        expected,
        "the book at the end"
    );
    let executed: u64 = exchange.trades().iter().map(|trade| trade.quantity).sum();
    assert_eq!((exchange.trades().len(), executed), (849, 56_086));

    let mut group = criterion.benchmark_group("itch");
    group
        .sample_size(20)
        .sampling_mode(SamplingMode::Flat)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .throughput(Throughput::Elements(book.counts().messages));
    let mut row = |name: &str, new: fn() -> Exchange| {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                new,
                |exchange| follow(black_box(&bytes), exchange),
                BatchSize::PerIteration,
            );
        });
    };
    row("R5 ITCH replay, warm", || Exchange::with_capacity(10_000));
    row("R5 ITCH replay, cold", Exchange::new);
    group.bench_function("the venue's book alone", |bencher| {
        bencher.iter_batched(
            VenueBook::new,
            |book| rebuild(black_box(&bytes), book),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("reading alone", |bencher| {
        bencher.iter(|| {
            let mut reader = ItchReader::new(black_box(&bytes[..]));
            let mut message = FeedMessage::default();
            while reader
                .read_message(&mut message)
                .expect("the file is whole")
            {
                black_box(&message);
            }
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = thread_time();
    targets = itch
}
criterion_main!(benches);
