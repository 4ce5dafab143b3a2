//! Replay gives the same exchange again, and the digest says whether two are the same.

mod common;

use nanobook::{
    Event, Exchange, OrderId, Price, ReplayError, Side, TimeInForce, TrailMethod, ValidationError,
};

use common::live::{Clears, assert_same, run, step, streams};

#[test]
fn replay_gives_the_same_exchange() {
    for stream in streams(0, 300, 500) {
        let mut live = Exchange::new();
        run(&mut live, stream.commands(), Clears::Nothing);
        let events: Vec<Event> = live.events().to_vec();
        assert_same(&live, &Exchange::replay(live.events()).unwrap());
        assert_same(&live, &Exchange::replay(&events).unwrap());
        assert_same(&live, &Exchange::replay(&events[..]).unwrap());
        assert_same(&live, &live.clone());
    }
}

/// A log that begins with the exchange gives its state, whatever was cleared but the log.
#[test]
fn replay_after_clearing_history_gives_the_same_state() {
    for stream in streams(1_000, 300, 500) {
        let mut live = Exchange::new();
        run(&mut live, stream.commands(), Clears::History);
        let mut replayed = Exchange::replay(live.events()).unwrap();
        assert_eq!(replayed.state_digest(), live.state_digest());
        assert_eq!(replayed.events().to_vec(), live.events().to_vec());
        // With nothing but what rests on both sides, all is equal.
        for exchange in [&mut live, &mut replayed] {
            exchange.clear_order_history();
            exchange.clear_trades();
        }
        assert_same(&live, &replayed);
    }
}

#[test]
fn replay_names_the_event_that_is_refused() {
    let good = Event::SubmitMarket {
        side: Side::Buy,
        quantity: 1,
    };
    let bad = Event::SubmitMarket {
        side: Side::Buy,
        quantity: 0,
    };
    assert_eq!(
        Exchange::replay([good, good, bad, good]),
        Err(ReplayError {
            index: 2,
            error: ValidationError::ZeroQuantity,
        })
    );
    assert!(Exchange::replay(&[] as &[Event]).unwrap() == Exchange::new());
}

/// All that a command did is in the digest, and what did nothing is not.
#[test]
fn the_digest_changes_when_the_state_does() {
    for stream in streams(2_000, 100, 300) {
        let mut exchange = Exchange::new();
        for command in stream.commands() {
            let before = exchange.state_digest();
            let is_done = step(&mut exchange, &command, Clears::All);
            let is_same = exchange.state_digest() == before;
            assert_eq!(is_same, !is_done, "{command:?}");
        }
    }
}

#[test]
fn clearing_leaves_the_digest() {
    for stream in streams(3_000, 200, 300) {
        let mut exchange = Exchange::new();
        run(&mut exchange, stream.commands(), Clears::Nothing);
        let digest = exchange.state_digest();
        exchange.clear_trades();
        assert_eq!(exchange.state_digest(), digest);
        exchange.clear_order_history();
        assert_eq!(exchange.state_digest(), digest);
        exchange.clear_events();
        assert_eq!(exchange.state_digest(), digest);
        assert_eq!(exchange.clear_order_history(), 0);
    }
}

#[test]
fn the_digest_does_not_depend_on_the_log() {
    for stream in streams(4_000, 200, 300) {
        let mut logged = Exchange::new();
        let mut unlogged = Exchange::without_event_log();
        for command in stream.commands() {
            step(&mut logged, &command, Clears::All);
            step(&mut unlogged, &command, Clears::All);
            assert_eq!(logged.state_digest(), unlogged.state_digest());
        }
        assert!(unlogged.events().is_empty());
        assert!(!unlogged.has_event_log() && logged.has_event_log());
        assert_eq!(logged.trades(), unlogged.trades());
        assert_eq!(logged.full_book(), unlogged.full_book());
        // Events are there to be seen, so equality is of them, too.
        assert!(logged != unlogged);
        let mut cleared = logged.clone();
        cleared.clear_events();
        assert_eq!(cleared == logged, logged.events().is_empty());
    }
}

/// The hash of all trades runs on, in whatever portions they are hashed.
#[test]
fn the_digest_covers_every_trade_however_many_there_are() {
    let mut exchanges = [(); 3].map(|()| Exchange::new());
    for k in 0..3_000 {
        for (exchange, every) in exchanges.iter_mut().zip([1, 700, 5_000]) {
            exchange.submit_limit(Side::Sell, Price(100 + k % 7), 1, TimeInForce::GTC);
            exchange.submit_market(Side::Buy, 1);
            if k % every == every - 1 {
                exchange.clear_trades();
            }
        }
    }
    let digests = exchanges.each_ref().map(Exchange::state_digest);
    assert_eq!(digests, [digests[0]; 3]);
    // The first trade is long past: only the hash of trades can tell that its price was another,
    // for the exchange remembers 1,024 changes.
    let mut other = Exchange::new();
    for k in 0..3_000 {
        let price = if k == 0 { 150 } else { 100 + k % 7 };
        other.submit_limit(Side::Sell, Price(price), 1, TimeInForce::GTC);
        other.submit_market(Side::Buy, 1);
    }
    assert_eq!(other.full_book(), exchanges[0].full_book());
    assert_ne!(other.state_digest(), digests[0]);
}

/// Two pasts whose prices, counters and books agree, but whose changes do not, must not pass for
/// one: a stop that trails them would move differently.
#[test]
fn digests_tell_histories_apart() {
    let trade = |exchange: &mut Exchange, price: i64| {
        exchange.submit_limit(Side::Sell, Price(price), 1, TimeInForce::GTC);
        exchange.submit_market(Side::Buy, 1);
    };
    let [mut one, mut other] = [Exchange::new(), Exchange::new()];
    for price in [100, 105, 100] {
        trade(&mut one, price);
    }
    for price in [100, 106, 100] {
        trade(&mut other, price);
    }
    assert_ne!(one.state_digest(), other.state_digest());
    for exchange in [&mut one, &mut other] {
        exchange.clear_order_history();
        exchange.clear_trades();
        exchange.clear_events();
    }
    assert_eq!(one.full_book(), other.full_book());
    assert_ne!(one.state_digest(), other.state_digest());
    assert!(one != other);
}

/// States that differ in one thing are not equal and have digests of their own.
#[test]
fn orders_and_stops_are_told_apart() {
    let limit = |side, price, quantity| Event::SubmitLimit {
        side,
        price: Price(price),
        quantity,
        time_in_force: TimeInForce::GTC,
    };
    let reduce = |quantity| Event::Reduce {
        order_id: OrderId(1),
        quantity,
    };
    let nothing = Event::SubmitLimit {
        side: Side::Buy,
        price: Price(1),
        quantity: 1,
        time_in_force: TimeInForce::FOK,
    };
    let stop_market = |side, stop_price, quantity| Event::SubmitStopMarket {
        side,
        stop_price: Price(stop_price),
        quantity,
    };
    let stop_limit = |limit_price, time_in_force| Event::SubmitStopLimit {
        side: Side::Buy,
        stop_price: Price(110),
        limit_price: Price(limit_price),
        quantity: 5,
        time_in_force,
    };
    let trailing = |trail_method| Event::SubmitTrailingStopMarket {
        side: Side::Buy,
        initial_stop_price: Price(110),
        quantity: 5,
        trail_method,
    };
    let atr = |multiplier, period| trailing(TrailMethod::Atr { multiplier, period });
    let pasts: &[&[Event]] = &[
        &[],
        &[nothing],
        &[nothing, nothing],
        // Side, price, quantity, what was submitted and what is left, place in time.
        &[limit(Side::Buy, 100, 5)],
        &[limit(Side::Sell, 100, 5)],
        &[limit(Side::Buy, 101, 5)],
        &[limit(Side::Buy, 100, 4)],
        &[limit(Side::Buy, 100, 5), reduce(1)],
        &[limit(Side::Buy, 100, 5), reduce(2)],
        &[nothing, limit(Side::Buy, 100, 5)],
        &[limit(Side::Buy, 100, 5), nothing],
        &[limit(Side::Buy, 100, 5), limit(Side::Buy, 100, 4)],
        &[limit(Side::Buy, 100, 4), limit(Side::Buy, 100, 5)],
        &[limit(Side::Buy, 100, 5), limit(Side::Buy, 99, 4)],
        // Side, stop price, quantity, limit, TIF, place in time.
        &[stop_market(Side::Buy, 110, 5)],
        &[stop_market(Side::Sell, 110, 5)],
        &[stop_market(Side::Buy, 111, 5)],
        &[stop_market(Side::Buy, 110, 6)],
        &[nothing, stop_market(Side::Buy, 110, 5)],
        &[stop_market(Side::Buy, 110, 5), nothing],
        &[stop_limit(120, TimeInForce::GTC)],
        &[stop_limit(121, TimeInForce::GTC)],
        &[stop_limit(120, TimeInForce::IOC)],
        &[stop_limit(120, TimeInForce::FOK)],
        // How it trails.
        &[trailing(TrailMethod::Fixed(3))],
        &[trailing(TrailMethod::Fixed(4))],
        &[trailing(TrailMethod::Percentage(0.25))],
        &[trailing(TrailMethod::Percentage(0.5))],
        &[atr(0.25, 3)],
        &[atr(0.5, 3)],
        &[atr(0.25, 4)],
    ];
    // Without a log, which would tell them apart by itself.
    let exchanges: Vec<Exchange> = pasts
        .iter()
        .map(|past| {
            let mut exchange = Exchange::without_event_log();
            for event in *past {
                exchange.apply(event).unwrap();
            }
            exchange
        })
        .collect();
    for (one, past) in exchanges.iter().zip(pasts) {
        for (other, other_past) in exchanges.iter().zip(pasts) {
            let is_same = std::ptr::eq(one, other);
            let told = format!("{past:?}\n{other_past:?}");
            assert_eq!(
                one.state_digest() == other.state_digest(),
                is_same,
                "{told}"
            );
            assert_eq!(one == other, is_same, "{told}");
        }
    }
}
