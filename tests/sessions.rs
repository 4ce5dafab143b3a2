//! Sessions as long and as large as real ones, held against what plainly must come out.
//!
//! No test asserts a time. Memory is counted by the allocator.

mod common;

use allocation_counter::measure;
use nanobook::{
    Event, Exchange, MultiExchange, OrderId, Price, Side, StopStatus, Symbol, TimeInForce,
};

use common::Random;

fn limit(side: Side, price: i64, quantity: u64) -> Event {
    Event::SubmitLimit {
        side,
        price: Price(price),
        quantity,
        time_in_force: TimeInForce::GTC,
    }
}

fn submit(exchange: &mut Exchange, side: Side, price: i64, quantity: u64) -> OrderId {
    let result = exchange.submit_limit(side, Price(price), quantity, TimeInForce::GTC);
    result.order_id
}

fn index(random: &mut Random, len: usize) -> usize {
    usize::try_from(random.below(len as u64)).expect("it is below a length")
}

fn clear(exchange: &mut Exchange) {
    exchange.clear_order_history();
    exchange.clear_trades();
    exchange.clear_events();
}

/// Ten million orders come and go over a thousand that stay, and history is cleared now and then.
#[test]
fn a_book_that_lives_long_holds_what_it_held_when_young() {
    const STAY: u64 = 1_000;
    const CLEAR_EVERY: i64 = 100_000;
    let mut exchange = Exchange::new();
    let mut held_after = Vec::new();
    let mut held = 0;
    for million in 0..10_u64 {
        let info = measure(|| {
            if million == 0 {
                for distance in 0..i64::try_from(STAY).unwrap() {
                    submit(&mut exchange, Side::Buy, 10_000 - distance, 10);
                }
            }
            for pair in 0..1_000_000 {
                let id = submit(&mut exchange, Side::Sell, 10_001 + pair % 1_009, 10);
                assert!(exchange.cancel(id).success);
                if pair % CLEAR_EVERY == CLEAR_EVERY - 1 {
                    clear(&mut exchange);
                }
            }
        });
        held += info.bytes_current;
        held_after.push(held);
        let peak = i64::try_from(info.bytes_max).unwrap();
        // Between two clears: an order and two events, with room to grow.
        assert!(peak < CLEAR_EVERY * (48 + 2 * 32) * 4, "{peak} bytes");
    }
    println!("{held_after:?} bytes after each million");
    assert!(held_after[0] < 200_000 && held_after.iter().all(|held| *held <= held_after[0]));
    assert_eq!(exchange.check_invariants(), Ok(()));
    assert_eq!(exchange.orders().count() as u64, STAY);
    assert!(exchange.trades().is_empty() && exchange.events().is_empty());
    assert_eq!(exchange.depth(1).bids[0].price, Price(10_000));
    let next = submit(&mut exchange, Side::Sell, 20_000, 1);
    assert_eq!(next, OrderId(STAY + 10_000_000 + 1));
}

/// What happens to one symbol is what would happen to it alone.
#[test]
fn five_thousand_symbols_are_five_thousand_exchanges() {
    let symbols: Vec<Symbol> = (0..5_000)
        .map(|number| Symbol::try_new(&format!("S{number:04}")).unwrap())
        .collect();
    let mut alone = vec![Exchange::new(); symbols.len()];
    let mut multi = MultiExchange::new();
    let mut random = Random::new(11);
    for _ in 0..300_000 {
        let place = index(&mut random, symbols.len());
        let side = if random.below(2) == 0 {
            Side::Buy
        } else {
            Side::Sell
        };
        let price = 95 + i64::try_from(random.below(11)).unwrap();
        let quantity = 1 + random.below(9);
        let order_id = OrderId(1 + random.below(60));
        let event = match random.below(10) {
            0..5 => limit(side, price, quantity),
            5 => Event::SubmitMarket { side, quantity },
            6 => Event::SubmitStopMarket {
                side,
                stop_price: Price(price),
                quantity,
            },
            7 => Event::Modify {
                order_id,
                new_price: Price(price),
                new_quantity: quantity,
            },
            _ => Event::Cancel { order_id },
        };
        let outcome = multi.get_or_create(symbols[place]).apply(&event);
        assert_eq!(outcome, alone[place].apply(&event));
    }
    assert_eq!(multi.len(), symbols.len());
    let mut trades = 0;
    for (symbol, alone) in symbols.iter().zip(&alone) {
        let exchange = multi.exchange(*symbol).unwrap();
        assert_eq!(exchange.state_digest(), alone.state_digest(), "{symbol}");
        assert_eq!(exchange.check_invariants(), Ok(()));
        trades += exchange.trades().len();
    }
    assert!(trades > 50_000, "{trades} trades");
}

/// Each tick up takes an ask and leaves a bid behind; each tick down takes that bid and leaves an
/// ask. So the trades are every price up and every price down, and a side is full at each end.
#[test]
fn a_price_that_walks_leaves_every_level_behind_and_meets_it_again() {
    const TICKS: i64 = 100_000;
    let mut exchange = Exchange::new();
    for price in 1..=TICKS {
        submit(&mut exchange, Side::Sell, price + 1, 1);
        let taken = exchange.submit_market(Side::Buy, 1);
        assert_eq!(taken.trades[0].price, Price(price + 1));
        submit(&mut exchange, Side::Buy, price, 1);
        assert_eq!(exchange.best_bid_ask(), (Some(Price(price)), None));
    }
    let top = exchange.full_book();
    let prices = top.bids.iter().map(|level| level.price.0);
    assert!(prices.eq((1..=TICKS).rev()) && top.asks.is_empty());
    assert_eq!(exchange.check_invariants(), Ok(()));
    for price in (1..=TICKS).rev() {
        let taken = exchange.submit_market(Side::Sell, 1);
        assert_eq!(taken.trades[0].price, Price(price));
        submit(&mut exchange, Side::Sell, price + 1, 1);
        let bid = (price > 1).then_some(Price(price - 1));
        assert_eq!(exchange.best_bid_ask(), (bid, Some(Price(price + 1))));
    }
    let bottom = exchange.full_book();
    let prices = bottom.asks.iter().map(|level| level.price.0);
    assert!(prices.eq(2..=TICKS + 1) && bottom.bids.is_empty());
    let walk = (2..=TICKS + 1).chain((1..=TICKS).rev());
    assert!(exchange.trades().iter().map(|trade| trade.price.0).eq(walk));
    assert_eq!(exchange.check_invariants(), Ok(()));
}

/// A trade reaches half of a million stops, and a later one the rest. Each time those reached
/// trade in the order in which they were submitted, whatever their prices.
#[test]
fn of_a_million_stops_a_trade_triggers_those_it_reaches_in_the_order_of_their_ids() {
    const STOPS: u64 = 1_000_000;
    let stop_price = |id: u64| 10_000 + i64::try_from(id * 7_919 % 1_000).unwrap();
    let mut exchange = Exchange::without_event_log();
    for id in 1..=STOPS {
        let stop = exchange.submit_stop_market(Side::Buy, Price(stop_price(id)), 1);
        assert_eq!(stop.order_id, OrderId(id));
    }
    let mut pending = STOPS;
    for (low, high) in [(10_000, 10_499), (10_500, 10_999)] {
        let reached: Vec<u64> = (1..=STOPS)
            .filter(|id| (low..=high).contains(&stop_price(*id)))
            .collect();
        assert_eq!(reached.len() as u64, STOPS / 2);
        // One for the trade, one for each stop; all at one price, so that no other is reached.
        submit(&mut exchange, Side::Sell, high, 1 + STOPS / 2);
        exchange.clear_trades();
        exchange.submit_market(Side::Buy, 1);
        pending -= STOPS / 2;
        assert_eq!(exchange.pending_stop_count() as u64, pending);
        assert_eq!(exchange.best_ask(), None);
        let aggressors = exchange.trades()[1..]
            .iter()
            .map(|trade| trade.aggressor_order_id);
        let orders = reached.iter().map(|id| {
            let stop = exchange.get_stop_order(OrderId(*id)).unwrap();
            assert_eq!(stop.status, StopStatus::Triggered);
            stop.triggered_order_id.unwrap()
        });
        assert!(aggressors.eq(orders));
    }
    assert_eq!(exchange.check_invariants(), Ok(()));
}

/// Of a million orders at one price half are cancelled in random order; one order takes the rest.
#[test]
fn what_is_left_of_a_million_orders_at_a_price_trades_in_the_order_of_arrival() {
    const ORDERS: u64 = 1_000_000;
    let mut exchange = Exchange::without_event_log();
    let mut ids: Vec<OrderId> = (0..ORDERS)
        .map(|_| submit(&mut exchange, Side::Buy, 100, 1))
        .collect();
    let mut random = Random::new(5);
    for place in (1..ids.len()).rev() {
        ids.swap(place, index(&mut random, place + 1));
    }
    let (cancelled, left) = ids.split_at_mut(500_000);
    for id in &*cancelled {
        assert!(exchange.cancel(*id).success);
    }
    left.sort_unstable();
    assert_eq!(exchange.check_invariants(), Ok(()));
    let level = &exchange.depth(1).bids[0];
    assert_eq!(
        (level.quantity, level.order_count),
        (ORDERS / 2, left.len())
    );
    let swept = exchange.submit_market(Side::Sell, ORDERS);
    assert_eq!(swept.filled_quantity, ORDERS / 2);
    let passive = swept.trades.iter().map(|trade| trade.passive_order_id);
    assert!(passive.eq(left.iter().copied()));
    assert_eq!(exchange.best_bid_ask(), (None, None));
    assert_eq!(exchange.check_invariants(), Ok(()));
}
