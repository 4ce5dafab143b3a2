//! The exchange against a naive reference, command by command.
//!
//! After every command of every random stream: the same answer, the same book with its queues,
//! the same trades, events, orders and stops, and invariants that hold.
//!
//! - `NANOBOOK_SEED=7 cargo test --test differential` runs the one stream of that seed. A failure
//!   prints its seed, and the shortest program found that still fails.
//! - `NANOBOOK_COMMANDS=100000000 cargo test --release --test differential` compares more;
//!   `NANOBOOK_FIRST_SEED` starts elsewhere.

#[path = "../common/mod.rs"]
mod common;
mod shrink;
mod tally;

use std::any::Any;
use std::fmt::{self, Write as _};
use std::panic::{self, AssertUnwindSafe};

use nanobook::{Event, Exchange, OrderId};

use common::reference::depth_of;
use common::{
    Action, Command, Ids, Profile, Random, Reference, Stream, Through, drive, same_error,
};
use shrink::{quietly, shrink};
use tally::{Before, Tally};

const COMMANDS: u64 = 1_000_000;

#[test]
fn the_exchange_does_what_the_reference_does() {
    if let Some(seed) = variable("NANOBOOK_SEED") {
        let tally = check(seed);
        println!("seed {seed}: {tally}");
        return;
    }
    let wanted = variable("NANOBOOK_COMMANDS").unwrap_or(COMMANDS);
    let first_seed = variable("NANOBOOK_FIRST_SEED").unwrap_or(0);
    let mut tally = Tally::default();
    let mut streams = 0;
    while tally.commands < wanted {
        tally.add(&check(first_seed + streams));
        streams += 1;
    }
    println!("{streams} streams from seed {first_seed}: {tally}");
    // A generator that stops reaching a rule would make the comparison worthless there.
    if wanted >= COMMANDS {
        let missed = tally.missed();
        assert!(missed.is_empty(), "no stream reached: {missed:?}");
    }
}

/// Runs the stream of a seed, and shrinks it where it fails.
fn check(seed: u64) -> Tally {
    let stream = Stream::from_seed(seed);
    let failure = match run_quietly(&stream) {
        Ok(tally) => return tally,
        Err(failure) => failure,
    };
    let (stream, shrunk) = shrink(stream, failure.clone());
    let mut program = String::new();
    for action in &shrunk.actions {
        writeln!(program, "    {action}").expect("a string takes any text");
    }
    panic!(
        "the stream of seed {seed} fails at its command {}: {}\n\
         \n\
         Shrunk to {} commands ({:?}, event log {}): {}\n\
         {program}\n\
         Again: NANOBOOK_SEED={seed} cargo test --test differential\n",
        failure.actions.len(),
        failure.reason,
        shrunk.actions.len(),
        stream.through,
        if stream.event_log { "on" } else { "off" },
        shrunk.reason,
    );
}

/// Where a stream went wrong: the last action is the one that did.
#[derive(Clone, Debug)]
struct Failure {
    reason: String,
    actions: Vec<Action>,
}

/// Runs a stream; a panic is a failure like any other.
fn run_quietly(stream: &Stream) -> Result<Tally, Failure> {
    let mut run = Run::new(stream);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| run.all(stream)));
    let reason = match outcome {
        Ok(Ok(())) => return Ok(run.tally),
        Ok(Err(reason)) => reason,
        Err(payload) => format!("panic: {}", panic_text(&*payload)),
    };
    Err(Failure {
        reason,
        actions: run.actions,
    })
}

/// One stream on both sides.
struct Run {
    exchange: Exchange,
    reference: Reference,
    through: Through,
    actions: Vec<Action>,
    /// Which ids are looked at beside those that a command touched.
    random: Random,
    tally: Tally,
}

impl Run {
    fn new(stream: &Stream) -> Self {
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

    fn all(&mut self, stream: &Stream) -> Result<(), String> {
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

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_owned()
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} must be a number, got {text:?}")),
    )
}

/// The generator takes any bytes, so a fuzzer's input is a stream.
#[test]
fn any_bytes_are_a_stream() {
    let mut random = Random::new(1);
    for length in 0..200 {
        let bytes = random.bytes(length);
        let stream = Stream::from_bytes(&bytes);
        assert_eq!(stream.records.len(), length.saturating_sub(2) / 12);
        if let Err(failure) = run_quietly(&stream) {
            panic!("{failure:?}");
        }
    }
    let first = |profile: u8| Stream::from_bytes(&[profile]).profile;
    assert_eq!([0, 1, 2, 3, 4, 5, 6].map(first), Profile::ALL);
}

/// `submit_limit` and the like panic where the other forms give an error, and change nothing.
#[test]
fn what_is_refused_panics_in_the_plain_form() {
    let mut refused = 0;
    for seed in 0..40 {
        let mut run = Run::new(&Stream::from_seed(seed));
        for command in Stream::from_seed(seed).commands() {
            let action = command.resolve(&common::live::ids(&run.exchange, &command));
            let Action::Apply(event) = action else {
                continue;
            };
            let Err(error) = run.reference.apply(&event) else {
                drive(&mut run.exchange, &event, Through::Try).unwrap();
                continue;
            };
            let before = run.exchange.clone();
            let exchange = &mut run.exchange;
            let refuse = AssertUnwindSafe(|| drive(exchange, &event, Through::Plain));
            let answer = quietly(|| panic::catch_unwind(refuse));
            let text = match answer {
                Ok(answer) => panic!("{event:?} did not panic: {answer:?}"),
                Err(payload) => panic_text(&*payload),
            };
            assert!(text.contains(&error.to_string()), "{text}, not {error}");
            assert!(run.exchange == before, "{event:?} changed something");
            refused += 1;
        }
    }
    assert!(refused > 100, "{refused} were refused");
}
