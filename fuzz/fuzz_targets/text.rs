//! Text from outside: symbols, events, saved logs and saved portfolios.
//!
//! What is read must be written as a text that gives it again. The mutator keeps counts and
//! checksums right, or most inputs would end there.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;
mod saved;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use nanobook::{Digest, Event, Exchange, PersistenceError, Portfolio, Symbol};
use xxhash_rust::xxh3::xxh3_64;

use common::Random;

const LOG: &str = "{\"format\":\"nanobook-events\",\"version\":1}\n";
const LAST_LINE: &str = "{\"count\":";
const BEFORE_PORTFOLIO: &str = ",\"portfolio\":";

fuzz_target!(|data: &[u8]| {
    if data.starts_with(b"{\"format\"") {
        read_log(data);
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match text.parse::<Symbol>() {
        Ok(symbol) => {
            assert_eq!(symbol.as_str(), text);
            assert_eq!(Symbol::try_from(text), Ok(symbol));
        }
        Err(error) => assert_eq!(error.0, text),
    }
    if let Ok(event) = saved::read(data.len(), || Event::from_json(text)) {
        let written = event.to_json();
        let again = Event::from_json(&written).expect("what was just written is an event");
        // A float that is no number has no JSON, so none was read.
        assert_eq!(again, event);
        assert_eq!(again.to_json(), written);
        let _ = Exchange::new().apply(&event);
    }
    if let Ok(portfolio) = saved::read(data.len(), || Portfolio::from_json(text)) {
        assert_eq!(portfolio.to_json(), text.strip_suffix('\n').unwrap_or(text));
        portfolio.check_invariants().expect("a portfolio is whole");
        go_on(portfolio);
    }
});

fn read_log(data: &[u8]) {
    let loaded = match load_log(data) {
        Ok(loaded) => loaded,
        Err(PersistenceError::Malformed { line, .. }) => {
            let lines = data.split(|byte| *byte == b'\n').count() as u64;
            assert!(line.is_none_or(|line| (1..=lines).contains(&line)));
            return;
        }
        Err(error) => panic!("{error}"),
    };
    loaded.check_invariants().expect("an exchange is whole");
    assert!(loaded.events().is_complete());
    let replayed = Exchange::replay(loaded.events()).expect("its events were accepted before");
    assert!(
        replayed == loaded,
        "a log that was read and its replay are the same"
    );
    let lines: Vec<String> = loaded
        .events()
        .iter()
        .map(|event| event.to_json())
        .collect();
    let again = load_log(seal_log(&lines).as_bytes());
    assert!(again.expect("it was just written") == loaded);
}

/// Loads a log from a file, which is what there is a reader for. The file is a new one each time:
/// to cut an old one, some file systems wait for the disk.
fn load_log(data: &[u8]) -> Result<Exchange, PersistenceError> {
    let name = format!("nanobook-fuzz-{}.jsonl", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, data).expect("the temporary directory takes a file");
    let loaded = saved::read(data.len(), || Exchange::load(&path));
    std::fs::remove_file(&path).expect("it was just written");
    loaded
}

/// A read portfolio is one like any other.
fn go_on(mut portfolio: Portfolio) {
    let _ = portfolio.snapshot(&[]);
    let held: Vec<Symbol> = portfolio
        .positions()
        .map(|position| position.symbol)
        .collect();
    if let Some(symbol) = held.first() {
        let _ = portfolio.rebalance_simple(&[(*symbol, 0.5)], &[]);
    }
    let _ = portfolio.rebalance_simple(&[], &[]);
    let _ = portfolio.record_return(&[]);
    portfolio.check_invariants().expect("a portfolio is whole");
    let text = portfolio.to_json();
    assert!(Portfolio::from_json(&text).expect("it was just written") == portfolio);
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random::new(seed.into());
    let text = String::from_utf8_lossy(&data[..size]).into_owned();
    let mutated = match random.below(64) {
        0 => fresh(&mut random),
        1 | 2 => return fuzzer_mutate(data, size, max_size),
        _ => {
            let sealed = if let Some(lines) = text.strip_prefix(LOG) {
                Some(mutate_log(lines, &mut random))
            } else {
                let state = text.split_once(BEFORE_PORTFOLIO);
                state.map(|(_, state)| {
                    seal_portfolio(&change(
                        state.strip_suffix('}').unwrap_or(state),
                        &mut random,
                    ))
                })
            };
            match sealed {
                Some(sealed) => sealed,
                None if text.starts_with('{') => change(&text, &mut random),
                None => fresh(&mut random),
            }
        }
    };
    if mutated.len() > max_size {
        return size.min(max_size);
    }
    data[..mutated.len()].copy_from_slice(mutated.as_bytes());
    mutated.len()
});

fn fresh(random: &mut Random) -> String {
    match random.below(3) {
        0 => {
            let events = saved::logged_exchange(random).events().to_vec();
            let event = events.get(random.index(events.len().max(1)));
            event.map_or_else(|| "A".to_owned(), Event::to_json)
        }
        1 => saved::result(random).portfolio.to_json(),
        _ => {
            let events = saved::logged_exchange(random).events().to_vec();
            seal_log(&events.iter().map(Event::to_json).collect::<Vec<_>>())
        }
    }
}

/// Changes a line, or loses, doubles or moves one.
fn mutate_log(lines: &str, random: &mut Random) -> String {
    let lines = lines.lines().filter(|line| !line.starts_with(LAST_LINE));
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    if lines.is_empty() {
        return fresh(random);
    }
    let place = random.index(lines.len());
    match random.below(8) {
        0 => {
            lines.remove(place);
        }
        1 => lines.push(lines[place].clone()),
        2 => {
            let other = random.index(lines.len());
            lines.swap(place, other);
        }
        _ => lines[place] = change(&lines[place], random),
    }
    seal_log(&lines)
}

/// Writes another number over one, or changes bytes as libFuzzer does.
fn change(text: &str, random: &mut Random) -> String {
    const NUMBERS: [&str; 20] = [
        "0",
        "1",
        "-1",
        "2",
        "10",
        "0.5",
        "1e3",
        "1e400",
        "1e-400",
        "-0.0",
        "4294967295",
        "4294967296",
        "9223372036854775806",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "null",
    ];
    let digit = |c: char| c.is_ascii_digit() || c == '-';
    let starts: Vec<usize> = text
        .match_indices(digit)
        .map(|(place, _)| place)
        .filter(|place| !text[..*place].ends_with(digit))
        .collect();
    if random.below(3) > 0 && !starts.is_empty() {
        let start = starts[random.index(starts.len())];
        let rest = &text[start..];
        let len = rest.find(|c| !digit(c)).unwrap_or(rest.len());
        let old = rest[..len].parse::<i128>().unwrap_or(0);
        let new = match random.below(4) {
            0 => (old + 1).to_string(),
            1 => (old - 1).to_string(),
            2 => (old + i128::from(random.below(64)) - 32).to_string(),
            _ => NUMBERS[random.index(NUMBERS.len())].to_owned(),
        };
        return [&text[..start], &new, &rest[len..]].concat();
    }
    let mut bytes = text.as_bytes().to_vec();
    let (size, room) = (bytes.len(), bytes.len() + 32);
    bytes.resize(room, 0);
    let size = fuzzer_mutate(&mut bytes, size, room);
    bytes.truncate(size);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn seal_log(lines: &[String]) -> String {
    let mut text = LOG.to_owned();
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    let checksum = Digest(xxh3_64(text.as_bytes()));
    let count = text.matches('\n').count() - 1;
    text + &format!("{LAST_LINE}{count},\"checksum\":\"{checksum}\"}}\n")
}

fn seal_portfolio(state: &str) -> String {
    let checksum = Digest(xxh3_64(state.as_bytes()));
    format!(
        "{{\"format\":\"nanobook-portfolio\",\"version\":1,\"checksum\":\"{checksum}\"\
         {BEFORE_PORTFOLIO}{state}}}"
    )
}
