//! Bytes to every reader of market data, and what they yield to a venue's book and a driver: no
//! panic, invariants that hold, and books and drivers that come back from bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nanobook::{
    BookSnapshot, Exchange, FeedDriver, FeedKind, FeedMessage, ItchReader, LobsterBookReader,
    LobsterReader, Price, Side, VenueBook,
};

/// Returns a message of five bytes.
fn message(bytes: &[u8]) -> FeedMessage {
    let [kind, price, reference, new_reference, quantity] = *bytes else {
        unreachable!("chunks of five bytes");
    };
    let kinds = FeedKind::ALL.len();
    FeedMessage {
        kind: FeedKind::ALL[usize::from(kind) % kinds],
        venue_code: b'?',
        timestamp_ns: 0,
        instrument: 0,
        reference: reference.into(),
        new_reference: new_reference.into(),
        side: [None, Some(Side::Buy), Some(Side::Sell)][usize::from(kind) / kinds % 3],
        price: (price > 0).then(|| Price(i64::from(price) % 16)),
        quantity: u64::from(quantity) % 32,
    }
}

/// Returns prices and quantities of both sides.
fn levels(book: &BookSnapshot) -> [Vec<(Price, u64)>; 2] {
    [&book.bids, &book.asks].map(|side| {
        side.iter()
            .map(|level| (level.price, level.quantity))
            .collect()
    })
}

/// Gives messages to a book and a driver, and looks at both at the end.
fn follow(messages: impl Iterator<Item = FeedMessage>) {
    let mut book = VenueBook::new();
    let mut exchange = Exchange::new();
    let mut driver = FeedDriver::new();
    let mut count = 0;
    let mut has_traded = false;
    for mut message in messages {
        // Few names, so that messages meet the orders of others.
        message.reference %= 8;
        message.new_reference %= 8;
        book.apply(&message);
        driver.apply(&mut exchange, &message);
        count += 1;
        has_traded |= message.kind == FeedKind::Execute;
    }
    // Where nothing trades and nothing is contradicted, an exchange has the venue's book.
    if !has_traded && book.counts().contradictions + driver.counts().contradictions == 0 {
        let here = exchange.depth(usize::MAX);
        assert_eq!(levels(&here), levels(&book.depth(usize::MAX)));
    }
    book.check_invariants().expect("a book's invariants hold");
    exchange
        .check_invariants()
        .expect("an exchange's invariants hold");
    assert_eq!(book.counts().messages, count);
    assert_eq!(driver.counts().messages, count);
    let read = VenueBook::from_bytes(&book.to_bytes()).expect("a book comes back");
    assert_eq!(read, book);
    let read = FeedDriver::from_bytes(&driver.to_bytes()).expect("a driver comes back");
    assert_eq!(read, driver);
    // Whatever rests here may be where another book begins.
    let snapshot = book.full_book();
    if let Ok(seeded) = VenueBook::from_snapshot(&snapshot) {
        seeded.check_invariants().expect("a book's invariants hold");
    }
}

fuzz_target!(|data: &[u8]| {
    follow(ItchReader::new(data).map_while(Result::ok));
    follow(data.chunks_exact(5).map(message));
    follow(LobsterReader::new(data).map_while(Result::ok));
    for row in LobsterBookReader::new(data).map_while(Result::ok) {
        if let Ok(book) = VenueBook::from_snapshot(&row) {
            book.check_invariants().expect("a book's invariants hold");
        }
        let mut exchange = Exchange::new();
        let seeded = FeedDriver::new().seed(&mut exchange, &row);
        assert!(seeded.is_ok() || exchange.depth(1).bids.is_empty());
    }
});
