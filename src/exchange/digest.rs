//! The digest of all that can still affect the future, and of every trade so far.
//!
//! Integers are hashed as little-endian bytes in a fixed order, so the digest is the same on
//! every platform. Trades enter a running hash, so that clearing them changes nothing.

use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

use super::Exchange;
use crate::book::Ladder;
use crate::order::{StopStatus, TrailMethod};
use crate::trade::Trade;
use crate::types::{Digest, Price, Side, TimeInForce};

/// The running hash before the first trade.
pub(super) const NO_TRADES: u64 = 0;

/// The running hash catches up when this many trades wait, so a digest never hashes many.
pub(super) const BATCH: usize = 1024;

struct Hasher(Xxh3);

impl Hasher {
    fn u64(&mut self, value: u64) {
        self.0.update(&value.to_le_bytes());
    }

    fn price(&mut self, price: Price) {
        self.0.update(&price.0.to_le_bytes());
    }

    /// Hashes an optional price. No price that stands here is 0.
    fn maybe_price(&mut self, price: Option<Price>) {
        self.price(price.unwrap_or(Price::ZERO));
    }
}

impl Exchange {
    /// Returns a hash of what can still affect the future (counters, resting orders and their
    /// queues, pending stops, last price, price changes) and of every trade so far.
    ///
    /// Clearing history does not change it, nor does a command that fails. It is the same on
    /// every platform and in every process. Costs O(orders and stops that are open).
    pub fn state_digest(&self) -> Digest {
        let mut hasher = Hasher(Xxh3::new());
        hasher.u64(self.book.orders.next_id().0);
        hasher.u64(self.tape.last_id);
        hasher.u64(self.tape.clock);
        hasher.u64(self.running_trade_hash());
        hasher.maybe_price(self.last_trade_price);
        hasher.u64(self.changes.iter().len() as u64);
        for change in self.changes.iter() {
            hasher.u64(change);
        }
        self.hash_side(&self.book.bids, &mut hasher);
        self.hash_side(&self.book.asks, &mut hasher);
        self.hash_stops(&mut hasher);
        Digest(hasher.0.digest())
    }

    fn hash_side(&self, ladder: &Ladder, hasher: &mut Hasher) {
        hasher.u64(ladder.level_count() as u64);
        for (price, level) in ladder.iter() {
            hasher.price(price);
            hasher.u64(u64::from(level.count));
            for slot in level.queue(&self.book.orders) {
                let Some(order) = self.book.orders.order(slot) else {
                    continue;
                };
                hasher.u64(order.id.0);
                hasher.u64(order.original_quantity);
                hasher.u64(order.remaining_quantity);
                hasher.u64(order.filled_quantity);
                hasher.u64(order.timestamp);
            }
        }
    }

    fn hash_stops(&self, hasher: &mut Hasher) {
        hasher.u64(self.stops.pending() as u64);
        let pending = self.stops.iter();
        for stop in pending.filter(|stop| stop.status == StopStatus::Pending) {
            hasher.u64(stop.id.0);
            hasher.u64(u64::from(stop.side == Side::Sell));
            hasher.u64(match stop.time_in_force {
                TimeInForce::GTC => 0,
                TimeInForce::IOC => 1,
                TimeInForce::FOK => 2,
            });
            hasher.price(stop.stop_price);
            hasher.maybe_price(stop.limit_price);
            hasher.maybe_price(stop.watermark);
            hasher.u64(stop.quantity);
            hasher.u64(stop.timestamp);
            match stop.trail_method {
                None => hasher.u64(0),
                Some(TrailMethod::Fixed(offset)) => {
                    hasher.u64(1);
                    hasher.price(Price(offset));
                }
                Some(TrailMethod::Percentage(fraction)) => {
                    hasher.u64(2);
                    hasher.u64(fraction.to_bits());
                }
                Some(TrailMethod::Atr { multiplier, period }) => {
                    hasher.u64(3);
                    hasher.u64(multiplier.to_bits());
                    hasher.u64(u64::from(period));
                }
            }
        }
    }

    /// Returns the hash of every trade so far.
    pub(super) fn running_trade_hash(&self) -> u64 {
        let waiting = &self.tape.trades[self.hashed..];
        waiting.iter().fold(self.trade_hash, hash_trade)
    }
}

fn hash_trade(hash: u64, trade: &Trade) -> u64 {
    let fields = [
        trade.id.0,
        trade.quantity,
        trade.aggressor_order_id.0,
        trade.passive_order_id.0,
        u64::from(trade.aggressor_side == Side::Sell),
        trade.timestamp,
    ];
    let mut bytes = [0; 56];
    bytes[..8].copy_from_slice(&trade.price.0.to_le_bytes());
    for (place, field) in bytes[8..].chunks_exact_mut(8).zip(fields) {
        place.copy_from_slice(&field.to_le_bytes());
    }
    xxh3_64_with_seed(&bytes, hash)
}

#[cfg(test)]
mod tests {
    use super::super::stop::{PriceChanges, StopBook};
    use super::*;
    use crate::order::StopOrder;
    use crate::types::{OrderId, TradeId};

    /// A bid of which a part has traded, a trailing stop with a watermark, and two trades.
    fn small_exchange() -> Exchange {
        let mut exchange = Exchange::new();
        exchange.submit_limit(Side::Buy, Price(100), 5, TimeInForce::GTC);
        exchange.submit_trailing_stop_market(Side::Sell, Price(50), 1, TrailMethod::Fixed(3));
        exchange.submit_market(Side::Sell, 1);
        exchange.submit_market(Side::Sell, 1);
        exchange
    }

    fn change_stop(exchange: &mut Exchange, change: fn(&mut StopOrder)) {
        let mut stops: Vec<StopOrder> = exchange.stops.iter().copied().collect();
        stops.iter_mut().for_each(change);
        exchange.stops = StopBook::from_stops(stops, &exchange.changes);
    }

    /// Much of the state follows from the rest of it: a clock from ids and trades, prices and
    /// their changes from the trades. No commands lead to states that differ in one such thing,
    /// but damage or a bug does.
    #[test]
    fn what_follows_from_the_rest_is_hashed_too() {
        type Change = fn(&mut Exchange);
        let changes: &[(&str, Change)] = &[
            ("next id", |exchange| {
                let record = exchange.book.orders.record(2).clone();
                exchange.book.orders.push(record);
            }),
            ("last trade id", |exchange| exchange.tape.last_id += 1),
            ("clock", |exchange| exchange.tape.clock += 1),
            ("last price", |exchange| exchange.last_trade_price = None),
            ("number of changes", |exchange| exchange.changes.push(0)),
            ("a change", |exchange| {
                assert_eq!(exchange.changes.iter().collect::<Vec<_>>(), [0]);
                exchange.changes = PriceChanges::default();
                exchange.changes.push(1);
            }),
            ("an order's time", |exchange| {
                exchange.book.orders.record_mut(0).timestamp += 1;
            }),
            ("an order's quantity and fills", |exchange| {
                exchange.book.orders.record_mut(0).original += 1;
            }),
            ("an order's fills", |exchange| {
                exchange.book.orders.record_mut(0).open_or_filled += 1;
                exchange.book.orders.reduce(0, 1);
            }),
            ("what remains", |exchange| {
                exchange.book.orders.record_mut(0).open_or_filled -= 1;
            }),
            ("a stop's id", |exchange| {
                change_stop(exchange, |stop| stop.id = OrderId(9));
            }),
            ("a stop's time", |exchange| {
                change_stop(exchange, |stop| stop.timestamp += 1);
            }),
            ("a stop's watermark", |exchange| {
                change_stop(exchange, |stop| stop.watermark = Some(Price(101)));
            }),
            ("a trade's id", |exchange| {
                exchange.tape.trades[1].id = TradeId(9);
            }),
            ("a trade's price", |exchange| {
                exchange.tape.trades[1].price = Price(99);
            }),
            ("a trade's quantity", |exchange| {
                exchange.tape.trades[1].quantity = 2;
            }),
            ("a trade's aggressor", |exchange| {
                exchange.tape.trades[1].aggressor_order_id = OrderId(9);
            }),
            ("a trade's passive order", |exchange| {
                exchange.tape.trades[1].passive_order_id = OrderId(9);
            }),
            ("a trade's side", |exchange| {
                exchange.tape.trades[1].aggressor_side = Side::Buy;
            }),
            ("a trade's time", |exchange| {
                exchange.tape.trades[1].timestamp += 1;
            }),
            ("an earlier trade", |exchange| {
                exchange.tape.trades[0].quantity = 2;
            }),
        ];
        let digest = small_exchange().state_digest();
        for (what, change) in changes {
            let mut exchange = small_exchange();
            change(&mut exchange);
            assert_ne!(exchange.state_digest(), digest, "{what}");
        }
    }

    /// The same bytes on every platform and in every version: written down once.
    #[test]
    fn the_digest_of_an_empty_exchange_is_known() {
        // XXH3 of: next id 1, no trade, clock 0, no trades' hash, no price, no changes, no bids,
        // no asks, no stops, each in 8 bytes with the lowest first.
        let mut bytes = [0; 9 * 8];
        bytes[0] = 1;
        let expected = xxh3_64_with_seed(&bytes, 0);
        assert_eq!(Exchange::new().state_digest(), Digest(expected));
    }
}
