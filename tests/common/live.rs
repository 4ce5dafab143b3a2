//! The real exchange alone under a command stream, and what makes two of them the same.

use nanobook::{Event, Exchange, OrderId, StopStatus};

use super::{Action, Command, Ids, Profile, Random, Reply, Stream, Through, drive};

/// What the streams are allowed to clear.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clears {
    Nothing,
    History,
    All,
}

/// Runs the commands of a stream that `clears` allows; ids are chosen from what the exchange
/// shows.
pub(crate) fn run(
    exchange: &mut Exchange,
    commands: impl Iterator<Item = Command>,
    clears: Clears,
) {
    for command in commands {
        step(exchange, &command, clears);
    }
}

/// Runs one command; the answer tells whether anything may have changed.
pub(crate) fn step(exchange: &mut Exchange, command: &Command, clears: Clears) -> bool {
    let action = command.resolve(&ids(exchange, command));
    match action {
        Action::Apply(event) => return is_done(exchange, &event),
        Action::ClearOrderHistory if clears != Clears::Nothing => {
            exchange.clear_order_history();
        }
        Action::ClearTrades if clears != Clears::Nothing => exchange.clear_trades(),
        Action::ClearEvents if clears == Clears::All => exchange.clear_events(),
        _ => {}
    }
    false
}

/// Sends an event and returns whether it did anything.
pub(crate) fn is_done(exchange: &mut Exchange, event: &Event) -> bool {
    match drive(exchange, event, Through::Try) {
        Err(_) => false,
        Ok(Reply::Submit(_) | Reply::Stop(_)) => true,
        Ok(Reply::Cancel(result)) => result.success,
        Ok(Reply::Modify(result)) => result.success,
    }
}

pub(crate) fn ids(exchange: &Exchange, command: &Command) -> Ids {
    if !command.has_target() {
        return Ids::default();
    }
    let book = exchange.full_book();
    let mut resting: Vec<OrderId> = book
        .bids
        .iter()
        .chain(&book.asks)
        .flat_map(|level| level.orders.iter().flatten().map(|(id, _)| *id))
        .collect();
    resting.sort_unstable();
    // Every order and stop took a timestamp, so none has a larger id.
    let last = last_id(exchange);
    let pending = (1..=last)
        .map(OrderId)
        .filter(|id| {
            exchange
                .get_stop_order(*id)
                .is_some_and(|stop| stop.status == StopStatus::Pending)
        })
        .collect();
    Ids {
        last,
        resting,
        pending,
    }
}

/// The last id that is still known, or more.
pub(crate) fn last_id(exchange: &Exchange) -> u64 {
    exchange.depth(0).timestamp
}

/// Equal in every way a user can ask.
pub(crate) fn assert_same(one: &Exchange, other: &Exchange) {
    assert_eq!(one.state_digest(), other.state_digest());
    assert_eq!(one.full_book(), other.full_book());
    assert_eq!(one.depth(3), other.depth(3));
    assert_eq!(one.best_bid_ask(), other.best_bid_ask());
    assert_eq!(one.spread(), other.spread());
    assert_eq!(one.last_trade_price(), other.last_trade_price());
    assert_eq!(one.trades(), other.trades());
    assert_eq!(one.events().to_vec(), other.events().to_vec());
    assert_eq!(one.has_event_log(), other.has_event_log());
    assert_eq!(one.pending_stop_count(), other.pending_stop_count());
    for id in (0..=last_id(one) + 2).map(OrderId) {
        assert_eq!(one.get_order(id), other.get_order(id));
        assert_eq!(one.get_stop_order(id), other.get_stop_order(id));
        assert_eq!(one.queue_position(id), other.queue_position(id));
    }
    assert_eq!(one.check_invariants(), Ok(()));
    assert_eq!(other.check_invariants(), Ok(()));
    assert!(one == other, "every query agrees, so they must be equal");
}

/// Streams of every profile, of at most `length` commands. The last seed that a failing test
/// printed is that of its stream.
#[expect(clippy::print_stdout, reason = "shown only where a test fails")]
pub(crate) fn streams(first_seed: u64, count: u64, length: u64) -> impl Iterator<Item = Stream> {
    (first_seed..first_seed + count).map(move |seed| {
        println!("stream of seed {seed}");
        let mut random = Random::new(seed);
        let profile = Profile::ALL[random.index(Profile::ALL.len())];
        let length = 1 + random.below(length);
        Stream::of_profile(&mut random, profile, length)
    })
}
