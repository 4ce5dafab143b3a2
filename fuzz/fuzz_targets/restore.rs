//! Bytes of saved states: exchanges, several of them, price series, schedules and results.
//!
//! What is read must be a state that holds its invariants, saves to bytes that give it again, and
//! goes on. The mutator keeps magic, length and checksum right, or every input would end there.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;
mod saved;

use std::fmt::Debug;
use std::ops::Range;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use nanobook::{
    BacktestConfig, BacktestResult, EqualWeight, Exchange, MultiExchange, OrderId,
    PersistenceError, PriceSeries, Trade, WeightSchedule, run_backtest,
};

use common::live::is_done;
use common::{Action, Ids, Profile, Random, Stream, reseal};

/// Magic and version.
const HEAD: usize = 12;
/// With the length.
const HEADER: usize = HEAD + 8;
const CHECKSUM: usize = 8;

fuzz_target!(|data: &[u8]| {
    if let Some(exchange) = load(data, Exchange::from_bytes, Exchange::to_bytes) {
        check_exchange(exchange);
    }
    if let Some(multi) = load(data, MultiExchange::from_bytes, MultiExchange::to_bytes) {
        multi.check_invariants().expect("a restored state is whole");
        multi.best_prices();
        for (_, exchange) in multi.iter() {
            check_exchange(exchange.clone());
        }
    }
    if let Some(series) = load(data, PriceSeries::from_bytes, PriceSeries::to_bytes) {
        check_series(&series);
    }
    if let Some(schedule) = load(data, WeightSchedule::from_bytes, WeightSchedule::to_bytes) {
        check_schedule(schedule);
    }
    if let Some(result) = load(data, BacktestResult::from_bytes, BacktestResult::to_bytes) {
        check_result(&result);
    }
});

/// Reads a state, and checks that what it is saved as gives it again.
fn load<T: PartialEq + Debug>(
    data: &[u8],
    from_bytes: fn(&[u8]) -> Result<T, PersistenceError>,
    to_bytes: fn(&T) -> Vec<u8>,
) -> Option<T> {
    let state = saved::read(data.len(), || from_bytes(data)).ok()?;
    let bytes = to_bytes(&state);
    let again = from_bytes(&bytes).expect("what was just saved is whole");
    assert!(again == state, "{state:?} is saved as {again:?}");
    assert!(to_bytes(&again) == bytes, "equal states have equal bytes");
    Some(state)
}

/// Asks everything there is to ask, and goes on with commands of every kind.
fn check_exchange(mut exchange: Exchange) {
    let restored = Exchange::from_bytes(&exchange.to_bytes()).expect("it was just saved");
    assert_eq!(restored.state_digest(), exchange.state_digest());
    look_at(&exchange);
    for profile in Profile::ALL {
        let stream = Stream::of_profile(&mut Random::new(1), profile, 12);
        for command in stream.commands() {
            match command.resolve(&ids(&exchange)) {
                Action::Apply(event) => {
                    is_done(&mut exchange, &event);
                }
                Action::ClearOrderHistory => {
                    exchange.clear_order_history();
                }
                Action::ClearTrades => exchange.clear_trades(),
                Action::ClearEvents => exchange.clear_events(),
            }
        }
        look_at(&exchange);
    }
}

fn look_at(exchange: &Exchange) {
    exchange.check_invariants().expect("an exchange is whole");
    let ids: Vec<OrderId> = exchange.orders().map(|order| order.id).collect();
    for id in ids {
        let order = exchange.get_order(id).expect("it is listed");
        let (filled, cancelled) = (order.filled_quantity, order.cancelled_quantity);
        assert_eq!(
            u128::from(order.original_quantity),
            u128::from(order.remaining_quantity) + u128::from(filled) + u128::from(cancelled)
        );
        let rests = order.remaining_quantity > 0;
        assert_eq!(exchange.queue_position(id).is_some(), rests);
    }
    let book = exchange.full_book();
    let best = (book.best_bid(), book.best_ask());
    assert_eq!(best, exchange.best_bid_ask());
    book.mid_price();
    book.weighted_mid();
    book.imbalance();
    Trade::vwap(exchange.trades());
    for trade in exchange.trades() {
        trade.notional();
    }
    for event in exchange.events() {
        event.to_json();
    }
    assert_eq!(exchange.events().to_vec().len(), exchange.events().len());
}

/// The ids of orders only: the clock of a forged state is too far to look for stops below it.
fn ids(exchange: &Exchange) -> Ids {
    let orders: Vec<_> = exchange.orders().collect();
    Ids {
        last: orders.last().map_or(0, |order| order.id.0),
        resting: orders
            .iter()
            .filter(|order| order.remaining_quantity > 0)
            .map(|order| order.id)
            .collect(),
        pending: Vec::new(),
    }
}

fn check_series(series: &PriceSeries) {
    let width = series.symbols().len();
    assert_eq!(series.ticks().len(), series.len() * width);
    for (bar, prices) in series.iter().enumerate() {
        let mut by_column: Vec<_> = prices.columns().collect();
        assert!(by_column.iter().all(|(_, price)| price.is_valid()));
        let mut given: Vec<_> = prices
            .iter()
            .map(|(symbol, price)| (series.column_of(symbol).expect("it has a column"), price))
            .collect();
        given.sort_unstable();
        by_column.sort_unstable();
        assert_eq!(given, by_column, "bar {bar}");
    }
    let half = series.slice(series.len() / 2..);
    assert!(PriceSeries::from_bytes(&half.to_bytes()).expect("it was just saved") == half);
    let run = || run_backtest(EqualWeight::new(), series, &BacktestConfig::new(1 << 40));
    if let Ok(result) = run() {
        assert_eq!(result.digest(), run().expect("it ran before").digest());
        check_result(&result);
    }
}

fn check_schedule(schedule: WeightSchedule) {
    let columns = schedule.symbols().map_or(schedule.columns(), <[_]>::len);
    assert_eq!(
        schedule.weights().len().checked_rem(columns).unwrap_or(0),
        0
    );
    let series = saved::series(&mut Random::new(1));
    if let Ok(result) = run_backtest(schedule, &series, &BacktestConfig::new(1 << 40)) {
        check_result(&result);
    }
}

fn check_result(result: &BacktestResult) {
    result
        .portfolio
        .check_invariants()
        .expect("a portfolio is whole");
    let bars = result.equity_curve().len() - 1;
    let width = result.symbols.len();
    assert_eq!(result.weights.len(), bars);
    assert_eq!(result.weights.to_vec().len(), bars * width);
    assert_eq!(result.trades.iter().count(), result.trades.len());
    for trade in result.trades.iter() {
        assert!(trade.bar < bars && trade.column < width && trade.price.is_valid());
    }
    result.turnover();
    let again = BacktestResult::from_bytes(&result.to_bytes()).expect("it was just saved");
    assert!(again == *result);
    assert_eq!(again.digest(), result.digest());
    let mut portfolio = (*result.portfolio).clone();
    if portfolio.record_return(&[]).is_ok() && portfolio.rebalance_simple(&[], &[]).is_ok() {
        portfolio.check_invariants().expect("a portfolio is whole");
    }
    let _ = portfolio.snapshot(&[]);
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random::new(seed.into());
    let bytes = data[..size].to_vec();
    let is_whole = size >= HEADER + CHECKSUM && bytes.starts_with(b"nanobk");
    let mutated = if !is_whole || random.below(64) == 0 {
        fresh(&mut random)
    } else if random.below(32) == 0 {
        // Now and then what the frame says is wrong.
        return fuzzer_mutate(data, size, max_size);
    } else {
        let mut payload = bytes[HEADER..size - CHECKSUM].to_vec();
        match random.below(6) {
            0 | 1 => set_number(&mut payload, &mut random),
            2 => resize_list(&mut payload, &mut random),
            _ => {
                let size = payload.len();
                let room = max_size.saturating_sub(HEADER + CHECKSUM).max(size);
                payload.resize(room, 0);
                let size = fuzzer_mutate(&mut payload, size, room);
                payload.truncate(size);
            }
        }
        reseal(&bytes[..HEAD], &payload)
    };
    if mutated.len() > max_size {
        return size.min(max_size);
    }
    data[..mutated.len()].copy_from_slice(&mutated);
    mutated.len()
});

fn fresh(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0..3 => saved::exchange(random).to_bytes(),
        3 => saved::multi_exchange(random).to_bytes(),
        4 => saved::series(random).to_bytes(),
        5 => saved::schedule(random).to_bytes(),
        _ => saved::result(random).to_bytes(),
    }
}

/// Finds a number somewhere: most fields are integers of 1 to 10 bytes, 7 bits in each.
fn find_number(payload: &[u8], random: &mut Random) -> Option<(Range<usize>, u64)> {
    let start = random.index(payload.len().max(1));
    let rest = payload.get(start..)?;
    let last = rest.iter().take(10).position(|byte| byte & 0x80 == 0)?;
    let number = rest[..=last].iter().rev().fold(0_u64, |number, byte| {
        number.wrapping_shl(7) | u64::from(byte & 0x7f)
    });
    Some((start..start + last + 1, number))
}

/// Writes another number over one.
fn set_number(payload: &mut Vec<u8>, random: &mut Random) {
    const NUMBERS: [u64; 12] = [
        0,
        1,
        2,
        3,
        127,
        1 << 32,
        (1 << 32) - 1,
        (1 << 63) - 1,
        1 << 63,
        u64::MAX / 2 - 1,
        u64::MAX - 1,
        u64::MAX,
    ];
    let Some((place, old)) = find_number(payload, random) else {
        return;
    };
    let new = match random.below(4) {
        0 => old.wrapping_add(1),
        1 => old.wrapping_sub(1),
        2 => old.wrapping_add(random.below(64)).wrapping_sub(32),
        _ => NUMBERS[random.index(NUMBERS.len())],
    };
    payload.splice(place, varint(new));
}

/// Takes a number for the length of a list, and loses or doubles the first item behind it.
fn resize_list(payload: &mut Vec<u8>, random: &mut Random) {
    let Some((place, length)) = find_number(payload, random) else {
        return;
    };
    let rest = &payload[place.end..];
    // A small integer, a float, or a record.
    let size = match random.below(4) {
        0 | 1 => 1,
        2 => 8,
        _ => random.index(24),
    };
    let item = rest[..size.min(rest.len())].to_vec();
    let (length, items) = match random.below(2) {
        0 if length > 0 => (length - 1, Vec::new()),
        _ => (length.wrapping_add(1), [&item[..], &item].concat()),
    };
    let items = [varint(length), items].concat();
    payload.splice(place.start..place.end + item.len(), items);
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
    bytes
}
