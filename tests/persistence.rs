//! Saved states and saved logs give the same exchange again, and nothing damaged is read.
#![cfg(feature = "persistence")]
#![expect(clippy::unwrap_used, reason = "a test fails where it panics")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use nanobook::{
    Event, Exchange, MultiError, MultiExchange, OrderId, PersistenceError, Price, Side, Symbol,
    TimeInForce, TrailMethod,
};
use tempfile::TempDir;
use xxhash_rust::xxh3::xxh3_64;

use common::live::{Clears, assert_same, ids, run, streams};
use common::{Action, Profile, Random, Stream, Through, drive, reseal};

/// Both sides go on with the same commands and stay the same.
fn assert_continue_alike(one: &mut Exchange, other: &mut Exchange, seed: u64) {
    let mut random = Random::new(seed);
    let profile = Profile::ALL[random.index(Profile::ALL.len())];
    let stream = Stream::of_profile(&mut random, profile, 100);
    for command in stream.commands() {
        let ids = ids(one, &command);
        let action = command.resolve(&ids);
        let Action::Apply(event) = action else {
            continue;
        };
        let answers = [&mut *one, &mut *other].map(|side| drive(side, &event, Through::Try));
        // Refusals may carry a NaN.
        assert_eq!(format!("{:?}", answers[0]), format!("{:?}", answers[1]));
        assert_eq!(one.state_digest(), other.state_digest());
    }
    assert_same(one, other);
}

#[test]
fn bytes_give_the_same_exchange_and_future() {
    for (seed, stream) in (0..).zip(streams(5_000, 300, 500)) {
        let mut live = if stream.event_log {
            Exchange::new()
        } else {
            Exchange::without_event_log()
        };
        run(&mut live, stream.commands(), Clears::All);
        let bytes = live.to_bytes();
        let mut restored = Exchange::from_bytes(&bytes).unwrap();
        assert_same(&live, &restored);
        assert!(
            restored.to_bytes() == bytes,
            "equal states have equal bytes"
        );
        assert_continue_alike(&mut live, &mut restored, seed);
    }
}

#[test]
fn a_saved_log_gives_the_same_exchange_and_future() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("exchange.jsonl");
    for (seed, stream) in (0..).zip(streams(6_000, 200, 500)) {
        let mut live = Exchange::new();
        run(&mut live, stream.commands(), Clears::Nothing);
        assert!(live.events().is_complete());
        live.save(&path).unwrap();
        let mut loaded = Exchange::load(&path).unwrap();
        assert_same(&live, &loaded);
        assert_continue_alike(&mut live, &mut loaded, seed);
        assert_eq!(names(directory.path()), ["exchange.jsonl"]);
    }
}

/// The log is complete although the rest of the history is gone.
#[test]
fn history_may_be_cleared_before_a_save() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("exchange.jsonl");
    for stream in streams(7_000, 50, 300) {
        let mut live = Exchange::new();
        run(&mut live, stream.commands(), Clears::History);
        live.save(&path).unwrap();
        let loaded = Exchange::load(&path).unwrap();
        assert_eq!(loaded.state_digest(), live.state_digest());
    }
}

#[test]
fn an_incomplete_log_is_not_saved() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("exchange.jsonl");
    let mut cleared = small_exchange();
    cleared.save(&path).unwrap();
    let before = fs::read(&path).unwrap();
    cleared.clear_events();
    let mut went_on = cleared.clone();
    went_on.submit_market(Side::Buy, 1);
    let restored = Exchange::from_bytes(&cleared.to_bytes()).unwrap();
    let mut unlogged = Exchange::without_event_log();
    unlogged.submit_market(Side::Buy, 1);
    for exchange in [cleared, went_on, restored, unlogged] {
        assert!(!exchange.events().is_complete());
        let error = exchange.save(&path).unwrap_err();
        assert!(matches!(error, PersistenceError::IncompleteLog), "{error}");
    }
    // The file of before is still there, and alone.
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(names(directory.path()), ["exchange.jsonl"]);
}

#[test]
fn events_come_back_from_json() {
    for stream in streams(8_000, 100, 300) {
        let mut live = Exchange::new();
        run(&mut live, stream.commands(), Clears::Nothing);
        for event in live.events() {
            let text = event.to_json();
            assert!(!text.contains('\n'));
            assert!(text.contains(event.kind()), "{text}");
            assert_eq!(Event::from_json(&text).unwrap(), event);
        }
    }
    for text in [
        "",
        "{}",
        "null",
        "{\"kind\":\"cancel\"}",
        "{\"kind\":\"fire\",\"order_id\":1}",
    ] {
        assert!(Event::from_json(text).is_err(), "{text}");
    }
}

/// The parser takes more than the format has: values without their names, and a choice as an object.
#[test]
fn an_event_is_made_of_objects() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("exchange.jsonl");
    let stop = |side: &str, trail: &str| {
        format!(
            r#"{{"kind":"submit_trailing_stop_market","side":{side},"initial_stop_price":90,"quantity":3,"trail_method":{trail}}}"#
        )
    };
    for text in [
        r#"["cancel",1]"#.to_owned(),
        r#"["submit_market","buy",1]"#.to_owned(),
        r#"{"kind":"submit_market","side":{"buy":null},"quantity":1}"#.to_owned(),
        stop(r#""sell""#, r#"{"atr":[2.0,14]}"#),
        stop(r#"{"sell":null}"#, r#"{"atr":[2.0,14]}"#),
    ] {
        let error = Event::from_json(&text).unwrap_err().to_string();
        assert!(error.contains("it must be an object"), "{text}: {error}");
        fs::write(&path, sealed(&[&text])).unwrap();
        let error = Exchange::load(&path).unwrap_err().to_string();
        assert!(error.contains("it must be an object"), "{text}: {error}");
    }
    // Spaces, another order and another form of a number or a letter are JSON's own.
    for text in [
        r#" { "order_id" : 1, "kind" : "\u0063ancel" } "#.to_owned(),
        stop(r#""sell""#, r#"{"atr":{"period":14,"multiplier":2}}"#),
        stop(r#""sell""#, r#"{"fixed":5}"#),
        stop(r#""sell""#, r#"{"percentage":5e-1}"#),
    ] {
        let event = Event::from_json(&text).unwrap();
        assert_eq!(Event::from_json(&event.to_json()).unwrap(), event);
    }
}

/// A little of everything: resting and finished orders, trades, stops of every kind.
fn small_exchange() -> Exchange {
    let mut exchange = Exchange::new();
    exchange.submit_limit(Side::Buy, Price(99_50), 300, TimeInForce::GTC);
    exchange.submit_limit(Side::Buy, Price(99_50), 20, TimeInForce::GTC);
    exchange.submit_limit(Side::Sell, Price(100_50), 7, TimeInForce::GTC);
    exchange.submit_limit(Side::Sell, Price(100_75), 1, TimeInForce::FOK);
    exchange.submit_limit(Side::Buy, Price(100_50), 9, TimeInForce::IOC);
    exchange.submit_market(Side::Sell, 5);
    exchange.submit_stop_market(Side::Buy, Price(110_00), 3);
    exchange.submit_stop_limit(Side::Sell, Price(90_00), Price(89_00), 4, TimeInForce::GTC);
    let atr = TrailMethod::Atr {
        multiplier: 2.5,
        period: 14,
    };
    exchange.submit_trailing_stop_market(Side::Sell, Price(80_00), 6, atr);
    let percentage = TrailMethod::Percentage(0.05);
    exchange.submit_trailing_stop_limit(
        Side::Buy,
        Price(120_00),
        Price(121_00),
        2,
        TimeInForce::IOC,
        percentage,
    );
    exchange.submit_trailing_stop_market(Side::Sell, Price(70_00), 1, TrailMethod::Fixed(150));
    exchange.submit_market(Side::Sell, 1);
    exchange.modify(OrderId(2), Price(99_25), 25);
    exchange.reduce(OrderId(1), 4);
    exchange.cancel(OrderId(7));
    exchange
}

#[test]
fn cut_bytes_are_refused() {
    let bytes = small_exchange().to_bytes();
    for length in 0..bytes.len() {
        assert!(
            Exchange::from_bytes(&bytes[..length]).is_err(),
            "{length} bytes"
        );
        assert!(
            Exchange::from_bytes(&bytes[length + 1..]).is_err(),
            "from {length}"
        );
    }
    for more in [0, b'\n', 0xff] {
        let longer = [&bytes[..], &[more]].concat();
        assert!(Exchange::from_bytes(&longer).is_err());
    }
    let twice = [&bytes[..], &bytes].concat();
    assert!(Exchange::from_bytes(&twice).is_err());
}

#[test]
fn bytes_with_a_changed_bit_are_refused() {
    for exchange in [
        Exchange::new(),
        Exchange::without_event_log(),
        small_exchange(),
    ] {
        let bytes = exchange.to_bytes();
        for (place, bit) in every_bit(&bytes) {
            let mut damaged = bytes.clone();
            damaged[place] ^= bit;
            assert!(
                Exchange::from_bytes(&damaged).is_err(),
                "byte {place}, bit {bit}"
            );
        }
    }
}

#[test]
fn random_bytes_are_refused() {
    let mut random = Random::new(9);
    let good = small_exchange().to_bytes();
    for round in 0..20_000 {
        let length = random.index(2 * good.len());
        let mut bytes = random.bytes(length);
        // Half of them begin like a real one.
        if round % 2 == 0 {
            let kept = random.index(length.min(good.len()) + 1);
            bytes[..kept].copy_from_slice(&good[..kept]);
        }
        if bytes != good {
            assert!(Exchange::from_bytes(&bytes).is_err());
            assert!(MultiExchange::from_bytes(&bytes).is_err());
        }
    }
}

/// Loads a damaged file: it must be refused by a line's number or by the checksum.
fn assert_refused(path: &Path, contents: &[u8], damage: &str) {
    // Some file systems wait for the disk when a file is cut and written again.
    fs::remove_file(path).unwrap();
    fs::write(path, contents).unwrap();
    let Err(error) = Exchange::load(path) else {
        panic!("a file was loaded with {damage}");
    };
    let text = error.to_string();
    assert!(
        text.contains("line ") || text.contains("checksum"),
        "{damage}: {text}"
    );
    assert!(
        matches!(error, PersistenceError::Malformed { .. }),
        "{damage}: {text}"
    );
}

/// A saved small exchange: where, its bytes, and the directory to keep.
fn saved() -> (TempDir, PathBuf, Vec<u8>) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("exchange.jsonl");
    small_exchange().save(&path).unwrap();
    let contents = fs::read(&path).unwrap();
    (directory, path, contents)
}

#[test]
fn a_cut_file_is_refused() {
    let (_directory, path, contents) = saved();
    for length in 0..contents.len() {
        assert_refused(&path, &contents[..length], &format!("{length} bytes left"));
    }
    assert_refused(
        &path,
        &[&contents[..], b"\n"].concat(),
        "an empty line more",
    );
    assert_refused(&path, &[&contents[..], &contents].concat(), "itself again");
}

#[test]
fn a_file_with_a_changed_bit_is_refused() {
    let (_directory, path, contents) = saved();
    for (place, bit) in every_bit(&contents) {
        let mut damaged = contents.clone();
        damaged[place] ^= bit;
        assert_refused(
            &path,
            &damaged,
            &format!("bit {bit} of byte {place} changed"),
        );
    }
}

#[test]
fn a_file_with_a_byte_lost_or_added_is_refused() {
    let (_directory, path, contents) = saved();
    for place in 0..contents.len() {
        let mut damaged = contents.clone();
        let lost = damaged.remove(place);
        assert_refused(&path, &damaged, &format!("byte {place} lost"));
        for added in [b' ', b'0', b'\n', lost] {
            let mut longer = contents.clone();
            longer.insert(place, added);
            assert_refused(&path, &longer, &format!("byte {added} added at {place}"));
        }
    }
    let windows = String::from_utf8(contents).unwrap().replace('\n', "\r\n");
    assert_refused(&path, windows.as_bytes(), "other line ends");
}

#[test]
fn a_file_with_a_line_lost_doubled_or_swapped_is_refused() {
    let (_directory, path, contents) = saved();
    let text = String::from_utf8(contents).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    // A header, 15 events and a last line.
    assert_eq!(lines.len(), 17);
    for place in 0..lines.len() {
        let mut lost = lines.clone();
        lost.remove(place);
        assert_refused(
            &path,
            lost.concat().as_bytes(),
            &format!("line {place} lost"),
        );
        for other in 0..=lines.len() {
            let mut doubled = lines.clone();
            doubled.insert(other, lines[place]);
            let damage = format!("line {place} again at {other}");
            assert_refused(&path, doubled.concat().as_bytes(), &damage);
        }
        for other in 0..place {
            let mut swapped = lines.clone();
            swapped.swap(place, other);
            if swapped != lines {
                let damage = format!("lines {other} and {place} swapped");
                assert_refused(&path, swapped.concat().as_bytes(), &damage);
            }
        }
    }
}

/// The line that is not as it was is named, counted from 1.
#[test]
fn a_malformed_line_is_named() {
    let (_directory, path, contents) = saved();
    let text = String::from_utf8(contents).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for place in 0..lines.len() {
        let mut damaged = lines.clone();
        damaged[place] = "{\"kind\":\n";
        fs::write(&path, damaged.concat()).unwrap();
        let error = Exchange::load(&path).unwrap_err();
        let PersistenceError::Malformed { line, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(*line, Some(place as u64 + 1), "{error}");
        assert!(
            error.to_string().contains(&format!("line {}", place + 1)),
            "{error}"
        );
    }
}

/// A log as the format's description says, made without the engine.
fn sealed(lines: &[&str]) -> String {
    let mut text = String::from("{\"format\":\"nanobook-events\",\"version\":1}\n");
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    let checksum = xxh3_64(text.as_bytes());
    let count = lines.len();
    text + &format!("{{\"count\":{count},\"checksum\":\"{checksum:016x}\"}}\n")
}

#[test]
fn a_log_written_by_hand_is_loaded() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("exchange.jsonl");
    let lines = [
        r#"{"kind":"submit_limit","side":"buy","price":10000,"quantity":5,"time_in_force":"gtc"}"#,
        r#"{"kind":"submit_market","side":"sell","quantity":2}"#,
        r#"{"kind":"reduce","order_id":1,"quantity":1}"#,
        r#"{"kind":"modify","order_id":1,"new_price":9900,"new_quantity":7}"#,
        r#"{"kind":"submit_stop_market","side":"sell","stop_price":9000,"quantity":1}"#,
        r#"{"kind":"submit_stop_limit","side":"buy","stop_price":11000,"limit_price":11100,"quantity":2,"time_in_force":"ioc"}"#,
        r#"{"kind":"submit_trailing_stop_market","side":"sell","initial_stop_price":9000,"quantity":3,"trail_method":{"fixed":50}}"#,
        r#"{"kind":"submit_trailing_stop_limit","side":"buy","initial_stop_price":11000,"limit_price":11100,"quantity":4,"time_in_force":"fok","trail_method":{"percentage":0.05}}"#,
        r#"{"kind":"submit_trailing_stop_market","side":"sell","initial_stop_price":9000,"quantity":5,"trail_method":{"atr":{"multiplier":2.0,"period":14}}}"#,
        r#"{"kind":"cancel","order_id":1}"#,
    ];
    let text = sealed(&lines);
    fs::write(&path, &text).unwrap();
    let mut live = Exchange::new();
    live.submit_limit(Side::Buy, Price(100_00), 5, TimeInForce::GTC);
    live.submit_market(Side::Sell, 2);
    live.reduce(OrderId(1), 1);
    live.modify(OrderId(1), Price(99_00), 7);
    live.submit_stop_market(Side::Sell, Price(90_00), 1);
    let (stop, limit) = (Price(110_00), Price(111_00));
    live.submit_stop_limit(Side::Buy, stop, limit, 2, TimeInForce::IOC);
    live.submit_trailing_stop_market(Side::Sell, Price(90_00), 3, TrailMethod::Fixed(50));
    let method = TrailMethod::Percentage(0.05);
    live.submit_trailing_stop_limit(Side::Buy, stop, limit, 4, TimeInForce::FOK, method);
    let method = TrailMethod::Atr {
        multiplier: 2.0,
        period: 14,
    };
    live.submit_trailing_stop_market(Side::Sell, Price(90_00), 5, method);
    live.cancel(OrderId(1));
    assert_same(&Exchange::load(&path).unwrap(), &live);
    // What the exchange writes is the same file.
    live.save(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

/// A checksum that is right does not make a wrong line right.
#[test]
fn a_wrong_line_in_a_sealed_file_is_named() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("exchange.jsonl");
    let good = r#"{"kind":"submit_market","side":"buy","quantity":1}"#;
    let long = format!("{good}{}", " ".repeat(2000));
    let wrong = [
        "",
        " ",
        "null",
        "[]",
        "{}",
        "\u{e9}",
        r#"{"kind":"submit_market","side":"buy","quantity":0}"#,
        r#"{"kind":"submit_market","side":"buy","quantity":-1}"#,
        r#"{"kind":"submit_market","side":"buy","quantity":1.0}"#,
        r#"{"kind":"submit_market","side":"buy","quantity":18446744073709551616}"#,
        r#"{"kind":"submit_market","side":"b","quantity":1}"#,
        r#"{"kind":"submit_market","side":"buy"}"#,
        r#"{"kind":"submit_market","side":"buy","quantity":1,"price":1}"#,
        r#"{"kind":"submit_market","side":"buy","quantity":1}{}"#,
        r#"{"kind":"submit_limit","side":"buy","price":0,"quantity":5,"time_in_force":"gtc"}"#,
        r#"{"kind":"submit_limit","side":"buy","price":9223372036854775807,"quantity":1,"time_in_force":"gtc"}"#,
        r#"{"kind":"submit_limit","side":"buy","price":10,"quantity":5,"time_in_force":"day"}"#,
        r#"{"kind":"submit_trailing_stop_market","side":"sell","initial_stop_price":90,"quantity":3,"trail_method":{"fixed":0}}"#,
        r#"{"kind":"submit_trailing_stop_market","side":"sell","initial_stop_price":90,"quantity":3,"trail_method":{"percentage":1.0}}"#,
        r#"{"kind":"submit_trailing_stop_market","side":"sell","initial_stop_price":90,"quantity":3,"trail_method":{"percentage":1e999}}"#,
        r#"{"kind":"reduce","order_id":1,"quantity":0}"#,
        r#"{"kind":"clear_trades"}"#,
        &long,
    ];
    for line in wrong {
        for place in 0..3 {
            let mut lines = vec![good; 2];
            lines.insert(place, line);
            let text = sealed(&lines);
            fs::write(&path, &text).unwrap();
            let error = Exchange::load(&path).unwrap_err();
            let PersistenceError::Malformed { line: number, .. } = error else {
                panic!("{line}: {error}");
            };
            // After the header, and the first line is 1.
            assert_eq!(number, Some(place as u64 + 2), "{line}: {error}");
        }
    }
    let good = sealed(&[good; 3]);
    for (from, to) in [
        ("\"version\":1", "\"version\":2"),
        ("\"version\":1", "\"version\":1.0"),
        ("nanobook-events", "nanobook-event"),
        ("\"count\":3", "\"count\":2"),
        ("\"count\":3", "\"count\":4"),
    ] {
        let text = good.replace(from, to);
        assert_ne!(text, good);
        assert_refused(&path, text.as_bytes(), to);
    }
}

/// Whoever forges a checksum gets an error or a state that holds together, and never a panic.
#[test]
fn a_forged_state_is_refused_or_consistent() {
    let good = small_exchange().to_bytes();
    let (head, payload) = (&good[..12], &good[20..good.len() - 8]);
    assert!(
        reseal(head, payload) == good,
        "the format is as it is described"
    );
    let mut random = Random::new(11);
    let mut read = 0;
    let mut try_payload = |payload: &[u8]| {
        if let Ok(exchange) = Exchange::from_bytes(&reseal(head, payload)) {
            read += 1;
            assert_eq!(exchange.check_invariants(), Ok(()));
            let again = Exchange::from_bytes(&exchange.to_bytes()).unwrap();
            assert_same(&exchange, &again);
        }
    };
    for place in 0..payload.len() {
        for value in 0..=255 {
            let mut forged = payload.to_vec();
            forged[place] = value;
            try_payload(&forged);
        }
        try_payload(&payload[..place]);
        try_payload(&[&payload[..place], &payload[place + 1..]].concat());
    }
    for _ in 0..20_000 {
        let mut forged = payload.to_vec();
        for _ in 0..=random.index(4) {
            let place = random.index(forged.len());
            let [value, kind, ..] = random.next().to_le_bytes();
            match kind % 3 {
                0 => forged[place] = value,
                1 => forged.insert(place, value),
                _ => forged.truncate(place.max(1)),
            }
        }
        try_payload(&forged);
    }
    for length in 0..2_000 {
        try_payload(&random.bytes(length % 200));
    }
    // At least the state itself was read, once for each of its bytes.
    assert!(read >= payload.len(), "{read} were read");
}

/// The checksum alone does not make bytes a state: kind, version and length are looked at too.
#[test]
fn a_sealed_state_of_another_kind_version_or_length_is_refused() {
    let good = small_exchange().to_bytes();
    let (head, payload) = (&good[..12], &good[20..good.len() - 8]);
    assert_eq!(head, b"nanobkEX\x01\0\0\0");
    let refused = |head: &[u8], payload: &[u8], why: &str| {
        let error = Exchange::from_bytes(&reseal(head, payload)).unwrap_err();
        assert!(error.to_string().contains(why), "{why}: {error}");
    };
    let kind = "does not start like a saved state of this kind";
    refused(b"nanobkMX\x01\0\0\0", payload, kind);
    refused(b"nanobkEx\x01\0\0\0", payload, kind);
    for version in [0_u32, 2, 3, 1 << 24, u32::MAX] {
        let head = [&head[..8], &version.to_le_bytes()].concat();
        refused(&head, payload, &format!("has version {version}; this"));
    }
    let longer = [payload, &[0]].concat();
    refused(head, &longer, "1 bytes are left over behind the state");
}

/// A postcard integer.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

/// Replaces the one place where `from` stands.
fn replace(payload: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut places = payload.windows(from.len()).enumerate();
    let is_here = |(_, window): &(usize, &[u8])| *window == from;
    let (place, _) = places.find(is_here).expect("it stands somewhere");
    assert!(!places.any(|window| is_here(&window)), "twice: {from:?}");
    [&payload[..place], to, &payload[place + from.len()..]].concat()
}

/// The next order would count past 64 bits, which is a panic.
#[test]
fn forged_counters_without_room_are_refused() {
    let empty = Exchange::new().to_bytes();
    let (head, payload) = (&empty[..12], &empty[20..empty.len() - 8]);
    // No records, no kept ids, the first id, no reduced orders, no stops, no trades; then the
    // last trade id and the clock.
    assert_eq!(payload[..8], [0, 0, 1, 0, 0, 0, 0, 0]);
    for place in [2, 6, 7] {
        let forge = |count: u64| {
            let (before, after) = (&payload[..place], &payload[place + 1..]);
            let bytes = reseal(head, &[before, &varint(count), after].concat());
            Exchange::from_bytes(&bytes)
        };
        for count in [u64::MAX, u64::MAX - 1, 1 << 63] {
            let error = forge(count).unwrap_err().to_string();
            assert!(error.contains("leave room"), "{place}: {error}");
        }
        let mut exchange = forge((1 << 63) - 1).unwrap();
        exchange.submit_limit(Side::Buy, Price(1), 1, TimeInForce::GTC);
        exchange.submit_market(Side::Sell, 1);
        exchange.check_invariants().unwrap();
    }
}

/// What an exchange does not accept does not come in through its bytes either: it would trade,
/// rest or trail where the engine relies on it being valid.
#[test]
fn forged_orders_that_are_not_valid_are_refused() {
    let mut exchange = Exchange::new();
    // Three times the price fits in 64 bits, four times does not.
    exchange.submit_limit(Side::Buy, Price(1 << 61), 3, TimeInForce::GTC);
    for _ in 0..3 {
        exchange.submit_market(Side::Sell, 1);
    }
    exchange.submit_limit(Side::Buy, Price(1 << 61), 3, TimeInForce::GTC);
    let (stop, limit) = (Price(1 << 40), Price(1 << 50));
    let method = TrailMethod::Percentage(0.375);
    let (side, tif) = (Side::Buy, TimeInForce::GTC);
    exchange.submit_trailing_stop_limit(side, stop, limit, 5, tif, method);
    exchange.clear_events();
    let bytes = exchange.to_bytes();
    let (head, payload) = (&bytes[..12], &bytes[20..bytes.len() - 8]);
    let read = |payload: &[u8]| Exchange::from_bytes(&reseal(head, payload));
    assert!(read(payload).unwrap() == exchange);
    let refused = |from: &[u8], to: &[u8], why: &str| {
        let error = read(&replace(payload, from, to)).unwrap_err().to_string();
        assert!(error.contains(why), "{why}: {error}");
    };
    // Signed integers are zigzag: twice the number.
    let price = varint(1 << 62);
    // Of the order that rests: price, quantity, what is open, time.
    let resting = |quantity: u8| [&price[..], &[quantity, 3, 8]].concat();
    refused(&resting(3), &resting(4), "order 5 may rest");
    // Of each trade: id, price, quantity, orders, side, time.
    let trade = |quantity: &[u8]| [&[1], &price[..], quantity, &[2, 1, 1, 3]].concat();
    refused(&trade(&[1]), &trade(&[4]), "trade 1: its price, quantity");
    refused(&trade(&[1]), &trade(&[2]), "order 1: filled 3 is the sum");
    // Of the stop: limit, quantity. A limit of 2^62 fits once.
    let stop = |limit: u64| [&[1], &varint(limit)[..], &[5]].concat();
    refused(&stop(1 << 51), &stop(1 << 63), "stop 6: price 46116860");
    refused(&stop(1 << 51), &stop(0), "stop 6: price must be positive");
    let fraction = 0.375_f64.to_le_bytes();
    for value in [0.0_f64, 1.0, -0.5, f64::NAN] {
        refused(
            &fraction,
            &value.to_le_bytes(),
            "stop 6: a trail percentage",
        );
    }
}

/// Nor does what no exchange logs: it would be saved as a log that no exchange loads, and a state
/// with a NaN in it is not even equal to itself.
#[test]
fn forged_events_that_are_not_valid_are_refused() {
    let mut exchange = Exchange::new();
    exchange.submit_limit(Side::Buy, Price(1000), 77, TimeInForce::IOC);
    exchange.submit_market(Side::Sell, 78);
    exchange.submit_stop_limit(Side::Sell, Price(500), Price(400), 79, TimeInForce::GTC);
    let method = TrailMethod::Percentage(0.375);
    exchange.submit_trailing_stop_market(Side::Sell, Price(600), 80, method);
    exchange.reduce(OrderId(1), 81);
    exchange.cancel(OrderId(3));
    exchange.cancel(OrderId(4));
    // Only the log still knows of them.
    exchange.clear_order_history();
    let bytes = exchange.to_bytes();
    let (head, payload) = (&bytes[..12], &bytes[20..bytes.len() - 8]);
    let read = |payload: &[u8]| Exchange::from_bytes(&reseal(head, payload));
    assert!(read(payload).unwrap() == exchange);
    let refused = |from: &[u8], to: &[u8], why: &str| {
        let error = read(&replace(payload, from, to)).unwrap_err().to_string();
        assert!(error.contains(why), "{why}: {error}");
    };
    // Price, limit or order, quantity. Signed integers are zigzag: twice the number.
    let entry = |price: u64, second: u64, quantity: u64| {
        [varint(price), varint(second), varint(quantity)].concat()
    };
    let limit = entry(2000, 0, 77);
    refused(&limit, &entry(2000, 0, 0), "event 0: quantity");
    refused(&limit, &entry(0, 0, 77), "event 0: price");
    refused(&limit, &entry(2000, 0, u64::MAX), "event 0: price 1000");
    refused(&entry(0, 0, 78), &entry(0, 0, 0), "event 1: quantity");
    let stop = entry(1000, 400, 79);
    refused(&stop, &entry(1000, u64::MAX, 79), "event 2: price");
    refused(&stop, &entry(0, 400, 79), "event 2: stop price");
    let trailing = entry(1200, 0, 80);
    refused(&trailing, &entry(1200, 0, 0), "event 3: quantity");
    let fraction = 0.375_f64.to_le_bytes();
    for value in [0.0_f64, 1.0, f64::NAN] {
        refused(&fraction, &value.to_le_bytes(), "event 3: a trail");
    }
    refused(&entry(0, 1, 81), &entry(0, 1, 0), "event 4: quantity");
}

/// Fills add up to more than 64 bits only in a forged state.
#[test]
fn forged_trades_whose_sum_does_not_fit_are_refused() {
    let mut exchange = Exchange::new();
    exchange.submit_limit(Side::Buy, Price(1), 3, TimeInForce::GTC);
    for _ in 0..3 {
        exchange.submit_market(Side::Sell, 1);
    }
    let bytes = exchange.to_bytes();
    let (head, mut payload) = (&bytes[..12], bytes[20..bytes.len() - 8].to_vec());
    for id in 1..=3 {
        // Id, price, quantity, orders, side, time.
        let trade = |quantity: u64| {
            let quantity = varint(quantity);
            [&[id, 2], &quantity[..], &[1 + id, 1, 1, 1 + 2 * id]].concat()
        };
        payload = replace(&payload, &trade(1), &trade(i64::MAX.unsigned_abs()));
    }
    let error = Exchange::from_bytes(&reseal(head, &payload)).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("order 1: the sum of its trades"), "{error}");
}

#[test]
fn random_files_are_refused() {
    let (_directory, path, contents) = saved();
    let mut random = Random::new(10);
    for round in 0..2_000 {
        let length = random.index(2 * contents.len());
        let mut bytes = random.bytes(length);
        if round % 2 == 0 {
            let kept = random.index(length.min(contents.len()) + 1);
            bytes[..kept].copy_from_slice(&contents[..kept]);
        }
        if bytes != contents {
            assert_refused(&path, &bytes, "random bytes");
        }
    }
}

#[test]
fn a_missing_file_is_an_io_error() {
    let directory = TempDir::new().unwrap();
    let error = Exchange::load(directory.path().join("none.jsonl")).unwrap_err();
    assert!(matches!(error, PersistenceError::Io(_)), "{error}");
    // A directory cannot be read as a file.
    assert!(Exchange::load(directory.path()).is_err());
}

#[test]
fn a_save_that_fails_leaves_what_was_there() {
    let directory = TempDir::new().unwrap();
    let target = directory.path().join("exchange.jsonl");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("inside"), "kept").unwrap();
    let error = small_exchange().save(&target).unwrap_err();
    assert!(matches!(error, PersistenceError::Io(_)), "{error}");
    assert_eq!(names(directory.path()), ["exchange.jsonl"]);
    assert_eq!(fs::read(target.join("inside")).unwrap(), b"kept");
    let nowhere = directory
        .path()
        .join("no such directory")
        .join("exchange.jsonl");
    let error = small_exchange().save(nowhere).unwrap_err();
    assert!(matches!(error, PersistenceError::Io(_)), "{error}");
    assert_eq!(names(directory.path()), ["exchange.jsonl"]);
}

#[test]
fn a_save_replaces_the_file_of_before() {
    let (directory, path, before) = saved();
    let mut exchange = small_exchange();
    exchange.submit_market(Side::Buy, 1);
    exchange.save(&path).unwrap();
    assert_ne!(fs::read(&path).unwrap(), before);
    assert!(Exchange::load(&path).unwrap() == exchange);
    assert_eq!(names(directory.path()), ["exchange.jsonl"]);
}

#[cfg(unix)]
#[test]
fn a_save_through_a_link_replaces_what_the_link_leads_to() {
    let directory = TempDir::new().unwrap();
    let (file, link) = (directory.path().join("log"), directory.path().join("link"));
    std::fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink("log", &link).unwrap();
    small_exchange().save(&link).unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(Exchange::load(&file).unwrap(), small_exchange());
    assert_eq!(names(directory.path()).len(), 2);
}

/// A rename would put a file in the place of a device or a pipe.
#[cfg(unix)]
#[test]
fn only_a_regular_file_is_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    let error = small_exchange().save(&path).unwrap_err().to_string();
    assert!(error.ends_with("pipe is not a regular file"), "{error}");
    assert!(std::fs::metadata(&path).unwrap().file_type().is_fifo());
    assert_eq!(names(directory.path()), ["pipe"]);
}

#[test]
fn a_read_only_file_is_not_replaced() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("log");
    std::fs::write(&path, "old").unwrap();
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&path, permissions).unwrap();
    let error = small_exchange().save(&path).unwrap_err().to_string();
    assert!(error.ends_with("log is read-only"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
}

#[cfg(unix)]
#[test]
fn a_save_keeps_the_permissions_of_the_file_it_replaces() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_directory, path, _) = saved();
    for mode in [0o600, 0o640] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        small_exchange().save(&path).unwrap();
        let saved = fs::metadata(&path).unwrap().permissions();
        assert_eq!(saved.mode() & 0o777, mode);
    }
}

/// Savers that meet at one path do not write into each other's files, and a reader sees one of
/// them, whole. (Other systems do not let a file be replaced while it is open.)
#[cfg(unix)]
#[test]
fn a_reader_never_sees_half_a_file() {
    let (directory, path, _) = saved();
    let exchanges: Vec<Exchange> = (0..4)
        .map(|longer| {
            let mut exchange = small_exchange();
            for k in 0..longer * 100 {
                exchange.submit_limit(Side::Buy, Price(1 + k), 1, TimeInForce::GTC);
            }
            exchange
        })
        .collect();
    std::thread::scope(|scope| {
        let savers: Vec<_> = exchanges
            .iter()
            .map(|exchange| {
                scope.spawn(|| {
                    for _ in 0..25 {
                        exchange.save(&path).unwrap();
                    }
                })
            })
            .collect();
        while savers.iter().any(|saver| !saver.is_finished()) {
            let loaded = Exchange::load(&path).unwrap();
            assert!(exchanges.contains(&loaded));
        }
    });
    assert_eq!(names(directory.path()), ["exchange.jsonl"]);
}

/// The books of several symbols come back in the order they were opened, each as it was.
#[test]
fn several_books_come_back_from_bytes() {
    let symbols = ["MSFT", "AAPL", "BRK B"].map(Symbol::new);
    for (seed, stream) in (0..).zip(streams(9_500, 100, 300)) {
        let mut random = Random::new(seed);
        let mut multi = MultiExchange::new();
        let mut alone = [Exchange::new(), Exchange::new(), Exchange::new()];
        for symbol in symbols {
            multi.get_or_create(symbol);
        }
        for command in stream.commands() {
            let book = random.index(symbols.len());
            let action = command.resolve(&ids(&alone[book], &command));
            let Action::Apply(event) = action else {
                continue;
            };
            let one = alone[book].apply(&event).map_err(|error| error.to_string());
            let other = multi.apply(symbols[book], &event);
            assert_eq!(
                one,
                other.map_err(|error| match error {
                    MultiError::Validation(error) => error.to_string(),
                    other => format!("{other:?}"),
                })
            );
        }
        let bytes = multi.to_bytes();
        let restored = MultiExchange::from_bytes(&bytes).unwrap();
        assert!(restored == multi);
        assert_eq!(restored.state_digest(), multi.state_digest());
        assert_eq!(restored.symbols(), symbols);
        assert_eq!(restored.check_invariants(), Ok(()));
        for (symbol, exchange) in symbols.iter().zip(&alone) {
            assert_same(restored.exchange(*symbol).unwrap(), exchange);
        }
    }
}

#[test]
fn damaged_bytes_of_several_books_are_refused() {
    let mut multi = MultiExchange::new();
    *multi.get_or_create(Symbol::new("AAPL")) = small_exchange();
    multi.get_or_create(Symbol::new("GOOG"));
    let bytes = multi.to_bytes();
    for (place, bit) in every_bit(&bytes) {
        let mut damaged = bytes.clone();
        damaged[place] ^= bit;
        assert!(
            MultiExchange::from_bytes(&damaged).is_err(),
            "byte {place}, bit {bit}"
        );
    }
    for length in 0..bytes.len() {
        assert!(
            MultiExchange::from_bytes(&bytes[..length]).is_err(),
            "{length} bytes"
        );
    }
    // With a checksum that fits: a second book of one symbol.
    let payload = replace(&bytes[20..bytes.len() - 8], b"GOOG", b"AAPL");
    let error = MultiExchange::from_bytes(&reseal(&bytes[..12], &payload)).unwrap_err();
    assert!(error.to_string().contains("symbol AAPL has two books"));
    // One kind of state is not the other.
    assert!(Exchange::from_bytes(&bytes).is_err());
    assert!(MultiExchange::from_bytes(&small_exchange().to_bytes()).is_err());
}

fn every_bit(bytes: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    (0..bytes.len()).flat_map(|place| (0..8).map(move |bit| (place, 1 << bit)))
}

/// The names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}
