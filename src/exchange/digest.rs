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
