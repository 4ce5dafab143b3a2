//! Counts what the random streams reached, so that a generator which stops reaching a rule is
//! noticed: the comparison would be worthless there.

use std::collections::BTreeMap;
use std::fmt;

use nanobook::{
    BookSnapshot, CancelError, CancelResult, Event, ModifyError, ModifyResult, OrderId,
    OrderStatus, Price, StopStatus, SubmitResult, TimeInForce, TrailMethod, ValidationError,
};

use crate::common::reference::CHANGES_MAX;
use crate::common::{Reference, Reply};

/// What a million commands must reach.
const CASES: [&str; 49] = [
    "ZeroQuantity",
    "InvalidPrice",
    "InvalidStopPrice",
    "NotionalOverflow",
    "SideTotalOverflow",
    "SideTotalOverflow of what matching would leave",
    "InvalidTrailOffset",
    "InvalidTrailPercentage",
    "InvalidTrailMultiplier",
    "InvalidTrailPeriod",
    "cancel: order",
    "cancel: pending stop",
    "cancel: OrderNotFound",
    "cancel: OrderNotFound after clear_order_history",
    "cancel: OrderNotActive, filled",
    "cancel: OrderNotActive, cancelled",
    "cancel: OrderNotActive, stop",
    "reduce: part",
    "reduce: part of a partly filled order",
    "reduce: all",
    "reduce: OrderNotFound, stop",
    "reduce: OrderNotActive",
    "modify: rests",
    "modify: trades",
    "modify: triggers a stop",
    "modify: OrderNotFound, stop",
    "modify: OrderNotActive",
    "modify: InvalidQuantity",
    "modify: InvalidPrice, price",
    "modify: InvalidPrice, notional",
    "modify: InvalidPrice, side total",
    "gtc: fills in part and rests",
    "ioc: fills in part",
    "fok: fills over levels",
    "fok: killed with a part there",
    "market: empty book",
    "market: more than is there",
    "stop: triggered at submission",
    "stop: a wave of several",
    "stop: three waves or more",
    "stop: a triggered limit rests",
    "stop: a triggered limit is killed",
    "stop: a triggered limit may not rest",
    "trail: fixed moves",
    "trail: percentage moves",
    "trail: atr moves",
    "trail: a watermark moves, the stop does not",
    "1,024 price changes",
    "1,025 levels on a side",
];

/// How many commands were compared, and how often each case came up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) commands: u64,
    cases: BTreeMap<&'static str, u64>,
}

/// What the reference showed before a command.
pub(crate) struct Before {
    /// The status of the order that the command names.
    status: Option<OrderStatus>,
    /// Whether the command names a stop.
    is_stop: bool,
    book_is_empty: bool,
    /// Whether there is something for a limit order to trade with.
    is_marketable: bool,
    /// Where pending trailing stops stood.
    trailing: Vec<(OrderId, Price, Option<Price>)>,
}

impl Before {
    pub(crate) fn new(reference: &Reference, event: &Event) -> Self {
        let id = match *event {
            Event::Cancel { order_id }
            | Event::Modify { order_id, .. }
            | Event::Reduce { order_id, .. } => Some(order_id),
            _ => None,
        };
        let is_marketable = match *event {
            Event::SubmitLimit { side, price, .. } => reference.quantity_within(side, price) > 0,
            _ => false,
        };
        let order = id.and_then(|id| reference.get_order(id));
        let trailing = reference
            .stops
            .iter()
            .filter(|stop| stop.trail_method.is_some() && stop.status == StopStatus::Pending);
        Self {
            status: order.map(|order| order.status),
            is_stop: id.is_some_and(|id| reference.get_stop_order(id).is_some()),
            book_is_empty: reference.best_bid().or(reference.best_ask()).is_none(),
            is_marketable,
            trailing: trailing
                .map(|stop| (stop.id, stop.stop_price, stop.watermark))
                .collect(),
        }
    }
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.commands += other.commands;
        for (case, count) in &other.cases {
            *self.cases.entry(case).or_insert(0) += count;
        }
    }

    /// Returns the cases that never came up.
    pub(crate) fn missed(&self) -> Vec<&'static str> {
        CASES
            .into_iter()
            .filter(|case| !self.cases.contains_key(case))
            .collect()
    }

    fn reach(&mut self, case: &'static str) {
        debug_assert!(CASES.contains(&case), "{case} is not in the list");
        *self.cases.entry(case).or_insert(0) += 1;
    }

    pub(crate) fn look_at_book(&mut self, full: &BookSnapshot) {
        if full.bids.len().max(full.asks.len()) > 1024 {
            self.reach("1,025 levels on a side");
        }
    }

    /// Looks at an event, its answer and what the reference shows afterwards.
    pub(crate) fn look(
        &mut self,
        reference: &Reference,
        event: &Event,
        answer: &Result<Reply, ValidationError>,
        before: &Before,
    ) {
        match (event, answer) {
            (_, Err(error)) => return self.look_at_error(event, error),
            (Event::SubmitLimit { time_in_force, .. }, Ok(Reply::Submit(result))) => {
                self.look_at_limit(*time_in_force, result, before);
            }
            (Event::SubmitMarket { .. }, Ok(Reply::Submit(result))) => {
                if before.book_is_empty {
                    self.reach("market: empty book");
                } else if result.filled_quantity > 0 && result.cancelled_quantity > 0 {
                    self.reach("market: more than is there");
                }
            }
            (Event::Cancel { order_id }, Ok(Reply::Cancel(result))) => {
                let was_issued = (1..=reference.last_id).contains(&order_id.0);
                self.look_at_cancel(*result, was_issued, before);
            }
            (Event::Reduce { order_id, .. }, Ok(Reply::Cancel(result))) => {
                let order = reference.get_order(*order_id);
                let is_gone = order.is_some_and(|order| order.remaining_quantity == 0);
                self.look_at_reduce(*result, is_gone, before);
            }
            (
                Event::Modify {
                    new_price,
                    new_quantity,
                    ..
                },
                Ok(Reply::Modify(result)),
            ) => {
                let fits = new_price.checked_notional(*new_quantity).is_some();
                self.look_at_modify(result, new_price.is_valid(), fits, before);
                if !reference.waves.is_empty() {
                    self.reach("modify: triggers a stop");
                }
            }
            (_, Ok(Reply::Stop(result))) if result.status == StopStatus::Triggered => {
                self.reach("stop: triggered at submission");
            }
            _ => {}
        }
        self.look_at_waves(reference);
        self.look_at_trails(reference, before);
    }

    fn look_at_error(&mut self, event: &Event, error: &ValidationError) {
        self.reach(match (error, event) {
            (ValidationError::ZeroQuantity, _) => "ZeroQuantity",
            (ValidationError::InvalidPrice(_), _) => "InvalidPrice",
            (ValidationError::InvalidStopPrice(_), _) => "InvalidStopPrice",
            (ValidationError::NotionalOverflow { .. }, _) => "NotionalOverflow",
            (
                ValidationError::SideTotalOverflow { quantity: left, .. },
                Event::SubmitLimit { quantity, .. },
            ) if left < quantity => "SideTotalOverflow of what matching would leave",
            (ValidationError::SideTotalOverflow { .. }, _) => "SideTotalOverflow",
            (ValidationError::InvalidTrailOffset(_), _) => "InvalidTrailOffset",
            (ValidationError::InvalidTrailPercentage(_), _) => "InvalidTrailPercentage",
            (ValidationError::InvalidTrailMultiplier(_), _) => "InvalidTrailMultiplier",
            (ValidationError::InvalidTrailPeriod(_), _) => "InvalidTrailPeriod",
            (other, _) => panic!("an error the rules do not know: {other:?}"),
        });
    }

    fn look_at_limit(&mut self, tif: TimeInForce, result: &SubmitResult, before: &Before) {
        let is_partial = result.filled_quantity > 0 && result.status != OrderStatus::Filled;
        match tif {
            TimeInForce::GTC if is_partial => self.reach("gtc: fills in part and rests"),
            TimeInForce::IOC if is_partial => self.reach("ioc: fills in part"),
            TimeInForce::FOK if before.is_marketable && result.trades.is_empty() => {
                self.reach("fok: killed with a part there");
            }
            TimeInForce::FOK
                if result
                    .trades
                    .windows(2)
                    .any(|two| two[0].price != two[1].price) =>
            {
                self.reach("fok: fills over levels");
            }
            _ => {}
        }
    }

    fn look_at_cancel(&mut self, result: CancelResult, was_issued: bool, before: &Before) {
        self.reach(match result.error {
            None if before.is_stop => "cancel: pending stop",
            None => "cancel: order",
            Some(CancelError::OrderNotFound) if was_issued => {
                "cancel: OrderNotFound after clear_order_history"
            }
            Some(CancelError::OrderNotFound) => "cancel: OrderNotFound",
            Some(_) if before.is_stop => "cancel: OrderNotActive, stop",
            Some(_) if before.status == Some(OrderStatus::Filled) => {
                "cancel: OrderNotActive, filled"
            }
            Some(_) => "cancel: OrderNotActive, cancelled",
        });
    }

    fn look_at_reduce(&mut self, result: CancelResult, is_gone: bool, before: &Before) {
        self.reach(match result.error {
            None if is_gone => "reduce: all",
            None if before.status == Some(OrderStatus::PartiallyFilled) => {
                "reduce: part of a partly filled order"
            }
            None => "reduce: part",
            Some(CancelError::OrderNotActive) => "reduce: OrderNotActive",
            Some(_) if before.is_stop => "reduce: OrderNotFound, stop",
            Some(_) => return,
        });
    }

    fn look_at_modify(
        &mut self,
        result: &ModifyResult,
        price_is_valid: bool,
        notional_fits: bool,
        before: &Before,
    ) {
        self.reach(match result.error {
            None if result.trades.is_empty() => "modify: rests",
            None => "modify: trades",
            Some(ModifyError::OrderNotFound) if before.is_stop => "modify: OrderNotFound, stop",
            Some(ModifyError::OrderNotActive) => "modify: OrderNotActive",
            Some(ModifyError::InvalidQuantity) => "modify: InvalidQuantity",
            Some(ModifyError::InvalidPrice) if !price_is_valid => "modify: InvalidPrice, price",
            Some(ModifyError::InvalidPrice) if !notional_fits => "modify: InvalidPrice, notional",
            Some(ModifyError::InvalidPrice) => "modify: InvalidPrice, side total",
            Some(_) => return,
        });
    }

    fn look_at_waves(&mut self, reference: &Reference) {
        if reference.waves.len() >= 3 {
            self.reach("stop: three waves or more");
        }
        if reference.waves.iter().any(|stops| *stops > 1) {
            self.reach("stop: a wave of several");
        }
        // The orders of this command's waves are the last that were submitted.
        let submitted: usize = reference.waves.iter().sum();
        let first = reference.orders.len() - submitted;
        for order in &reference.orders[first..] {
            let is_market = !order.price.is_valid();
            match (order.time_in_force, order.status) {
                _ if is_market => {}
                (TimeInForce::GTC, OrderStatus::Cancelled) => {
                    self.reach("stop: a triggered limit may not rest");
                }
                (TimeInForce::GTC, OrderStatus::New) => {
                    self.reach("stop: a triggered limit rests");
                }
                (TimeInForce::FOK, OrderStatus::Cancelled) => {
                    self.reach("stop: a triggered limit is killed");
                }
                _ => {}
            }
        }
    }

    fn look_at_trails(&mut self, reference: &Reference, before: &Before) {
        for (id, stop_price, watermark) in &before.trailing {
            let Some(stop) = reference.get_stop_order(*id) else {
                continue;
            };
            if stop.stop_price == *stop_price {
                if stop.watermark != *watermark {
                    self.reach("trail: a watermark moves, the stop does not");
                }
                continue;
            }
            self.reach(match stop.trail_method {
                Some(TrailMethod::Fixed(_)) => "trail: fixed moves",
                Some(TrailMethod::Percentage(_)) => "trail: percentage moves",
                _ => "trail: atr moves",
            });
        }
        if reference.changes.len() == CHANGES_MAX {
            self.reach("1,024 price changes");
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} commands compared", self.commands)?;
        for (case, count) in &self.cases {
            write!(f, "\n{count:>10}  {case}")?;
        }
        Ok(())
    }
}
