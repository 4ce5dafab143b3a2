//! What orders cost in memory, counted by the allocator.
//!
//! Bytes are those asked of the allocator and not given back. An exchange made
//! `with_capacity(n)` has room for n orders, so that what `n` orders cost is not blurred by how
//! far its vectors happened to have doubled.
#![expect(unsafe_code, reason = "counting allocations takes an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use nanobook::{Exchange, OrderId, Price, Side, TimeInForce, TrailMethod};

thread_local! {
    /// Bytes that this thread holds, and the most it has held. Tests run in threads of their own.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: isize) {
    // A thread that is ending has no counters any more.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).expect("a layout is at most isize::MAX")
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(signed(size) - signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn held() -> isize {
    HELD.with(Cell::get)
}

/// Runs `make` and returns what it made and what that holds.
fn bytes_of<T>(make: impl FnOnce() -> T) -> (T, isize) {
    let before = held();
    let made = make();
    let bytes = held() - before;
    (made, bytes)
}

/// Order `k` of a book with 100 prices a side; none crosses.
fn submit_resting(exchange: &mut Exchange, k: i64) -> OrderId {
    let distance = k / 2 % 100;
    let (side, price) = if k % 2 == 0 {
        (Side::Buy, 10_000 - distance)
    } else {
        (Side::Sell, 20_000 + distance)
    };
    let result = exchange.submit_limit(side, Price(price), 100, TimeInForce::GTC);
    result.order_id
}

const ORDERS: i64 = 1_000_000;

/// What is the same for every exchange: the memory of price changes and caches.
const FIXED: isize = 256 * 1024;

#[test]
fn a_resting_order_costs_at_most_90_bytes_with_its_event() {
    let (exchange, bytes) = bytes_of(|| {
        let mut exchange = Exchange::with_capacity(1_000_000);
        for k in 0..ORDERS {
            submit_resting(&mut exchange, k);
        }
        exchange
    });
    assert_eq!(exchange.events().len(), 1_000_000);
    println!("{bytes} bytes for 1,000,000 resting orders with their events");
    assert!(bytes <= 90 * 1_000_000 + FIXED, "{bytes} bytes");
}

/// Without a capacity, vectors are at most half empty after they grew.
#[test]
fn growth_at_most_doubles_what_orders_cost() {
    let (_exchange, bytes) = bytes_of(|| {
        let mut exchange = Exchange::new();
        for k in 0..ORDERS {
            submit_resting(&mut exchange, k);
        }
        exchange
    });
    println!("{bytes} bytes for 1,000,000 resting orders without a capacity");
    assert!(bytes <= 2 * 90 * 1_000_000 + FIXED, "{bytes} bytes");
}

/// A million ids pass: orders that rest, orders that trade, and stops. One in `every` of the
/// resting orders and of the stops stays, the others are cancelled. Returns what stayed.
fn pass_a_million(exchange: &mut Exchange, every: i64) -> Vec<OrderId> {
    let mut kept = Vec::new();
    for k in 0..ORDERS / 4 {
        let order = submit_resting(exchange, k);
        // Trades in the middle, each at a price of its own, so that levels come and go, too.
        let price = Price(10_001 + k % 9_999);
        exchange.submit_limit(Side::Sell, price, 1, TimeInForce::GTC);
        exchange.submit_limit(Side::Buy, price, 1, TimeInForce::IOC);
        let is_kept = k % every == 0;
        let stop = if is_kept || k % 2 == 0 {
            exchange.submit_stop_market(Side::Sell, Price(1), 1)
        } else {
            let method = TrailMethod::Fixed(1_000_000);
            exchange.submit_trailing_stop_market(Side::Sell, Price(1), 1, method)
        };
        if is_kept {
            kept.extend([order, stop.order_id]);
        } else {
            exchange.cancel(order);
            exchange.cancel(stop.order_id);
        }
    }
    kept
}

#[test]
fn clearing_gives_back_all_but_what_rests() {
    for every in [10_000, 100, 1] {
        let ((exchange, kept), bytes) = bytes_of(|| {
            let mut exchange = Exchange::new();
            let kept = pass_a_million(&mut exchange, every);
            exchange.clear_order_history();
            exchange.clear_trades();
            exchange.clear_events();
            (exchange, kept)
        });
        let bytes = bytes - signed(kept.capacity() * size_of::<OrderId>());
        let count = signed(kept.len());
        println!("{bytes} bytes for {count} orders and stops that stayed of a million");
        assert!(bytes <= 200 * count + FIXED, "{bytes} bytes for {count}");
        assert!(exchange.trades().is_empty() && exchange.events().is_empty());
        assert_eq!(exchange.pending_stop_count(), kept.len() / 2);
        for pair in kept.chunks(2) {
            assert_eq!(exchange.get_order(pair[0]).unwrap().remaining_quantity, 100);
            assert!(exchange.get_stop_order(pair[1]).is_some());
        }
        exchange.check_invariants().unwrap();
    }
}

/// However many orders pass, an exchange that is cleared now and then does not grow.
#[test]
fn memory_stays_flat_where_history_is_cleared() {
    let mut exchange = Exchange::new();
    let mut after_round = Vec::new();
    let before = held();
    for _ in 0..4 {
        let kept = pass_a_million(&mut exchange, 1_000);
        for id in kept {
            assert!(exchange.cancel(id).success);
        }
        exchange.clear_order_history();
        exchange.clear_trades();
        exchange.clear_events();
        after_round.push(held() - before);
    }
    println!("{after_round:?} bytes after each million orders");
    assert!(
        after_round.iter().all(|bytes| *bytes <= FIXED),
        "{after_round:?}"
    );
}

/// Without a log, what does not rest leaves nothing behind but orders and trades.
#[test]
fn an_exchange_without_a_log_keeps_no_events() {
    let of = |mut exchange: Exchange| {
        for _ in 0..1_000_000 {
            // Unknown ids: nothing but the event could be kept.
            exchange.cancel(OrderId(7));
        }
        exchange
    };
    let (_logged, with_log) = bytes_of(|| of(Exchange::new()));
    let (_unlogged, without_log) = bytes_of(|| of(Exchange::without_event_log()));
    assert!(without_log <= FIXED, "{without_log} bytes");
    assert!(with_log > 1_000_000, "{with_log} bytes");
}

/// Damaged bytes never make a reader ask for more than a small multiple of what it was given.
#[cfg(feature = "persistence")]
#[test]
fn damaged_bytes_do_not_allocate_much() {
    let mut exchange = Exchange::new();
    for k in 0..100 {
        submit_resting(&mut exchange, k);
    }
    let bytes = exchange.to_bytes();
    let limit = 64 * signed(bytes.len()) + FIXED;
    for place in 0..bytes.len() {
        for value in [0, 0x7f, 0xff] {
            let mut damaged = bytes.clone();
            damaged[place] = value;
            if damaged == bytes {
                continue;
            }
            let before = held();
            PEAK.with(|peak| peak.set(before));
            assert!(Exchange::from_bytes(&damaged).is_err());
            let peak = PEAK.with(Cell::get) - before;
            assert!(peak <= limit, "{peak} bytes for byte {place} = {value}");
        }
    }
}
