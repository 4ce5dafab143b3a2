//! An exchange that follows a feed, so that orders of one's own meet those of the venue.

use std::collections::{BTreeMap, BinaryHeap};

#[cfg(feature = "persistence")]
use super::persist::{DriverImage, FollowedImage};
use super::venue::{References, index};
use super::{FeedCounts, FeedKind, FeedMessage};
use crate::book::BookSnapshot;
use crate::error::ValidationError;
use crate::event::Event;
use crate::exchange::Exchange;
use crate::result::Outcome;
use crate::types::{OrderId, Price, Quantity, Side, TimeInForce};

/// Returns whether an order may rest with this price and quantity, as far as these alone decide.
fn may_rest(price: Price, quantity: Quantity) -> bool {
    price.is_valid() && quantity > 0 && price.checked_notional(quantity).is_some()
}

/// Returns a number that is larger for the better price.
fn rank(side: Side, price: Price) -> i64 {
    match side {
        Side::Buy => price.0,
        // No overflow, also where a price is the least there is.
        Side::Sell => !price.0,
    }
}

type Ranked = BinaryHeap<(i64, u64)>;

/// Returns the orders of a side by rank.
fn rank_all(orders: &References<Followed>, side: Side) -> Ranked {
    let orders = orders.iter().filter(|(_, order)| order.side == side);
    orders
        .map(|(reference, order)| (rank(side, order.price), *reference))
        .collect()
}

/// An order of the venue, and what it became here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Followed {
    order_id: OrderId,
    side: Side,
    price: Price,
    /// What the feed says is left. Here it may be less, where orders that the venue never had
    /// traded with it, and is never more.
    remaining: Quantity,
}

/// Sends a feed's orders to an [`Exchange`], which matches them with all others there.
///
/// A new order of the feed is a limit order; what is reduced, deleted or replaced is reduced,
/// cancelled or modified. Of an execution the feed names the passive order alone: an IOC order of
/// the same quantity and price comes from the other side, and trades by price-time priority: with
/// an order of one's own, where that is ahead. What the venue's order then has left is what the
/// feed says, and no more. Orders of one's own go to the same exchange in between.
///
/// An order of the venue that a new one would meet, or that an execution passes by, cannot be there
/// any more: it is cancelled and counted. A depth-N file does not tell the end of orders below its
/// window.
///
/// Memory is that of the venue's resting orders; the exchange's own history is the caller's to
/// clear ([`Exchange::clear_order_history`] and its like).
///
/// ```
/// use nanobook::{Exchange, FeedDriver, LobsterReader, Price, Side, TimeInForce};
/// let file = "\
/// 34200.1,1,7,100,2238100,1
/// 34200.2,4,7,30,2238100,1
/// 34200.3,4,7,70,2238100,1
/// ";
/// let mut exchange = Exchange::new();
/// let mut driver = FeedDriver::new();
/// let mut feed = LobsterReader::new(file.as_bytes());
/// driver.apply(&mut exchange, &feed.next().expect("an order")?);
/// // Behind the venue's order in the queue.
/// let own = exchange.submit_limit(Side::Buy, Price(223_8100), 50, TimeInForce::GTC);
/// for message in feed {
///     driver.apply(&mut exchange, &message?);
/// }
/// let own = exchange.get_order(own.order_id).expect("it rests");
/// assert_eq!((own.filled_quantity, exchange.trades().len()), (0, 2));
/// # Ok::<(), nanobook::FeedError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct FeedDriver {
    orders: References<Followed>,
    /// The orders that stand for what was there before the file began, by their levels.
    seeds: BTreeMap<(Side, Price), OrderId>,
    /// The references of `orders` by the rank of their prices, bids first, to find the best without
    /// a look at all; from the first time that the best has to be found. Also those of orders that
    /// are gone, until they come up or are half of all.
    ranked: [Option<Ranked>; 2],
    counts: FeedCounts,
}

impl PartialEq for FeedDriver {
    fn eq(&self, other: &Self) -> bool {
        (&self.orders, &self.seeds, self.counts) == (&other.orders, &other.seeds, other.counts)
    }
}

impl Eq for FeedDriver {}

impl FeedDriver {
    /// Returns a driver that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts an order at each level of a snapshot, for those that were there before the file began.
    ///
    /// What a later message takes off an unknown order at such a level goes off this one. Orders of
    /// a snapshot before are cancelled.
    ///
    /// # Errors
    ///
    /// [`ValidationError`] where the exchange could not take all of them; it took none.
    pub fn seed(
        &mut self,
        exchange: &mut Exchange,
        snapshot: &BookSnapshot,
    ) -> Result<(), ValidationError> {
        // What the orders meet may change what fits, so it is tried out.
        let mut tried = exchange.clone();
        for order_id in self.seeds.values() {
            tried.cancel(*order_id);
        }
        let mut seeds = BTreeMap::new();
        for (side, levels) in [(Side::Buy, &snapshot.bids), (Side::Sell, &snapshot.asks)] {
            for level in levels {
                let (price, quantity) = (level.price, level.quantity);
                let result = tried.try_submit_limit(side, price, quantity, TimeInForce::GTC)?;
                if let Some(before) = seeds.insert((side, price), result.order_id) {
                    tried.cancel(before);
                }
            }
        }
        *exchange = tried;
        self.seeds = seeds;
        Ok(())
    }

    /// Sends what a message tells to the exchange, and returns what came of it; `None` where there
    /// was nothing to send.
    ///
    /// An order that is not known is counted, and nothing is sent, unless the message tells side and
    /// price: then an execution trades with the seed of that level, or with an order that comes for
    /// this trade alone, and what is reduced or deleted goes off the seed.
    pub fn apply(&mut self, exchange: &mut Exchange, message: &FeedMessage) -> Option<Outcome> {
        self.counts.messages += 1;
        match message.kind {
            FeedKind::Add => self.add(exchange, message.reference, message),
            FeedKind::Execute => self.execute(exchange, message),
            FeedKind::Reduce => self.reduce(exchange, message),
            FeedKind::Delete => self.delete(exchange, message),
            FeedKind::Replace => self.replace(exchange, message),
            _ => None,
        }
    }

    fn add(
        &mut self,
        exchange: &mut Exchange,
        reference: u64,
        message: &FeedMessage,
    ) -> Option<Outcome> {
        let (Some(side), Some(price)) = (message.side, message.price) else {
            return self.contradiction();
        };
        if self.orders.contains_key(&reference) {
            return self.contradiction();
        }
        if may_rest(price, message.quantity) {
            self.cancel_met(exchange, side, price);
        }
        let event = Event::SubmitLimit {
            side,
            price,
            quantity: message.quantity,
            time_in_force: TimeInForce::GTC,
        };
        let Ok(Outcome::Submit(execution)) = exchange.apply(&event) else {
            return self.contradiction();
        };
        let followed = Followed {
            order_id: execution.order_id,
            side,
            price,
            remaining: message.quantity,
        };
        self.follow(reference, followed);
        Some(Outcome::Submit(execution))
    }

    /// Keeps what a new order of the venue became.
    fn follow(&mut self, reference: u64, order: Followed) {
        self.orders.insert(reference, order);
        let Some(ranked) = &mut self.ranked[index(order.side)] else {
            return;
        };
        if ranked.len() < 64 + 2 * self.orders.len() {
            ranked.push((rank(order.side, order.price), reference));
            return;
        }
        // Most are gone; a look-up that was large is as slow to go over as when it was full.
        self.orders.shrink_to(2 * self.orders.len());
        *ranked = rank_all(&self.orders, order.side);
    }

    fn execute(&mut self, exchange: &mut Exchange, message: &FeedMessage) -> Option<Outcome> {
        if message.quantity == 0 {
            return self.nothing(message);
        }
        let passive = match self.take(message) {
            Some(order) => vec![order],
            None => self.stand_ins(exchange, message),
        };
        let &Followed { side, price, .. } = passive.first()?;
        self.cancel_stale(exchange, side, |there| match side {
            Side::Buy => there > price,
            Side::Sell => there < price,
        });
        let event = Event::SubmitLimit {
            side: side.opposite(),
            price,
            quantity: message.quantity,
            time_in_force: TimeInForce::IOC,
        };
        let sent = self.send(exchange, event);
        let mut executed = message.quantity;
        for order in passive {
            self.level_down(exchange, order, executed);
            executed = executed.saturating_sub(order.remaining);
        }
        sent
    }

    /// Returns what stands for an unknown order that traded: the seed of its level, and for what
    /// that does not have an order that comes for this trade alone. None where the message does not
    /// tell side and price.
    fn stand_ins(&mut self, exchange: &mut Exchange, message: &FeedMessage) -> Vec<Followed> {
        let (Some(side), Some(price)) = (message.side, message.price) else {
            return Vec::new();
        };
        let followed = |order_id, remaining| Followed {
            order_id,
            side,
            price,
            remaining,
        };
        let mut orders = Vec::new();
        if !may_rest(price, message.quantity) {
            self.counts.contradictions += 1;
            return orders;
        }
        let mut missing = message.quantity;
        if let Some(order_id) = self.seeds.get(&(side, price)) {
            let order = exchange.get_order(*order_id);
            let left = order.map_or(0, |order| order.remaining_quantity);
            missing = missing.saturating_sub(left);
            orders.push(followed(*order_id, left));
        }
        if missing > 0 {
            self.cancel_met(exchange, side, price);
            let event = Event::SubmitLimit {
                side,
                price,
                quantity: missing,
                time_in_force: TimeInForce::GTC,
            };
            if let Some(Outcome::Submit(execution)) = self.send(exchange, event) {
                orders.push(followed(execution.order_id, missing));
            }
        }
        orders
    }

    /// Cancels orders of the venue that a new one would meet.
    fn cancel_met(&mut self, exchange: &mut Exchange, side: Side, price: Price) {
        self.cancel_stale(exchange, side.opposite(), |there| match side {
            Side::Buy => there <= price,
            Side::Sell => there >= price,
        });
    }

    /// Cancels orders of the venue that cannot be there any more: a new order would meet them, or
    /// an execution pass them by. They left the window of a depth-N file, and their end was not told.
    fn cancel_stale(
        &mut self,
        exchange: &mut Exchange,
        side: Side,
        is_stale: impl Fn(Price) -> bool,
    ) {
        let best = match side {
            Side::Buy => exchange.best_bid(),
            Side::Sell => exchange.best_ask(),
        };
        if !best.is_some_and(&is_stale) {
            return;
        }
        let mut stale = Vec::new();
        let ranked = &mut self.ranked[index(side)];
        let ranked = ranked.get_or_insert_with(|| rank_all(&self.orders, side));
        while let Some(&(rank, reference)) = ranked.peek() {
            let order = self.orders.get(&reference);
            let is_this =
                |order: &&Followed| (order.side, self::rank(side, order.price)) == (side, rank);
            if let Some(order) = order.filter(is_this) {
                if !is_stale(order.price) {
                    break;
                }
                stale.push(order.order_id);
                self.orders.remove(&reference);
            }
            ranked.pop();
        }
        let mut seeds = self
            .seeds
            .range((side, Price(i64::MIN))..=(side, Price(i64::MAX)));
        let mut best_seed = || match side {
            Side::Buy => seeds.next_back(),
            Side::Sell => seeds.next(),
        };
        let mut stale_seeds = Vec::new();
        while let Some((&level, &order_id)) = best_seed().filter(|(level, _)| is_stale(level.1)) {
            stale_seeds.push(level);
            stale.push(order_id);
        }
        for level in stale_seeds {
            self.seeds.remove(&level);
        }
        // As they came.
        stale.sort_unstable();
        for order_id in stale {
            let order = exchange.get_order(order_id);
            if order.is_some_and(|order| order.status.is_active()) {
                self.counts.contradictions += 1;
                self.send(exchange, Event::Cancel { order_id });
            }
        }
    }

    /// Takes off an order what the feed says traded and did not trade here: an order that the
    /// venue never had was in its place.
    fn level_down(&mut self, exchange: &mut Exchange, order: Followed, executed: Quantity) {
        let left = order.remaining.saturating_sub(executed);
        let here = exchange.get_order(order.order_id);
        let here = here.map_or(0, |order| order.remaining_quantity);
        if here > left {
            let event = Event::Reduce {
                order_id: order.order_id,
                quantity: here - left,
            };
            self.send(exchange, event);
        }
    }

    fn reduce(&mut self, exchange: &mut Exchange, message: &FeedMessage) -> Option<Outcome> {
        if message.quantity == 0 {
            return self.nothing(message);
        }
        let Some(order) = self.take(message) else {
            return self.reduce_seed(exchange, message);
        };
        let event = Event::Reduce {
            order_id: order.order_id,
            quantity: message.quantity,
        };
        self.send(exchange, event)
    }

    fn delete(&mut self, exchange: &mut Exchange, message: &FeedMessage) -> Option<Outcome> {
        let Some(order) = self.orders.remove(&message.reference) else {
            self.counts.unknown_references += 1;
            return self.reduce_seed(exchange, message);
        };
        let event = Event::Cancel {
            order_id: order.order_id,
        };
        self.send(exchange, event)
    }

    fn replace(&mut self, exchange: &mut Exchange, message: &FeedMessage) -> Option<Outcome> {
        let Some(order) = self.orders.remove(&message.reference) else {
            self.counts.unknown_references += 1;
            return None;
        };
        let is_taken = self.orders.contains_key(&message.new_reference);
        let price = message.price.filter(|_| !is_taken);
        let Some(price) = price.filter(|price| may_rest(*price, message.quantity)) else {
            // The old order is gone, and no other can come for it.
            self.counts.contradictions += 1;
            let event = Event::Cancel {
                order_id: order.order_id,
            };
            return self.send(exchange, event);
        };
        let active = exchange
            .get_order(order.order_id)
            .is_some_and(|order| order.status.is_active());
        if !active {
            // It traded here and not there: what comes for it comes all the same.
            let message = FeedMessage {
                side: Some(order.side),
                ..*message
            };
            return self.add(exchange, message.new_reference, &message);
        }
        self.cancel_met(exchange, order.side, price);
        let event = Event::Modify {
            order_id: order.order_id,
            new_price: price,
            new_quantity: message.quantity,
        };
        let sent = self.send(exchange, event)?;
        if let Outcome::Modify(Ok((_, execution))) = &sent {
            let followed = Followed {
                order_id: execution.order_id,
                side: order.side,
                price,
                remaining: message.quantity,
            };
            self.follow(message.new_reference, followed);
            return Some(sent);
        }
        // The side's total would not fit: the old order is gone all the same.
        self.counts.contradictions += 1;
        let event = Event::Cancel {
            order_id: order.order_id,
        };
        self.send(exchange, event)
    }

    /// Takes a message's quantity off what the feed says is left of its order, and returns that
    /// as it was before.
    fn take(&mut self, message: &FeedMessage) -> Option<Followed> {
        let Some(order) = self.orders.get_mut(&message.reference) else {
            self.counts.unknown_references += 1;
            return None;
        };
        let before = *order;
        if message.quantity > before.remaining {
            self.counts.contradictions += 1;
        }
        order.remaining = before.remaining.saturating_sub(message.quantity);
        if order.remaining == 0 {
            self.orders.remove(&message.reference);
        }
        Some(before)
    }

    fn reduce_seed(&mut self, exchange: &mut Exchange, message: &FeedMessage) -> Option<Outcome> {
        let order_id = *self.seeds.get(&(message.side?, message.price?))?;
        if message.quantity == 0 {
            // How much is gone is not told.
            return None;
        }
        let event = Event::Reduce {
            order_id,
            quantity: message.quantity,
        };
        self.send(exchange, event)
    }

    /// Sends a command; what the exchange refuses contradicts the feed.
    fn send(&mut self, exchange: &mut Exchange, event: Event) -> Option<Outcome> {
        match exchange.apply(&event) {
            Ok(outcome) => Some(outcome),
            Err(_) => self.contradiction(),
        }
    }

    /// Counts a message that takes nothing off an order.
    fn nothing(&mut self, message: &FeedMessage) -> Option<Outcome> {
        if self.orders.contains_key(&message.reference) {
            self.counts.contradictions += 1;
        } else {
            self.counts.unknown_references += 1;
        }
        None
    }

    fn contradiction(&mut self) -> Option<Outcome> {
        self.counts.contradictions += 1;
        None
    }

    /// Returns what the venue's order became here, or `None` if it is not known or gone.
    pub fn order_id(&self, reference: u64) -> Option<OrderId> {
        self.orders.get(&reference).map(|order| order.order_id)
    }

    /// Returns how well the messages so far agreed with what was sent.
    pub const fn counts(&self) -> FeedCounts {
        self.counts
    }

    #[cfg(feature = "persistence")]
    pub(super) fn to_image(&self) -> DriverImage {
        let mut orders: Vec<FollowedImage> = self
            .orders
            .iter()
            .map(|(reference, order)| {
                (
                    *reference,
                    order.order_id,
                    order.side,
                    order.price,
                    order.remaining,
                )
            })
            .collect();
        orders.sort_unstable();
        DriverImage {
            orders,
            seeds: self
                .seeds
                .iter()
                .map(|((side, price), id)| (*side, *price, *id))
                .collect(),
            counts: self.counts,
        }
    }

    #[cfg(feature = "persistence")]
    pub(super) fn from_image(image: DriverImage) -> Self {
        let mut driver = Self {
            counts: image.counts,
            ..Self::default()
        };
        for (reference, order_id, side, price, remaining) in image.orders {
            let followed = Followed {
                order_id,
                side,
                price,
                remaining,
            };
            driver.follow(reference, followed);
        }
        for (side, price, order_id) in image.seeds {
            driver.seeds.insert((side, price), order_id);
        }
        driver
    }
}
