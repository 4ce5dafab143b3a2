//! One command stream on the exchange and on the reference, compared after every command.

use std::fmt;

use nanobook::{Event, Exchange, OrderId};

use crate::common::reference::depth_of;
use crate::common::{Action, Command, Ids, Random, Reference, Stream, Through, drive, same_error};
use crate::tally::{Before, Tally};

/// One stream on both sides.
pub(crate) struct Run {
    pub(crate) exchange: Exchange,
    pub(crate) reference: Reference,
    through: Through,
    /// What was done so far; when it went wrong, the last one is to blame.
    pub(crate) actions: Vec<Action>,
    /// Which ids are looked at beside those that a command touched.
    random: Random,
    pub(crate) tally: Tally,
}

impl Run {
    pub(crate) fn new(stream: &Stream) -> Self {
        let exchange = match (stream.event_log, stream.records.len() % 2) {
            (false, _) => Exchange::without_event_log(),
            (true, 0) => Exchange::new(),
            (true, _) => Exchange::with_capacity(64),
        };
        Self {
            exchange,
            reference: Reference::new(stream.event_log),
            through: stream.through,
            actions: Vec::new(),
            random: Random::new(0),
            tally: Tally::default(),
        }
    }

    pub(crate) fn all(&mut self, stream: &Stream) -> Result<(), String> {
        self.compare_everything()?;
        let commands = stream.commands().enumerate();
        for (step, command) in commands {
            self.step(&command)?;
            // All ids take longer the more there are.
            let every = 16.max(self.reference.orders.len() / 8);
            if step % every == 0 {
                self.compare_everything()?;
            }
        }
        self.compare_everything()
    }

    fn step(&mut self, command: &Command) -> Result<(), String> {
        let ids = if command.has_target() {
            Ids {
                last: self.reference.last_id,
                resting: self.reference.resting_orders(),
                pending: self.reference.pending_stops(),
            }
        } else {
            Ids::default()
        };
        let action = command.resolve(&ids);
        self.actions.push(action);
        self.tally.commands += 1;
        let last_id_before = self.reference.last_id;
        let trades_before = self.reference.trades.len();
        match action {
            Action::Apply(event) => self.apply(&event)?,
            Action::ClearOrderHistory => {
                let dropped = self.reference.clear_order_history();
                same(
                    "orders dropped",
                    &self.exchange.clear_order_history(),
                    &dropped,
                )?;
            }
            Action::ClearTrades => {
                self.reference.trades.clear();
                self.exchange.clear_trades();
            }
            Action::ClearEvents => {
                self.reference.events.clear();
                self.exchange.clear_events();
            }
        }
        self.compare_book()?;
        self.compare_touched(&action, last_id_before, trades_before)
    }

    /// Sends an event to both sides and compares the answers.
    fn apply(&mut self, event: &Event) -> Result<(), String> {
        let before = Before::new(&self.reference, event);
        let expected = self.reference.apply(event);
        let through = match (self.through, &expected) {
            // It would panic, as it should.
            (Through::Plain, Err(_)) => Through::Try,
            (through, _) => through,
        };
        let answer = drive(&mut self.exchange, event, through);
        match (&answer, &expected) {
            (Ok(answer), Ok(expected)) => same("answer", answer, expected)?,
            (Err(answer), Err(expected)) if same_error(answer, expected) => {}
            _ => return Err(differ("answer", &answer, &expected)),
        }
        self.tally.look(&self.reference, event, &expected, &before);
        Ok(())
    }

    /// Compares what the whole market sees.
    fn compare_book(&mut self) -> Result<(), String> {
        let (exchange, reference) = (&self.exchange, &self.reference);
        exchange
            .check_invariants()
            .map_err(|error| error.to_string())?;
        let full = reference.full_book();
        same("full_book", &exchange.full_book(), &full)?;
        let levels = self.random.index(6);
        same("depth", &exchange.depth(levels), &depth_of(&full, levels))?;
        let (bid, ask) = (reference.best_bid(), reference.best_ask());
        same("best_bid", &exchange.best_bid(), &bid)?;
        same("best_ask", &exchange.best_ask(), &ask)?;
        same("best_bid_ask", &exchange.best_bid_ask(), &(bid, ask))?;
        let spread = bid.zip(ask).map(|(bid, ask)| ask.0 - bid.0);
        same("spread", &exchange.spread(), &spread)?;
        let last = reference.last_trade_price;
        same("last_trade_price", &exchange.last_trade_price(), &last)?;
        same("trades", exchange.trades(), &reference.trades[..])?;
        let pending = reference.pending_stops().len();
        same(
            "pending_stop_count",
            &exchange.pending_stop_count(),
            &pending,
        )?;
        let (events, expected) = (exchange.events(), &reference.events);
        same("event count", &events.len(), &expected.len())?;
        same("is_empty", &events.is_empty(), &expected.is_empty())?;
        let last = expected.len().checked_sub(1);
        same(
            "last event",
            &last.and_then(|last| events.get(last)),
            &expected.last().copied(),
        )?;
        self.tally.look_at_book(&full);
        Ok(())
    }

    /// Compares every order and stop that the command named, made, traded with or triggered, and
    /// a few others.
    fn compare_touched(
        &mut self,
        action: &Action,
        last_id_before: u64,
        trades_before: usize,
    ) -> Result<(), String> {
        let last_id = self.reference.last_id;
        let mut ids: Vec<OrderId> = (last_id_before + 1..=last_id).map(OrderId).collect();
        if let Action::Apply(
            Event::Cancel { order_id }
            | Event::Modify { order_id, .. }
            | Event::Reduce { order_id, .. },
        ) = action
        {
            ids.push(*order_id);
        }
        let new_trades = self.reference.trades.get(trades_before..).unwrap_or(&[]);
        ids.extend(new_trades.iter().map(|trade| trade.passive_order_id));
        let became = |id: Option<OrderId>| id.is_some_and(|id| id.0 > last_id_before);
        let stops = self.reference.stops.iter();
        ids.extend(
            stops
                .filter(|stop| became(stop.triggered_order_id))
                .map(|stop| stop.id),
        );
        let others = [(); 3].map(|()| OrderId(self.random.below(last_id + 3)));
        ids.extend(others);
        ids.iter().try_for_each(|id| self.compare_id(*id))
    }

    fn compare_id(&self, id: OrderId) -> Result<(), String> {
        let (exchange, reference) = (&self.exchange, &self.reference);
        same(
            "get_order",
            &exchange.get_order(id),
            &reference.get_order(id),
        )
        .and_then(|()| {
            let (stop, expected) = (exchange.get_stop_order(id), reference.get_stop_order(id));
            same("get_stop_order", &stop, &expected)
        })
        .and_then(|()| {
            let (place, expected) = (exchange.queue_position(id), reference.queue_position(id));
            same("queue_position", &place, &expected)
        })
        .map_err(|reason| format!("id {id}: {reason}"))
    }

    fn compare_everything(&mut self) -> Result<(), String> {
        self.compare_book()?;
        let full = self.reference.full_book();
        let depth = depth_of(&full, usize::MAX);
        same("depth of all", &self.exchange.depth(usize::MAX), &depth)?;
        let (events, expected) = (self.exchange.events(), &self.reference.events);
        same(
            "has_event_log",
            &self.exchange.has_event_log(),
            &self.reference.event_log,
        )?;
        same("events", &events.to_vec(), expected)?;
        (0..=self.reference.last_id + 2)
            .chain([u64::MAX])
            .try_for_each(|id| self.compare_id(OrderId(id)))
    }
}

fn same<T: PartialEq + fmt::Debug + ?Sized>(
    what: &str,
    exchange: &T,
    reference: &T,
) -> Result<(), String> {
    if exchange == reference {
        return Ok(());
    }
    Err(differ(what, &exchange, &reference))
}

fn differ(what: &str, exchange: &dyn fmt::Debug, reference: &dyn fmt::Debug) -> String {
    format!("{what} differs\n  exchange:  {exchange:?}\n  reference: {reference:?}")
}
