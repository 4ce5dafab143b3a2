//! The exchange: commands, time in force, ids and the clock.
//!
//! Every command is an [`Event`], and every event takes one path: [`Exchange::apply`] checks it,
//! records it and executes it. The live calls, replay and load all go through it. A refused
//! command changes nothing.

mod digest;
mod log;
mod pieces;
mod stop;

#[cfg(feature = "persistence")]
mod persist;

use std::borrow::Borrow;

pub use log::{EventLog, EventLogIter};
#[cfg(feature = "persistence")]
pub(crate) use persist::ExchangeImage;
use stop::{NewStop, PriceChanges, StopBook};

use crate::OrderStatus;
use crate::book::{Book, BookSnapshot, QueuePosition, Record, State};
use crate::error::{CancelError, InvariantError, ModifyError, ReplayError, ValidationError};
use crate::event::Event;
use crate::matching::{Aggressor, Tape, cross};
use crate::order::{Order, StopOrder, StopStatus, TrailMethod};
use crate::result::{
    CancelResult, Execution, ModifyResult, Outcome, StopSubmitResult, SubmitResult,
};
use crate::trade::Trade;
use crate::types::{OrderId, Price, Quantity, Side, TimeInForce, Timestamp};

/// A continuous double auction for one instrument, with price-time priority.
///
/// The same commands in the same order always give the same trades, ids and timestamps.
///
/// ```
/// use nanobook::{Exchange, OrderStatus, Price, Side, TimeInForce};
/// let mut exchange = Exchange::new();
/// exchange.submit_limit(Side::Sell, Price(101_00), 50, TimeInForce::GTC);
/// let result = exchange.submit_limit(Side::Buy, Price(102_00), 80, TimeInForce::GTC);
/// assert_eq!(result.status, OrderStatus::PartiallyFilled);
/// assert_eq!(result.trades[0].price, Price(101_00));
/// assert_eq!((result.filled_quantity, result.resting_quantity), (50, 30));
/// assert_eq!(exchange.best_bid_ask(), (Some(Price(102_00)), None));
/// ```
#[derive(Clone, Debug)]
pub struct Exchange {
    book: Book,
    tape: Tape,
    last_trade_price: Option<Price>,
    changes: PriceChanges,
    stops: StopBook,
    log: EventLog,
    /// The running hash of the first `hashed` trades on the tape and all that were cleared.
    trade_hash: u64,
    hashed: usize,
}

impl Default for Exchange {
    fn default() -> Self {
        Self::new()
    }
}

/// Compares all that a user can observe, the event log included.
impl PartialEq for Exchange {
    fn eq(&self, other: &Self) -> bool {
        self.tape.clock == other.tape.clock
            && self.tape.last_id == other.tape.last_id
            && self.book.orders.next_id() == other.book.orders.next_id()
            && self.last_trade_price == other.last_trade_price
            && self.changes == other.changes
            && self.running_trade_hash() == other.running_trade_hash()
            && self.tape.trades == other.tape.trades
            && self.log == other.log
            // Queues are in the order of the ids, so equal orders make equal books.
            && self.orders().eq(other.orders())
            && self.stops.iter().eq(other.stops.iter())
    }
}

impl Exchange {
    /// Returns an empty exchange that logs its events.
    pub fn new() -> Self {
        Self::with_log(EventLog::new(true))
    }

    /// Returns an empty exchange that does not log its events: less memory, no
    /// [`replay`](Self::replay) and no `save`.
    pub fn without_event_log() -> Self {
        Self::with_log(EventLog::new(false))
    }

    /// Returns an empty exchange with memory ready for this many orders and their events.
    ///
    /// # Panics
    ///
    /// When that is more than there can be.
    pub fn with_capacity(orders: usize) -> Self {
        let mut exchange = Self::new();
        exchange.book.orders.reserve(orders);
        exchange.log.reserve(orders);
        exchange
    }

    fn with_log(log: EventLog) -> Self {
        Self {
            book: Book::new(),
            tape: Tape::new(),
            last_trade_price: None,
            changes: PriceChanges::default(),
            stops: StopBook::default(),
            log,
            trade_hash: digest::NO_TRADES,
            hashed: 0,
        }
    }

    /// Returns the exchange that these events lead to, from an empty one.
    ///
    /// Takes `&[Event]`, `&Vec<Event>` or the [`events`](Self::events) of another exchange. The
    /// result equals the exchange that logged them in every observable way, unless its history
    /// was cleared.
    ///
    /// # Errors
    ///
    /// [`ReplayError`] names the first event that no exchange accepts.
    ///
    /// ```
    /// use nanobook::{Exchange, Price, Side, TimeInForce};
    /// let mut exchange = Exchange::new();
    /// exchange.submit_limit(Side::Buy, Price(100_00), 10, TimeInForce::GTC);
    /// assert_eq!(Exchange::replay(exchange.events())?, exchange);
    /// # Ok::<(), nanobook::ReplayError>(())
    /// ```
    pub fn replay<I>(events: I) -> Result<Self, ReplayError>
    where
        I: IntoIterator,
        I::Item: Borrow<Event>,
    {
        let events = events.into_iter();
        let mut exchange = Self::with_capacity(events.size_hint().0);
        for (index, event) in events.enumerate() {
            exchange
                .apply(event.borrow())
                .map_err(|error| ReplayError { index, error })?;
        }
        Ok(exchange)
    }

    /// Checks a command, records it and executes it: the one path of live calls and replay.
    ///
    /// # Errors
    ///
    /// [`ValidationError`] if the command is refused; then nothing has changed. A cancel, reduce
    /// or modify that fails is accepted: its outcome says why it did nothing.
    ///
    /// # Panics
    ///
    /// When the exchange keeps 2^32 orders, some 200 GB.
    #[expect(clippy::too_many_lines, reason = "a short arm for each kind")]
    #[inline]
    pub fn apply(&mut self, event: &Event) -> Result<Outcome, ValidationError> {
        let seen = self.tape.trades.len();
        // One branch on the kind does everything, and each arm makes its outcome last. An outcome
        // that is made before the trades are observed is copied, and reading what was written a
        // moment ago in other widths takes longer than a cancel.
        match *event {
            Event::SubmitLimit {
                side,
                price,
                quantity,
                time_in_force,
            } => {
                check_quantity(quantity)?;
                self.check_limit(side, price, quantity, time_in_force, 0)?;
                self.log.record(event);
                let execution = self.execute_order(side, price, quantity, time_in_force);
                self.observe_trades(seen);
                Ok(Outcome::Submit(execution))
            }
            Event::SubmitMarket { side, quantity } => {
                check_quantity(quantity)?;
                self.log.record(event);
                let execution = self.execute_market(side, quantity);
                self.observe_trades(seen);
                Ok(Outcome::Submit(execution))
            }
            Event::Cancel { order_id } => {
                self.log.record(event);
                Ok(Outcome::Cancel(self.execute_cancel(order_id)))
            }
            Event::Reduce { order_id, quantity } => {
                check_quantity(quantity)?;
                self.log.record(event);
                Ok(Outcome::Cancel(self.execute_reduce(order_id, quantity)))
            }
            Event::Modify {
                order_id,
                new_price,
                new_quantity,
            } => {
                self.log.record(event);
                let result = self.execute_modify(order_id, new_price, new_quantity);
                self.observe_trades(seen);
                Ok(Outcome::Modify(result))
            }
            Event::SubmitStopMarket {
                side,
                stop_price,
                quantity,
            } => self.apply_stop(
                event,
                &NewStop {
                    side,
                    stop_price,
                    limit_price: None,
                    quantity,
                    time_in_force: TimeInForce::IOC,
                    trail_method: None,
                },
            ),
            Event::SubmitStopLimit {
                side,
                stop_price,
                limit_price,
                quantity,
                time_in_force,
            } => self.apply_stop(
                event,
                &NewStop {
                    side,
                    stop_price,
                    limit_price: Some(limit_price),
                    quantity,
                    time_in_force,
                    trail_method: None,
                },
            ),
            Event::SubmitTrailingStopMarket {
                side,
                initial_stop_price,
                quantity,
                trail_method,
            } => self.apply_stop(
                event,
                &NewStop {
                    side,
                    stop_price: initial_stop_price,
                    limit_price: None,
                    quantity,
                    time_in_force: TimeInForce::IOC,
                    trail_method: Some(trail_method),
                },
            ),
            Event::SubmitTrailingStopLimit {
                side,
                initial_stop_price,
                limit_price,
                quantity,
                time_in_force,
                trail_method,
            } => self.apply_stop(
                event,
                &NewStop {
                    side,
                    stop_price: initial_stop_price,
                    limit_price: Some(limit_price),
                    quantity,
                    time_in_force,
                    trail_method: Some(trail_method),
                },
            ),
        }
    }

    /// Checks a limit order's price and what would rest of it, with `gone` of the side's total
    /// already taken off.
    #[inline]
    fn check_limit(
        &self,
        side: Side,
        price: Price,
        quantity: Quantity,
        time_in_force: TimeInForce,
        gone: Quantity,
    ) -> Result<(), ValidationError> {
        check_price(price, quantity)?;
        if time_in_force == TimeInForce::GTC {
            let resting = self.book.side(side).total() - gone;
            if resting.checked_add(quantity).is_none() {
                // Rare: only now does it matter how much would trade before the rest rests.
                let filled = self.book.side(side.opposite()).fillable(price, quantity);
                let quantity = quantity - filled;
                if resting.checked_add(quantity).is_none() {
                    return Err(ValidationError::SideTotalOverflow {
                        side,
                        resting,
                        quantity,
                    });
                }
            }
        }
        Ok(())
    }

    /// Matches an order and lets rest what its TIF lets rest.
    #[expect(
        clippy::inline_always,
        reason = "an execution that a call returns in memory is copied once more"
    )]
    #[inline(always)]
    fn execute_order(
        &mut self,
        side: Side,
        price: Price,
        quantity: Quantity,
        time_in_force: TimeInForce,
    ) -> Execution {
        let order_id = self.book.orders.next_id();
        let timestamp = self.tape.tick();
        let first_trade = self.tape.trades.len();
        let is_killed = time_in_force == TimeInForce::FOK
            && self.book.side(side.opposite()).fillable(price, quantity) < quantity;
        let left = if is_killed {
            quantity
        } else {
            let aggressor = Aggressor {
                id: order_id,
                side,
                limit: price,
                quantity,
            };
            cross(&aggressor, &mut self.book, &mut self.tape)
        };
        let filled = quantity - left;
        // A triggered stop's order is not refused for a side's total: it is cancelled.
        let rests = left > 0
            && time_in_force == TimeInForce::GTC
            && self.book.side(side).total().checked_add(left).is_some();
        let state = if rests {
            State::Resting
        } else if left == 0 {
            State::Filled
        } else {
            State::Cancelled
        };
        let slot = self.book.orders.push(Record {
            price,
            original: quantity,
            open_or_filled: if rests { left } else { filled },
            timestamp,
            next: u32::MAX,
            prev: u32::MAX,
            level: u32::MAX,
            side,
            time_in_force,
            state,
            is_reduced: false,
        });
        if rests {
            let (ladder, orders) = self.book.side_mut(side);
            ladder.insert(slot, orders);
        }
        Execution {
            order_id,
            status: match state {
                State::Filled => OrderStatus::Filled,
                State::Resting if filled == 0 => OrderStatus::New,
                State::Resting => OrderStatus::PartiallyFilled,
                State::Cancelled | State::Stop => OrderStatus::Cancelled,
            },
            trades: first_trade..self.tape.trades.len(),
            filled_quantity: filled,
            resting_quantity: if rests { left } else { 0 },
            cancelled_quantity: if rests { 0 } else { left },
        }
    }

    #[inline]
    fn execute_market(&mut self, side: Side, quantity: Quantity) -> Execution {
        let price = match side {
            Side::Buy => Price::MAX,
            Side::Sell => Price::MIN,
        };
        self.execute_order(side, price, quantity, TimeInForce::IOC)
    }

    #[inline]
    fn execute_cancel(&mut self, order_id: OrderId) -> CancelResult {
        let Some(slot) = self.book.orders.slot(order_id) else {
            return cancel_failed(CancelError::OrderNotFound);
        };
        let record = self.book.orders.record(slot);
        match record.state {
            State::Resting => cancelled(self.book.cancel(slot)),
            State::Filled | State::Cancelled => cancel_failed(CancelError::OrderNotActive),
            State::Stop => match self.stops.cancel(record.level) {
                Some(quantity) => {
                    self.book.orders.finish_stop();
                    cancelled(quantity)
                }
                None => cancel_failed(CancelError::OrderNotActive),
            },
        }
    }

    /// Returns the slot of an order that rests.
    #[inline]
    fn resting_slot(&self, order_id: OrderId) -> Result<u32, CancelError> {
        let slot = self.book.orders.slot(order_id);
        let slot = slot.ok_or(CancelError::OrderNotFound)?;
        match self.book.orders.record(slot).state {
            State::Resting => Ok(slot),
            State::Filled | State::Cancelled => Err(CancelError::OrderNotActive),
            State::Stop => Err(CancelError::OrderNotFound),
        }
    }

    fn execute_reduce(&mut self, order_id: OrderId, quantity: Quantity) -> CancelResult {
        let slot = match self.resting_slot(order_id) {
            Ok(slot) => slot,
            Err(error) => return cancel_failed(error),
        };
        let record = self.book.orders.record(slot);
        if quantity >= record.open_or_filled {
            return cancelled(self.book.cancel(slot));
        }
        let (ladder, orders) = self.book.side_mut(record.side);
        ladder.reduce(slot, quantity, orders);
        cancelled(quantity)
    }

    fn execute_modify(
        &mut self,
        order_id: OrderId,
        new_price: Price,
        new_quantity: Quantity,
    ) -> Result<(Quantity, Execution), ModifyError> {
        let slot = self.resting_slot(order_id)?;
        let record = self.book.orders.record(slot);
        let (side, time_in_force) = (record.side, record.time_in_force);
        if new_quantity == 0 {
            return Err(ModifyError::InvalidQuantity);
        }
        let gone = record.open_or_filled;
        self.check_limit(side, new_price, new_quantity, time_in_force, gone)
            .map_err(|_| ModifyError::InvalidPrice)?;
        let remaining = self.book.cancel(slot);
        let execution = self.execute_order(side, new_price, new_quantity, time_in_force);
        Ok((remaining, execution))
    }

    /// Checks, records and executes a stop, whose fields are those of the event.
    #[inline(never)]
    fn apply_stop(&mut self, event: &Event, new: &NewStop) -> Result<Outcome, ValidationError> {
        check_stop(
            new.stop_price,
            new.limit_price,
            new.quantity,
            new.trail_method,
        )?;
        self.log.record(event);
        let seen = self.tape.trades.len();
        let order_id = self.book.orders.next_id();
        let timestamp = self.tape.tick();
        let slot = self.book.orders.push(Record {
            price: new.stop_price,
            original: new.quantity,
            open_or_filled: 0,
            timestamp,
            next: u32::MAX,
            prev: u32::MAX,
            level: self.stops.next_index(),
            side: new.side,
            time_in_force: new.time_in_force,
            state: State::Stop,
            is_reduced: false,
        });
        debug_assert_eq!(self.book.orders.id(slot), order_id, "ids are dense");
        let status = self.stops.submit(
            order_id,
            timestamp,
            new,
            self.last_trade_price,
            &self.changes,
        );
        if status == StopStatus::Triggered {
            self.submit_triggered();
        }
        self.observe_trades(seen);
        Ok(Outcome::Stop(StopSubmitResult { order_id, status }))
    }

    /// Shows the trades from `seen` on to the stops, and submits what they trigger in waves until
    /// nothing triggers.
    #[inline]
    fn observe_trades(&mut self, seen: usize) {
        // Most commands make no trade.
        if seen < self.tape.trades.len() {
            self.observe_new_trades(seen);
        }
    }

    #[inline(never)]
    fn observe_new_trades(&mut self, mut seen: usize) {
        while seen < self.tape.trades.len() {
            while let Some(trade) = self.tape.trades.get(seen) {
                seen += 1;
                let price = trade.price;
                // Prices are positive, so their difference fits.
                let change = self.last_trade_price.map(|last| price.0.abs_diff(last.0));
                if let Some(change) = change {
                    self.changes.push(change);
                }
                self.last_trade_price = Some(price);
                if self.stops.pending() > 0 {
                    self.stops.observe(price, change, &self.changes);
                }
            }
            self.submit_triggered();
        }
        if self.tape.trades.len() - self.hashed >= digest::BATCH {
            self.trade_hash = self.running_trade_hash();
            self.hashed = self.tape.trades.len();
        }
    }

    /// Submits the orders of one wave of triggered stops.
    fn submit_triggered(&mut self) {
        for index in self.stops.take_wave() {
            let stop = *self.stops.get(index);
            self.book.orders.finish_stop();
            let execution = match stop.limit_price {
                None => self.execute_market(stop.side, stop.quantity),
                Some(limit) => {
                    self.execute_order(stop.side, limit, stop.quantity, stop.time_in_force)
                }
            };
            self.stops.set_triggered_order(index, execution.order_id);
        }
    }
}

/// Commands. Those that can be refused come in two forms: one that panics, for programs that
/// make their own orders, and a `try_` form that returns the error.
impl Exchange {
    /// Submits a limit order: GTC rests with what is left, IOC cancels what is left, FOK fills
    /// whole or not at all.
    ///
    /// # Panics
    ///
    /// Where [`try_submit_limit`](Self::try_submit_limit) gives an error.
    #[track_caller]
    pub fn submit_limit(
        &mut self,
        side: Side,
        price: Price,
        quantity: Quantity,
        time_in_force: TimeInForce,
    ) -> SubmitResult {
        accept(self.try_submit_limit(side, price, quantity, time_in_force))
    }

    /// Submits a limit order: GTC rests with what is left, IOC cancels what is left, FOK fills
    /// whole or not at all.
    ///
    /// # Errors
    ///
    /// [`ValidationError`] for a quantity of 0, a price that is not positive and below
    /// [`Price::MAX`], a price x quantity past `i64`, or a side's resting total past `u64`.
    pub fn try_submit_limit(
        &mut self,
        side: Side,
        price: Price,
        quantity: Quantity,
        time_in_force: TimeInForce,
    ) -> Result<SubmitResult, ValidationError> {
        self.submit(&Event::SubmitLimit {
            side,
            price,
            quantity,
            time_in_force,
        })
    }

    /// Submits a market order: an IOC at any price.
    ///
    /// # Panics
    ///
    /// Where [`try_submit_market`](Self::try_submit_market) gives an error.
    #[track_caller]
    pub fn submit_market(&mut self, side: Side, quantity: Quantity) -> SubmitResult {
        accept(self.try_submit_market(side, quantity))
    }

    /// Submits a market order: an IOC at any price.
    ///
    /// # Errors
    ///
    /// [`ValidationError::ZeroQuantity`].
    pub fn try_submit_market(
        &mut self,
        side: Side,
        quantity: Quantity,
    ) -> Result<SubmitResult, ValidationError> {
        self.submit(&Event::SubmitMarket { side, quantity })
    }

    fn submit(&mut self, event: &Event) -> Result<SubmitResult, ValidationError> {
        let Outcome::Submit(execution) = self.apply(event)? else {
            unreachable!("an order's outcome is an execution");
        };
        Ok(SubmitResult {
            order_id: execution.order_id,
            status: execution.status,
            trades: self.tape.trades[execution.trades].to_vec(),
            filled_quantity: execution.filled_quantity,
            resting_quantity: execution.resting_quantity,
            cancelled_quantity: execution.cancelled_quantity,
        })
    }

    /// Cancels a resting order or a pending stop.
    pub fn cancel(&mut self, order_id: OrderId) -> CancelResult {
        match self.apply(&Event::Cancel { order_id }) {
            Ok(Outcome::Cancel(result)) => result,
            other => unreachable!("a cancel's outcome is a cancel: {other:?}"),
        }
    }

    /// Cancels and replaces a resting order: new id, new time priority, same side and TIF. The
    /// replacement may trade at once. On an error the old order still rests.
    pub fn modify(
        &mut self,
        order_id: OrderId,
        new_price: Price,
        new_quantity: Quantity,
    ) -> ModifyResult {
        let event = Event::Modify {
            order_id,
            new_price,
            new_quantity,
        };
        match self.apply(&event) {
            Ok(Outcome::Modify(Ok((cancelled_quantity, execution)))) => ModifyResult {
                success: true,
                old_order_id: order_id,
                new_order_id: Some(execution.order_id),
                cancelled_quantity,
                trades: self.tape.trades[execution.trades].to_vec(),
                error: None,
            },
            Ok(Outcome::Modify(Err(error))) => ModifyResult {
                success: false,
                old_order_id: order_id,
                new_order_id: None,
                cancelled_quantity: 0,
                trades: Vec::new(),
                error: Some(error),
            },
            other => unreachable!("a modify's outcome is a modify: {other:?}"),
        }
    }

    /// Takes quantity off a resting order, which keeps its place in the queue; all that is left,
    /// or more, cancels it.
    ///
    /// # Panics
    ///
    /// Where [`try_reduce`](Self::try_reduce) gives an error.
    #[track_caller]
    pub fn reduce(&mut self, order_id: OrderId, quantity: Quantity) -> CancelResult {
        accept(self.try_reduce(order_id, quantity))
    }

    /// Takes quantity off a resting order, which keeps its place in the queue; all that is left,
    /// or more, cancels it.
    ///
    /// # Errors
    ///
    /// [`ValidationError::ZeroQuantity`].
    pub fn try_reduce(
        &mut self,
        order_id: OrderId,
        quantity: Quantity,
    ) -> Result<CancelResult, ValidationError> {
        match self.apply(&Event::Reduce { order_id, quantity })? {
            Outcome::Cancel(result) => Ok(result),
            other => unreachable!("a reduce's outcome is a cancel: {other:?}"),
        }
    }

    /// Submits a stop that becomes a market order when a trade reaches its price.
    ///
    /// # Panics
    ///
    /// Where [`try_submit_stop_market`](Self::try_submit_stop_market) gives an error.
    #[track_caller]
    pub fn submit_stop_market(
        &mut self,
        side: Side,
        stop_price: Price,
        quantity: Quantity,
    ) -> StopSubmitResult {
        accept(self.try_submit_stop_market(side, stop_price, quantity))
    }

    /// Submits a stop that becomes a market order when a trade reaches its price: at or above for
    /// a buy, at or below for a sell. Triggers at once if the last trade is already there.
    ///
    /// # Errors
    ///
    /// [`ValidationError`] for a quantity of 0 or a stop price out of range.
    pub fn try_submit_stop_market(
        &mut self,
        side: Side,
        stop_price: Price,
        quantity: Quantity,
    ) -> Result<StopSubmitResult, ValidationError> {
        self.submit_stop(&Event::SubmitStopMarket {
            side,
            stop_price,
            quantity,
        })
    }

    /// Submits a stop that becomes a limit order when a trade reaches its price.
    ///
    /// # Panics
    ///
    /// Where [`try_submit_stop_limit`](Self::try_submit_stop_limit) gives an error.
    #[track_caller]
    pub fn submit_stop_limit(
        &mut self,
        side: Side,
        stop_price: Price,
        limit_price: Price,
        quantity: Quantity,
        time_in_force: TimeInForce,
    ) -> StopSubmitResult {
        accept(self.try_submit_stop_limit(side, stop_price, limit_price, quantity, time_in_force))
    }

    /// Submits a stop that becomes a limit order when a trade reaches its price.
    ///
    /// # Errors
    ///
    /// [`ValidationError`] for a quantity of 0, a stop or limit price out of range, or a limit
    /// price x quantity past `i64`.
    pub fn try_submit_stop_limit(
        &mut self,
        side: Side,
        stop_price: Price,
        limit_price: Price,
        quantity: Quantity,
        time_in_force: TimeInForce,
    ) -> Result<StopSubmitResult, ValidationError> {
        self.submit_stop(&Event::SubmitStopLimit {
            side,
            stop_price,
            limit_price,
            quantity,
            time_in_force,
        })
    }

    /// Submits a trailing stop that becomes a market order.
    ///
    /// # Panics
    ///
    /// Where [`try_submit_trailing_stop_market`](Self::try_submit_trailing_stop_market) gives an
    /// error.
    #[track_caller]
    pub fn submit_trailing_stop_market(
        &mut self,
        side: Side,
        initial_stop_price: Price,
        quantity: Quantity,
        trail_method: TrailMethod,
    ) -> StopSubmitResult {
        accept(self.try_submit_trailing_stop_market(
            side,
            initial_stop_price,
            quantity,
            trail_method,
        ))
    }

    /// Submits a trailing stop that becomes a market order. It follows the best trade price since
    /// its submission at the distance its method gives, in the protective direction only: up for
    /// a sell, down for a buy.
    ///
    /// # Errors
    ///
    /// [`ValidationError`] for a quantity of 0, a stop price out of range, or a trail method with
    /// a number out of range.
    ///
    /// ```
    /// use nanobook::{Exchange, Price, Side, TimeInForce, TrailMethod};
    /// let mut exchange = Exchange::new();
    /// let trail = TrailMethod::Fixed(50);
    /// let stop = exchange.submit_trailing_stop_market(Side::Sell, Price(99_00), 10, trail);
    /// exchange.submit_limit(Side::Sell, Price(101_00), 1, TimeInForce::GTC);
    /// exchange.submit_market(Side::Buy, 1);
    /// let stop = exchange.get_stop_order(stop.order_id).unwrap();
    /// assert_eq!(stop.watermark, Some(Price(101_00)));
    /// assert_eq!(stop.stop_price, Price(100_50));
    /// ```
    pub fn try_submit_trailing_stop_market(
        &mut self,
        side: Side,
        initial_stop_price: Price,
        quantity: Quantity,
        trail_method: TrailMethod,
    ) -> Result<StopSubmitResult, ValidationError> {
        self.submit_stop(&Event::SubmitTrailingStopMarket {
            side,
            initial_stop_price,
            quantity,
            trail_method,
        })
    }

    /// Submits a trailing stop that becomes a limit order. Only the stop price trails.
    ///
    /// # Panics
    ///
    /// Where [`try_submit_trailing_stop_limit`](Self::try_submit_trailing_stop_limit) gives an
    /// error.
    #[track_caller]
    pub fn submit_trailing_stop_limit(
        &mut self,
        side: Side,
        initial_stop_price: Price,
        limit_price: Price,
        quantity: Quantity,
        time_in_force: TimeInForce,
        trail_method: TrailMethod,
    ) -> StopSubmitResult {
        accept(self.try_submit_trailing_stop_limit(
            side,
            initial_stop_price,
            limit_price,
            quantity,
            time_in_force,
            trail_method,
        ))
    }

    /// Submits a trailing stop that becomes a limit order. Only the stop price trails.
    ///
    /// # Errors
    ///
    /// [`ValidationError`] for a quantity of 0, a stop or limit price out of range, a limit price
    /// x quantity past `i64`, or a trail method with a number out of range.
    pub fn try_submit_trailing_stop_limit(
        &mut self,
        side: Side,
        initial_stop_price: Price,
        limit_price: Price,
        quantity: Quantity,
        time_in_force: TimeInForce,
        trail_method: TrailMethod,
    ) -> Result<StopSubmitResult, ValidationError> {
        self.submit_stop(&Event::SubmitTrailingStopLimit {
            side,
            initial_stop_price,
            limit_price,
            quantity,
            time_in_force,
            trail_method,
        })
    }

    fn submit_stop(&mut self, event: &Event) -> Result<StopSubmitResult, ValidationError> {
        match self.apply(event)? {
            Outcome::Stop(result) => Ok(result),
            other => unreachable!("a stop's outcome is a stop: {other:?}"),
        }
    }
}

/// Queries, and clearing what queries no longer need.
impl Exchange {
    /// Returns an order, finished or not, until history is cleared. `None` for a stop.
    pub fn get_order(&self, order_id: OrderId) -> Option<Order> {
        self.book.orders.order(self.book.orders.slot(order_id)?)
    }

    /// Returns the orders that [`get_order`](Self::get_order) knows, by id.
    ///
    /// ```
    /// use nanobook::{Exchange, OrderStatus, Price, Side, TimeInForce};
    /// let mut exchange = Exchange::new();
    /// exchange.submit_limit(Side::Buy, Price(100_00), 10, TimeInForce::GTC);
    /// exchange.submit_market(Side::Sell, 10);
    /// assert!(exchange.orders().all(|order| order.status == OrderStatus::Filled));
    /// assert_eq!(exchange.orders().count(), 2);
    /// ```
    pub fn orders(&self) -> impl Iterator<Item = Order> {
        let orders = &self.book.orders;
        orders.slots().filter_map(|slot| orders.order(slot))
    }

    /// Returns a stop, finished or not, until history is cleared. `None` for an order.
    pub fn get_stop_order(&self, order_id: OrderId) -> Option<StopOrder> {
        let record = self.book.orders.record(self.book.orders.slot(order_id)?);
        (record.state == State::Stop).then(|| *self.stops.get(record.level))
    }

    /// Returns the stops that [`get_stop_order`](Self::get_stop_order) knows, by id.
    ///
    /// ```
    /// use nanobook::{Exchange, Price, Side, StopStatus};
    /// let mut exchange = Exchange::new();
    /// exchange.submit_stop_market(Side::Sell, Price(95_00), 10);
    /// let stop = exchange.submit_stop_market(Side::Sell, Price(90_00), 10);
    /// exchange.cancel(stop.order_id);
    /// let pending = |status| status == StopStatus::Pending;
    /// assert_eq!(exchange.stop_orders().filter(|stop| pending(stop.status)).count(), 1);
    /// ```
    pub fn stop_orders(&self) -> impl ExactSizeIterator<Item = StopOrder> {
        self.stops.iter().copied()
    }

    /// Returns how much trades before a resting order at its price; `None` if it does not rest.
    ///
    /// Costs O(orders ahead).
    pub fn queue_position(&self, order_id: OrderId) -> Option<QueuePosition> {
        self.book.queue_position(self.book.orders.slot(order_id)?)
    }

    /// Returns the highest bid.
    #[inline]
    pub fn best_bid(&self) -> Option<Price> {
        self.book.best(Side::Buy)
    }

    /// Returns the lowest ask.
    #[inline]
    pub fn best_ask(&self) -> Option<Price> {
        self.book.best(Side::Sell)
    }

    /// Returns the highest bid and the lowest ask.
    #[inline]
    pub fn best_bid_ask(&self) -> (Option<Price>, Option<Price>) {
        (self.best_bid(), self.best_ask())
    }

    /// Returns best ask - best bid in price units, or `None` where a side is empty.
    pub fn spread(&self) -> Option<i64> {
        Some(self.best_ask()?.0 - self.best_bid()?.0)
    }

    /// Returns the price of the last trade, whether or not it was cleared.
    #[inline]
    pub fn last_trade_price(&self) -> Option<Price> {
        self.last_trade_price
    }

    /// Returns the best levels of both sides, at most `levels` of each.
    pub fn depth(&self, levels: usize) -> BookSnapshot {
        self.book.snapshot(levels, false, self.tape.clock)
    }

    /// Returns all levels of both sides with each level's orders in queue order.
    pub fn full_book(&self) -> BookSnapshot {
        self.book.snapshot(usize::MAX, true, self.tape.clock)
    }

    /// Returns the last timestamp issued; 0 before the first.
    pub fn timestamp(&self) -> Timestamp {
        self.tape.clock
    }

    /// Returns the trades since the last [`clear_trades`](Self::clear_trades), oldest first.
    #[inline]
    pub fn trades(&self) -> &[Trade] {
        &self.tape.trades
    }

    /// Drops the trades and gives their memory back. Trade ids go on, and the last trade price
    /// and the price changes that ATR stops use stay.
    pub fn clear_trades(&mut self) {
        self.trade_hash = self.running_trade_hash();
        self.hashed = 0;
        self.tape.trades = Vec::new();
    }

    /// Returns the accepted commands since the last [`clear_events`](Self::clear_events).
    pub fn events(&self) -> &EventLog {
        &self.log
    }

    /// Drops the events and gives their memory back. The log is incomplete from then on: what is
    /// left of it cannot be replayed or saved.
    pub fn clear_events(&mut self) {
        self.log.clear();
    }

    /// Returns whether accepted commands are logged.
    pub fn has_event_log(&self) -> bool {
        self.log.is_on()
    }

    /// Forgets finished orders and stops, gives their memory back, and returns how many there
    /// were. Resting orders and pending stops stay; forgotten ids are unknown from then on.
    ///
    /// Costs O(orders kept and dropped).
    pub fn clear_order_history(&mut self) -> usize {
        let dropped = self.book.orders.finished();
        if dropped == 0 {
            return 0;
        }
        let stops = &self.stops;
        self.book
            .compact(|record| stops.get(record.level).status == StopStatus::Pending);
        let renamed = self.stops.compact(&self.changes);
        self.book.rename_stops(&renamed);
        dropped
    }

    /// Returns how many stops wait for their price.
    #[inline]
    pub fn pending_stop_count(&self) -> usize {
        self.stops.pending()
    }

    /// Checks that the parts of the exchange agree with each other.
    ///
    /// Costs O(everything kept): for tests, and after work on the engine itself.
    ///
    /// # Errors
    ///
    /// [`InvariantError`] states the first invariant that does not hold.
    pub fn check_invariants(&self) -> Result<(), InvariantError> {
        self.check().map_err(InvariantError)
    }

    fn check(&self) -> Result<(), String> {
        self.book.check()?;
        self.stops.check(&self.changes)?;
        let orders = &self.book.orders;
        let mut stop_ids = self.stops.iter().map(|stop| stop.id);
        let mut finished = 0;
        let mut latest = 0;
        for slot in orders.slots() {
            let record = orders.record(slot);
            let id = orders.id(slot);
            if record.timestamp <= latest || record.timestamp > self.tape.clock {
                return Err(format!("order {id}: timestamps ascend with ids"));
            }
            latest = record.timestamp;
            let is_open = match record.state {
                State::Resting => true,
                State::Filled | State::Cancelled => false,
                State::Stop => {
                    if stop_ids.next() != Some(id) || self.stops.get(record.level).id != id {
                        return Err(format!("stop {id}: its record leads to it"));
                    }
                    self.stops.get(record.level).status == StopStatus::Pending
                }
            };
            finished += usize::from(!is_open);
        }
        if stop_ids.next().is_some() {
            return Err("every stop has a record".to_owned());
        }
        if finished != orders.finished() {
            return Err(format!(
                "{finished} orders and stops are finished, the count is {}",
                orders.finished()
            ));
        }
        self.check_tape()
    }

    /// Checks ids and timestamps of the trades, and each order's fills against its quantity.
    fn check_tape(&self) -> Result<(), String> {
        let trades = &self.tape.trades;
        if self.hashed > trades.len() {
            return Err("hashed trades are on the tape".to_owned());
        }
        if (trades.len() as u64) > self.tape.last_id {
            return Err("every trade has an id of its own".to_owned());
        }
        let first_id = self.tape.last_id - trades.len() as u64 + 1;
        let mut latest = 0;
        for (id, trade) in (first_id..).zip(trades) {
            if trade.id.0 != id || trade.timestamp <= latest || trade.timestamp > self.tape.clock {
                return Err(format!("trade {id}: ids and timestamps ascend"));
            }
            latest = trade.timestamp;
            if trade.quantity == 0
                || !trade.price.is_valid()
                || trade.price.checked_notional(trade.quantity).is_none()
            {
                return Err(format!(
                    "trade {id}: its price, quantity and notional are valid"
                ));
            }
        }
        if let Some(last) = trades.last() {
            if self.last_trade_price != Some(last.price) {
                return Err(format!("the last trade price is that of trade {}", last.id));
            }
        }
        if first_id == 1 && self.book.orders.is_complete() {
            self.check_fills()?;
        }
        Ok(())
    }

    /// With nothing dropped, each order's filled quantity is the sum of its trades.
    fn check_fills(&self) -> Result<(), String> {
        let orders = &self.book.orders;
        let mut filled = vec![0_u64; orders.len()];
        for trade in &self.tape.trades {
            for id in [trade.aggressor_order_id, trade.passive_order_id] {
                let Some(slot) = orders.slot(id) else {
                    return Err(format!("trade {}: order {id} is known", trade.id));
                };
                let sum = filled[slot as usize].checked_add(trade.quantity);
                filled[slot as usize] =
                    sum.ok_or_else(|| format!("order {id}: the sum of its trades fits"))?;
            }
        }
        for order in self.orders() {
            let traded = orders.slot(order.id).map(|slot| filled[slot as usize]);
            if traded != Some(order.filled_quantity) {
                return Err(format!(
                    "order {}: filled {} is the sum of its trades {traded:?}",
                    order.id, order.filled_quantity
                ));
            }
        }
        Ok(())
    }
}

#[track_caller]
fn accept<T>(result: Result<T, ValidationError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

const fn cancelled(quantity: Quantity) -> CancelResult {
    CancelResult {
        success: true,
        cancelled_quantity: quantity,
        error: None,
    }
}

const fn cancel_failed(error: CancelError) -> CancelResult {
    CancelResult {
        success: false,
        cancelled_quantity: 0,
        error: Some(error),
    }
}

#[inline]
const fn check_quantity(quantity: Quantity) -> Result<(), ValidationError> {
    if quantity == 0 {
        return Err(ValidationError::ZeroQuantity);
    }
    Ok(())
}

#[inline]
fn check_price(price: Price, quantity: Quantity) -> Result<(), ValidationError> {
    if !price.is_valid() {
        return Err(ValidationError::InvalidPrice(price));
    }
    if price.checked_notional(quantity).is_none() {
        return Err(ValidationError::NotionalOverflow { price, quantity });
    }
    Ok(())
}

fn check_stop(
    stop_price: Price,
    limit_price: Option<Price>,
    quantity: Quantity,
    trail_method: Option<TrailMethod>,
) -> Result<(), ValidationError> {
    check_quantity(quantity)?;
    if !stop_price.is_valid() {
        return Err(ValidationError::InvalidStopPrice(stop_price));
    }
    if let Some(limit_price) = limit_price {
        check_price(limit_price, quantity)?;
    }
    trail_method.map_or(Ok(()), TrailMethod::validate)
}

#[cfg(test)]
impl Exchange {
    /// An exchange that fails its check, for the tests of what holds exchanges.
    pub(crate) fn broken() -> Self {
        let mut exchange = Self::new();
        exchange.book.orders.finish_stop();
        exchange
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Order 1 rests with 3 of 5, order 2 has traded 2 with it, order 3 is cancelled; stop 4 is
    /// pending and stop 5 was triggered at once and became order 6, which is cancelled.
    fn small_exchange() -> Exchange {
        let mut exchange = Exchange::new();
        exchange.submit_limit(Side::Buy, Price(100), 5, TimeInForce::GTC);
        exchange.submit_limit(Side::Sell, Price(100), 2, TimeInForce::GTC);
        exchange.submit_limit(Side::Buy, Price(98), 1, TimeInForce::GTC);
        exchange.cancel(OrderId(3));
        exchange.submit_stop_market(Side::Sell, Price(50), 1);
        exchange.submit_stop_market(Side::Buy, Price(100), 1);
        exchange
    }

    /// Each way to break the exchange, and what the check says of it.
    #[test]
    fn check_names_what_is_broken() {
        type Break = fn(&mut Exchange);
        let breaks: &[(Break, &str)] = &[
            (
                |exchange| exchange.book.orders.record_mut(0).open_or_filled = 4,
                "buy 100: count and quantity are those of the queue (1, 4)",
            ),
            (
                |exchange| exchange.stops = StopBook::default(),
                "stop 4: its record leads to it",
            ),
            (
                |exchange| exchange.book.orders.record_mut(4).level = 0,
                "stop 5: its record leads to it",
            ),
            (
                |exchange| {
                    let record = exchange.book.orders.record_mut(4);
                    record.state = State::Cancelled;
                },
                "every stop has a record",
            ),
            (
                |exchange| exchange.book.orders.record_mut(1).timestamp = 1,
                "order 2: timestamps ascend with ids",
            ),
            (
                |exchange| exchange.tape.clock = 6,
                "order 6: timestamps ascend with ids",
            ),
            (
                |exchange| exchange.book.orders.finish_stop(),
                "4 orders and stops are finished, the count is 5",
            ),
            (
                |exchange| exchange.hashed = 2,
                "hashed trades are on the tape",
            ),
            (
                |exchange| exchange.tape.last_id = 0,
                "every trade has an id of its own",
            ),
            (
                |exchange| exchange.tape.last_id = 2,
                "trade 2: ids and timestamps ascend",
            ),
            (
                |exchange| exchange.tape.trades[0].timestamp = 99,
                "trade 1: ids and timestamps ascend",
            ),
            (
                |exchange| exchange.tape.trades[0].quantity = 0,
                "trade 1: its price, quantity and notional are valid",
            ),
            (
                |exchange| exchange.tape.trades[0].price = Price::ZERO,
                "trade 1: its price, quantity and notional are valid",
            ),
            (
                |exchange| exchange.tape.trades[0].quantity = u64::MAX,
                "trade 1: its price, quantity and notional are valid",
            ),
            (
                |exchange| exchange.last_trade_price = None,
                "the last trade price is that of trade 1",
            ),
            (
                |exchange| exchange.tape.trades[0].passive_order_id = OrderId(9),
                "trade 1: order 9 is known",
            ),
            (
                |exchange| exchange.tape.trades[0].quantity = 1,
                "order 1: filled 2 is the sum of its trades Some(1)",
            ),
        ];
        for (breaks, expected) in breaks {
            let mut exchange = small_exchange();
            assert_eq!(exchange.check_invariants(), Ok(()));
            breaks(&mut exchange);
            let expected = InvariantError((*expected).to_owned());
            assert_eq!(exchange.check_invariants(), Err(expected));
        }
    }
}
