//! A deliberately naive exchange, written from the rules and never from the engine.
//!
//! It keeps one list of orders and one of stops, both in the order of their ids, and works
//! everything else out anew each time it is asked: the queue of a side is a filter and a sort, a
//! level's total is a sum. Slow and obvious is the point. Sums are taken in 128 bits, so nothing
//! here can overflow.

use std::cmp::Reverse;

use nanobook::{
    BookSnapshot, CancelError, CancelResult, Event, LevelSnapshot, ModifyError, ModifyResult,
    Order, OrderId, OrderStatus, Price, Quantity, QueuePosition, Side, StopOrder, StopStatus,
    StopSubmitResult, SubmitResult, TimeInForce, Timestamp, Trade, TradeId, TrailMethod,
    ValidationError,
};

use super::drive::Reply;

/// How many price changes an exchange remembers.
pub(crate) const CHANGES_MAX: usize = 1024;

#[derive(Clone, Debug)]
pub(crate) struct Reference {
    /// Every order that was not dropped, in the order of ids.
    pub(crate) orders: Vec<Order>,
    /// Every stop that was not dropped, in the order of ids.
    pub(crate) stops: Vec<StopOrder>,
    pub(crate) trades: Vec<Trade>,
    pub(crate) events: Vec<Event>,
    /// Whether events are kept.
    pub(crate) event_log: bool,
    /// The last id given to an order or stop; 0 before the first.
    pub(crate) last_id: u64,
    pub(crate) last_trade_id: u64,
    /// The last timestamp issued.
    pub(crate) clock: Timestamp,
    pub(crate) last_trade_price: Option<Price>,
    /// The absolute changes between consecutive trades, the latest last.
    pub(crate) changes: Vec<i128>,
    /// How many stops each wave of the last command submitted: for the tests' own tally.
    pub(crate) waves: Vec<usize>,
}

impl Reference {
    pub(crate) fn new(event_log: bool) -> Self {
        Self {
            orders: Vec::new(),
            stops: Vec::new(),
            trades: Vec::new(),
            events: Vec::new(),
            event_log,
            last_id: 0,
            last_trade_id: 0,
            clock: 0,
            last_trade_price: None,
            changes: Vec::new(),
            waves: Vec::new(),
        }
    }

    // Commands.

    pub(crate) fn apply(&mut self, event: &Event) -> Result<Reply, ValidationError> {
        self.validate(event)?;
        if self.event_log {
            self.events.push(*event);
        }
        let reply = match *event {
            Event::SubmitLimit {
                side,
                price,
                quantity,
                time_in_force,
            } => Reply::Submit(self.execute(side, price, quantity, time_in_force)),
            Event::SubmitMarket { side, quantity } => {
                Reply::Submit(self.execute(side, market_price(side), quantity, TimeInForce::IOC))
            }
            Event::Cancel { order_id } => Reply::Cancel(self.cancel(order_id)),
            Event::Reduce { order_id, quantity } => Reply::Cancel(self.reduce(order_id, quantity)),
            Event::Modify {
                order_id,
                new_price,
                new_quantity,
            } => Reply::Modify(self.modify(order_id, new_price, new_quantity)),
            Event::SubmitStopMarket {
                side,
                stop_price,
                quantity,
            } => {
                Reply::Stop(self.add_stop(side, stop_price, None, quantity, TimeInForce::IOC, None))
            }
            Event::SubmitStopLimit {
                side,
                stop_price,
                limit_price,
                quantity,
                time_in_force,
            } => Reply::Stop(self.add_stop(
                side,
                stop_price,
                Some(limit_price),
                quantity,
                time_in_force,
                None,
            )),
            Event::SubmitTrailingStopMarket {
                side,
                initial_stop_price,
                quantity,
                trail_method,
            } => Reply::Stop(self.add_stop(
                side,
                initial_stop_price,
                None,
                quantity,
                TimeInForce::IOC,
                Some(trail_method),
            )),
            Event::SubmitTrailingStopLimit {
                side,
                initial_stop_price,
                limit_price,
                quantity,
                time_in_force,
                trail_method,
            } => Reply::Stop(self.add_stop(
                side,
                initial_stop_price,
                Some(limit_price),
                quantity,
                time_in_force,
                Some(trail_method),
            )),
        };
        self.run_waves();
        Ok(reply)
    }

    fn cancel(&mut self, id: OrderId) -> CancelResult {
        if let Some(stop) = self.stops.iter_mut().find(|stop| stop.id == id) {
            if stop.status != StopStatus::Pending {
                return cancel_failed(CancelError::OrderNotActive);
            }
            stop.status = StopStatus::Cancelled;
            return cancelled(stop.quantity);
        }
        let Some(order) = self.order_mut(id) else {
            return cancel_failed(CancelError::OrderNotFound);
        };
        if !is_resting(order) {
            return cancel_failed(CancelError::OrderNotActive);
        }
        let quantity = order.remaining_quantity;
        take_off(order, quantity);
        cancelled(quantity)
    }

    fn reduce(&mut self, id: OrderId, quantity: Quantity) -> CancelResult {
        let Some(order) = self.order_mut(id) else {
            return cancel_failed(CancelError::OrderNotFound);
        };
        if !is_resting(order) {
            return cancel_failed(CancelError::OrderNotActive);
        }
        let quantity = quantity.min(order.remaining_quantity);
        take_off(order, quantity);
        cancelled(quantity)
    }

    fn modify(&mut self, id: OrderId, new_price: Price, new_quantity: Quantity) -> ModifyResult {
        let failed = |error| ModifyResult {
            success: false,
            old_order_id: id,
            new_order_id: None,
            cancelled_quantity: 0,
            trades: Vec::new(),
            error: Some(error),
        };
        let Some(old) = self.get_order(id) else {
            return failed(ModifyError::OrderNotFound);
        };
        if !is_resting(&old) {
            return failed(ModifyError::OrderNotActive);
        }
        if new_quantity == 0 {
            return failed(ModifyError::InvalidQuantity);
        }
        let price_is_right = check_price(new_price).is_ok()
            && check_notional(new_price, new_quantity).is_ok()
            && self
                .check_side_total(old.side, new_price, new_quantity, old.remaining_quantity)
                .is_ok();
        if !price_is_right {
            return failed(ModifyError::InvalidPrice);
        }
        let order = self.order_mut(id).expect("the order was just found");
        take_off(order, old.remaining_quantity);
        let new = self.execute(old.side, new_price, new_quantity, old.time_in_force);
        ModifyResult {
            success: true,
            old_order_id: id,
            new_order_id: Some(new.order_id),
            cancelled_quantity: old.remaining_quantity,
            trades: new.trades,
            error: None,
        }
    }

    fn add_stop(
        &mut self,
        side: Side,
        stop_price: Price,
        limit_price: Option<Price>,
        quantity: Quantity,
        time_in_force: TimeInForce,
        trail_method: Option<TrailMethod>,
    ) -> StopSubmitResult {
        let mut stop = StopOrder {
            id: self.next_id(),
            side,
            stop_price,
            limit_price,
            quantity,
            time_in_force,
            timestamp: self.next_timestamp(),
            status: StopStatus::Pending,
            trail_method,
            watermark: None,
            triggered_order_id: None,
        };
        // A trailing stop waits for the next trade, whatever the last one was.
        if let (None, Some(price)) = (trail_method, self.last_trade_price) {
            if reaches(price, &stop) {
                stop.status = StopStatus::Triggered;
            }
        }
        self.stops.push(stop);
        StopSubmitResult {
            order_id: stop.id,
            status: stop.status,
        }
    }

    pub(crate) fn clear_order_history(&mut self) -> usize {
        let before = self.orders.len() + self.stops.len();
        self.orders.retain(is_resting);
        self.stops.retain(|stop| stop.status == StopStatus::Pending);
        before - self.orders.len() - self.stops.len()
    }

    // Matching.

    /// Submits an order that has passed every check and matches it.
    fn execute(
        &mut self,
        side: Side,
        price: Price,
        quantity: Quantity,
        time_in_force: TimeInForce,
    ) -> SubmitResult {
        let mut order = Order {
            id: self.next_id(),
            side,
            price,
            original_quantity: quantity,
            remaining_quantity: quantity,
            filled_quantity: 0,
            cancelled_quantity: 0,
            timestamp: self.next_timestamp(),
            time_in_force,
            status: OrderStatus::New,
        };
        let mut trades = Vec::new();
        let is_killed = time_in_force == TimeInForce::FOK
            && self.quantity_within(side, price) < i128::from(quantity);
        while !is_killed && order.remaining_quantity > 0 {
            let best = self.queue(side.opposite()).first().map(|best| **best);
            let Some(passive) = best.filter(|best| crosses(side, price, best.price)) else {
                break;
            };
            let traded = order.remaining_quantity.min(passive.remaining_quantity);
            let trade = Trade {
                id: self.next_trade_id(),
                price: passive.price,
                quantity: traded,
                aggressor_order_id: order.id,
                passive_order_id: passive.id,
                aggressor_side: side,
                timestamp: self.next_timestamp(),
            };
            fill(&mut order, traded);
            fill(self.order_mut(passive.id).expect("it rests"), traded);
            self.trades.push(trade);
            trades.push(trade);
            self.see_trade(trade.price);
        }
        let left = order.remaining_quantity;
        let may_rest = time_in_force == TimeInForce::GTC
            && self.resting_total(side) + i128::from(left) <= i128::from(u64::MAX);
        if left > 0 && !may_rest {
            take_off(&mut order, left);
        }
        self.orders.push(order);
        SubmitResult {
            order_id: order.id,
            status: order.status,
            trades,
            filled_quantity: order.filled_quantity,
            resting_quantity: order.remaining_quantity,
            cancelled_quantity: order.cancelled_quantity,
        }
    }

    /// What an order of this side and price could trade with now.
    pub(crate) fn quantity_within(&self, side: Side, price: Price) -> i128 {
        self.queue(side.opposite())
            .iter()
            .filter(|passive| crosses(side, price, passive.price))
            .map(|passive| i128::from(passive.remaining_quantity))
            .sum()
    }

    /// The resting orders of a side, the one that trades first at the front.
    pub(crate) fn queue(&self, side: Side) -> Vec<&Order> {
        let mut queue: Vec<&Order> = self
            .orders
            .iter()
            .filter(|order| order.side == side && is_resting(order))
            .collect();
        // The sort is stable and ids grow with time, so orders of one price stay in turn.
        match side {
            Side::Buy => queue.sort_by_key(|order| Reverse(order.price)),
            Side::Sell => queue.sort_by_key(|order| order.price),
        }
        queue
    }

    fn resting_total(&self, side: Side) -> i128 {
        self.orders
            .iter()
            .filter(|order| order.side == side && is_resting(order))
            .map(|order| i128::from(order.remaining_quantity))
            .sum()
    }

    // Stops.

    /// A trade happened: remember the change, move the trailing stops, mark what is reached.
    fn see_trade(&mut self, price: Price) {
        if let Some(last) = self.last_trade_price {
            self.changes
                .push((i128::from(price.0) - i128::from(last.0)).abs());
            if self.changes.len() > CHANGES_MAX {
                self.changes.remove(0);
            }
        }
        self.last_trade_price = Some(price);
        for stop in &mut self.stops {
            if stop.status != StopStatus::Pending {
                continue;
            }
            if let Some(method) = stop.trail_method {
                trail(stop, method, price, &self.changes);
            }
        }
        for stop in &mut self.stops {
            if stop.status == StopStatus::Pending && reaches(price, stop) {
                stop.status = StopStatus::Triggered;
            }
        }
    }

    /// Submits the triggered stops that are not orders yet, then those that their trades
    /// triggered, until there are none.
    fn run_waves(&mut self) {
        self.waves.clear();
        loop {
            // The list is in the order of ids, which is that of the stops' timestamps.
            let wave: Vec<StopOrder> = self
                .stops
                .iter()
                .filter(|stop| {
                    stop.status == StopStatus::Triggered && stop.triggered_order_id.is_none()
                })
                .copied()
                .collect();
            if wave.is_empty() {
                return;
            }
            self.waves.push(wave.len());
            for stop in wave {
                let price = stop.limit_price.unwrap_or(market_price(stop.side));
                let order = self.execute(stop.side, price, stop.quantity, stop.time_in_force);
                self.stops
                    .iter_mut()
                    .find(|other| other.id == stop.id)
                    .expect("a triggered stop is in the list")
                    .triggered_order_id = Some(order.order_id);
            }
        }
    }

    // Checks.

    fn validate(&self, event: &Event) -> Result<(), ValidationError> {
        match *event {
            Event::SubmitLimit {
                side,
                price,
                quantity,
                time_in_force,
            } => {
                check_quantity(quantity)?;
                check_price(price)?;
                check_notional(price, quantity)?;
                if time_in_force == TimeInForce::GTC {
                    self.check_side_total(side, price, quantity, 0)?;
                }
                Ok(())
            }
            Event::SubmitMarket { quantity, .. } | Event::Reduce { quantity, .. } => {
                check_quantity(quantity)
            }
            Event::Cancel { .. } | Event::Modify { .. } => Ok(()),
            Event::SubmitStopMarket {
                stop_price,
                quantity,
                ..
            } => check_stop(quantity, stop_price, None, None),
            Event::SubmitStopLimit {
                stop_price,
                limit_price,
                quantity,
                ..
            } => check_stop(quantity, stop_price, Some(limit_price), None),
            Event::SubmitTrailingStopMarket {
                initial_stop_price,
                quantity,
                trail_method,
                ..
            } => check_stop(quantity, initial_stop_price, None, Some(trail_method)),
            Event::SubmitTrailingStopLimit {
                initial_stop_price,
                limit_price,
                quantity,
                trail_method,
                ..
            } => check_stop(
                quantity,
                initial_stop_price,
                Some(limit_price),
                Some(trail_method),
            ),
        }
    }

    /// Checks that what an order would leave on the book fits into its side's total, with `gone`
    /// of what rests there now taken off.
    fn check_side_total(
        &self,
        side: Side,
        price: Price,
        quantity: Quantity,
        gone: Quantity,
    ) -> Result<(), ValidationError> {
        let left = i128::from(quantity) - self.quantity_within(side, price);
        let resting = self.resting_total(side) - i128::from(gone);
        if left > 0 && resting + left > i128::from(u64::MAX) {
            return Err(ValidationError::SideTotalOverflow {
                side,
                resting: u64::try_from(resting).expect("what rests fits"),
                quantity: u64::try_from(left).expect("a part of the quantity fits"),
            });
        }
        Ok(())
    }

    // Counters.

    fn next_id(&mut self) -> OrderId {
        self.last_id += 1;
        OrderId(self.last_id)
    }

    fn next_trade_id(&mut self) -> TradeId {
        self.last_trade_id += 1;
        TradeId(self.last_trade_id)
    }

    fn next_timestamp(&mut self) -> Timestamp {
        self.clock += 1;
        self.clock
    }

    // Queries.

    pub(crate) fn get_order(&self, id: OrderId) -> Option<Order> {
        let place = self.orders.binary_search_by_key(&id, |order| order.id);
        place.ok().map(|place| self.orders[place])
    }

    fn order_mut(&mut self, id: OrderId) -> Option<&mut Order> {
        let place = self.orders.binary_search_by_key(&id, |order| order.id);
        place.ok().map(|place| &mut self.orders[place])
    }

    pub(crate) fn get_stop_order(&self, id: OrderId) -> Option<StopOrder> {
        self.stops.iter().find(|stop| stop.id == id).copied()
    }

    pub(crate) fn queue_position(&self, id: OrderId) -> Option<QueuePosition> {
        let order = self.get_order(id).filter(is_resting)?;
        let ahead: Vec<Quantity> = self
            .orders
            .iter()
            .filter(|other| is_resting(other) && other.side == order.side)
            .filter(|other| other.price == order.price && other.id < id)
            .map(|other| other.remaining_quantity)
            .collect();
        Some(QueuePosition {
            orders_ahead: ahead.len(),
            quantity_ahead: ahead.iter().sum(),
        })
    }

    pub(crate) fn full_book(&self) -> BookSnapshot {
        BookSnapshot {
            bids: levels(&self.queue(Side::Buy)),
            asks: levels(&self.queue(Side::Sell)),
            timestamp: self.clock,
        }
    }

    pub(crate) fn best_bid(&self) -> Option<Price> {
        let bids = self.orders.iter().filter(|order| order.side == Side::Buy);
        bids.filter(|order| is_resting(order))
            .map(|order| order.price)
            .max()
    }

    pub(crate) fn best_ask(&self) -> Option<Price> {
        let asks = self.orders.iter().filter(|order| order.side == Side::Sell);
        asks.filter(|order| is_resting(order))
            .map(|order| order.price)
            .min()
    }

    pub(crate) fn pending_stops(&self) -> Vec<OrderId> {
        self.stops
            .iter()
            .filter(|stop| stop.status == StopStatus::Pending)
            .map(|stop| stop.id)
            .collect()
    }

    pub(crate) fn resting_orders(&self) -> Vec<OrderId> {
        self.orders
            .iter()
            .filter(|order| is_resting(order))
            .map(|order| order.id)
            .collect()
    }
}

/// The best levels of a full book, as [`nanobook::Exchange::depth`] shows them.
pub(crate) fn depth_of(full: &BookSnapshot, levels: usize) -> BookSnapshot {
    let side = |all: &[LevelSnapshot]| {
        all.iter()
            .take(levels)
            .map(|level| LevelSnapshot {
                orders: None,
                ..level.clone()
            })
            .collect()
    };
    BookSnapshot {
        bids: side(&full.bids),
        asks: side(&full.asks),
        timestamp: full.timestamp,
    }
}

/// Groups a queue by price.
fn levels(queue: &[&Order]) -> Vec<LevelSnapshot> {
    queue
        .chunk_by(|one, next| one.price == next.price)
        .map(|orders| LevelSnapshot {
            price: orders[0].price,
            quantity: orders.iter().map(|order| order.remaining_quantity).sum(),
            order_count: orders.len(),
            orders: Some(
                orders
                    .iter()
                    .map(|order| (order.id, order.remaining_quantity))
                    .collect(),
            ),
        })
        .collect()
}

fn is_resting(order: &Order) -> bool {
    order.remaining_quantity > 0
}

/// Whether an incoming order of this side and limit trades with a passive order at `passive`.
fn crosses(side: Side, limit: Price, passive: Price) -> bool {
    match side {
        Side::Buy => passive <= limit,
        Side::Sell => passive >= limit,
    }
}

fn market_price(side: Side) -> Price {
    match side {
        Side::Buy => Price::MAX,
        Side::Sell => Price::MIN,
    }
}

/// Moves a part of what is left to what has traded.
fn fill(order: &mut Order, quantity: Quantity) {
    order.remaining_quantity -= quantity;
    order.filled_quantity += quantity;
    order.status = if order.remaining_quantity == 0 {
        OrderStatus::Filled
    } else {
        OrderStatus::PartiallyFilled
    };
}

/// Moves a part of what is left to what was cancelled.
fn take_off(order: &mut Order, quantity: Quantity) {
    order.remaining_quantity -= quantity;
    order.cancelled_quantity += quantity;
    if order.remaining_quantity == 0 {
        order.status = OrderStatus::Cancelled;
    }
}

/// Whether a trade at this price triggers the stop.
fn reaches(price: Price, stop: &StopOrder) -> bool {
    match stop.side {
        Side::Buy => price >= stop.stop_price,
        Side::Sell => price <= stop.stop_price,
    }
}

/// Moves a trailing stop after a trade at `price`; `changes` ends with the one this trade made.
fn trail(stop: &mut StopOrder, method: TrailMethod, price: Price, changes: &[i128]) {
    let watermark = match (stop.side, stop.watermark) {
        (_, None) => price,
        (Side::Sell, Some(best)) => best.max(price),
        (Side::Buy, Some(best)) => best.min(price),
    };
    stop.watermark = Some(watermark);
    let offset = offset(method, watermark, changes);
    if offset == 0 {
        return;
    }
    let moved = match stop.side {
        Side::Sell => i128::from(watermark.0) - offset,
        Side::Buy => i128::from(watermark.0) + offset,
    };
    // Too wide for a price.
    if moved < 1 || moved >= i128::from(i64::MAX) {
        return;
    }
    let moved = Price(i64::try_from(moved).expect("it was just compared"));
    stop.stop_price = match stop.side {
        Side::Sell => stop.stop_price.max(moved),
        Side::Buy => stop.stop_price.min(moved),
    };
}

/// How far a trailing stop keeps from its watermark; 0 where that is not known.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "the rules compute offsets in f64"
)]
fn offset(method: TrailMethod, watermark: Price, changes: &[i128]) -> i128 {
    let exact = match method {
        TrailMethod::Fixed(offset) => return i128::from(offset),
        TrailMethod::Percentage(fraction) => watermark.0 as f64 * fraction,
        TrailMethod::Atr { multiplier, period } => {
            let period = usize::try_from(period).expect("a period is at most 1,024");
            let last = &changes[changes.len().saturating_sub(period)..];
            if last.is_empty() {
                return 0;
            }
            let sum: i128 = last.iter().sum();
            multiplier * (sum as f64 / last.len() as f64)
        }
    };
    // `round` takes halves away from zero. 2^64 is too wide for every price.
    exact.round().min(18_446_744_073_709_551_616.0) as i128
}

fn check_quantity(quantity: Quantity) -> Result<(), ValidationError> {
    if quantity == 0 {
        return Err(ValidationError::ZeroQuantity);
    }
    Ok(())
}

fn is_price(price: Price) -> bool {
    price.0 > 0 && price.0 < i64::MAX
}

fn check_price(price: Price) -> Result<(), ValidationError> {
    if !is_price(price) {
        return Err(ValidationError::InvalidPrice(price));
    }
    Ok(())
}

fn check_notional(price: Price, quantity: Quantity) -> Result<(), ValidationError> {
    if i128::from(price.0) * i128::from(quantity) > i128::from(i64::MAX) {
        return Err(ValidationError::NotionalOverflow { price, quantity });
    }
    Ok(())
}

fn check_stop(
    quantity: Quantity,
    stop_price: Price,
    limit_price: Option<Price>,
    trail_method: Option<TrailMethod>,
) -> Result<(), ValidationError> {
    check_quantity(quantity)?;
    if !is_price(stop_price) {
        return Err(ValidationError::InvalidStopPrice(stop_price));
    }
    if let Some(limit_price) = limit_price {
        check_price(limit_price)?;
        check_notional(limit_price, quantity)?;
    }
    match trail_method {
        Some(TrailMethod::Fixed(offset)) if offset <= 0 => {
            Err(ValidationError::InvalidTrailOffset(offset))
        }
        Some(TrailMethod::Percentage(fraction))
            if fraction.is_nan() || fraction <= 0.0 || fraction >= 1.0 =>
        {
            Err(ValidationError::InvalidTrailPercentage(fraction))
        }
        Some(TrailMethod::Atr { multiplier, .. })
            if multiplier.is_nan() || multiplier <= 0.0 || multiplier == f64::INFINITY =>
        {
            Err(ValidationError::InvalidTrailMultiplier(multiplier))
        }
        Some(TrailMethod::Atr { period, .. }) if period == 0 || period > 1024 => {
            Err(ValidationError::InvalidTrailPeriod(period))
        }
        _ => Ok(()),
    }
}

fn cancelled(quantity: Quantity) -> CancelResult {
    CancelResult {
        success: true,
        cancelled_quantity: quantity,
        error: None,
    }
}

fn cancel_failed(error: CancelError) -> CancelResult {
    CancelResult {
        success: false,
        cancelled_quantity: 0,
        error: Some(error),
    }
}
