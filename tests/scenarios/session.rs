//! Runs commands and prints what they did; checks on the way what no scenario has to spell out.
//!
//! A finding of those checks is printed as a line that begins with [`BROKEN`], which no scenario
//! expects.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use nanobook::{
    BookSnapshot, CancelError, CancelResult, Digest, Event, Exchange, LevelSnapshot, ModifyError,
    ModifyResult, MultiError, MultiExchange, OrderId, OrderStatus, Price, Quantity, Side,
    StopStatus, StopSubmitResult, SubmitResult, Symbol, TimeInForce, Trade, ValidationError,
};

use crate::language::{self, Action, Clear, Command, Query, Scenario, group, money, ratio};

/// What a line begins with that reports a broken promise instead of an answer.
pub(crate) const BROKEN: &str = "!!";

/// Returns what each block of a scenario prints. After a panic no other block runs.
pub(crate) fn run(scenario: &Scenario) -> Vec<Vec<String>> {
    let mut world = Ok(World::default());
    let mut answers = Vec::new();
    for block in &scenario.blocks {
        let before = std::mem::replace(&mut world, Err("not run".to_owned()));
        let ran = before.and_then(|mut world| {
            catch_panic(|| {
                let lines = world.block(&block.commands);
                (world, lines)
            })
        });
        answers.push(match ran {
            Ok((after, lines)) => {
                world = Ok(after);
                lines
            }
            Err(panicked) => vec![format!("{BROKEN} {panicked}")],
        });
    }
    answers
}

/// One exchange, or one for each symbol: a scenario uses either.
#[derive(Default)]
struct World {
    single: Session,
    multi: MultiExchange,
    /// What the books inside `multi` must be: an exchange of its own for each symbol.
    books: BTreeMap<Symbol, Session>,
}

impl World {
    fn block(&mut self, commands: &[Command]) -> Vec<String> {
        let mut out = Vec::new();
        for command in commands {
            self.command(command, &mut out);
        }
        let named = self
            .books
            .iter_mut()
            .map(|(symbol, book)| (Some(*symbol), book));
        for (symbol, session) in std::iter::once((None, &mut self.single)).chain(named) {
            let mut lines = Vec::new();
            session.end_block(&mut lines);
            out.extend(lines.iter().map(|line| with_symbol(symbol, line)));
        }
        out
    }

    fn command(&mut self, command: &Command, out: &mut Vec<String>) {
        match (&command.action, command.symbol) {
            (Action::Repeat(times, body), _) => {
                for round in 1..=*times {
                    let mut lines = Vec::new();
                    for command in body {
                        self.command(command, &mut lines);
                    }
                    lines.retain(|line| round == *times || line.starts_with(BROKEN));
                    out.append(&mut lines);
                }
            }
            (Action::Ask(Query::Symbols), _) => {
                let symbols = self.multi.symbols().iter().map(Symbol::to_string);
                out.push(format!("symbols: {}", or_none(symbols)));
            }
            (Action::Ask(Query::BestPrices), _) => {
                let best = self.multi.best_prices();
                let best = best.iter().map(|(symbol, bid, ask)| {
                    format!("{symbol} {} / {}", price_or_none(*bid), price_or_none(*ask))
                });
                out.push(format!("best prices: {}", or_none(best)));
            }
            (action, None) => self.single.act(action, out),
            (action, Some(symbol)) => {
                let mut lines = Vec::new();
                self.act_on(symbol, action, &mut lines);
                out.extend(lines.iter().map(|line| with_symbol(Some(symbol), line)));
            }
        }
    }

    /// Does the same to the book inside the multi-exchange and to one that stands alone.
    fn act_on(&mut self, symbol: Symbol, action: &Action, out: &mut Vec<String>) {
        let known = self.multi.contains(symbol);
        match action {
            Action::Submit(event) => match self.multi.apply(symbol, event) {
                Err(MultiError::UnknownSymbol(unknown)) => {
                    check(
                        unknown == symbol && !known,
                        out,
                        "the unknown symbol is another",
                    );
                    out.push("unknown symbol".to_owned());
                    return;
                }
                applied => {
                    let mut alone = self.books.remove(&symbol).unwrap_or_default();
                    alone.act(action, out);
                    let refused = matches!(applied, Err(MultiError::Validation(_)));
                    check(refused == alone.refused, out, "refused in one book only");
                    if known || !refused {
                        self.books.insert(symbol, alone);
                    }
                }
            },
            _ if !known => {
                out.push("unknown symbol".to_owned());
                return;
            }
            _ => {
                if let (Action::Clear(clear), Some(inside)) =
                    (action, self.multi.exchange_mut(symbol))
                {
                    forget(inside, *clear);
                }
                self.books.entry(symbol).or_default().act(action, out);
            }
        }
        let alone = self.books.get(&symbol).map(|session| &session.live);
        check(
            self.multi.exchange(symbol) == alone,
            out,
            "the book inside is another",
        );
        let sound = self.multi.check_invariants();
        check(sound.is_ok(), out, &format!("{sound:?}"));
    }
}

/// What has to be done again to get the same exchange.
enum Step {
    Apply(Event),
    Forget(Clear),
}

/// An exchange under test, and what is remembered to check it.
#[derive(Default)]
struct Session {
    live: Exchange,
    /// The same commands through the methods that panic, on an exchange that keeps no log.
    silent: Silent,
    steps: Vec<Step>,
    /// The highest id seen.
    last_id: u64,
    /// Where pending stops stood before this command.
    pending: BTreeMap<u64, Price>,
    noted: Option<Digest>,
    /// Whether the last command was refused.
    refused: bool,
    /// Whether this block has changed the book.
    touched: bool,
}

struct Silent(Exchange);

impl Default for Silent {
    fn default() -> Self {
        Self(Exchange::without_event_log())
    }
}

/// What a command returned.
#[derive(Debug, PartialEq)]
enum Reply {
    Submit(SubmitResult),
    Cancel(CancelResult),
    Modify(ModifyResult),
    Stop(StopSubmitResult),
}

impl Session {
    fn act(&mut self, action: &Action, out: &mut Vec<String>) {
        match action {
            Action::Submit(event) => self.submit(event, out),
            Action::Clear(clear) => self.clear(*clear, out),
            Action::Ask(query) => self.ask(*query, out),
            Action::LogOff => {
                check(
                    self.steps.is_empty(),
                    out,
                    "the log is off from the start or not at all",
                );
                self.live = Exchange::without_event_log();
                out.push("log off".to_owned());
            }
            Action::Repeat(..) => unreachable!("repeats are unrolled above"),
        }
    }

    fn submit(&mut self, event: &Event, out: &mut Vec<String>) {
        self.touched = true;
        let before = self.live.clone();
        let reply = call(&mut self.live, event);
        self.refused = reply.is_err();

        // What has no trade of its own prints on one line; the first line is always the reply.
        let (own, note) = match &reply {
            Err(error) => {
                out.push(format!("refused: {}", refusal(error)));
                check(self.live == before, out, "a refused command left a trace");
                (0, None)
            }
            Ok(Reply::Submit(result)) => {
                out.push(submitted(event, result, &before));
                self.see_id(result.order_id);
                (result.trades.len(), submit_fault(event, result))
            }
            Ok(Reply::Cancel(result)) => {
                let (Event::Cancel { order_id } | Event::Reduce { order_id, .. }) = event else {
                    unreachable!("only these two give a cancel result");
                };
                let id = group(order_id);
                match result.error {
                    None => out.push(format!(
                        "id={id} cancelled {}",
                        group(result.cancelled_quantity)
                    )),
                    Some(error) => out.push(format!("id={id} {error:?}")),
                }
                (0, cancel_fault(result))
            }
            Ok(Reply::Modify(result)) => {
                out.push(modified(result));
                if let Some(id) = result.new_order_id {
                    self.see_id(id);
                }
                (result.trades.len(), modify_fault(event, result))
            }
            Ok(Reply::Stop(result)) => {
                out.push(format!("id={} {}", result.order_id, result.status));
                self.see_id(result.order_id);
                let stop = self.live.get_stop_order(result.order_id);
                self.pending
                    .extend(stop.map(|stop| (stop.id.0, initial_stop_price(event))));
                (0, None)
            }
        };
        if let Some(fault) = note {
            out.push(format!("{BROKEN} {fault}: {reply:?}"));
        }

        let shown = match &reply {
            Ok(Reply::Submit(result)) => result.trades.as_slice(),
            Ok(Reply::Modify(result)) => result.trades.as_slice(),
            _ => &[],
        };
        let new_trades = self.live.trades()[before.trades().len()..].to_vec();
        check(
            new_trades.starts_with(shown),
            out,
            "the result shows other trades than trades()",
        );
        self.stops_after(&new_trades[own..], out);
        self.check_command(event, &reply, &before, out);
    }

    fn see_id(&mut self, id: OrderId) {
        self.last_id = self.last_id.max(id.0);
    }

    /// Prints the stops that moved, then those that became orders, in the order of their ids.
    fn stops_after(&mut self, trades: &[Trade], out: &mut Vec<String>) {
        let mut fired = BTreeMap::new();
        for (id, stood) in std::mem::take(&mut self.pending) {
            let Some(stop) = self.live.get_stop_order(OrderId(id)) else {
                out.push(format!("{BROKEN} stop {id} is lost"));
                continue;
            };
            if stop.stop_price != stood {
                out.push(format!("stop {id} moves to {}", money(stop.stop_price)));
            }
            match stop.status {
                StopStatus::Pending => {
                    self.pending.insert(id, stop.stop_price);
                }
                StopStatus::Triggered => match stop.triggered_order_id {
                    Some(order_id) => {
                        fired.insert(order_id, id);
                    }
                    None => out.push(format!("{BROKEN} stop {id} triggered but became nothing")),
                },
                StopStatus::Cancelled => {}
            }
        }
        let same = self.pending.len() == self.live.pending_stop_count();
        check(same, out, "pending_stop_count counts otherwise");
        let mut accounted = 0;
        for (order_id, stop_id) in fired {
            self.see_id(order_id);
            let own: Vec<Trade> = trades[accounted..]
                .iter()
                .take_while(|trade| trade.aggressor_order_id == order_id)
                .copied()
                .collect();
            accounted += own.len();
            let Some(order) = self.live.get_order(order_id) else {
                out.push(format!(
                    "{BROKEN} stop {stop_id} names an unknown order {order_id}"
                ));
                continue;
            };
            let parts = parts(
                order.filled_quantity,
                order.remaining_quantity,
                order.cancelled_quantity,
            );
            out.push(format!(
                "stop {stop_id} -> id={order_id} {parts}{}",
                with_trades(&own)
            ));
        }
        check(
            accounted == trades.len(),
            out,
            &format!("nobody's trades: {trades:?}"),
        );
    }

    /// Checks what holds after every command, whatever the scenario is about.
    fn check_command(
        &mut self,
        event: &Event,
        reply: &Result<Reply, ValidationError>,
        before: &Exchange,
        out: &mut Vec<String>,
    ) {
        let live = &self.live;
        let failed = match reply {
            Err(_) => true,
            Ok(Reply::Cancel(result)) => result.error.is_some(),
            Ok(Reply::Modify(result)) => result.error.is_some(),
            Ok(_) => false,
        };
        if failed {
            check(
                live.state_digest() == before.state_digest(),
                out,
                "a failure changed the digest",
            );
            check(
                live.full_book() == before.full_book(),
                out,
                "a failure changed the book",
            );
            check(live.trades() == before.trades(), out, "a failure traded");
        }

        if reply.is_ok() {
            self.steps.push(Step::Apply(*event));
        }
        let logged = usize::from(reply.is_ok() && live.has_event_log());
        let count = live.events().len();
        check(
            count == before.events().len() + logged,
            out,
            "the log has another length",
        );
        if logged == 1 {
            check(
                live.events().get(count - 1) == Some(*event),
                out,
                "another event was logged",
            );
        }

        for id in 1..=self.last_id {
            let id = OrderId(id);
            let (order, stop) = (live.get_order(id), live.get_stop_order(id));
            check(
                order.is_none() || stop.is_none(),
                out,
                "an id is an order and a stop",
            );
            if let Some(order) = order {
                let known =
                    order.remaining_quantity + order.filled_quantity + order.cancelled_quantity;
                let sums = order.original_quantity == known && order.id == id;
                let on_book = order.remaining_quantity > 0;
                let ranked = live.queue_position(id).is_some();
                let agrees = order.status.is_active() == on_book && ranked == on_book;
                check(
                    sums && agrees,
                    out,
                    &format!("an order that does not add up: {order:?}"),
                );
            }
        }
        let sound = live.check_invariants();
        check(sound.is_ok(), out, &format!("{sound:?}"));

        let silent = &mut self.silent.0;
        let same = match catch_panic(|| call_or_panic(silent, event)) {
            Ok(answer) => reply.as_ref() == Ok(&answer),
            Err(_) => reply.is_err(),
        };
        check(same, out, "the panicking form does something else");
        check(silent.events().is_empty(), out, "events without a log");
        let digests = (silent.state_digest(), live.state_digest());
        check(digests.0 == digests.1, out, "the digest depends on the log");
    }

    fn clear(&mut self, clear: Clear, out: &mut Vec<String>) {
        let digest = self.live.state_digest();
        let book = self.live.full_book();
        match forget(&mut self.live, clear) {
            Some(dropped) => out.push(format!("dropped {dropped}")),
            None => out.push("cleared".to_owned()),
        }
        forget(&mut self.silent.0, clear);
        self.steps.push(Step::Forget(clear));
        check(
            self.live.state_digest() == digest,
            out,
            "clearing changed the digest",
        );
        check(
            self.live.full_book() == book,
            out,
            "clearing changed the book",
        );
        let sound = self.live.check_invariants();
        check(sound.is_ok(), out, &format!("{sound:?}"));
    }

    /// Prints the book if the block changed it, and rebuilds the exchange in every way there is.
    fn end_block(&mut self, out: &mut Vec<String>) {
        if std::mem::take(&mut self.touched) {
            let book = self.live.full_book();
            let level = |level: &LevelSnapshot| {
                format!("{} x {}", money(level.price), group(level.quantity))
            };
            for (name, side) in [("bids", &book.bids), ("asks", &book.asks)] {
                if !side.is_empty() {
                    let levels: Vec<String> = side.iter().map(level).collect();
                    out.push(format!("{name}: {}", levels.join(", ")));
                }
            }
            if book.bids.is_empty() && book.asks.is_empty() {
                out.push("book: empty".to_owned());
            }
        }

        let live = &self.live;
        let mut again = if live.has_event_log() {
            Exchange::new()
        } else {
            Exchange::without_event_log()
        };
        let mut forgot = false;
        let mut forgot_events = false;
        for step in &self.steps {
            match step {
                Step::Apply(event) => {
                    let applied = again.apply(event);
                    check(
                        applied.is_ok(),
                        out,
                        &format!("replaying {event:?}: {applied:?}"),
                    );
                }
                Step::Forget(clear) => {
                    forgot = true;
                    forgot_events |= *clear == Clear::Events;
                    forget(&mut again, *clear);
                }
            }
        }
        check(again == *live, out, "the same events give another state");
        check(
            again.state_digest() == live.state_digest(),
            out,
            "the same events: another digest",
        );
        if live.has_event_log() && !forgot_events {
            match Exchange::replay(live.events()) {
                Err(error) => out.push(format!("{BROKEN} replay: {error}")),
                Ok(replayed) => {
                    let digests = (replayed.state_digest(), live.state_digest());
                    check(digests.0 == digests.1, out, "the replay has another digest");
                    // Clearing is no event, so a replay still has what was cleared.
                    check(
                        forgot || replayed == *live,
                        out,
                        "the replay is another state",
                    );
                }
            }
        }
        #[cfg(feature = "persistence")]
        match Exchange::from_bytes(&live.to_bytes()) {
            Err(error) => out.push(format!("{BROKEN} from_bytes: {error}")),
            Ok(read) => check(read == *live, out, "the bytes give another state"),
        }
    }

    fn ask(&mut self, query: Query, out: &mut Vec<String>) {
        let live = &self.live;
        match query {
            Query::Order(id) => out.push(self.order_line(id)),
            Query::Stop(id) => out.push(self.stop_line(id)),
            Query::Queue(id) => out.push(match live.queue_position(id) {
                None => format!("id={id} does not rest"),
                Some(position) => format!(
                    "id={id} orders ahead {}, quantity ahead {}",
                    position.orders_ahead,
                    group(position.quantity_ahead)
                ),
            }),
            Query::Bbo => {
                let (bid, ask) = live.best_bid_ask();
                out.push(format!(
                    "best bid {}, best ask {}, spread {}",
                    price_or_none(bid),
                    price_or_none(ask),
                    live.spread().map_or("none".to_owned(), group)
                ));
                let same = (live.best_bid(), live.best_ask()) == (bid, ask);
                check(same, out, "best_bid and best_ask say something else");
            }
            Query::Last => {
                out.push(format!(
                    "last trade price {}",
                    price_or_none(live.last_trade_price())
                ));
            }
            Query::Book => snapshot_lines("book", &live.full_book(), out),
            Query::Depth(levels) => {
                let book = live.depth(levels);
                snapshot_lines("depth", &book, out);
                let mut both = book.bids.iter().chain(&book.asks);
                let bare = both.all(|level| level.orders.is_none());
                check(bare, out, "depth shows queues");
            }
            Query::Analytics(levels) => {
                let book = levels.map_or_else(|| live.full_book(), |levels| live.depth(levels));
                analytics_lines(&book, out);
            }
            Query::Trades => {
                let trades = live.trades();
                if trades.is_empty() {
                    out.push("no trades".to_owned());
                }
                for trade in trades {
                    trade_lines(trade, out);
                }
            }
            Query::Vwap => {
                out.push(format!(
                    "vwap {}",
                    price_or_none(Trade::vwap(live.trades()))
                ));
            }
            Query::Events => {
                let events = live.events();
                if events.is_empty() {
                    out.push("no events".to_owned());
                }
                let lines = events.iter().enumerate();
                out.extend(
                    lines.map(|(i, event)| {
                        format!("event {}: {}", i + 1, language::describe(&event))
                    }),
                );
            }
            Query::Pending => out.push(format!("pending stops: {}", live.pending_stop_count())),
            Query::Digest => {
                let digest = live.state_digest();
                out.push(match self.noted.replace(digest) {
                    None => "digest noted".to_owned(),
                    Some(noted) if noted == digest => "digest same".to_owned(),
                    Some(_) => "digest changed".to_owned(),
                });
            }
            Query::Symbols | Query::BestPrices => unreachable!("questions to all symbols"),
        }
    }

    fn order_line(&self, id: OrderId) -> String {
        let Some(order) = self.live.get_order(id) else {
            return format!("id={id} unknown");
        };
        let limit = Some((order.time_in_force, order.price));
        format!(
            "id={} {} t={} {}: {}",
            order.id,
            language::order(order.side, order.original_quantity, limit),
            order.timestamp,
            order.status,
            parts(
                order.filled_quantity,
                order.remaining_quantity,
                order.cancelled_quantity
            )
        )
    }

    fn stop_line(&self, id: OrderId) -> String {
        let Some(stop) = self.live.get_stop_order(id) else {
            return format!("id={id} unknown");
        };
        if stop.limit_price.is_none() && stop.time_in_force != TimeInForce::IOC {
            return format!("{BROKEN} a stop-market that is not IOC: {stop:?}");
        }
        let limit = stop.limit_price.map(|price| (stop.time_in_force, price));
        let described = language::stop(
            stop.side,
            stop.quantity,
            limit,
            stop.stop_price,
            stop.trail_method,
        );
        let watermark = match (stop.trail_method, stop.watermark) {
            (None, None) => String::new(),
            (_, watermark) => format!(" watermark {}", price_or_none(watermark)),
        };
        let became = stop
            .triggered_order_id
            .map_or(String::new(), |id| format!(" -> id={id}"));
        format!(
            "id={} {described}{watermark} t={} {}{became}",
            stop.id, stop.timestamp, stop.status
        )
    }
}

/// Does what an event says through the methods that return errors.
fn call(exchange: &mut Exchange, event: &Event) -> Result<Reply, ValidationError> {
    Ok(match *event {
        Event::SubmitLimit {
            side,
            price,
            quantity,
            time_in_force,
        } => Reply::Submit(exchange.try_submit_limit(side, price, quantity, time_in_force)?),
        Event::SubmitMarket { side, quantity } => {
            Reply::Submit(exchange.try_submit_market(side, quantity)?)
        }
        Event::Cancel { order_id } => Reply::Cancel(exchange.cancel(order_id)),
        Event::Modify {
            order_id,
            new_price,
            new_quantity,
        } => Reply::Modify(exchange.modify(order_id, new_price, new_quantity)),
        Event::Reduce { order_id, quantity } => {
            Reply::Cancel(exchange.try_reduce(order_id, quantity)?)
        }
        Event::SubmitStopMarket {
            side,
            stop_price,
            quantity,
        } => Reply::Stop(exchange.try_submit_stop_market(side, stop_price, quantity)?),
        Event::SubmitStopLimit {
            side,
            stop_price,
            limit_price,
            quantity,
            time_in_force,
        } => Reply::Stop(exchange.try_submit_stop_limit(
            side,
            stop_price,
            limit_price,
            quantity,
            time_in_force,
        )?),
        Event::SubmitTrailingStopMarket {
            side,
            initial_stop_price,
            quantity,
            trail_method,
        } => Reply::Stop(exchange.try_submit_trailing_stop_market(
            side,
            initial_stop_price,
            quantity,
            trail_method,
        )?),
        Event::SubmitTrailingStopLimit {
            side,
            initial_stop_price,
            limit_price,
            quantity,
            time_in_force,
            trail_method,
        } => Reply::Stop(exchange.try_submit_trailing_stop_limit(
            side,
            initial_stop_price,
            limit_price,
            quantity,
            time_in_force,
            trail_method,
        )?),
    })
}

/// Does what an event says through the methods that panic on invalid input.
fn call_or_panic(exchange: &mut Exchange, event: &Event) -> Reply {
    match *event {
        Event::SubmitLimit {
            side,
            price,
            quantity,
            time_in_force,
        } => Reply::Submit(exchange.submit_limit(side, price, quantity, time_in_force)),
        Event::SubmitMarket { side, quantity } => {
            Reply::Submit(exchange.submit_market(side, quantity))
        }
        Event::Cancel { order_id } => Reply::Cancel(exchange.cancel(order_id)),
        Event::Modify {
            order_id,
            new_price,
            new_quantity,
        } => Reply::Modify(exchange.modify(order_id, new_price, new_quantity)),
        Event::Reduce { order_id, quantity } => Reply::Cancel(exchange.reduce(order_id, quantity)),
        Event::SubmitStopMarket {
            side,
            stop_price,
            quantity,
        } => Reply::Stop(exchange.submit_stop_market(side, stop_price, quantity)),
        Event::SubmitStopLimit {
            side,
            stop_price,
            limit_price,
            quantity,
            time_in_force,
        } => Reply::Stop(exchange.submit_stop_limit(
            side,
            stop_price,
            limit_price,
            quantity,
            time_in_force,
        )),
        Event::SubmitTrailingStopMarket {
            side,
            initial_stop_price,
            quantity,
            trail_method,
        } => Reply::Stop(exchange.submit_trailing_stop_market(
            side,
            initial_stop_price,
            quantity,
            trail_method,
        )),
        Event::SubmitTrailingStopLimit {
            side,
            initial_stop_price,
            limit_price,
            quantity,
            time_in_force,
            trail_method,
        } => Reply::Stop(exchange.submit_trailing_stop_limit(
            side,
            initial_stop_price,
            limit_price,
            quantity,
            time_in_force,
            trail_method,
        )),
    }
}

/// Returns what `call` does, or where and why it panicked, which is then kept from the output.
fn catch_panic<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    thread_local! {
        static CATCHING: Cell<bool> = const { Cell::new(false) };
        static REPORT: Cell<String> = const { Cell::new(String::new()) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if CATCHING.get() {
                REPORT.set(info.to_string().replace('\n', " "));
            } else {
                report(info);
            }
        }));
    });
    let outer = CATCHING.replace(true);
    let returned = panic::catch_unwind(AssertUnwindSafe(call));
    CATCHING.set(outer);
    returned.map_err(|_| REPORT.take())
}

fn forget(exchange: &mut Exchange, clear: Clear) -> Option<usize> {
    match clear {
        Clear::History => return Some(exchange.clear_order_history()),
        Clear::Trades => exchange.clear_trades(),
        Clear::Events => exchange.clear_events(),
    }
    None
}

fn check(holds: bool, out: &mut Vec<String>, complaint: &str) {
    if !holds {
        out.push(format!("{BROKEN} {complaint}"));
    }
}

/// Returns where a stop stands before any trade has moved it.
fn initial_stop_price(event: &Event) -> Price {
    match *event {
        Event::SubmitStopMarket { stop_price, .. } | Event::SubmitStopLimit { stop_price, .. } => {
            stop_price
        }
        Event::SubmitTrailingStopMarket {
            initial_stop_price, ..
        }
        | Event::SubmitTrailingStopLimit {
            initial_stop_price, ..
        } => initial_stop_price,
        _ => unreachable!("only stops give a stop result"),
    }
}

/// Writes what submitting an order did, and for a killed FOK what there was to fill it.
fn submitted(event: &Event, result: &SubmitResult, before: &Exchange) -> String {
    let parts = parts(
        result.filled_quantity,
        result.resting_quantity,
        result.cancelled_quantity,
    );
    let note = match *event {
        Event::SubmitLimit {
            side,
            price,
            quantity,
            time_in_force: TimeInForce::FOK,
        } if result.filled_quantity == 0 => {
            let available = available(&before.full_book(), side, price);
            format!(
                " (fok: {} of {} available)",
                group(available),
                group(quantity)
            )
        }
        _ => String::new(),
    };
    format!(
        "id={} {parts}{}{note}",
        result.order_id,
        with_trades(&result.trades)
    )
}

/// Returns what an order could trade against.
fn available(book: &BookSnapshot, side: Side, limit: Price) -> Quantity {
    let (levels, reaches): (_, fn(Price, Price) -> bool) = match side {
        Side::Buy => (&book.asks, |price, limit| price <= limit),
        Side::Sell => (&book.bids, |price, limit| price >= limit),
    };
    let within = levels.iter().filter(|level| reaches(level.price, limit));
    within.map(|level| level.quantity).sum()
}

fn modified(result: &ModifyResult) -> String {
    let old = result.old_order_id;
    match (result.error, result.new_order_id) {
        (Some(error), _) => format!("id={old} {error:?}"),
        (None, Some(new)) => {
            let cancelled = group(result.cancelled_quantity);
            format!(
                "id={old} cancelled {cancelled} -> id={new}{}",
                with_trades(&result.trades)
            )
        }
        (None, None) => format!("{BROKEN} replaced by nothing"),
    }
}

/// Writes the quantities that are not zero.
fn parts(filled: Quantity, resting: Quantity, cancelled: Quantity) -> String {
    let parts = [
        ("filled", filled),
        ("resting", resting),
        ("cancelled", cancelled),
    ];
    let shown = parts.iter().filter(|(_, quantity)| *quantity > 0);
    let shown: Vec<String> = shown
        .map(|(name, quantity)| format!("{name} {}", group(quantity)))
        .collect();
    shown.join(", ")
}

/// Writes an order's trades as `: 5 @ 101 with 1, ...`, naming the passive orders.
fn with_trades(trades: &[Trade]) -> String {
    if trades.is_empty() {
        return String::new();
    }
    let line = |trade: &Trade| {
        format!(
            "{} @ {} with {}",
            group(trade.quantity),
            money(trade.price),
            trade.passive_order_id
        )
    };
    format!(
        ": {}",
        trades.iter().map(line).collect::<Vec<_>>().join(", ")
    )
}

/// Returns what is wrong with a result, whatever the order was.
fn submit_fault(event: &Event, result: &SubmitResult) -> Option<&'static str> {
    let (Event::SubmitLimit { side, quantity, .. } | Event::SubmitMarket { side, quantity }) =
        *event
    else {
        return Some("a submit result for another command");
    };
    let (filled, resting) = (result.filled_quantity, result.resting_quantity);
    let cancelled = result.cancelled_quantity;
    let status = match (filled, resting, cancelled) {
        (_, 0, 0) => OrderStatus::Filled,
        (0, _, 0) => OrderStatus::New,
        (_, _, 0) => OrderStatus::PartiallyFilled,
        _ => OrderStatus::Cancelled,
    };
    let own = own_trades(&result.trades, result.order_id, side);
    match () {
        () if filled + resting + cancelled != quantity => Some("the quantities do not add up"),
        () if result.status != status => Some("the status contradicts the quantities"),
        () if own != Some(filled) => Some("the trades do not add up"),
        () => None,
    }
}

fn cancel_fault(result: &CancelResult) -> Option<&'static str> {
    let failed = matches!(
        result.error,
        Some(CancelError::OrderNotFound | CancelError::OrderNotActive)
    );
    (result.success == failed || failed == (result.cancelled_quantity > 0))
        .then_some("a result that contradicts itself")
}

fn modify_fault(event: &Event, result: &ModifyResult) -> Option<&'static str> {
    let Event::Modify { order_id, .. } = *event else {
        return Some("a modify result for another command");
    };
    let failed = matches!(
        result.error,
        Some(
            ModifyError::OrderNotFound
                | ModifyError::OrderNotActive
                | ModifyError::InvalidQuantity
                | ModifyError::InvalidPrice
        )
    );
    let empty = result.cancelled_quantity == 0 && result.trades.is_empty();
    let consistent = result.success != failed
        && result.old_order_id == order_id
        && result.new_order_id.is_none() == failed
        && (!failed || empty);
    (!consistent).then_some("a result that contradicts itself")
}

/// Returns the quantity of an order's own trades, `None` if one is not its own.
fn own_trades(trades: &[Trade], order_id: OrderId, side: Side) -> Option<Quantity> {
    let own = |trade: &Trade| trade.aggressor_order_id == order_id && trade.aggressor_side == side;
    let quantity = trades.iter().map(|trade| trade.quantity).sum();
    trades.iter().all(own).then_some(quantity)
}

/// Writes the name of a refusal and its numbers.
fn refusal(error: &ValidationError) -> String {
    match *error {
        ValidationError::ZeroQuantity => "ZeroQuantity".to_owned(),
        ValidationError::InvalidPrice(price) => format!("InvalidPrice {}", money(price)),
        ValidationError::InvalidStopPrice(price) => format!("InvalidStopPrice {}", money(price)),
        ValidationError::NotionalOverflow { price, quantity } => {
            format!("NotionalOverflow {} x {}", money(price), group(quantity))
        }
        ValidationError::SideTotalOverflow {
            side,
            resting,
            quantity,
        } => format!(
            "SideTotalOverflow {side} {} + {}",
            group(resting),
            group(quantity)
        ),
        ValidationError::InvalidTrailOffset(offset) => {
            format!("InvalidTrailOffset {}", group(offset))
        }
        ValidationError::InvalidTrailPercentage(fraction) => {
            format!("InvalidTrailPercentage {}", ratio(fraction))
        }
        ValidationError::InvalidTrailMultiplier(multiplier) => {
            format!("InvalidTrailMultiplier {}", ratio(multiplier))
        }
        ValidationError::InvalidTrailPeriod(period) => format!("InvalidTrailPeriod {period}"),
        ref other => format!("{BROKEN} no words for {other:?}"),
    }
}

fn snapshot_lines(kind: &str, book: &BookSnapshot, out: &mut Vec<String>) {
    out.push(format!("{kind} t={}", book.timestamp));
    for (name, side) in [("bids", &book.bids), ("asks", &book.asks)] {
        out.push(format!("{name}: {}", or_none(side.iter().map(level_entry))));
    }
}

/// Writes a level as `101 x 5 in 2`, and its queue where it is known.
fn level_entry(level: &LevelSnapshot) -> String {
    let bare = format!(
        "{} x {} in {}",
        money(level.price),
        group(level.quantity),
        level.order_count
    );
    let Some(orders) = &level.orders else {
        return bare;
    };
    let queue = orders
        .iter()
        .map(|(id, quantity)| format!("{id}: {}", group(quantity)));
    format!("{bare} [{}]", queue.collect::<Vec<_>>().join(", "))
}

fn analytics_lines(book: &BookSnapshot, out: &mut Vec<String>) {
    out.push(format!(
        "best bid {}, best ask {}, spread {}, mid {}, weighted mid {}",
        price_or_none(book.best_bid()),
        price_or_none(book.best_ask()),
        book.spread().map_or("none".to_owned(), group),
        price_or_none(book.mid_price()),
        ratio_or_none(book.weighted_mid()),
    ));
    out.push(format!(
        "total bids {}, total asks {}, imbalance {}",
        group(book.total_bid_quantity()),
        group(book.total_ask_quantity()),
        ratio_or_none(book.imbalance()),
    ));
}

fn trade_lines(trade: &Trade, out: &mut Vec<String>) {
    out.push(format!(
        "trade {} t={}: {} @ {}, {} {} with {} {}, notional {}",
        trade.id,
        trade.timestamp,
        group(trade.quantity),
        money(trade.price),
        trade.aggressor_side,
        trade.aggressor_order_id,
        trade.passive_side(),
        trade.passive_order_id,
        group(trade.notional()),
    ));
}

fn price_or_none(price: Option<Price>) -> String {
    price.map_or("none".to_owned(), money)
}

fn ratio_or_none(ratio: Option<f64>) -> String {
    ratio.map_or("none".to_owned(), |ratio| format!("{ratio:?}"))
}

fn or_none(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        "none".to_owned()
    } else {
        items.join(", ")
    }
}

fn with_symbol(symbol: Option<Symbol>, line: &str) -> String {
    match symbol {
        // What is broken stays at the beginning of the line, whoever broke it.
        Some(symbol) if line.starts_with(BROKEN) => format!("{line} ({symbol})"),
        Some(symbol) => format!("{symbol}: {line}"),
        None => line.to_owned(),
    }
}
