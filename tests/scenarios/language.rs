//! The language of the scenario files, described in `README.md` beside them: text to commands and
//! events back to text.

use nanobook::{Event, OrderId, Price, Quantity, Side, Symbol, TimeInForce, TrailMethod};

/// A scenario: a name that states a fact, and blocks that show it on a fresh exchange.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) blocks: Vec<Block>,
}

/// Commands, and what they print.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) commands: Vec<Command>,
    /// The line of the first command, from 1.
    pub(crate) line: usize,
    /// What the commands look like in the file.
    pub(crate) source: Vec<String>,
    /// Where the expected lines begin in the file, from 0, and what they are.
    pub(crate) expected_at: usize,
    pub(crate) expected: Vec<String>,
}

/// One line of a block, with the symbol in front of it, if any.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Command {
    pub(crate) symbol: Option<Symbol>,
    pub(crate) action: Action,
}

/// What a line asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// A command of the exchange.
    Submit(Event),
    /// Forget history, trades or events.
    Clear(Clear),
    /// A question, which changes nothing.
    Ask(Query),
    /// The exchange keeps no event log.
    LogOff,
    /// Commands again and again; the last round prints.
    Repeat(u32, Vec<Command>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Clear {
    History,
    Trades,
    Events,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Query {
    Order(OrderId),
    Stop(OrderId),
    Queue(OrderId),
    Bbo,
    Last,
    Book,
    Depth(usize),
    /// Of so many levels, or of all.
    Analytics(Option<usize>),
    Trades,
    Vwap,
    Events,
    Pending,
    Digest,
    Symbols,
    BestPrices,
}

/// Reads a file. The error names the line.
pub(crate) fn parse_file(text: &str) -> Result<Vec<Scenario>, String> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    let mut block = Block::default();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut at = 0;
    while at < lines.len() {
        let (line, number) = (lines[at], at + 1);
        at += 1;
        if let Some(name) = scenario_name(line) {
            if !block.commands.is_empty() {
                return Err(format!("line {number}: the block above has no ----"));
            }
            if scenarios.last().is_some_and(|last| last.blocks.is_empty()) {
                return Err(format!("line {number}: the scenario above has no block"));
            }
            scenarios.push(Scenario {
                name: name.to_owned(),
                blocks: Vec::new(),
            });
        } else if line == "----" {
            let scenario = scenarios.last_mut().ok_or("no `# name: rule` line above")?;
            if block.commands.is_empty() {
                return Err(format!("line {number}: no command above ----"));
            }
            let length = lines[at..]
                .iter()
                .take_while(|line| !line.is_empty())
                .count();
            block.expected_at = at;
            block.expected = lines[at..at + length]
                .iter()
                .map(|&l| l.to_owned())
                .collect();
            at += length;
            scenario.blocks.push(std::mem::take(&mut block));
        } else if !line.is_empty() && !line.starts_with('#') {
            let command = line.split(" #").next().unwrap_or(line).trim();
            let command = parse_command(command)
                .ok_or_else(|| format!("line {number}: not a command: {command}"))?;
            if block.commands.is_empty() {
                block.line = number;
            }
            block.commands.push(command);
            block.source.push(line.to_owned());
        }
    }
    if !block.commands.is_empty() {
        return Err(format!("line {}: the last block has no ----", block.line));
    }
    match scenarios.last() {
        None => Err("no scenario".to_owned()),
        Some(last) if last.blocks.is_empty() => Err(format!("{} has no block", last.name)),
        Some(_) => Ok(scenarios),
    }
}

/// Returns the name in `# some_fact: the rule`; other lines with `#` are comments.
fn scenario_name(line: &str) -> Option<&str> {
    let (name, _rule) = line.strip_prefix("# ")?.split_once(": ")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (name.contains('_') && name.chars().all(plain)).then_some(name)
}

/// Reads one line; `None` if it is none of the commands.
pub(crate) fn parse_command(line: &str) -> Option<Command> {
    if let Some(rest) = line.strip_prefix("repeat ") {
        let (times, body) = rest.split_once(": ")?;
        let body = body.split("; ").map(parse_command).collect::<Option<_>>()?;
        let action = Action::Repeat(number(times)?, body);
        return Some(Command {
            symbol: None,
            action,
        });
    }
    let (symbol, line) = match line.split_once(": ") {
        Some((symbol, rest)) => (Some(Symbol::try_new(symbol).ok()?), rest),
        None => (None, line),
    };
    let words: Vec<&str> = line.split_whitespace().collect();
    let action = match words[..] {
        ["log", "off"] => Action::LogOff,
        ["clear", "history"] => Action::Clear(Clear::History),
        ["clear", "trades"] => Action::Clear(Clear::Trades),
        ["clear", "events"] => Action::Clear(Clear::Events),
        _ => match parse_query(&words) {
            Some(query) => Action::Ask(query),
            None => Action::Submit(parse_event(&words)?),
        },
    };
    Some(Command { symbol, action })
}

fn parse_query(words: &[&str]) -> Option<Query> {
    Some(match words {
        ["order", id] => Query::Order(OrderId(number(id)?)),
        ["stop", id] => Query::Stop(OrderId(number(id)?)),
        ["queue", id] => Query::Queue(OrderId(number(id)?)),
        ["bbo"] => Query::Bbo,
        ["last"] => Query::Last,
        ["book"] => Query::Book,
        ["depth", levels] => Query::Depth(number(levels)?),
        ["analytics"] => Query::Analytics(None),
        ["analytics", levels] => Query::Analytics(Some(number(levels)?)),
        ["trades"] => Query::Trades,
        ["vwap"] => Query::Vwap,
        ["events"] => Query::Events,
        ["pending"] => Query::Pending,
        ["digest"] => Query::Digest,
        ["symbols"] => Query::Symbols,
        ["best", "prices"] => Query::BestPrices,
        _ => return None,
    })
}

fn parse_event(words: &[&str]) -> Option<Event> {
    Some(match words {
        ["buy", order @ ..] => parse_submit(Side::Buy, order)?,
        ["sell", order @ ..] => parse_submit(Side::Sell, order)?,
        ["cancel", id] => Event::Cancel {
            order_id: OrderId(number(id)?),
        },
        ["modify", id, "to", quantity, "@", price] => Event::Modify {
            order_id: OrderId(number(id)?),
            new_price: parse_price(price)?,
            new_quantity: number(quantity)?,
        },
        ["reduce", id, "by", quantity] => Event::Reduce {
            order_id: OrderId(number(id)?),
            quantity: number(quantity)?,
        },
        _ => return None,
    })
}

/// Reads `[gtc|ioc|fok] Q @ P` or `market Q`, then `stop S`, then `trail ...`.
fn parse_submit(side: Side, words: &[&str]) -> Option<Event> {
    let stop_at = words.iter().position(|word| *word == "stop");
    let (order, stop) = words.split_at(stop_at.unwrap_or(words.len()));
    let (limit, quantity): (Option<(TimeInForce, Price)>, Quantity) = match order {
        ["market", quantity] => (None, number(quantity)?),
        [tif, quantity, "@", price] => {
            let time_in_force = match *tif {
                "gtc" => TimeInForce::GTC,
                "ioc" => TimeInForce::IOC,
                "fok" => TimeInForce::FOK,
                _ => return None,
            };
            (
                Some((time_in_force, parse_price(price)?)),
                number(quantity)?,
            )
        }
        _ => return None,
    };
    let (stop_price, trail_method) = match stop {
        [] => {
            return Some(match limit {
                Some((time_in_force, price)) => Event::SubmitLimit {
                    side,
                    price,
                    quantity,
                    time_in_force,
                },
                None => Event::SubmitMarket { side, quantity },
            });
        }
        ["stop", price] => (parse_price(price)?, None),
        ["stop", price, "trail", trail @ ..] => (parse_price(price)?, Some(parse_trail(trail)?)),
        _ => return None,
    };
    Some(match (limit, trail_method) {
        (None, None) => Event::SubmitStopMarket {
            side,
            stop_price,
            quantity,
        },
        (Some((time_in_force, limit_price)), None) => Event::SubmitStopLimit {
            side,
            stop_price,
            limit_price,
            quantity,
            time_in_force,
        },
        (None, Some(trail_method)) => Event::SubmitTrailingStopMarket {
            side,
            initial_stop_price: stop_price,
            quantity,
            trail_method,
        },
        (Some((time_in_force, limit_price)), Some(trail_method)) => {
            Event::SubmitTrailingStopLimit {
                side,
                initial_stop_price: stop_price,
                limit_price,
                quantity,
                time_in_force,
                trail_method,
            }
        }
    })
}

fn parse_trail(words: &[&str]) -> Option<TrailMethod> {
    Some(match words {
        ["fixed", offset] => TrailMethod::Fixed(number(offset)?),
        ["percentage", fraction] => TrailMethod::Percentage(fraction.parse().ok()?),
        ["atr", multiplier, "over", period] => TrailMethod::Atr {
            multiplier: multiplier.parse().ok()?,
            period: number(period)?,
        },
        _ => return None,
    })
}

fn parse_price(word: &str) -> Option<Price> {
    match word {
        "MAX" => Some(Price::MAX),
        "MIN" => Some(Price::MIN),
        _ => number(word).map(Price),
    }
}

/// Reads a number with `_` between digits where the writer likes it.
fn number<T: std::str::FromStr>(word: &str) -> Option<T> {
    word.replace('_', "").parse().ok()
}

/// Writes an event as the line that asks for it.
pub(crate) fn describe(event: &Event) -> String {
    match *event {
        Event::SubmitLimit {
            side,
            price,
            quantity,
            time_in_force,
        } => order(side, quantity, Some((time_in_force, price))),
        Event::SubmitMarket { side, quantity } => order(side, quantity, None),
        Event::Cancel { order_id } => format!("cancel {order_id}"),
        Event::Modify {
            order_id,
            new_price,
            new_quantity,
        } => format!(
            "modify {order_id} to {} @ {}",
            group(new_quantity),
            money(new_price)
        ),
        Event::Reduce { order_id, quantity } => format!("reduce {order_id} by {}", group(quantity)),
        Event::SubmitStopMarket {
            side,
            stop_price,
            quantity,
        } => stop(side, quantity, None, stop_price, None),
        Event::SubmitStopLimit {
            side,
            stop_price,
            limit_price,
            quantity,
            time_in_force,
        } => stop(
            side,
            quantity,
            Some((time_in_force, limit_price)),
            stop_price,
            None,
        ),
        Event::SubmitTrailingStopMarket {
            side,
            initial_stop_price,
            quantity,
            trail_method,
        } => stop(side, quantity, None, initial_stop_price, Some(trail_method)),
        Event::SubmitTrailingStopLimit {
            side,
            initial_stop_price,
            limit_price,
            quantity,
            time_in_force,
            trail_method,
        } => {
            let limit = Some((time_in_force, limit_price));
            stop(
                side,
                quantity,
                limit,
                initial_stop_price,
                Some(trail_method),
            )
        }
    }
}

/// Writes an order as the line that submits it; without a limit it is a market order.
pub(crate) fn order(side: Side, quantity: Quantity, limit: Option<(TimeInForce, Price)>) -> String {
    match limit {
        Some((tif, price)) => format!("{side} {tif} {} @ {}", group(quantity), money(price)),
        None => format!("{side} market {}", group(quantity)),
    }
}

/// Writes a stop as the line that submits it.
pub(crate) fn stop(
    side: Side,
    quantity: Quantity,
    limit: Option<(TimeInForce, Price)>,
    stop_price: Price,
    trail_method: Option<TrailMethod>,
) -> String {
    let trail = match trail_method {
        None => String::new(),
        Some(TrailMethod::Fixed(offset)) => format!(" trail fixed {}", group(offset)),
        Some(TrailMethod::Percentage(fraction)) => format!(" trail percentage {}", ratio(fraction)),
        Some(TrailMethod::Atr { multiplier, period }) => {
            format!(" trail atr {} over {period}", ratio(multiplier))
        }
    };
    format!(
        "{} stop {}{trail}",
        order(side, quantity, limit),
        money(stop_price)
    )
}

/// Writes a price; the two of market orders by name.
pub(crate) fn money(price: Price) -> String {
    match price {
        Price::MAX => "MAX".to_owned(),
        Price::MIN => "MIN".to_owned(),
        Price(units) => group(units),
    }
}

/// Writes a float the short way: `2`, `0.05`, `1e300`.
pub(crate) fn ratio(float: f64) -> String {
    let plain = float.to_string();
    if plain.len() > 20 {
        format!("{float:e}")
    } else {
        plain
    }
}

/// Writes an integer, with `_` between thousands where it has more than six digits.
pub(crate) fn group(integer: impl ToString + Copy) -> String {
    let digits = integer.to_string();
    if digits.len() <= 6 {
        return digits;
    }
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 && !grouped.ends_with('-') {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped
}
