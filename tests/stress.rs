//! Sequences that break other engines, and the same at sizes where a quadratic step or a
//! recursive one would not come back. No test asserts a time: one that hangs or overflows its
//! stack fails by itself.

mod common;

use nanobook::{
    CancelError, CancelResult, Exchange, OrderId, OrderStatus, Price, QueuePosition, Side,
    StopStatus, SubmitResult, TimeInForce, TrailMethod,
};

use common::Random;

const STOPS: u64 = 100_000;

fn buy(exchange: &mut Exchange, quantity: u64, price: i64) -> SubmitResult {
    exchange.submit_limit(Side::Buy, Price(price), quantity, TimeInForce::GTC)
}

fn sell(exchange: &mut Exchange, quantity: u64, price: i64) -> SubmitResult {
    exchange.submit_limit(Side::Sell, Price(price), quantity, TimeInForce::GTC)
}

/// Bids of 1 at every price from `low` to `high`.
fn bids_of_one(exchange: &mut Exchange, low: i64, high: i64) {
    for price in low..=high {
        buy(exchange, 1, price);
    }
}

fn assert_all_triggered(exchange: &Exchange, ids: &[OrderId]) {
    assert_eq!(exchange.pending_stop_count(), 0);
    for id in ids {
        let stop = exchange.get_stop_order(*id).expect("the stop is known");
        assert_eq!(stop.status, StopStatus::Triggered, "{stop:?}");
        let order = stop
            .triggered_order_id
            .and_then(|id| exchange.get_order(id));
        let order = order.expect("a triggered stop names its order");
        assert_eq!(order.status, OrderStatus::Filled, "{order:?}");
    }
    assert_eq!(exchange.check_invariants(), Ok(()));
}

/// A package that is in use never returns from the last order here.
#[test]
fn a_sell_skips_the_cancelled_bid() {
    let mut exchange = Exchange::new();
    buy(&mut exchange, 100, 1);
    buy(&mut exchange, 100, 1);
    let first = sell(&mut exchange, 100, 1);
    assert_eq!(first.filled_quantity, 100);
    assert_eq!(first.trades[0].passive_order_id, OrderId(1));
    assert!(exchange.cancel(OrderId(2)).success);
    let second = sell(&mut exchange, 100, 1);
    assert_eq!((second.filled_quantity, second.resting_quantity), (0, 100));
    assert_eq!(exchange.best_bid_ask(), (None, Some(Price(1))));
    exchange.check_invariants().unwrap();
}

#[test]
fn the_third_bid_outlives_the_two_before_it() {
    let mut exchange = Exchange::new();
    for _ in 0..3 {
        buy(&mut exchange, 5, 100);
    }
    sell(&mut exchange, 5, 100);
    assert_eq!(exchange.cancel(OrderId(2)).cancelled_quantity, 5);
    assert_eq!(
        exchange.full_book().bids[0].orders,
        Some(vec![(OrderId(3), 5)])
    );
    let taken = sell(&mut exchange, 5, 100);
    assert_eq!(taken.trades[0].passive_order_id, OrderId(3));
    exchange.check_invariants().unwrap();
}

#[test]
fn an_ioc_that_filled_in_part_cannot_be_cancelled_afterwards() {
    let mut exchange = Exchange::new();
    sell(&mut exchange, 3, 100);
    let ioc = exchange.submit_limit(Side::Buy, Price(100), 5, TimeInForce::IOC);
    assert_eq!((ioc.filled_quantity, ioc.cancelled_quantity), (3, 2));
    assert_eq!(ioc.status, OrderStatus::Cancelled);
    let failed = CancelResult {
        success: false,
        cancelled_quantity: 0,
        error: Some(CancelError::OrderNotActive),
    };
    assert_eq!(exchange.cancel(ioc.order_id), failed);
    assert_eq!(exchange.get_order(ioc.order_id).unwrap().filled_quantity, 3);
    exchange.check_invariants().unwrap();
}

#[test]
fn a_modify_that_trades_triggers_a_stop() {
    let mut exchange = Exchange::new();
    let bid = buy(&mut exchange, 1, 99).order_id;
    sell(&mut exchange, 1, 101);
    sell(&mut exchange, 1, 102);
    let stop = exchange
        .submit_stop_market(Side::Buy, Price(101), 1)
        .order_id;
    let modified = exchange.modify(bid, Price(101), 1);
    // The result shows the modify's own trade only.
    assert_eq!(modified.trades.len(), 1);
    assert_eq!(exchange.trades().len(), 2);
    assert_eq!(exchange.last_trade_price(), Some(Price(102)));
    assert_all_triggered(&exchange, &[stop]);
}

#[test]
fn fok_needs_all_of_it_over_the_levels_it_may_reach() {
    let mut exchange = Exchange::new();
    for (quantity, price) in [(3, 101), (4, 102), (5, 103)] {
        sell(&mut exchange, quantity, price);
    }
    let before = exchange.full_book().asks;
    let missed = exchange.submit_limit(Side::Buy, Price(102), 8, TimeInForce::FOK);
    assert_eq!(missed.status, OrderStatus::Cancelled);
    assert_eq!((missed.filled_quantity, missed.cancelled_quantity), (0, 8));
    assert_eq!(exchange.full_book().asks, before);
    let fits = exchange.submit_limit(Side::Buy, Price(102), 7, TimeInForce::FOK);
    assert_eq!(
        (fits.status, fits.filled_quantity),
        (OrderStatus::Filled, 7)
    );
    assert_eq!(exchange.best_ask(), Some(Price(103)));
    exchange.check_invariants().unwrap();
}

/// Each stop's sale trades one tick lower and triggers the next: 100,000 waves of one stop.
#[test]
fn stops_set_each_other_off() {
    let mut exchange = Exchange::new();
    let top = 1 + i64::try_from(STOPS).unwrap();
    bids_of_one(&mut exchange, 1, top);
    let stops: Vec<OrderId> = (2..=top)
        .map(|price| {
            exchange
                .submit_stop_market(Side::Sell, Price(price), 1)
                .order_id
        })
        .collect();
    let first = exchange.submit_market(Side::Sell, 1);
    assert_eq!(first.trades.len(), 1);
    assert_eq!(exchange.trades().len() as u64, STOPS + 1);
    assert_eq!(exchange.last_trade_price(), Some(Price(1)));
    assert_eq!(exchange.best_bid(), None);
    assert_all_triggered(&exchange, &stops);
}

/// One trade reaches them all: one wave, in the order of the stops' timestamps.
#[test]
fn stops_fire_together_in_turn() {
    let mut exchange = Exchange::new();
    buy(&mut exchange, 1 + STOPS, 100);
    let mut prices: Vec<i64> = (0..STOPS)
        .map(|k| 100 + i64::try_from(k).unwrap())
        .collect();
    Random::new(1).shuffle(&mut prices);
    let stops: Vec<OrderId> = prices
        .iter()
        .map(|price| {
            exchange
                .submit_stop_market(Side::Sell, Price(*price), 1)
                .order_id
        })
        .collect();
    exchange.submit_market(Side::Sell, 1);
    assert_all_triggered(&exchange, &stops);
    let became = stops
        .iter()
        .map(|id| exchange.get_stop_order(*id).unwrap().triggered_order_id);
    assert!(became.is_sorted());
}

/// Limit stops that rest again, at a price where each triggers the next.
#[test]
fn limit_stops_set_each_other_off() {
    let mut exchange = Exchange::new();
    let top = 1 + i64::try_from(STOPS).unwrap();
    bids_of_one(&mut exchange, 1, top);
    let stops: Vec<OrderId> = (2..=top)
        .map(|price| {
            let (stop, limit) = (Price(price), Price(price - 1));
            let result = exchange.submit_stop_limit(Side::Sell, stop, limit, 2, TimeInForce::GTC);
            result.order_id
        })
        .collect();
    exchange.submit_market(Side::Sell, 1);
    // Each sells 1 to the bid at its limit and leaves 1 there.
    assert_eq!(exchange.trades().len() as u64, STOPS + 1);
    assert_eq!(exchange.pending_stop_count(), 0);
    assert_eq!(exchange.full_book().asks.len() as u64, STOPS);
    for (stop, price) in stops.iter().zip(1..) {
        let order = exchange
            .get_stop_order(*stop)
            .unwrap()
            .triggered_order_id
            .unwrap();
        let order = exchange.get_order(order).unwrap();
        assert_eq!(order.status, OrderStatus::PartiallyFilled);
        assert_eq!((order.price, order.remaining_quantity), (Price(price), 1));
    }
    exchange.check_invariants().unwrap();
}

/// The k-th trailing stop trails the first trade by k, so that each sale, one tick lower than
/// the one before, triggers the next stop; all the others see every trade.
#[test]
fn fixed_trailing_stops_set_each_other_off() {
    let mut exchange = Exchange::new();
    let top = 2 + i64::try_from(STOPS).unwrap();
    bids_of_one(&mut exchange, 1, top);
    let offsets = 1..=i64::try_from(STOPS).unwrap();
    let stops: Vec<OrderId> = offsets
        .map(|offset| {
            let method = TrailMethod::Fixed(offset);
            let result = exchange.submit_trailing_stop_market(Side::Sell, Price(1), 1, method);
            result.order_id
        })
        .collect();
    exchange.submit_market(Side::Sell, 1);
    let last = exchange.get_stop_order(*stops.last().unwrap()).unwrap();
    assert_eq!(
        (last.watermark, last.stop_price),
        (Some(Price(top)), Price(2))
    );
    assert_eq!(exchange.pending_stop_count() as u64, STOPS);
    exchange.submit_market(Side::Sell, 1);
    assert_eq!(exchange.trades().len() as u64, STOPS + 2);
    assert_eq!(exchange.last_trade_price(), Some(Price(1)));
    assert_all_triggered(&exchange, &stops);
}

/// The same where the offset is the mean change: a price that falls by 1 with every trade has a
/// mean change of 1, whatever the period.
#[test]
fn atr_trailing_stops_set_each_other_off() {
    let mut exchange = Exchange::new();
    let top = 3 + i64::try_from(STOPS).unwrap();
    bids_of_one(&mut exchange, 1, top);
    // The first change: it is 1 as well.
    exchange.submit_market(Side::Sell, 2);
    let stops: Vec<OrderId> = (1..=u32::try_from(STOPS).unwrap())
        .map(|k| {
            let method = TrailMethod::Atr {
                multiplier: f64::from(k),
                period: 1 + k % TrailMethod::ATR_PERIOD_MAX,
            };
            let result = exchange.submit_trailing_stop_market(Side::Sell, Price(1), 1, method);
            result.order_id
        })
        .collect();
    exchange.submit_market(Side::Sell, 1);
    // The watermark is the third bid from the top, and the k-th stop is k below it.
    for (stop, k) in stops.iter().zip(1..) {
        let stop = exchange.get_stop_order(*stop).unwrap();
        assert_eq!(stop.watermark, Some(Price(top - 2)));
        assert_eq!(stop.stop_price, Price((top - 2 - k).max(1)));
    }
    exchange.submit_market(Side::Sell, 1);
    assert_eq!(exchange.last_trade_price(), Some(Price(1)));
    assert_eq!(exchange.best_bid(), None);
    assert_eq!(exchange.pending_stop_count(), 0);
    exchange.check_invariants().unwrap();
}

/// One change of 2,048 and then none: with a multiplier of 1,024 the offset is 2,097,152 over the
/// number of changes, so 2,050 after 1,023, 2,048 after 1,024, and nothing once it is forgotten
/// (2,046 were it not).
#[test]
fn an_atr_looks_back_over_1024_changes() {
    let trade = |exchange: &mut Exchange, price: i64| {
        sell(exchange, 1, price);
        exchange.submit_market(Side::Buy, 1);
    };
    let mut exchange = Exchange::new();
    trade(&mut exchange, 1_000);
    trade(&mut exchange, 3_048);
    let method = TrailMethod::Atr {
        multiplier: 1024.0,
        period: 1024,
    };
    let stop = exchange.submit_trailing_stop_market(Side::Sell, Price(1), 1, method);
    for changes in 2..=1_030_i64 {
        trade(&mut exchange, 3_048);
        if changes % 100 == 0 {
            exchange.clear_trades();
            exchange.clear_order_history();
        }
        let offset = match changes {
            1_023 => 2_050,
            1_024.. => 2_048,
            _ => continue,
        };
        let stop = exchange.get_stop_order(stop.order_id).unwrap();
        assert_eq!(stop.stop_price, Price(3_048 - offset), "after {changes}");
    }
    exchange.check_invariants().unwrap();
}

/// The only stop of its ATR period fires, and trades go on.
#[test]
fn atr_stops_may_all_fire() {
    let mut exchange = Exchange::new();
    let method = TrailMethod::Atr {
        multiplier: 1.0,
        period: 1,
    };
    exchange.submit_trailing_stop_market(Side::Buy, Price(1), 1, method);
    buy(&mut exchange, 1, 2);
    sell(&mut exchange, 2, 1);
    assert_eq!(exchange.pending_stop_count(), 0);
    assert_eq!(exchange.check_invariants(), Ok(()));
    // The stop bought what was left; a change of 4, then none.
    assert_eq!(exchange.last_trade_price(), Some(Price(1)));
    for price in [5, 5] {
        sell(&mut exchange, 1, price);
        exchange.submit_market(Side::Buy, 1);
        assert_eq!(exchange.check_invariants(), Ok(()));
    }
    let stop = exchange.submit_trailing_stop_market(Side::Sell, Price(1), 1, method);
    sell(&mut exchange, 1, 8);
    exchange.submit_market(Side::Buy, 1);
    let stop = exchange.get_stop_order(stop.order_id).unwrap();
    assert_eq!(
        (stop.watermark, stop.stop_price),
        (Some(Price(8)), Price(5))
    );
    assert_eq!(exchange.check_invariants(), Ok(()));
}

/// Stops of all kinds that one trade sets off together.
#[test]
fn trailing_stops_fire_together() {
    let methods = [
        TrailMethod::Fixed(10),
        TrailMethod::Percentage(0.1),
        TrailMethod::Atr {
            multiplier: 1.0,
            period: 5,
        },
    ];
    for method in methods {
        let mut exchange = Exchange::new();
        buy(&mut exchange, 2, 100);
        exchange.submit_market(Side::Sell, 1);
        let stops: Vec<OrderId> = (0..STOPS)
            .map(|_| {
                let result = exchange.submit_trailing_stop_market(Side::Sell, Price(90), 1, method);
                result.order_id
            })
            .collect();
        exchange.submit_market(Side::Sell, 1);
        buy(&mut exchange, 1 + STOPS, 90);
        exchange.submit_market(Side::Sell, 1);
        assert_eq!(exchange.trades().len() as u64, STOPS + 3);
        assert_eq!(exchange.best_bid(), None);
        assert_all_triggered(&exchange, &stops);
    }
}

/// 100,000 trailing stops that a long rally moves with every trade, and none is triggered.
#[test]
fn a_rally_moves_many_trailing_stops() {
    let mut exchange = Exchange::new();
    let stops: Vec<OrderId> = (1..=i64::try_from(STOPS).unwrap())
        .map(|offset| {
            let method = TrailMethod::Fixed(offset);
            let result = exchange.submit_trailing_stop_market(Side::Sell, Price(1), 1, method);
            result.order_id
        })
        .collect();
    for price in 200_001..=200_100 {
        sell(&mut exchange, 1, price);
        exchange.submit_market(Side::Buy, 1);
    }
    assert_eq!(exchange.pending_stop_count() as u64, STOPS);
    for (stop, offset) in stops.iter().zip(1..) {
        let stop = exchange.get_stop_order(*stop).unwrap();
        assert_eq!(stop.watermark, Some(Price(200_100)));
        assert_eq!(stop.stop_price, Price(200_100 - offset));
    }
    exchange.check_invariants().unwrap();
}

/// Stops that are submitted already through the market fire at once, one command after another.
#[test]
fn stops_through_the_market_fire_at_once() {
    let mut exchange = Exchange::new();
    buy(&mut exchange, 1 + STOPS, 100);
    exchange.submit_market(Side::Sell, 1);
    for _ in 0..STOPS {
        let stop = exchange.submit_stop_market(Side::Sell, Price(100), 1);
        assert_eq!(stop.status, StopStatus::Triggered);
    }
    assert_eq!(exchange.best_bid(), None);
    exchange.check_invariants().unwrap();
}

#[test]
fn pending_stops_are_cancelled_in_any_order() {
    let mut exchange = Exchange::new();
    let mut stops: Vec<OrderId> = (0..STOPS)
        .map(|k| {
            let price = Price(1 + i64::try_from(k % 7).unwrap());
            exchange
                .submit_stop_market(Side::Sell, price, 1 + k)
                .order_id
        })
        .collect();
    Random::new(2).shuffle(&mut stops);
    for (left, stop) in (0..stops.len()).rev().zip(&stops) {
        // The ids count from 1, as the quantities do.
        assert_eq!(exchange.cancel(*stop).cancelled_quantity, stop.0);
        assert_eq!(exchange.pending_stop_count(), left);
    }
    exchange.check_invariants().unwrap();
}

#[test]
fn a_long_queue_is_cancelled_in_any_order() {
    let mut exchange = Exchange::new();
    let count = 100_000_u64;
    for quantity in 1..=count {
        buy(&mut exchange, quantity, 100);
    }
    let mut ids: Vec<u64> = (1..=count).collect();
    Random::new(3).shuffle(&mut ids);
    let (cancelled, kept) = ids.split_at(ids.len() - 1000);
    let mut total: u64 = (1..=count).sum();
    for (done, id) in cancelled.iter().enumerate() {
        assert_eq!(exchange.cancel(OrderId(*id)).cancelled_quantity, *id);
        total -= id;
        if done % 1000 == 0 {
            let level = &exchange.depth(1).bids[0];
            assert_eq!(level.quantity, total);
            assert_eq!(level.order_count, ids.len() - 1 - done);
        }
    }
    exchange.check_invariants().unwrap();
    // Those that are left are in turn.
    let mut kept = kept.to_vec();
    kept.sort_unstable();
    let queue = kept.iter().map(|id| (OrderId(*id), *id)).collect();
    assert_eq!(exchange.full_book().bids[0].orders, Some(queue));
    assert_eq!(
        exchange.queue_position(OrderId(kept[999])),
        Some(QueuePosition {
            orders_ahead: 999,
            quantity_ahead: kept[..999].iter().sum(),
        })
    );
    let swept = exchange.submit_market(Side::Sell, u64::MAX);
    let passive: Vec<u64> = swept
        .trades
        .iter()
        .map(|trade| trade.passive_order_id.0)
        .collect();
    assert_eq!(passive, kept);
    assert_eq!(exchange.best_bid(), None);
}

/// Every order joins and leaves a book of many levels, from both ends.
#[test]
fn many_levels_come_and_go() {
    let mut exchange = Exchange::new();
    let mut prices: Vec<i64> = (1..=100_000).map(|k| k * 1_000_003).collect();
    Random::new(4).shuffle(&mut prices);
    for price in &prices {
        buy(&mut exchange, 1, *price);
    }
    assert_eq!(exchange.best_bid(), Some(Price(100_000 * 1_000_003)));
    exchange.check_invariants().unwrap();
    for (id, price) in (1..).zip(&prices).take(50_000) {
        let moved = exchange.modify(OrderId(id), Price(price + 1), 1);
        assert!(moved.success);
    }
    exchange.check_invariants().unwrap();
    let swept = exchange.submit_market(Side::Sell, 100_001);
    assert_eq!(
        (swept.filled_quantity, swept.cancelled_quantity),
        (100_000, 1)
    );
    assert!(
        swept
            .trades
            .is_sorted_by(|one, next| one.price > next.price)
    );
    assert_eq!(exchange.best_bid(), None);
    exchange.check_invariants().unwrap();
}
