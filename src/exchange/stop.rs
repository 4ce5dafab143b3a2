//! Stop orders: which wait, where trailing ones stand, and which a trade triggers.
//!
//! The stop book sees every trade in order ([`StopBook::observe`]) and collects the stops that
//! trades trigger; the exchange submits their orders, wave by wave.
//!
//! Both sides share one code path: a *key* is the price for buy stops and its complement for sell
//! stops, so a stop triggers when a trade's key is at or above its own, a watermark only falls
//! and a trailing stop only moves down.
//!
//! Costs: a trade costs O(log stops) and O(log stops) for each stop that it triggers or moves.
//! Trailing stops are grouped by watermark, so a trade that makes no new watermark does not look
//! at them; those that trail by ATR are also looked at when the ATR falls below all it has been
//! since their watermarks moved, or rises to where an offset that was 0 is 1: the only other ways
//! in which they can move.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::book::slot_of;
use crate::order::{StopOrder, StopStatus, TrailMethod};
use crate::types::{OrderId, Price, Quantity, Side, TimeInForce, Timestamp};

/// The key of a watermark before the first trade: every trade is better.
const NO_WATERMARK: i64 = i64::MAX;

#[inline]
fn key(side: Side, price: Price) -> i64 {
    match side {
        Side::Buy => price.0,
        Side::Sell => !price.0,
    }
}

/// The last price changes between consecutive trades.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "persistence", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct PriceChanges {
    /// Absolute changes, the oldest first.
    changes: VecDeque<u64>,
}

impl PriceChanges {
    const LEN_MAX: usize = TrailMethod::ATR_PERIOD_MAX as usize;

    #[inline]
    pub(crate) fn push(&mut self, change: u64) {
        if self.changes.len() == Self::LEN_MAX {
            self.changes.pop_front();
        }
        self.changes.push_back(change);
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = u64> {
        self.changes.iter().copied()
    }

    /// Returns how many changes count over a period.
    fn count(&self, period: u32) -> usize {
        self.changes.len().min(period as usize)
    }

    fn sum(&self, period: u32) -> u128 {
        let last = self.changes.iter().rev().take(period as usize);
        last.map(|change| u128::from(*change)).sum()
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        if self.changes.len() > Self::LEN_MAX {
            return Err(format!("at most {} price changes are kept", Self::LEN_MAX));
        }
        Ok(())
    }
}

/// What a user submits as a stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewStop {
    pub(crate) side: Side,
    pub(crate) stop_price: Price,
    pub(crate) limit_price: Option<Price>,
    pub(crate) quantity: Quantity,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) trail_method: Option<TrailMethod>,
}

/// The stops that trail by the ATR of one period.
#[derive(Clone, Debug)]
struct AtrGroup {
    /// The sum of the last `period` changes.
    sum: u128,
    /// Indices of stops; some may be pending no more.
    members: Vec<u32>,
    /// No member moves while the ATR is at or above this, unless its watermark moves.
    floor: f64,
    /// No member whose offset rounds to 0 gets one while the ATR is below this.
    rise: f64,
    /// The ATR that every member has followed at its present watermark; NaN if there is none.
    followed: f64,
}

/// Pending and finished stops.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopBook {
    /// In the order of submission, so of ids and timestamps.
    stops: Vec<StopOrder>,
    pending: usize,
    /// Pending stops by side, key and index: the first one triggers first.
    buys: BTreeSet<(i64, u32)>,
    sells: BTreeSet<(i64, u32)>,
    /// Pending trailing stops by watermark key, the largest last. Stops that are pending no more
    /// leave when their group is next looked at.
    buy_watermarks: Vec<(i64, Vec<u32>)>,
    sell_watermarks: Vec<(i64, Vec<u32>)>,
    atr_groups: BTreeMap<u32, AtrGroup>,
    /// Triggered, not yet submitted.
    triggered: Vec<u32>,
}

impl StopBook {
    #[inline]
    pub(crate) const fn pending(&self) -> usize {
        self.pending
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> &StopOrder {
        &self.stops[index as usize]
    }

    /// Returns the index the next stop gets.
    pub(crate) fn next_index(&self) -> u32 {
        slot_of(self.stops.len())
    }

    /// Returns the stops that history has not dropped, by id.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &StopOrder> {
        self.stops.iter()
    }

    fn triggers(&mut self, side: Side) -> &mut BTreeSet<(i64, u32)> {
        match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        }
    }

    fn watermarks(&mut self, side: Side) -> &mut Vec<(i64, Vec<u32>)> {
        match side {
            Side::Buy => &mut self.buy_watermarks,
            Side::Sell => &mut self.sell_watermarks,
        }
    }

    /// Adds a stop. One whose price does not trail and that the last trade is already through
    /// triggers at once.
    pub(crate) fn submit(
        &mut self,
        id: OrderId,
        timestamp: Timestamp,
        new: &NewStop,
        last_trade_price: Option<Price>,
        changes: &PriceChanges,
    ) -> StopStatus {
        let index = self.next_index();
        let is_through = new.trail_method.is_none()
            && last_trade_price
                .is_some_and(|last| key(new.side, last) >= key(new.side, new.stop_price));
        let status = if is_through {
            StopStatus::Triggered
        } else {
            StopStatus::Pending
        };
        self.stops.push(StopOrder {
            id,
            side: new.side,
            stop_price: new.stop_price,
            limit_price: new.limit_price,
            quantity: new.quantity,
            time_in_force: new.time_in_force,
            timestamp,
            status,
            trail_method: new.trail_method,
            watermark: None,
            triggered_order_id: None,
        });
        if is_through {
            self.triggered.push(index);
        } else {
            self.index_pending(index, changes);
        }
        status
    }

    /// Enters a pending stop into the indices.
    fn index_pending(&mut self, index: u32, changes: &PriceChanges) {
        let stop = *self.get(index);
        self.pending += 1;
        self.triggers(stop.side)
            .insert((key(stop.side, stop.stop_price), index));
        let Some(trail_method) = stop.trail_method else {
            return;
        };
        let watermark = stop
            .watermark
            .map_or(NO_WATERMARK, |price| key(stop.side, price));
        let groups = self.watermarks(stop.side);
        match groups.binary_search_by_key(&watermark, |group| group.0) {
            Ok(place) => groups[place].1.push(index),
            Err(place) => groups.insert(place, (watermark, vec![index])),
        }
        if let TrailMethod::Atr { period, .. } = trail_method {
            let group = self.atr_groups.entry(period).or_insert_with(|| AtrGroup {
                sum: changes.sum(period),
                members: Vec::new(),
                floor: f64::INFINITY,
                rise: f64::INFINITY,
                followed: f64::NAN,
            });
            group.members.push(index);
            group.floor = f64::INFINITY;
            group.followed = f64::NAN;
        }
    }

    /// Cancels a pending stop and returns its quantity.
    pub(crate) fn cancel(&mut self, index: u32) -> Option<Quantity> {
        let stop = &mut self.stops[index as usize];
        if stop.status != StopStatus::Pending {
            return None;
        }
        stop.status = StopStatus::Cancelled;
        let stop = *stop;
        self.pending -= 1;
        self.triggers(stop.side)
            .remove(&(key(stop.side, stop.stop_price), index));
        self.drop_groups_without_members();
        Some(stop.quantity)
    }

    /// Drops all groups when no stop is pending: trades are not observed then, so their sums
    /// would go stale.
    fn drop_groups_without_members(&mut self) {
        if self.pending == 0 {
            self.buy_watermarks.clear();
            self.sell_watermarks.clear();
            self.atr_groups.clear();
        }
    }

    /// Moves trailing stops by a trade and marks the stops that it reaches as triggered.
    ///
    /// `change` is the trade's price change, already the last of `changes`.
    pub(crate) fn observe(&mut self, price: Price, change: Option<u64>, changes: &PriceChanges) {
        if !self.atr_groups.is_empty() {
            if let Some(change) = change {
                self.update_atr_sums(change, changes);
            }
        }
        for side in [Side::Buy, Side::Sell] {
            self.move_watermarks(side, price, changes);
        }
        if !self.atr_groups.is_empty() {
            self.follow_atr(changes);
        }
        for side in [Side::Buy, Side::Sell] {
            let reached = key(side, price);
            while let Some(first) = self.triggers(side).first().copied() {
                if first.0 > reached {
                    break;
                }
                self.triggers(side).remove(&first);
                self.stops[first.1 as usize].status = StopStatus::Triggered;
                self.pending -= 1;
                self.triggered.push(first.1);
            }
        }
        self.drop_groups_without_members();
    }

    /// Takes the stops triggered since the last call, in the order of their timestamps.
    pub(crate) fn take_wave(&mut self) -> Vec<u32> {
        self.triggered.sort_unstable();
        std::mem::take(&mut self.triggered)
    }

    pub(crate) fn set_triggered_order(&mut self, index: u32, order: OrderId) {
        self.stops[index as usize].triggered_order_id = Some(order);
    }

    fn update_atr_sums(&mut self, change: u64, changes: &PriceChanges) {
        let len = changes.changes.len();
        for (period, group) in &mut self.atr_groups {
            // With the change included, the one that falls out of the period stands before it.
            // A full memory has lost the one before the longest period: that sum is taken anew.
            let period_len = *period as usize;
            if len > period_len {
                group.sum += u128::from(change);
                group.sum -= u128::from(changes.changes[len - 1 - period_len]);
            } else if len < PriceChanges::LEN_MAX {
                group.sum += u128::from(change);
            } else {
                group.sum = changes.sum(*period);
            }
        }
    }

    fn move_watermarks(&mut self, side: Side, price: Price, changes: &PriceChanges) {
        let reached = key(side, price);
        let groups = self.watermarks(side);
        let mut moved: Vec<u32> = Vec::new();
        while groups.last().is_some_and(|group| group.0 > reached) {
            let Some((_, mut group)) = groups.pop() else {
                break;
            };
            if group.len() > moved.len() {
                std::mem::swap(&mut group, &mut moved);
            }
            moved.append(&mut group);
        }
        if moved.is_empty() {
            return;
        }
        moved.retain(|index| self.stops[*index as usize].status == StopStatus::Pending);
        for index in &moved {
            let stop = &mut self.stops[*index as usize];
            stop.watermark = Some(price);
            let Some(TrailMethod::Atr { period, multiplier }) = stop.trail_method else {
                self.follow(*index, None);
                continue;
            };
            let atr = self.atr(period, changes);
            let moves = self.follow(*index, atr);
            if let Some(group) = self.atr_groups.get_mut(&period) {
                match atr {
                    // At this ATR the stop is where it should be; below, it can move.
                    Some(atr) if moves => group.floor = group.floor.max(atr),
                    // No offset now, and none below.
                    Some(_) => group.rise = group.rise.min(rise(multiplier)),
                    // No ATR yet: any can move it.
                    None => group.floor = f64::INFINITY,
                }
                if atr != Some(group.followed) {
                    group.followed = f64::NAN;
                }
            }
        }
        let groups = self.watermarks(side);
        match groups.last_mut() {
            Some(last) if last.0 == reached => last.1.append(&mut moved),
            _ if moved.is_empty() => {}
            _ => groups.push((reached, moved)),
        }
    }

    /// Returns the mean absolute change over the last `period` changes, if there are any.
    #[expect(clippy::cast_precision_loss, reason = "the specified f64 computation")]
    fn atr(&self, period: u32, changes: &PriceChanges) -> Option<f64> {
        let count = changes.count(period);
        let group = self.atr_groups.get(&period)?;
        (count > 0).then(|| group.sum as f64 / count as f64)
    }

    /// Moves the stops that trail by an ATR which has fallen, or has given them an offset.
    fn follow_atr(&mut self, changes: &PriceChanges) {
        let periods: Vec<u32> = self.atr_groups.keys().copied().collect();
        for period in periods {
            let Some(atr) = self.atr(period, changes) else {
                continue;
            };
            let Some(group) = self.atr_groups.get_mut(&period) else {
                continue;
            };
            let moves_none = atr >= group.floor && atr < group.rise;
            if moves_none || atr.total_cmp(&group.followed).is_eq() {
                continue;
            }
            let mut members = std::mem::take(&mut group.members);
            members.retain(|index| self.stops[*index as usize].status == StopStatus::Pending);
            if members.is_empty() {
                self.atr_groups.remove(&period);
                continue;
            }
            let mut next_rise = f64::INFINITY;
            for index in &members {
                if self.follow(*index, Some(atr)) {
                    continue;
                }
                let method = self.stops[*index as usize].trail_method;
                if let Some(TrailMethod::Atr { multiplier, .. }) = method {
                    next_rise = next_rise.min(rise(multiplier));
                }
            }
            if let Some(group) = self.atr_groups.get_mut(&period) {
                group.members = members;
                group.floor = atr;
                group.rise = next_rise;
                group.followed = atr;
            }
        }
    }

    /// Moves a trailing stop to where its watermark and the ATR put it, if that protects more.
    /// Returns whether there was an offset to follow.
    fn follow(&mut self, index: u32, atr: Option<f64>) -> bool {
        let stop = self.stops[index as usize];
        let (Some(watermark), Some(trail_method)) = (stop.watermark, stop.trail_method) else {
            return false;
        };
        let Some(offset) = trail_offset(trail_method, watermark, atr) else {
            return false;
        };
        let target = match stop.side {
            Side::Buy => watermark.0.checked_add(offset),
            Side::Sell => watermark.0.checked_sub(offset),
        };
        let Some(target) = target.map(Price).filter(|price| price.is_valid()) else {
            // Too wide for a price; a smaller ATR can still move it, and that is always seen.
            return true;
        };
        let (old, new) = (key(stop.side, stop.stop_price), key(stop.side, target));
        if new < old {
            self.stops[index as usize].stop_price = target;
            let triggers = self.triggers(stop.side);
            triggers.remove(&(old, index));
            triggers.insert((new, index));
        }
        true
    }

    /// Drops finished stops, gives their memory back, and returns each old index's new one.
    pub(crate) fn compact(&mut self, changes: &PriceChanges) -> Vec<u32> {
        let mut renamed = vec![u32::MAX; self.stops.len()];
        let mut kept = Vec::with_capacity(self.pending);
        for (index, stop) in self.stops.iter().enumerate() {
            if stop.status == StopStatus::Pending {
                renamed[index] = slot_of(kept.len());
                kept.push(*stop);
            }
        }
        *self = Self::from_stops(kept, changes);
        renamed
    }

    /// Makes the indices of a list of stops anew.
    pub(crate) fn from_stops(stops: Vec<StopOrder>, changes: &PriceChanges) -> Self {
        let mut book = Self {
            stops,
            ..Self::default()
        };
        for index in 0..book.stops.len() {
            if book.stops[index].status == StopStatus::Pending {
                book.index_pending(slot_of(index), changes);
            }
        }
        book
    }

    pub(crate) fn check(&self, changes: &PriceChanges) -> Result<(), String> {
        changes.check()?;
        if !self.triggered.is_empty() {
            return Err("no triggered stop waits between commands".to_owned());
        }
        let pending: Vec<u32> = (0..self.stops.len())
            .filter(|index| self.stops[*index].status == StopStatus::Pending)
            .map(slot_of)
            .collect();
        if pending.len() != self.pending || pending.len() != self.buys.len() + self.sells.len() {
            return Err(format!(
                "{} stops are pending, the count is {}, the index has {}",
                pending.len(),
                self.pending,
                self.buys.len() + self.sells.len()
            ));
        }
        let mut in_watermarks = vec![false; self.stops.len()];
        let mut in_periods = vec![false; self.stops.len()];
        for (side, groups) in [
            (Side::Buy, &self.buy_watermarks),
            (Side::Sell, &self.sell_watermarks),
        ] {
            if groups.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
                return Err(format!("{side}: watermark groups ascend"));
            }
            for (watermark, index) in groups
                .iter()
                .flat_map(|group| group.1.iter().map(|index| (group.0, *index)))
            {
                let stop = self.get(index);
                let own = stop
                    .watermark
                    .map_or(NO_WATERMARK, |price| key(side, price));
                in_watermarks[index as usize] = stop.side == side && own == watermark;
            }
        }
        for (period, group) in &self.atr_groups {
            for index in &group.members {
                in_periods[*index as usize] = matches!(
                    self.get(*index).trail_method,
                    Some(TrailMethod::Atr { period: own, .. }) if own == *period
                );
            }
        }
        for index in pending {
            let stop = self.get(index);
            let triggers = match stop.side {
                Side::Buy => &self.buys,
                Side::Sell => &self.sells,
            };
            if !triggers.contains(&(key(stop.side, stop.stop_price), index)) {
                return Err(format!("stop {}: it is indexed at its price", stop.id));
            }
            if stop.trail_method.is_some() && !in_watermarks[index as usize] {
                return Err(format!("stop {}: it is grouped by its watermark", stop.id));
            }
            let by_atr = matches!(stop.trail_method, Some(TrailMethod::Atr { .. }));
            if by_atr && !in_periods[index as usize] {
                return Err(format!("stop {}: it is grouped by its period", stop.id));
            }
        }
        for (period, group) in &self.atr_groups {
            if group.sum != changes.sum(*period) {
                return Err(format!(
                    "the sum of the last {period} price changes is kept"
                ));
            }
        }
        for stop in &self.stops {
            let is_triggered = stop.status == StopStatus::Triggered;
            if is_triggered != stop.triggered_order_id.is_some() {
                return Err(format!(
                    "stop {}: a triggered stop names its order",
                    stop.id
                ));
            }
        }
        Ok(())
    }
}

/// Returns an ATR below which the offset rounds to 0. It is a little less than the exact one, so that
/// rounding never hides a stop that moves.
fn rise(multiplier: f64) -> f64 {
    0.5 / multiplier * (1.0 - 4.0 * f64::EPSILON)
}

/// Returns how far a trailing stop keeps from its watermark, or `None` where it does not move.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "the specified f64 computation; the range is checked first"
)]
fn trail_offset(trail_method: TrailMethod, watermark: Price, atr: Option<f64>) -> Option<i64> {
    let offset = match trail_method {
        TrailMethod::Fixed(offset) => return Some(offset),
        TrailMethod::Percentage(fraction) => watermark.0 as f64 * fraction,
        TrailMethod::Atr { multiplier, .. } => multiplier * atr?,
    };
    // `round` rounds halves away from zero. 2^63 is the first float past `i64`; an offset that
    // wide is never a price away from anything.
    let offset = offset.round();
    if offset < 1.0 {
        return None;
    }
    if offset < 9_223_372_036_854_775_808.0 {
        Some(offset as i64)
    } else {
        Some(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0.1 x 1 is 0.1, which rounds to an offset of 0; 0.1 x 5 is 0.5, which rounds to 1.
    #[test]
    fn an_offset_that_rounds_to_nothing_is_not_looked_for_until_the_atr_rises() {
        let (mut book, mut changes) = (StopBook::default(), PriceChanges::default());
        let trail_method = TrailMethod::Atr {
            multiplier: 0.1,
            period: 1,
        };
        let new = NewStop {
            side: Side::Sell,
            stop_price: Price(50),
            limit_price: None,
            quantity: 1,
            time_in_force: TimeInForce::IOC,
            trail_method: Some(trail_method),
        };
        book.submit(OrderId(1), 1, &new, None, &changes);
        let mut observe = |book: &mut StopBook, price: i64, change: Option<u64>| {
            if let Some(change) = change {
                changes.push(change);
            }
            book.observe(Price(price), change, &changes);
        };
        observe(&mut book, 100, None);
        observe(&mut book, 101, Some(1));
        // Every change is another ATR, and none of them is worth a look.
        for (price, change) in [(99, 2), (98, 1), (101, 3), (99, 2), (100, 1), (97, 3)] {
            observe(&mut book, price, Some(change));
            assert_eq!(book.get(0).stop_price, Price(50));
            assert!(book.atr_groups[&1].rise < 5.0);
            assert!(book.atr_groups[&1].followed.total_cmp(&1.0).is_eq());
        }
        // 101 - 1: and 92 is through it.
        observe(&mut book, 92, Some(5));
        assert_eq!(book.get(0).stop_price, Price(100));
        assert_eq!(book.get(0).status, StopStatus::Triggered);
    }

    /// Stops 1 (fixed price), 2 (trails by 3) and 3 (by the ATR over 2 changes) are pending with a
    /// watermark of 107, stop 4 was triggered and became order 5. The last changes are 7 and 2.
    fn small_book() -> (StopBook, PriceChanges) {
        let (mut book, mut changes) = (StopBook::default(), PriceChanges::default());
        let atr = TrailMethod::Atr {
            multiplier: 1.0,
            period: 2,
        };
        for (id, side, stop_price, trail_method) in [
            (1, Side::Sell, 50, None),
            (2, Side::Sell, 50, Some(TrailMethod::Fixed(3))),
            (3, Side::Sell, 50, Some(atr)),
            (4, Side::Buy, 102, None),
        ] {
            let new = NewStop {
                side,
                stop_price: Price(stop_price),
                limit_price: None,
                quantity: 1,
                time_in_force: TimeInForce::IOC,
                trail_method,
            };
            book.submit(OrderId(id), id, &new, None, &changes);
        }
        for (price, change) in [(100, None), (107, Some(7)), (105, Some(2))] {
            changes.changes.extend(change);
            book.observe(Price(price), change, &changes);
        }
        assert_eq!(book.take_wave(), [3]);
        book.set_triggered_order(3, OrderId(5));
        book.check(&changes).unwrap();
        (book, changes)
    }

    /// Each way to break the stop book, and what the check says of it.
    #[test]
    fn check_names_what_is_broken() {
        type Break = fn(&mut StopBook, &mut PriceChanges);
        let breaks: &[(Break, &str)] = &[
            (
                |_, changes| changes.changes.resize(1025, 0),
                "at most 1024 price changes are kept",
            ),
            (
                |book, _| book.triggered.push(0),
                "no triggered stop waits between commands",
            ),
            (
                |book, _| book.pending = 2,
                "3 stops are pending, the count is 2, the index has 3",
            ),
            (
                |book, _| {
                    book.sells.pop_first();
                },
                "3 stops are pending, the count is 3, the index has 2",
            ),
            (
                |book, _| book.stops[0].status = StopStatus::Cancelled,
                "2 stops are pending, the count is 3, the index has 3",
            ),
            (
                |book, _| {
                    let group = book.sell_watermarks[0].clone();
                    book.sell_watermarks.push(group);
                },
                "sell: watermark groups ascend",
            ),
            (
                |book, _| book.stops[0].stop_price = Price(51),
                "stop 1: it is indexed at its price",
            ),
            (
                |book, _| book.stops[1].watermark = Some(Price(108)),
                "stop 2: it is grouped by its watermark",
            ),
            (
                |book, _| book.sell_watermarks.clear(),
                "stop 2: it is grouped by its watermark",
            ),
            (
                |book, _| book.buy_watermarks = std::mem::take(&mut book.sell_watermarks),
                "stop 2: it is grouped by its watermark",
            ),
            (
                |book, _| book.atr_groups.clear(),
                "stop 3: it is grouped by its period",
            ),
            (
                |book, _| {
                    let group = book.atr_groups.remove(&2).unwrap();
                    book.atr_groups.insert(4, group);
                },
                "stop 3: it is grouped by its period",
            ),
            (
                |_, changes| changes.push(1),
                "the sum of the last 2 price changes is kept",
            ),
            (
                |book, _| book.stops[3].triggered_order_id = None,
                "stop 4: a triggered stop names its order",
            ),
            (
                |book, _| book.stops[0].triggered_order_id = Some(OrderId(9)),
                "stop 1: a triggered stop names its order",
            ),
        ];
        for (breaks, expected) in breaks {
            let (mut book, mut changes) = small_book();
            breaks(&mut book, &mut changes);
            assert_eq!(book.check(&changes), Err((*expected).to_owned()));
        }
    }
}
