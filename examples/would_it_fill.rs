//! Would my order have been filled? One more bid in the queue of a day, by its ITCH messages.
//!
//! Without arguments it makes a day of a few messages. With FILE SYMBOL SECONDS it reads a real
//! one, and joins the best bid so many seconds after midnight.
#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use std::error::Error;
use std::io::{BufRead, Cursor};

use nanobook::{
    Exchange, FeedDriver, FeedError, FeedKind, ItchReader, OrderStatus, Outcome, Quantity,
    QueuePosition, Side, Symbol, TimeInForce,
};

const SECOND: u64 = 1_000_000_000;

/// What became of the order; times are in nanoseconds since midnight.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wait {
    first_trade_ns: Option<u64>,
    filled_ns: Option<u64>,
    ahead_at_first: Quantity,
    traded_ahead: Quantity,
    hidden: Quantity,
}

/// Returns a time of day.
fn clock(time_ns: u64) -> String {
    let ms = time_ns / 1_000_000;
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        ms / 3_600_000,
        ms / 60_000 % 60,
        ms / 1_000 % 60,
        ms % 1_000
    )
}

/// Prints what happened, and what stands before the order then.
fn show(time_ns: u64, what: &str, place: Option<QueuePosition>) {
    let place = place.map_or_else(
        || "     -      -".to_owned(),
        |place| format!("{:>6} {:>6}", place.orders_ahead, place.quantity_ahead),
    );
    println!("{}  {what:<24} {place}", clock(time_ns));
}

/// Joins the best bid at a time, and waits until the order has traded or the day ends.
fn wait(feed: ItchReader, from_ns: u64, quantity: Quantity) -> Result<Wait, FeedError> {
    let mut exchange = Exchange::without_event_log();
    let mut driver = FeedDriver::new();
    let mut joined = None;
    let mut waited = Wait::default();
    for message in feed {
        let message = message?;
        let now = message.timestamp_ns;
        if joined.is_none() && now >= from_ns {
            let Some(price) = exchange.best_bid() else {
                continue;
            };
            let mine = exchange.submit_limit(Side::Buy, price, quantity, TimeInForce::GTC);
            joined = Some((mine.order_id, price));
            let place = exchange.queue_position(mine.order_id).expect("it rests");
            waited.ahead_at_first = place.quantity_ahead;
            let cents = price.0 / 100;
            println!(
                "my bid for {quantity} shares at ${}.{:02}",
                cents / 100,
                cents % 100
            );
            println!("time          what                     orders  ahead");
            show(from_ns, "I join", Some(place));
        }

        let sent = driver.apply(&mut exchange, &message);
        let Some((mine, price)) = joined else {
            continue;
        };
        if message.kind == FeedKind::HiddenTrade && message.price.is_some_and(|at| at <= price) {
            // Nothing is sent for it, so it fills nothing here. Perhaps it would have.
            waited.hidden += message.quantity;
        }
        let Some(Outcome::Submit(execution)) = sent else {
            continue;
        };
        for trade in &exchange.trades()[execution.trades] {
            let place = exchange.queue_position(mine);
            if trade.passive_order_id == mine {
                show(now, &format!("{} of mine trade", trade.quantity), place);
            } else if trade.price == price && trade.passive_order_id < mine {
                waited.traded_ahead += trade.quantity;
                show(now, &format!("{} trade", trade.quantity), place);
            } else {
                continue;
            }
            waited.first_trade_ns.get_or_insert(now);
        }
        let order = exchange.get_order(mine).expect("no history was cleared");
        if order.status == OrderStatus::Filled {
            waited.filled_ns = Some(now);
            break;
        }
    }
    Ok(waited)
}

/// Returns one message of instrument 13 behind its length.
fn itch(code: u8, seconds: u64, fields: &[&[u8]]) -> Vec<u8> {
    let mut message = vec![code, 0, 13, 0, 0];
    message.extend(&(seconds * SECOND).to_be_bytes()[2..]);
    message.extend(fields.concat());
    let len = u16::try_from(message.len()).expect("messages are short");
    [&len.to_be_bytes()[..], &message].concat()
}

/// Returns a day of a dozen messages.
fn small_day() -> Vec<u8> {
    let name = b"AAPL    ";
    let long = |number: u64| number.to_be_bytes();
    let short = |number: u32| number.to_be_bytes();
    let add = |seconds, reference, side: &[u8], shares, price| {
        let (reference, shares, price) = (long(reference), short(shares), short(price));
        itch(
            b'A',
            seconds,
            &[&reference, side, &shares, &name[..], &price],
        )
    };
    let execute = |seconds, reference, shares, number| {
        let fields: [&[u8]; 3] = [&long(reference), &short(shares), &long(number)];
        itch(b'E', seconds, &fields)
    };
    [
        itch(b'R', 11_000, &[name, &[0; 20]]),
        add(34_199, 1, b"B", 100, 320_1400),
        add(34_199, 2, b"B", 200, 320_1400),
        add(34_199, 3, b"S", 100, 320_1600),
        // Behind my order, which joins at 34,200.
        add(34_202, 4, b"B", 400, 320_1400),
        execute(34_203, 1, 60, 1),
        itch(b'X', 34_204, &[&long(2), &short(50)]),
        execute(34_205, 1, 40, 2),
        itch(
            b'P',
            34_206,
            &[&long(0), b"B", &short(30), name, &short(320_1400), &long(3)],
        ),
        itch(b'D', 34_207, &[&long(2)]),
        execute(34_208, 4, 30, 4),
        execute(34_209, 4, 120, 5),
    ]
    .concat()
}

/// Waits in the queue of a day.
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let waited = if let [file, symbol, seconds] = &arguments[..] {
        let feed = ItchReader::open(file)?.with_symbols(&[Symbol::try_new(symbol)?]);
        wait(feed, seconds.parse::<u64>()? * SECOND, 100)?
    } else {
        let day: Box<dyn BufRead + Send> = Box::new(Cursor::new(small_day()));
        let feed = ItchReader::new(day).with_symbols(&[Symbol::new("AAPL")]);
        let waited = wait(feed, 34_200 * SECOND, 100)?;
        // 300 were ahead: 100 traded, 200 were cancelled. Then 30 and 70 came to me.
        let expected = Wait {
            first_trade_ns: Some(34_203 * SECOND),
            filled_ns: Some(34_209 * SECOND),
            ahead_at_first: 300,
            traded_ahead: 100,
            hidden: 30,
        };
        assert_eq!(waited, expected);
        waited
    };

    println!();
    if let Some(first) = waited.first_trade_ns {
        println!("my price traded first at  {}", clock(first));
    }
    if let Some(filled) = waited.filled_ns {
        println!("I was filled at           {}", clock(filled));
        let cancelled = waited.ahead_at_first - waited.traded_ahead;
        let traded = waited.traded_ahead;
        println!("ahead of me               {traded} traded, {cancelled} cancelled");
    } else {
        println!("I was not filled");
    }
    println!("hidden, at it or lower    {}", waited.hidden);
    Ok(())
}
