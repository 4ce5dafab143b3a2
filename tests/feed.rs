//! Readers of market data, the venue's book and an exchange that follows it: on real files, whose
//! published books must come out, and on broken ones.

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;
#[cfg(feature = "gzip")]
use std::io::Write as _;
use std::path::PathBuf;

use nanobook::{
    BookSnapshot, Exchange, FeedCounts, FeedDriver, FeedError, FeedKind, FeedMessage, ItchReader,
    LobsterBookReader, LobsterReader, OrderId, Outcome, Price, Quantity, Side, Symbol, TimeInForce,
    ValidationError, VenueBook,
};

use common::Random;

/// Returns a real file, or says that there is none.
fn data(path: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("NANOBOOK_DATA") else {
        eprintln!("skipped: NANOBOOK_DATA names no folder");
        return None;
    };
    Some(PathBuf::from(folder).join(path))
}

const APPLE: &str = "itch/AAPL_20200130_first10000.itch";

/// Returns levels as the expected book of the ITCH file is written.
fn text(book: &BookSnapshot) -> String {
    let mut text = "side,price,shares,orders\n".to_owned();
    for (side, levels) in [("B", &book.bids), ("S", &book.asks)] {
        for level in levels {
            let (dollars, cents) = (level.price.0 / 10_000, level.price.0 % 10_000 / 100);
            let (shares, orders) = (level.quantity, level.order_count);
            writeln!(text, "{side},{dollars}.{cents:02},{shares},{orders}")
                .expect("a string takes all");
        }
    }
    text
}

#[test]
fn itch_leads_to_the_published_book_and_counts() {
    let Some(path) = data(APPLE) else { return };
    let expected = data("itch/AAPL_20200130_expected_book.csv").unwrap();
    let expected = std::fs::read_to_string(expected).unwrap();

    let mut reader = ItchReader::open(&path).unwrap();
    let mut book = VenueBook::new();
    let mut codes: BTreeMap<char, u32> = BTreeMap::new();
    let (mut executed, mut hidden) = (0, 0);
    let mut times = Vec::new();
    let mut message = FeedMessage::default();
    while reader.read_message(&mut message).unwrap() {
        *codes.entry(char::from(message.venue_code)).or_default() += 1;
        times.push(message.timestamp_ns);
        assert_eq!(message.instrument, 13);
        match message.kind {
            FeedKind::Execute => {
                executed += message.quantity;
                // Price-time priority: the first of the best level trades.
                let (side, price, _) = book.order(message.reference).unwrap();
                let best = match side {
                    Side::Buy => book.best_bid(),
                    Side::Sell => book.best_ask(),
                };
                assert_eq!(best, Some(price));
                let place = book.queue_position(message.reference).unwrap();
                assert_eq!(place.orders_ahead, 0);
            }
            FeedKind::HiddenTrade => hidden += message.quantity,
            _ => {}
        }
        book.apply(&message);
    }
    book.check_invariants().unwrap();

    let published = [
        ('A', 4_758),
        ('D', 4_083),
        ('E', 849),
        ('F', 2),
        ('H', 1),
        ('L', 52),
        ('P', 240),
        ('R', 1),
        ('U', 7),
        ('X', 6),
        ('Y', 1),
    ];
    assert_eq!(codes, BTreeMap::from(published));
    assert_eq!((executed, hidden), (56_086, 25_470));
    assert_eq!(times.first(), Some(&11_234_909_934_345));
    assert_eq!(times.last(), Some(&28_770_516_505_496));
    assert_eq!(reader.symbol(13), Some(Symbol::new("AAPL")));
    assert_eq!(reader.symbol(14), None);
    assert_eq!(reader.offset(), 307_643);
    assert_eq!(
        book.counts(),
        FeedCounts {
            messages: 10_000,
            ..FeedCounts::default()
        }
    );
    assert_eq!(book.order_count(), 215);
    assert_eq!(text(&book.full_book()), expected);
    assert_eq!(book.full_book().timestamp, 28_770_516_505_496);
}

#[test]
fn an_exchange_that_follows_itch_has_the_published_book_and_trades() {
    let Some(path) = data(APPLE) else { return };
    let expected = data("itch/AAPL_20200130_expected_book.csv").unwrap();
    let expected = std::fs::read_to_string(expected).unwrap();

    let mut exchange = Exchange::new();
    let mut driver = FeedDriver::new();
    for message in ItchReader::open(&path).unwrap() {
        let message = message.unwrap();
        let passive = driver.order_id(message.reference);
        let outcome = driver.apply(&mut exchange, &message);
        if message.kind == FeedKind::Execute {
            let Some(Outcome::Submit(execution)) = outcome else {
                panic!("the aggressor of an execution is submitted");
            };
            assert_eq!(execution.filled_quantity, message.quantity);
            let trades = &exchange.trades()[execution.trades];
            assert_eq!(trades.len(), 1);
            assert_eq!(Some(trades[0].passive_order_id), passive);
        }
    }
    exchange.check_invariants().unwrap();
    assert_eq!(text(&exchange.full_book()), expected);
    let volume: Quantity = exchange.trades().iter().map(|trade| trade.quantity).sum();
    assert_eq!((exchange.trades().len(), volume), (849, 56_086));
    assert_eq!(driver.counts().messages, 10_000);
    assert_eq!(driver.counts().unknown_references, 0);
    assert_eq!(driver.counts().contradictions, 0);
    assert_eq!(
        Exchange::replay(exchange.events()).unwrap().state_digest(),
        exchange.state_digest()
    );
}

#[cfg(feature = "gzip")]
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

#[cfg(feature = "gzip")]
fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("a file on disk");
    file
}

/// Returns a message behind its length, with zeros where nothing is said.
fn itch(code: u8, len: u16, fields: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; usize::from(len)];
    bytes[0] = code;
    bytes[2] = 13;
    for (offset, field) in fields {
        bytes[*offset..][..field.len()].copy_from_slice(field);
    }
    let mut message = len.to_be_bytes().to_vec();
    message.extend(bytes);
    message
}

fn itch_add(reference: u64, side: u8, shares: u32, price: u32) -> Vec<u8> {
    itch(
        b'A',
        36,
        &[
            (5, &[0, 0, 0, 0, 0, 1]),
            (11, &reference.to_be_bytes()),
            (19, &[side]),
            (20, &shares.to_be_bytes()),
            (32, &price.to_be_bytes()),
        ],
    )
}

fn read(bytes: &[u8]) -> Result<Vec<FeedMessage>, FeedError> {
    ItchReader::new(bytes).collect()
}

#[cfg(feature = "gzip")]
#[test]
fn compressed_files_read_like_plain_ones_also_of_several_streams() {
    let parts = [
        itch_add(1, b'B', 5, 100),
        itch_add(2, b'S', 6, 101),
        itch_add(3, b'B', 7, 99),
    ];
    let plain = parts.concat();
    let expected = read(&plain).unwrap();
    assert_eq!(expected.len(), 3);

    let several: Vec<u8> = parts.iter().flat_map(|part| gzip(part)).collect();
    for bytes in [plain.clone(), gzip(&plain), several] {
        let file = file(&bytes);
        let messages: Result<Vec<_>, _> = ItchReader::open(file.path()).unwrap().collect();
        assert_eq!(messages.unwrap(), expected);
    }
}

#[cfg(feature = "gzip")]
#[test]
fn a_damaged_or_cut_compressed_file_is_an_error_that_says_so() {
    let plain: Vec<u8> = (1..2_000)
        .flat_map(|reference| itch_add(reference, b'B', 5, 100))
        .collect();
    let whole = gzip(&plain);
    let mut damaged = whole.clone();
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    for (bytes, reason) in [
        (&whole[..whole.len() / 2], "compressed data are cut"),
        (&damaged[..], "compressed data are damaged"),
    ] {
        let file = file(bytes);
        let read: Result<Vec<_>, _> = ItchReader::open(file.path()).unwrap().collect();
        let error = read.unwrap_err();
        assert!(matches!(error, FeedError::Malformed { .. }), "{error:?}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn a_file_that_is_not_there_is_an_error_of_the_system() {
    let error = ItchReader::open("no/such/file").unwrap_err();
    assert!(matches!(error, FeedError::Io(_)));
}

#[test]
fn every_message_type_has_its_length_and_no_other() {
    // Nasdaq TotalView-ITCH 5.0, section 4.
    let lens = [
        (b'S', 12),
        (b'R', 39),
        (b'H', 25),
        (b'Y', 20),
        (b'L', 26),
        (b'V', 35),
        (b'W', 12),
        (b'K', 28),
        (b'J', 35),
        (b'h', 21),
        (b'A', 36),
        (b'F', 40),
        (b'E', 31),
        (b'C', 36),
        (b'X', 23),
        (b'D', 19),
        (b'U', 35),
        (b'P', 44),
        (b'Q', 40),
        (b'B', 19),
        (b'I', 50),
        (b'N', 20),
        (b'O', 48),
    ];
    for (code, len) in lens {
        // A side, a trading state and a stock where they are needed.
        let fields: &[(usize, &[u8])] = match code {
            b'A' | b'F' | b'P' => &[(19, b"B")],
            b'H' => &[(19, b"T")],
            b'R' => &[(11, b"AAPL    ")],
            _ => &[],
        };
        let whole = itch(code, len, fields);
        assert_eq!(read(&whole).unwrap()[0].venue_code, code);
        // Some writers leave the length at 0; the next message is still found.
        let mut unsized_ = whole.clone();
        unsized_[..2].copy_from_slice(&[0, 0]);
        unsized_.extend(itch_add(1, b'B', 5, 100));
        assert_eq!(read(&unsized_).unwrap().len(), 2);
        // One byte more or less than the type has.
        for wrong in [len - 1, len + 1] {
            let mut bytes = itch_add(1, b'B', 5, 100);
            bytes.extend(itch(code, wrong, &[]));
            let error = read(&bytes).unwrap_err().to_string();
            assert!(error.starts_with("byte 38: length "), "{error}");
        }
    }
    let known = lens.map(|(code, _)| code);
    for code in (0..=u8::MAX).filter(|code| !known.contains(code)) {
        let error = read(&itch(code, 12, &[])).unwrap_err().to_string();
        assert!(error.starts_with("byte 0: message type "), "{error}");
    }
}

#[test]
fn a_file_cut_at_any_byte_gives_what_is_whole_and_then_an_error_with_the_offset() {
    let whole = [itch_add(1, b'B', 5, 100), itch_add(2, b'S', 6, 101)].concat();
    for len in 0..whole.len() {
        let mut reader = ItchReader::new(&whole[..len]);
        let count = len / 38;
        for _ in 0..count {
            reader.next().unwrap().unwrap();
        }
        let at_start = len % 38 == 0;
        match reader.next() {
            None => assert!(at_start),
            Some(Ok(_)) => panic!("it is not whole"),
            Some(Err(FeedError::Malformed { offset, reason })) => {
                assert_eq!(offset, 38 * count as u64);
                assert!(!at_start && reason.contains("cut"), "{reason}");
            }
            Some(Err(error)) => panic!("{error}"),
        }
        assert!(reader.next().is_none(), "it has ended");
    }
    // A length of 0 with nothing behind it is how a file says that it ends.
    assert_eq!(read(&[&whole[..], &[0, 0]].concat()).unwrap().len(), 2);
}

#[test]
fn bad_fields_are_named_with_their_rule() {
    let cases = [
        (
            itch_add(1, b'Q', 5, 100),
            "byte 0: side 'Q' (byte 81): must be 'B' or 'S'",
        ),
        (
            itch(b'H', 25, &[(19, b"Z")]),
            "byte 0: trading state 'Z' (byte 90): must be 'H', 'P', 'Q' or 'T'",
        ),
        (
            itch(b'R', 39, &[(11, b"A\xffPL    ")]),
            "byte 0: stock \"A\\xffPL\": must be printable ASCII",
        ),
    ];
    for (bytes, message) in cases {
        assert_eq!(read(&bytes).unwrap_err().to_string(), message);
    }
}

#[expect(clippy::too_many_lines, reason = "a table of all kinds")]
#[test]
fn all_fields_of_all_kinds_are_read_where_they_stand() {
    let reference: &[u8] = &7_u64.to_be_bytes();
    let time: &[u8] = &[1, 2, 3, 4, 5, 6];
    let shares: &[u8] = &300_u32.to_be_bytes();
    let price: &[u8] = &3_201_400_u32.to_be_bytes();
    let blank = FeedMessage {
        timestamp_ns: 0x0102_0304_0506,
        instrument: 13,
        reference: 7,
        ..FeedMessage::default()
    };
    let cases = [
        (
            itch(
                b'F',
                40,
                &[
                    (5, time),
                    (11, reference),
                    (19, b"S"),
                    (20, shares),
                    (32, price),
                ],
            ),
            FeedMessage {
                kind: FeedKind::Add,
                side: Some(Side::Sell),
                price: Some(Price(3_201_400)),
                quantity: 300,
                ..blank
            },
        ),
        (
            itch(
                b'P',
                44,
                &[
                    (5, time),
                    (11, reference),
                    (19, b"B"),
                    (20, shares),
                    (32, price),
                ],
            ),
            FeedMessage {
                kind: FeedKind::HiddenTrade,
                side: Some(Side::Buy),
                price: Some(Price(3_201_400)),
                quantity: 300,
                ..blank
            },
        ),
        (
            itch(
                b'C',
                36,
                &[(5, time), (11, reference), (19, shares), (32, price)],
            ),
            FeedMessage {
                kind: FeedKind::Execute,
                price: Some(Price(3_201_400)),
                quantity: 300,
                ..blank
            },
        ),
        (
            itch(b'E', 31, &[(5, time), (11, reference), (19, shares)]),
            FeedMessage {
                kind: FeedKind::Execute,
                quantity: 300,
                ..blank
            },
        ),
        (
            itch(b'X', 23, &[(5, time), (11, reference), (19, shares)]),
            FeedMessage {
                kind: FeedKind::Reduce,
                quantity: 300,
                ..blank
            },
        ),
        (
            itch(b'D', 19, &[(5, time), (11, reference)]),
            FeedMessage {
                kind: FeedKind::Delete,
                ..blank
            },
        ),
        (
            itch(
                b'U',
                35,
                &[
                    (5, time),
                    (11, reference),
                    (19, &9_u64.to_be_bytes()),
                    (27, shares),
                    (31, price),
                ],
            ),
            FeedMessage {
                kind: FeedKind::Replace,
                new_reference: 9,
                price: Some(Price(3_201_400)),
                quantity: 300,
                ..blank
            },
        ),
        (
            itch(
                b'Q',
                40,
                &[(5, time), (11, &300_u64.to_be_bytes()), (27, price)],
            ),
            FeedMessage {
                kind: FeedKind::Cross,
                reference: 0,
                price: Some(Price(3_201_400)),
                quantity: 300,
                ..blank
            },
        ),
        (
            itch(b'H', 25, &[(5, time), (19, b"P")]),
            FeedMessage {
                kind: FeedKind::Halt,
                reference: 0,
                ..blank
            },
        ),
        (
            itch(b'H', 25, &[(5, time), (19, b"Q")]),
            FeedMessage {
                kind: FeedKind::QuoteOnly,
                reference: 0,
                ..blank
            },
        ),
        (
            itch(b'H', 25, &[(5, time), (19, b"T")]),
            FeedMessage {
                kind: FeedKind::Resume,
                reference: 0,
                ..blank
            },
        ),
    ];
    for (bytes, expected) in cases {
        let code = bytes[2];
        assert_eq!(
            read(&bytes).unwrap(),
            [FeedMessage {
                venue_code: code,
                ..expected
            }]
        );
    }
}

#[test]
fn a_reader_that_is_asked_for_symbols_leaves_out_all_others() {
    let directory = |instrument: u8, name: &[u8]| itch(b'R', 39, &[(2, &[instrument]), (11, name)]);
    let order = |instrument: u8, reference: u64| {
        let mut bytes = itch_add(reference, b'B', 5, 100);
        bytes[4] = instrument;
        bytes
    };
    let bytes = [
        directory(1, b"A       "),
        directory(2, b"AAPL    "),
        order(1, 10),
        order(2, 11),
        // No directory message has told of it.
        order(3, 12),
    ]
    .concat();
    let mut reader = ItchReader::new(&bytes[..]).with_symbols(&[Symbol::new("AAPL")]);
    let references: Vec<u64> = reader
        .by_ref()
        .map(|message| message.unwrap().reference)
        .collect();
    assert_eq!(references, [0, 11]);
    assert_eq!(reader.symbol(1), Some(Symbol::new("A")));
    assert_eq!(read(&bytes).unwrap().len(), 5);
}

#[test]
fn memory_does_not_grow_with_the_file() {
    // A book of a hundred orders, over and over: a million messages.
    let mut held = Vec::new();
    let mut book = VenueBook::new();
    let mut reference = 0;
    for _ in 0..4 {
        let info = allocation_counter::measure(|| {
            for _ in 0..125_000 {
                reference += 1;
                let add = itch_add(
                    reference,
                    b'B',
                    5,
                    100 + u32::try_from(reference % 50).unwrap(),
                );
                book.apply(&read(&add).unwrap()[0]);
                if reference > 100 {
                    let old = (reference - 100).to_be_bytes();
                    let delete = itch(b'D', 19, &[(11, &old)]);
                    book.apply(&read(&delete).unwrap()[0]);
                }
            }
        });
        held.push(info.bytes_current);
    }
    assert!(held[1..].iter().all(|bytes| *bytes == 0), "{held:?}");
    assert_eq!(book.order_count(), 100);
    book.check_invariants().unwrap();
}

// LOBSTER

#[cfg(feature = "gzip")]
fn lobster(depth: &str) -> Option<(PathBuf, PathBuf)> {
    let (stock, rest) = depth.split_once(' ').expect("a stock and a depth");
    let name =
        |what: &str| format!("lobster/{stock}_2012-06-21_34200000_57600000_{what}_{rest}.csv.gz");
    Some((data(&name("message"))?, data(&name("orderbook"))?))
}

/// The published numbers of a file: messages of types 1 to 5, visible and hidden volume.
#[cfg(feature = "gzip")]
const PUBLISHED: [(&str, [usize; 5], Quantity, Quantity); 3] = [
    (
        "AMZN 1",
        [27_845, 16, 18_235, 8_974, 2_445],
        613_248,
        197_507,
    ),
    (
        "AMZN 5",
        [77_381, 450, 66_685, 8_974, 2_445],
        613_248,
        197_507,
    ),
    ("AAPL 10_first999", [471, 0, 369, 98, 61], 4_730, 5_862),
];

#[cfg(feature = "gzip")]
#[test]
fn lobster_messages_count_as_published() {
    for (name, counts, visible, hidden) in PUBLISHED {
        let Some((messages, _)) = lobster(name) else {
            return;
        };
        let mut found = [0; 5];
        let (mut executed, mut unseen) = (0, 0);
        let mut time = 0;
        for message in LobsterReader::open(&messages).unwrap() {
            let message = message.unwrap();
            found[usize::from(message.venue_code - b'1')] += 1;
            match message.kind {
                FeedKind::Execute => executed += message.quantity,
                FeedKind::HiddenTrade => {
                    unseen += message.quantity;
                    assert_eq!(message.reference, 0);
                }
                _ => {}
            }
            assert!(message.timestamp_ns >= time, "time goes on");
            time = message.timestamp_ns;
        }
        assert_eq!(
            (found, executed, unseen),
            (counts, visible, hidden),
            "{name}"
        );
    }
}

/// Returns a book as the rows of the orderbook file show it.
fn levels(book: &BookSnapshot) -> [Vec<(i64, Quantity)>; 2] {
    [&book.bids, &book.asks].map(|side| {
        side.iter()
            .map(|level| (level.price.0, level.quantity))
            .collect()
    })
}

#[cfg(feature = "gzip")]
#[test]
fn each_lobster_message_leads_from_one_published_row_to_the_next() {
    for (name, ..) in PUBLISHED {
        let Some((messages, books)) = lobster(name) else {
            return;
        };
        let mut rows = LobsterBookReader::open(&books).unwrap().map(Result::unwrap);
        let mut before = rows.next().unwrap();
        let mut count = 0;
        for (message, after) in LobsterReader::open(&messages).unwrap().skip(1).zip(rows) {
            let mut book = VenueBook::from_snapshot(&before).unwrap();
            book.apply(&message.unwrap());
            book.keep_levels(before.bids.len());
            let shown = levels(&book.full_book());
            for (shown, after) in shown.iter().zip(levels(&after)) {
                // Which level comes up from below cannot be known.
                let known = shown.len().min(after.len());
                assert!(known + 1 >= after.len());
                assert_eq!(shown[..known], after[..known], "{name}, row {count}");
            }
            before = after;
            count += 1;
        }
        let published: usize = PUBLISHED
            .iter()
            .find(|(each, ..)| *each == name)
            .map(|(_, counts, ..)| counts.iter().sum())
            .unwrap();
        assert_eq!(count, published - 1, "{name}");
    }
}

#[cfg(feature = "gzip")]
#[test]
fn one_book_kept_all_day_equals_every_published_row() {
    // How many levels come up from below, as published beside the data.
    for ((name, ..), published) in PUBLISHED.into_iter().zip([13_953, 33_840, 318]) {
        let Some((messages, books)) = lobster(name) else {
            return;
        };
        let mut rows = LobsterBookReader::open(&books).unwrap().map(Result::unwrap);
        let first = rows.next().unwrap();
        let depth = first.bids.len();
        let mut book = VenueBook::from_snapshot(&first).unwrap();
        let mut adopted = 0;
        for (message, row) in LobsterReader::open(&messages).unwrap().skip(1).zip(rows) {
            book.apply(&message.unwrap());
            book.keep_levels(depth);
            let shown = levels(&book.depth(depth));
            for (side, shown, published) in [
                (Side::Buy, &shown[0], &row.bids),
                (Side::Sell, &shown[1], &row.asks),
            ] {
                if shown.len() < published.len() {
                    let level = published.last().unwrap();
                    book.set_level(side, level.price, level.quantity).unwrap();
                    adopted += 1;
                }
            }
            assert_eq!(levels(&book.full_book()), levels(&row), "{name}");
        }
        assert_eq!(adopted, published, "{name}");
        book.check_invariants().unwrap();
    }
}

#[cfg(feature = "gzip")]
#[test]
fn executions_of_lobster_keep_priority_as_measured() {
    let Some((messages, books)) = lobster("AMZN 5") else {
        return;
    };
    let mut rows = LobsterBookReader::open(&books).unwrap().map(Result::unwrap);
    let mut book = VenueBook::from_snapshot(&rows.next().unwrap()).unwrap();
    // First in the queue; of no known order; behind a known one; behind unknown quantity.
    let mut places = [0; 4];
    for (message, row) in LobsterReader::open(&messages).unwrap().skip(1).zip(rows) {
        let message = message.unwrap();
        if message.kind == FeedKind::Execute {
            let best = match message.side.unwrap() {
                Side::Buy => book.best_bid(),
                Side::Sell => book.best_ask(),
            };
            assert_eq!(best, message.price);
            let place = match book.queue_position(message.reference) {
                None => 1,
                Some(place) if place.orders_ahead > 0 => 2,
                Some(place) if place.quantity_ahead > 0 => 3,
                Some(_) => 0,
            };
            places[place] += 1;
        }
        book.apply(&message);
        book.keep_levels(5);
        let shown = book.depth(5);
        for (side, shown, published) in [
            (Side::Buy, &shown.bids, &row.bids),
            (Side::Sell, &shown.asks, &row.asks),
        ] {
            if shown.len() < published.len() {
                let level = published.last().unwrap();
                book.set_level(side, level.price, level.quantity).unwrap();
            }
        }
    }
    assert_eq!(places, [7_272, 1_667, 9, 26]);
}

#[test]
fn lobster_times_are_text_of_any_number_of_decimals() {
    for (text, nanoseconds) in [
        ("34200.017459617", 34_200_017_459_617),
        ("34200.18960767", 34_200_189_607_670),
        ("34200.5", 34_200_500_000_000),
        ("34200", 34_200_000_000_000),
        // An artefact of printing that stands in a real file.
        ("43002.632812672004", 43_002_632_812_672),
    ] {
        let line = format!("{text},1,1,1,1,1\n");
        let message = LobsterReader::new(line.as_bytes()).next().unwrap().unwrap();
        assert_eq!(message.timestamp_ns, nanoseconds);
    }
}

#[test]
fn lobster_lines_that_are_wrong_are_named_with_their_line_offset_and_rule() {
    let good = "1.5,1,1,1,1,1\n";
    for (line, reason) in [
        (
            "",
            "\"\": must be time, type, order id, size, price and direction",
        ),
        (
            "1,1,1,1,1",
            "\"1,1,1,1,1\": must be time, type, order id, size, price and direction",
        ),
        ("x,1,1,1,1,1", "time \"x\": must be seconds after midnight"),
        (
            "1.,1,1,1,1,1",
            "time \"1.\": must be seconds after midnight",
        ),
        (
            "-1,1,1,1,1,1",
            "time \"-1\": must be seconds after midnight",
        ),
        (
            "99999999999,1,1,1,1,1",
            "time \"99999999999\": must be seconds after midnight",
        ),
        ("1,8,1,1,1,1", "type \"8\": must be 1 to 7"),
        ("1,1,0,1,1,1", "order id 0: must be at least 1"),
        ("1,4,-7,1,1,1", "order id -7: must be at least 1"),
        (
            "1,1,+7,1,1,1",
            "order id \"+7\": must be a whole number of 64 bits",
        ),
        (
            "1,1,1,1,1,1,NITE,9",
            "\"1,1,1,1,1,1,NITE,9\": must be time, type, order id, size, price and direction",
        ),
        (
            "1,1,x,1,1,1",
            "order id \"x\": must be a whole number of 64 bits",
        ),
        (
            "1,1,1,-1,1,1",
            "size -1: must be at least 0 and at most 4294967295",
        ),
        ("1,1,1,1,0,1", "price 0: must be positive"),
        ("1,1,1,1,1,0", "direction \"0\": must be 1 or -1"),
        ("1,7,1,1,5,1", "price \"5\": must be -1, 0 or 1 in a halt"),
    ] {
        let file = format!("{good}{line}\n{good}");
        let mut reader = LobsterReader::new(file.as_bytes());
        reader.next().unwrap().unwrap();
        let error = reader.next().unwrap().unwrap_err().to_string();
        assert_eq!(error, format!("byte 14: line 2: {reason}"));
        assert!(reader.next().is_none());
    }
    let error = LobsterReader::new(&b"1,1,\xff,1,1,1\n"[..])
        .next()
        .unwrap()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "byte 0: line 1: \"1,1,\\xff,1,1,1\": is no text"
    );
    let endless = std::io::BufReader::new(std::io::repeat(b'1'));
    let error = LobsterReader::new(endless).next().unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "byte 0: line 1: is longer than 65536 bytes"
    );
}

#[test]
fn lobster_halts_participants_and_dos_line_ends_are_read() {
    let file = "1,7,0,0,-1,-1\r\n2,7,-1,0,0,-1\r\n3,7,0,0,1,-1\r\n4,6,-1,10,5,1\n5,1,9,1,5,1,NITE";
    let messages: Vec<FeedMessage> = LobsterReader::new(file.as_bytes())
        .collect::<Result<_, _>>()
        .unwrap();
    let kinds: Vec<&str> = messages
        .iter()
        .map(|message| message.kind.as_str())
        .collect();
    assert_eq!(kinds, ["halt", "quote_only", "resume", "cross", "add"]);
    assert!(messages[..4].iter().all(|message| message.reference == 0));
    assert_eq!((messages[0].side, messages[0].price), (None, None));
}

#[test]
fn orderbook_rows_that_are_wrong_are_named() {
    for (line, reason) in [
        (
            "1,2,3",
            "3 fields: must be four for each level: ask price, ask size, bid price, bid size",
        ),
        (
            "1,2,3,x",
            "bid size \"x\": must be a whole number of 64 bits",
        ),
        ("-1,2,3,4", "ask price -1: must be positive"),
        (
            "9,1,3,1,8,1,2,1",
            "the levels of a side: must be best first",
        ),
        (
            "9,1,3,1,10,1,4,1",
            "the levels of a side: must be best first",
        ),
        (
            "x,0,3,4",
            "ask price \"x\": must be a whole number of 64 bits",
        ),
    ] {
        let error = LobsterBookReader::new(line.as_bytes())
            .next()
            .unwrap()
            .unwrap_err();
        assert_eq!(error.to_string(), format!("byte 0: line 1: {reason}"));
    }
    // A row that is cut after whole levels is a shorter one.
    let mut reader = LobsterBookReader::new(&b"9,1,3,1,10,1,2,1\n9,1,3,1\n"[..]);
    reader.next().unwrap().unwrap();
    let error = reader.next().unwrap().unwrap_err().to_string();
    assert_eq!(error, "byte 17: line 2: 4 fields: the row before has 8");
}

// CME, as rows of a file that is no format of ours

#[cfg(feature = "gzip")]
#[test]
fn market_by_order_of_a_future_leads_to_the_published_book() {
    let Some(path) = data("cme_mbo/ESH4_20231224-25_mbo.csv.gz") else {
        return;
    };
    let mut text = String::new();
    let compressed = std::fs::File::open(path).unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(compressed), &mut text)
        .unwrap();
    let mut book = VenueBook::new();
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut rows = 0;
    for row in text.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let [_, _, action, side, price, size, id, _] = fields[..] else {
            panic!("{row}: eight fields");
        };
        *counts.entry(action).or_default() += 1;
        let (reference, size) = (id.parse().unwrap(), size.parse().unwrap());
        let side = if side == "B" { Side::Buy } else { Side::Sell };
        let new = add(reference, side, price.parse().unwrap(), size);
        // A snapshot comes twice: what is known already is replaced. A new price or a larger size
        // goes to the end of the queue, a smaller size keeps its place. What trades is told again
        // by a cancel or modify.
        match (action, book.order(reference)) {
            ("A", None) => book.apply(&new),
            ("C", Some(_)) => book.apply(&message(FeedKind::Reduce, reference, size)),
            ("M", Some((_, at, there))) if Some(at) == new.price && size < there => {
                book.apply(&message(FeedKind::Reduce, reference, there - size));
            }
            ("A" | "M", Some(_)) => {
                book.apply(&message(FeedKind::Delete, reference, 0));
                book.apply(&new);
            }
            ("T" | "F" | "R", _) => {}
            _ => panic!("{row}: an order that is not known"),
        }
        rows += 1;
        if rows == 8_725 {
            // The first day is a snapshot alone.
            let shown = book.depth(usize::MAX);
            assert_eq!((shown.bids.len(), shown.asks.len()), (892, 559));
            let (bid, ask) = (&shown.bids[0], &shown.asks[0]);
            assert_eq!((bid.price.0, bid.quantity), (4_799_000_000_000, 16));
            assert_eq!((ask.price.0, ask.quantity), (4_799_500_000_000, 23));
        }
    }
    let published = [
        ("A", 37_941),
        ("C", 17_999),
        ("F", 6_371),
        ("M", 12_233),
        ("T", 2_973),
    ];
    assert_eq!(counts, BTreeMap::from(published));
    let shown = book.depth(usize::MAX);
    assert_eq!((shown.bids.len(), shown.asks.len()), (922, 565));
    let (bid, ask) = (&shown.bids[0], &shown.asks[0]);
    assert_eq!((bid.price.0, bid.quantity), (4_810_000_000_000, 22));
    assert_eq!((ask.price.0, ask.quantity), (4_810_250_000_000, 28));
    assert_eq!(book.order_count(), 11_217);
    assert_eq!(
        book.counts().contradictions + book.counts().unknown_references,
        0
    );
    book.check_invariants().unwrap();
}

// The book and the driver by themselves

fn message(kind: FeedKind, reference: u64, quantity: Quantity) -> FeedMessage {
    FeedMessage {
        kind,
        venue_code: b'?',
        timestamp_ns: 1,
        instrument: 0,
        reference,
        new_reference: 0,
        side: None,
        price: None,
        quantity,
    }
}

fn add(reference: u64, side: Side, price: i64, quantity: Quantity) -> FeedMessage {
    FeedMessage {
        side: Some(side),
        price: Some(Price(price)),
        ..message(FeedKind::Add, reference, quantity)
    }
}

#[test]
fn what_cannot_be_right_is_counted_and_changes_nothing_that_is() {
    let mut book = VenueBook::new();
    book.apply(&add(1, Side::Buy, 100, 10));
    let before = book.full_book();
    let wrong = [
        // There already; no quantity; no price; no side.
        add(1, Side::Buy, 101, 5),
        add(2, Side::Buy, 101, 0),
        add(2, Side::Buy, 0, 5),
        message(FeedKind::Add, 2, 5),
        add(2, Side::Buy, 101, Quantity::MAX),
    ];
    for message in &wrong {
        book.apply(message);
    }
    assert_eq!(book.full_book(), before);
    assert_eq!(book.counts().contradictions, 5);
    for kind in [
        FeedKind::Execute,
        FeedKind::Reduce,
        FeedKind::Delete,
        FeedKind::Replace,
    ] {
        book.apply(&message(kind, 9, 5));
    }
    assert_eq!(book.full_book(), before);
    assert_eq!(book.counts().unknown_references, 4);
    book.apply(&message(FeedKind::Reduce, 1, 0));
    assert_eq!(book.counts().contradictions, 6);
    // More than there is: it is gone.
    book.apply(&message(FeedKind::Reduce, 1, 11));
    assert_eq!(book.counts().contradictions, 7);
    assert_eq!((book.order_count(), book.best_bid()), (0, None));
    book.check_invariants().unwrap();
}

#[test]
fn levels_are_set_within_the_rules() {
    let mut book = VenueBook::new();
    book.apply(&add(1, Side::Buy, 100, 10));
    book.set_level(Side::Buy, Price(99), Quantity::MAX - 10)
        .unwrap();
    let before = book.full_book();
    assert_eq!(
        book.set_level(Side::Buy, Price(98), 1),
        Err(ValidationError::SideTotalOverflow {
            side: Side::Buy,
            resting: Quantity::MAX,
            quantity: 1
        })
    );
    for price in [Price(0), Price(-1), Price::MAX] {
        let refused = book.set_level(Side::Sell, price, 1);
        assert_eq!(refused, Err(ValidationError::InvalidPrice(price)));
    }
    assert_eq!(book.full_book(), before);
    // Its own quantity counts as gone, and its orders are forgotten.
    book.set_level(Side::Buy, Price(100), 7).unwrap();
    assert_eq!(book.order(1), None);
    assert_eq!(book.depth(1).bids[0].quantity, 7);
    book.set_level(Side::Buy, Price(100), 0).unwrap();
    assert_eq!(book.best_bid(), Some(Price(99)));
    book.check_invariants().unwrap();
}

/// The book as plainly as can be: a list of orders in the order of their arrival.
#[derive(Default)]
struct Naive(Vec<(u64, Side, Price, Quantity)>);

impl Naive {
    fn apply(&mut self, message: &FeedMessage) {
        let place = self.0.iter().position(|order| order.0 == message.reference);
        match (message.kind, place) {
            (FeedKind::Add, None) => {
                let (side, price) = message.side.zip(message.price).expect("a whole order");
                self.0
                    .push((message.reference, side, price, message.quantity));
            }
            (FeedKind::Execute | FeedKind::Reduce, Some(place)) => {
                let order = &mut self.0[place];
                order.3 = order.3.saturating_sub(message.quantity);
                if order.3 == 0 {
                    self.0.remove(place);
                }
            }
            (FeedKind::Delete, Some(place)) => {
                self.0.remove(place);
            }
            (FeedKind::Replace, Some(place)) => {
                let (_, side, ..) = self.0.remove(place);
                self.apply(&FeedMessage {
                    kind: FeedKind::Add,
                    reference: message.new_reference,
                    side: Some(side),
                    ..*message
                });
            }
            _ => {}
        }
    }

    fn side(&self, side: Side) -> Vec<(Price, Vec<(OrderId, Quantity)>)> {
        let mut levels: BTreeMap<Price, Vec<_>> = BTreeMap::new();
        for (reference, _, price, quantity) in self.0.iter().filter(|order| order.1 == side) {
            let queue = levels.entry(*price).or_default();
            queue.push((OrderId(*reference), *quantity));
        }
        let levels = levels.into_iter();
        match side {
            Side::Buy => levels.rev().collect(),
            Side::Sell => levels.collect(),
        }
    }
}

#[test]
fn random_messages_lead_to_the_naive_book_after_each() {
    for seed in 1..=20 {
        let mut random = Random::new(seed);
        let mut book = VenueBook::new();
        let mut naive = Naive::default();
        for _ in 0..2_000 {
            let kind = FeedKind::ALL[usize::try_from(random.below(5)).unwrap()];
            let side = [Side::Buy, Side::Sell][usize::try_from(random.below(2)).unwrap()];
            let message = FeedMessage {
                new_reference: 1 + random.below(60),
                // Crossed books, too: nothing matches.
                ..add(
                    1 + random.below(60),
                    side,
                    100 + i64::try_from(random.below(8)).unwrap(),
                    1 + random.below(30),
                )
            };
            // ITCH tells neither side nor price of an order that is there.
            let message = FeedMessage {
                kind,
                side: (kind == FeedKind::Add).then_some(side),
                price: message
                    .price
                    .filter(|_| matches!(kind, FeedKind::Add | FeedKind::Replace)),
                ..message
            };
            book.apply(&message);
            naive.apply(&message);
            book.check_invariants().unwrap();
            let shown = book.full_book();
            for (side, levels) in [(Side::Buy, &shown.bids), (Side::Sell, &shown.asks)] {
                let shown: Vec<_> = levels
                    .iter()
                    .map(|level| (level.price, level.orders.clone().unwrap()))
                    .collect();
                assert_eq!(shown, naive.side(side), "seed {seed}");
            }
        }
    }
}

#[cfg(feature = "persistence")]
#[test]
fn books_and_drivers_come_back_from_bytes_and_go_on_alike() {
    let mut exchange = Exchange::new();
    let mut driver = FeedDriver::new();
    let mut book = VenueBook::new();
    book.set_level(Side::Sell, Price(105), 40).unwrap();
    let row = LobsterBookReader::new(&b"105,40,95,30"[..])
        .next()
        .unwrap()
        .unwrap();
    driver.seed(&mut exchange, &row).unwrap();
    for reference in 1..=9 {
        let price = 90 + i64::try_from(reference).unwrap() % 3;
        let message = add(reference, Side::Buy, price, 10 * reference);
        book.apply(&message);
        driver.apply(&mut exchange, &message);
    }
    let (book_bytes, driver_bytes) = (book.to_bytes(), driver.to_bytes());
    let mut read_book = VenueBook::from_bytes(&book_bytes).unwrap();
    let mut read_driver = FeedDriver::from_bytes(&driver_bytes).unwrap();
    read_book.check_invariants().unwrap();
    assert_eq!((&read_book, &read_driver), (&book, &driver));
    let mut other = exchange.clone();
    for message in [
        message(FeedKind::Execute, 3, 5),
        message(FeedKind::Delete, 6, 0),
        FeedMessage {
            kind: FeedKind::Execute,
            ..add(99, Side::Sell, 105, 15)
        },
    ] {
        book.apply(&message);
        read_book.apply(&message);
        driver.apply(&mut exchange, &message);
        read_driver.apply(&mut other, &message);
    }
    assert_eq!((&read_book, &read_driver), (&book, &driver));
    assert_eq!(other.state_digest(), exchange.state_digest());
    assert_eq!(book.depth(1).asks[0].quantity, 25);
    assert_eq!(exchange.depth(1).asks[0].quantity, 25);

    for bytes in [&book_bytes, &driver_bytes] {
        for index in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[index] ^= 0x55;
            assert!(VenueBook::from_bytes(&damaged).is_err());
            assert!(FeedDriver::from_bytes(&damaged).is_err());
        }
    }
    // Damage that the checksum was made to fit: an error or a book whose invariants hold.
    let payload = &book_bytes[20..book_bytes.len() - 8];
    for index in 0..payload.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut payload = payload.to_vec();
            payload[index] = value;
            if let Ok(book) = VenueBook::from_bytes(&common::reseal(&book_bytes[..12], &payload)) {
                book.check_invariants().unwrap();
            }
        }
    }
}

#[test]
fn an_order_of_ones_own_trades_by_its_place_in_the_queue() {
    let mut exchange = Exchange::new();
    let mut driver = FeedDriver::new();
    let own = |exchange: &mut Exchange| {
        let result = exchange.submit_limit(Side::Buy, Price(100), 50, TimeInForce::GTC);
        result.order_id
    };
    let ahead = own(&mut exchange);
    driver.apply(&mut exchange, &add(7, Side::Buy, 100, 80));
    let behind = own(&mut exchange);
    // 60 come: the first 50 are ours, then 10 of the venue's 80, which it says are 60 less.
    driver.apply(&mut exchange, &message(FeedKind::Execute, 7, 60));
    assert_eq!(exchange.get_order(ahead).unwrap().filled_quantity, 50);
    let venue = driver.order_id(7).unwrap();
    let order = exchange.get_order(venue).unwrap();
    assert_eq!((order.filled_quantity, order.cancelled_quantity), (10, 50));
    assert_eq!(exchange.queue_position(behind).unwrap().quantity_ahead, 20);
    // The venue's last 20 come.
    driver.apply(&mut exchange, &message(FeedKind::Execute, 7, 20));
    assert_eq!(exchange.get_order(venue).unwrap().remaining_quantity, 0);
    assert_eq!(exchange.get_order(behind).unwrap().filled_quantity, 0);
    assert_eq!(driver.order_id(7), None);
    assert_eq!(driver.counts().contradictions, 0);
    exchange.check_invariants().unwrap();
}

#[test]
fn an_order_of_the_venue_that_cannot_be_there_is_cancelled_and_ones_own_stays() {
    let mut exchange = Exchange::new();
    let mut driver = FeedDriver::new();
    driver.apply(&mut exchange, &add(1, Side::Sell, 105, 10));
    driver.apply(&mut exchange, &add(2, Side::Sell, 106, 10));
    driver.apply(&mut exchange, &add(3, Side::Sell, 107, 10));
    exchange.submit_limit(Side::Sell, Price(106), 4, TimeInForce::GTC);
    // It would meet the first two; of what is there it trades with our own alone.
    driver.apply(&mut exchange, &add(4, Side::Buy, 106, 10));
    assert_eq!(exchange.trades().len(), 1);
    assert_eq!(
        exchange.best_bid_ask(),
        (Some(Price(106)), Some(Price(107)))
    );
    assert_eq!(driver.counts().contradictions, 2);
    // An execution of the second bid says that the first is gone.
    driver.apply(&mut exchange, &add(5, Side::Buy, 104, 10));
    driver.apply(&mut exchange, &message(FeedKind::Execute, 5, 3));
    assert_eq!(exchange.trades().len(), 2);
    assert_eq!(exchange.best_bid(), Some(Price(104)));
    assert_eq!(driver.counts().contradictions, 3);
    exchange.check_invariants().unwrap();
}

/// The venue's orders that a driver has to know, found by looking at all of them each time.
#[derive(Default)]
struct Known(BTreeMap<u64, (Side, Price, Quantity)>);

impl Known {
    /// Follows a message, before the exchange gets it.
    fn apply(&mut self, exchange: &Exchange, message: &FeedMessage) {
        let order = self.0.get(&message.reference).copied();
        match (message.kind, order) {
            (FeedKind::Add, None) => {
                let side = message.side.expect("an addition tells it");
                self.add(exchange, message.reference, side, message);
            }
            (FeedKind::Execute, Some((side, price, left))) => {
                self.leave(exchange, side, |there| match side {
                    Side::Buy => there > price,
                    Side::Sell => there < price,
                });
                self.0.remove(&message.reference);
                if left > message.quantity {
                    let left = (side, price, left - message.quantity);
                    self.0.insert(message.reference, left);
                }
            }
            (FeedKind::Delete, Some(_)) => {
                self.0.remove(&message.reference);
            }
            (FeedKind::Replace, Some((side, _, _))) => {
                self.0.remove(&message.reference);
                if !self.0.contains_key(&message.new_reference) {
                    self.add(exchange, message.new_reference, side, message);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, exchange: &Exchange, reference: u64, side: Side, message: &FeedMessage) {
        let price = message.price.expect("what comes has one");
        self.leave(exchange, side.opposite(), |there| match side {
            Side::Buy => there <= price,
            Side::Sell => there >= price,
        });
        self.0.insert(reference, (side, price, message.quantity));
    }

    /// Takes orders away that cannot be there, if such an order, of whomever, is the best.
    fn leave(&mut self, exchange: &Exchange, side: Side, is_stale: impl Fn(Price) -> bool) {
        let best = match side {
            Side::Buy => exchange.best_bid(),
            Side::Sell => exchange.best_ask(),
        };
        if best.is_some_and(&is_stale) {
            self.0
                .retain(|_, order| order.0 != side || !is_stale(order.1));
        }
    }
}

#[test]
fn a_driver_knows_the_orders_that_can_be_there_after_each_random_message() {
    for seed in 1..=20 {
        let mut random = Random::new(seed);
        let mut exchange = Exchange::new();
        let mut driver = FeedDriver::new();
        let mut known = Known::default();
        for _ in 0..3_000 {
            let side = [Side::Buy, Side::Sell][usize::from(random.below(2) == 0)];
            let price = 100 + i64::try_from(random.below(12)).unwrap();
            let quantity = 1 + random.below(30);
            let added = add(1 + random.below(60), side, price, quantity);
            let new_reference = 1 + random.below(60);
            // As in ITCH: of an order that is there, neither side nor old price is told.
            let message = match random.below(5) {
                0 => added,
                1 => message(FeedKind::Execute, added.reference, quantity),
                2 => message(FeedKind::Delete, added.reference, 0),
                3 => FeedMessage {
                    kind: FeedKind::Replace,
                    side: None,
                    new_reference,
                    ..added
                },
                _ => {
                    exchange.submit_limit(side, Price(price), quantity, TimeInForce::GTC);
                    continue;
                }
            };
            known.apply(&exchange, &message);
            driver.apply(&mut exchange, &message);
            let followed = (1..=60).filter(|reference| driver.order_id(*reference).is_some());
            assert!(
                followed.eq(known.0.keys().copied()),
                "seed {seed}: {message:?}"
            );
            #[cfg(feature = "persistence")]
            if random.below(100) == 0 {
                let restored = FeedDriver::from_bytes(&driver.to_bytes()).unwrap();
                assert_eq!(restored, driver);
                driver = restored;
            }
        }
        assert!(driver.counts().contradictions > 100);
        exchange.check_invariants().unwrap();
    }
}

#[test]
fn seeds_that_an_execution_passes_by_are_cancelled_where_ones_own_is_the_best() {
    let mut exchange = Exchange::new();
    exchange.submit_limit(Side::Buy, Price(103), 10, TimeInForce::GTC);
    exchange.submit_limit(Side::Buy, Price(101), 20, TimeInForce::GTC);
    let snapshot = exchange.full_book();
    for restores in [false, cfg!(feature = "persistence")] {
        let mut exchange = Exchange::new();
        let mut driver = FeedDriver::new();
        driver.seed(&mut exchange, &snapshot).unwrap();
        #[cfg(feature = "persistence")]
        if restores {
            driver = FeedDriver::from_bytes(&driver.to_bytes()).unwrap();
        }
        let own = exchange.submit_limit(Side::Buy, Price(104), 50, TimeInForce::GTC);
        let mut left = 50;
        for (price, seeds) in [(102, 1), (100, 0)] {
            let executed = FeedMessage {
                kind: FeedKind::Execute,
                ..add(7, Side::Buy, price, 5)
            };
            driver.apply(&mut exchange, &executed);
            left -= 5;
            let levels = exchange.full_book().bids;
            assert_eq!(levels.len(), 1 + seeds, "{restores} {price}");
            let own = exchange.get_order(own.order_id).unwrap();
            assert_eq!(own.remaining_quantity, left);
        }
        assert_eq!(driver.counts().contradictions, 2);
    }
}

#[test]
fn an_order_that_cannot_be_takes_no_other_away() {
    let wrong = [
        add(9, Side::Sell, 0, 5),
        add(9, Side::Sell, 90, 0),
        add(9, Side::Sell, 1 << 62, 1 << 60),
        message(FeedKind::Execute, 2, 0),
        FeedMessage {
            kind: FeedKind::Execute,
            ..add(9, Side::Sell, 0, 5)
        },
    ];
    for wrong in wrong {
        let mut exchange = Exchange::new();
        let mut driver = FeedDriver::new();
        driver.apply(&mut exchange, &add(1, Side::Buy, 100, 10));
        driver.apply(&mut exchange, &add(2, Side::Buy, 99, 10));
        let before = exchange.full_book();
        driver.apply(&mut exchange, &wrong);
        assert_eq!(exchange.full_book(), before, "{wrong:?}");
        assert_eq!(driver.counts().contradictions, 1, "{wrong:?}");
    }
}

#[test]
fn what_cannot_come_for_an_order_leaves_nobody_that_is_not_followed() {
    for (price, quantity) in [
        (Some(Price(100)), 0),
        (Some(Price(0)), 10),
        (None, 10),
        (Some(Price(1 << 62)), 1 << 60),
    ] {
        let mut exchange = Exchange::new();
        let mut driver = FeedDriver::new();
        let mut book = VenueBook::new();
        for message in [
            add(1, Side::Buy, 100, 10),
            FeedMessage {
                new_reference: 2,
                price,
                ..message(FeedKind::Replace, 1, quantity)
            },
        ] {
            book.apply(&message);
            driver.apply(&mut exchange, &message);
        }
        assert_eq!(exchange.best_bid(), None);
        assert_eq!(driver.counts().contradictions, 1);
        assert_eq!(driver.order_id(1).or(driver.order_id(2)), None);
    }
}

#[test]
fn a_second_snapshot_takes_the_place_of_the_first() {
    let mut exchange = Exchange::new();
    let mut driver = FeedDriver::new();
    for row in ["105,40,95,30", "106,10,95,20"] {
        let row = LobsterBookReader::new(row.as_bytes())
            .next()
            .unwrap()
            .unwrap();
        driver.seed(&mut exchange, &row).unwrap();
        assert_eq!(levels(&exchange.full_book()), levels(&row));
    }
}

#[test]
fn what_cannot_be_there_is_found_after_many_that_came_and_went() {
    let mut exchange = Exchange::new();
    let mut driver = FeedDriver::new();
    exchange.submit_limit(Side::Buy, Price(200), 1_000, TimeInForce::GTC);
    driver.apply(&mut exchange, &add(1, Side::Buy, 100, 1_000));
    for reference in 2..500 {
        driver.apply(&mut exchange, &add(reference, Side::Buy, 150, 1));
        // That of the first says each time that this one is gone.
        if reference % 100 == 0 {
            driver.apply(&mut exchange, &message(FeedKind::Execute, 1, 1));
            assert_eq!(driver.order_id(reference), None);
            assert_eq!(driver.counts().contradictions, reference / 100);
        } else {
            driver.apply(&mut exchange, &message(FeedKind::Delete, reference, 0));
        }
    }
}

#[test]
fn a_seed_that_does_not_fit_once_it_has_traded_changes_nothing() {
    const HALF: Quantity = 1 << 62;
    let snapshot = |levels: &[(i64, Quantity)]| {
        let mut book = VenueBook::new();
        for (price, quantity) in levels {
            book.set_level(Side::Buy, Price(*price), *quantity).unwrap();
        }
        book.full_book()
    };
    let mut exchange = Exchange::new();
    let mut driver = FeedDriver::new();
    exchange.submit_limit(Side::Sell, Price(5), 10, TimeInForce::GTC);
    for _ in 0..2 {
        exchange.submit_stop_limit(
            Side::Buy,
            Price(5),
            Price(1),
            2 * HALF - 1,
            TimeInForce::GTC,
        );
    }
    let before = exchange.clone();
    // The first level trades, which lets two stops come to rest below it.
    let seeds = snapshot(&[(5, 20), (2, HALF - 1), (1, 2 * HALF - 1)]);
    let refused = driver.seed(&mut exchange, &seeds);
    assert!(matches!(
        refused,
        Err(ValidationError::SideTotalOverflow { .. })
    ));
    assert_eq!(exchange, before);

    // What comes in place of an earlier snapshot need not fit beside it.
    let mut exchange = Exchange::new();
    let seeds = snapshot(&[(2, HALF - 1), (1, 2 * HALF - 1)]);
    for _ in 0..2 {
        driver.seed(&mut exchange, &seeds).unwrap();
        assert_eq!(exchange.depth(9).total_bid_quantity(), 3 * HALF - 2);
    }
}

#[test]
fn of_a_price_that_a_snapshot_has_twice_the_last_level_counts() {
    let mut exchange = Exchange::new();
    let mut driver = FeedDriver::new();
    let mut book = VenueBook::new();
    book.set_level(Side::Buy, Price(100), 5).unwrap();
    let mut snapshot = book.full_book();
    snapshot.bids.push(snapshot.bids[0].clone());
    snapshot.bids[1].quantity = 7;
    driver.seed(&mut exchange, &snapshot).unwrap();
    assert_eq!(exchange.depth(9).total_bid_quantity(), 7);
    let same = VenueBook::from_snapshot(&snapshot).unwrap();
    assert_eq!(same.depth(9).total_bid_quantity(), 7);
    driver
        .seed(&mut exchange, &VenueBook::new().full_book())
        .unwrap();
    assert_eq!(exchange.best_bid(), None);
}

#[test]
fn a_deletion_that_tells_no_quantity_takes_nothing_off_a_seed() {
    let mut exchange = Exchange::new();
    let mut driver = FeedDriver::new();
    let mut book = VenueBook::new();
    book.set_level(Side::Buy, Price(100), 50).unwrap();
    driver.seed(&mut exchange, &book.full_book()).unwrap();
    let deleted = FeedMessage {
        kind: FeedKind::Delete,
        ..add(3, Side::Buy, 100, 0)
    };
    assert_eq!(driver.apply(&mut exchange, &deleted), None);
    let counts = driver.counts();
    assert_eq!((counts.unknown_references, counts.contradictions), (1, 0));
    assert_eq!(exchange.depth(1).total_bid_quantity(), 50);
}

#[test]
fn a_reader_that_leaves_out_much_can_be_stopped_and_goes_on() {
    let other = itch(b'D', 19, &[(2, &[9])]).repeat(200_000);
    let bytes = [
        itch(b'R', 39, &[(11, b"AAPL    ")]),
        other,
        itch_add(7, b'B', 5, 100),
    ]
    .concat();
    let mut reader = ItchReader::new(&bytes[..]).with_symbols(&[Symbol::new("AAPL")]);
    let mut message = FeedMessage::default();
    assert!(reader.read_message_until(&mut message, || true).unwrap());
    let mut stops = 0;
    loop {
        match reader.read_message_until(&mut message, || true) {
            Err(FeedError::Interrupted) => stops += 1,
            found => {
                assert!(found.unwrap());
                break;
            }
        }
    }
    assert_eq!((stops, message.reference), (3, 7));
    assert!(!reader.read_message(&mut message).unwrap());
}

#[test]
fn a_replacement_whose_name_is_taken_does_not_come() {
    let mut exchange = Exchange::new();
    let mut driver = FeedDriver::new();
    let mut book = VenueBook::new();
    for message in [
        add(7, Side::Buy, 100, 80),
        add(8, Side::Buy, 99, 5),
        FeedMessage {
            new_reference: 8,
            price: Some(Price(101)),
            ..message(FeedKind::Replace, 7, 80)
        },
        message(FeedKind::Delete, 8, 0),
    ] {
        book.apply(&message);
        driver.apply(&mut exchange, &message);
    }
    assert_eq!((book.order_count(), exchange.best_bid()), (0, None));
    assert_eq!(driver.counts().contradictions, 1);
    assert_eq!(book.counts().contradictions, 1);
}

#[test]
fn an_order_that_ones_own_took_is_replaced_all_the_same() {
    let mut exchange = Exchange::new();
    let mut driver = FeedDriver::new();
    driver.apply(&mut exchange, &add(7, Side::Sell, 100, 80));
    exchange.submit_market(Side::Buy, 80);
    let replace = FeedMessage {
        new_reference: 8,
        price: Some(Price(101)),
        ..message(FeedKind::Replace, 7, 80)
    };
    assert!(driver.apply(&mut exchange, &replace).is_some());
    assert_eq!(exchange.best_ask(), Some(Price(101)));
    let delete = message(FeedKind::Delete, 8, 0);
    assert!(driver.apply(&mut exchange, &delete).is_some());
    assert_eq!(exchange.best_ask(), None);
    assert_eq!(driver.counts().contradictions, 0);
}

#[cfg(feature = "gzip")]
#[test]
fn a_seeded_exchange_follows_lobster_from_its_first_row() {
    let Some((messages, books)) = lobster("AAPL 10_first999") else {
        return;
    };
    let first = LobsterBookReader::open(&books)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let mut exchange = Exchange::new();
    let mut driver = FeedDriver::new();
    driver.seed(&mut exchange, &first).unwrap();
    assert_eq!(levels(&exchange.full_book()), levels(&first));
    let mut executed = 0;
    for message in LobsterReader::open(&messages).unwrap().skip(1) {
        let message = message.unwrap();
        if message.kind == FeedKind::Execute {
            executed += message.quantity;
        }
        driver.apply(&mut exchange, &message);
        exchange.check_invariants().unwrap();
    }
    // What traded with orders that nobody told of is here too.
    let volume: Quantity = exchange.trades().iter().map(|trade| trade.quantity).sum();
    assert_eq!(volume, executed);
}

#[test]
fn a_seed_that_does_not_fit_is_refused_and_nothing_has_changed() {
    let mut exchange = Exchange::new();
    exchange.submit_limit(Side::Buy, Price(1), Quantity::MAX / 4, TimeInForce::GTC);
    let digest = exchange.state_digest();
    let row = |line: &str| {
        let line = format!("{line}\n");
        LobsterBookReader::new(line.as_bytes())
            .next()
            .unwrap()
            .unwrap()
    };
    let mut driver = FeedDriver::new();
    let mut snapshot = row("200,5,100,5");
    snapshot.bids[0].price = Price(0);
    let refused = driver.seed(&mut exchange, &snapshot);
    assert_eq!(refused, Err(ValidationError::InvalidPrice(Price(0))));
    snapshot.bids[0].price = Price(2);
    snapshot.asks[0].quantity = 0;
    let refused = driver.seed(&mut exchange, &snapshot);
    assert_eq!(refused, Err(ValidationError::ZeroQuantity));
    assert_eq!(exchange.state_digest(), digest);
}

#[test]
fn readers_take_anything_that_has_a_buffer() {
    let bytes = itch_add(1, b'B', 5, 100);
    let reader = ItchReader::new(Cursor::new(bytes));
    assert_eq!(reader.count(), 1);
}
