//! Streams of nasty commands, made from a seed or from any bytes.
//!
//! A stream is a header and records of [`RECORD`] bytes, and each record is one command whatever
//! its bytes are. So a fuzzer's input is a stream, a seed fills the records at random, and a
//! stream shrinks by dropping records and lowering bytes: a byte of 0 is always the simplest
//! choice. Which order a cancel means is decided when it runs ([`Target`]), from what rests and
//! how many ids were issued, so that it still means something after records before it are gone.

use std::fmt;

use nanobook::{Event, OrderId, Price, Quantity, Side, TimeInForce, TrailMethod};

use super::drive::Through;

/// The length of a record in bytes.
pub(crate) const RECORD: usize = 12;

type Record = [u8; RECORD];

/// Where prices and quantities come from, and how often each command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Eight prices around 100, sizes of 1 to 9.
    Few,
    /// Prices 1 to 6: offsets are soon too wide, and halves are rounded all the time.
    Tiny,
    /// Prices from 2^29 to 2^32, dense in the middle and sparse outside.
    Wide,
    /// Prices and quantities at the ends of their ranges: notionals and side totals overflow.
    Edge,
    /// Many trades at changing prices, with few cancels: fills the memory of price changes.
    Churn,
    /// Many stops of all kinds at once, over prices that come and go.
    Stops,
    /// Thousands of price levels on each side, and large orders that sweep them.
    Ladder,
}

impl Profile {
    pub(crate) const ALL: [Self; 7] = [
        Self::Few,
        Self::Tiny,
        Self::Wide,
        Self::Edge,
        Self::Churn,
        Self::Stops,
        Self::Ladder,
    ];
}

/// A command stream and how it is to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) profile: Profile,
    pub(crate) event_log: bool,
    pub(crate) through: Through,
    pub(crate) records: Vec<Record>,
}

impl Stream {
    /// Returns the stream of a seed: any number gives one, and always the same.
    pub(crate) fn from_seed(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let (profile, length) = match random.below(2000) {
            0..700 => (Profile::Few, 150 + random.below(250)),
            700..850 => (Profile::Stops, 200 + random.below(800)),
            850..1150 => (Profile::Tiny, 150 + random.below(250)),
            1150..1500 => (Profile::Wide, 150 + random.below(350)),
            1500..1970 => (Profile::Edge, 50 + random.below(250)),
            1970..1996 => (Profile::Churn, 2000 + random.below(1000)),
            _ => (Profile::Ladder, 4000 + random.below(1000)),
        };
        Self::of_profile(&mut random, profile, length)
    }

    /// Returns a random stream of this profile with `length` commands.
    pub(crate) fn of_profile(random: &mut Random, profile: Profile, length: u64) -> Self {
        let [flags, ..] = random.next().to_le_bytes();
        let records = (0..length)
            .map(|_| {
                let (low, high) = (random.next().to_le_bytes(), random.next().to_le_bytes());
                std::array::from_fn(|i| if i < 8 { low[i] } else { high[i - 8] })
            })
            .collect();
        Self::new(profile, flags, records)
    }

    /// Returns the stream that any bytes stand for: two of header, then records. What is left
    /// over at the end is not used.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let (header, records) = bytes.split_at(bytes.len().min(2));
        let byte = |place: usize| header.get(place).copied().unwrap_or(0);
        Self::new(
            Profile::ALL[usize::from(byte(0)) % Profile::ALL.len()],
            byte(1),
            records
                .chunks_exact(RECORD)
                .map(|record| std::array::from_fn(|i| record[i]))
                .collect(),
        )
    }

    fn new(profile: Profile, flags: u8, records: Vec<Record>) -> Self {
        Self {
            profile,
            event_log: flags & 0b111 != 0b111,
            through: [Through::Try, Through::Plain, Through::Apply][usize::from(flags >> 3) % 3],
            records,
        }
    }

    pub(crate) fn commands(&self) -> impl Iterator<Item = Command> + '_ {
        self.records
            .iter()
            .map(|record| self.profile.decode(record))
    }
}

/// A command before its order is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Command {
    Submit(Event),
    Cancel(Target),
    Modify(Target, Price, Quantity),
    Reduce(Target, Quantity),
    ClearOrderHistory,
    ClearTrades,
    ClearEvents,
}

/// Which order or stop a command is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// One of the orders that rest, counted around.
    Resting(u16),
    /// One of the stops that wait, counted around.
    Pending(u16),
    /// An id issued lately: filled, cancelled, triggered or dropped ones among them.
    Recent(u16),
    /// Any number from 0 to two more than the last id issued.
    Any(u16),
    /// The largest number.
    Last,
}

/// What a [`Target`] is chosen from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ids {
    /// The last id issued; 0 before the first.
    pub(crate) last: u64,
    pub(crate) resting: Vec<OrderId>,
    pub(crate) pending: Vec<OrderId>,
}

/// A command in full.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    Apply(Event),
    ClearOrderHistory,
    ClearTrades,
    ClearEvents,
}

impl Command {
    /// Returns whether the command is about an order or stop.
    pub(crate) fn has_target(&self) -> bool {
        matches!(self, Self::Cancel(_) | Self::Modify(..) | Self::Reduce(..))
    }

    pub(crate) fn resolve(&self, ids: &Ids) -> Action {
        match *self {
            Self::Submit(event) => Action::Apply(event),
            Self::Cancel(target) => Action::Apply(Event::Cancel {
                order_id: target.resolve(ids),
            }),
            Self::Modify(target, new_price, new_quantity) => Action::Apply(Event::Modify {
                order_id: target.resolve(ids),
                new_price,
                new_quantity,
            }),
            Self::Reduce(target, quantity) => Action::Apply(Event::Reduce {
                order_id: target.resolve(ids),
                quantity,
            }),
            Self::ClearOrderHistory => Action::ClearOrderHistory,
            Self::ClearTrades => Action::ClearTrades,
            Self::ClearEvents => Action::ClearEvents,
        }
    }
}

impl Target {
    fn resolve(self, ids: &Ids) -> OrderId {
        let around =
            |list: &[OrderId], k: u16| list.get(usize::from(k) % list.len().max(1)).copied();
        match self {
            Self::Resting(k) => around(&ids.resting, k).unwrap_or(OrderId(ids.last)),
            Self::Pending(k) => around(&ids.pending, k).unwrap_or(OrderId(ids.last)),
            Self::Recent(k) => OrderId(ids.last.saturating_sub(u64::from(k) % 32)),
            Self::Any(k) => OrderId(u64::from(k) % (ids.last + 3)),
            Self::Last => OrderId(u64::MAX),
        }
    }
}

impl Profile {
    fn decode(self, record: &Record) -> Command {
        let [kind, flags, p0, p1, q0, q1, l0, l1, pick, k0, k1, bias] = *record;
        let kind = match self {
            Self::Churn if bias % 4 != 0 => kind % 108,
            Self::Stops if bias % 4 == 3 => 194 + kind % 58,
            Self::Ladder if bias % 16 != 0 => 0,
            _ => kind,
        };
        let side = if flags & 1 == 0 {
            Side::Buy
        } else {
            Side::Sell
        };
        // A ladder is mostly built, and swept now and then.
        let is_passive = flags & 2 == 0 || self == Self::Ladder && bias % 32 != 0;
        let time_in_force = match (flags >> 2) & 7 {
            6 => TimeInForce::IOC,
            7 => TimeInForce::FOK,
            _ => TimeInForce::GTC,
        };
        let price = self.price([p0, p1], side, is_passive);
        let stop_price = self.stop_price([p0, p1], side, is_passive);
        let limit_price = self.price([l0, l1], side, is_passive);
        let k = u16::from_le_bytes([k0, k1]);
        let target = target(pick, k);
        let trail_method = trail_method(pick, k);
        // At the ends of the ranges many sells are small, so that bids pile up beside asks.
        let q1 = if self == Self::Edge && side == Side::Sell && bias % 8 != 0 {
            q1 % 64
        } else {
            q1
        };
        let quantity = self.quantity([q0, q1], price);
        // The notional of a stop-limit is that of its limit.
        let limit_quantity = self.quantity([q0, q1], limit_price);
        match kind {
            0..96 => Command::Submit(Event::SubmitLimit {
                side,
                price,
                quantity,
                time_in_force,
            }),
            96..118 => Command::Submit(Event::SubmitMarket { side, quantity }),
            118..150 => Command::Cancel(target),
            150..174 => Command::Modify(target, price, quantity),
            174..194 => Command::Reduce(target, quantity),
            194..208 => Command::Submit(Event::SubmitStopMarket {
                side,
                stop_price,
                quantity,
            }),
            208..222 => Command::Submit(Event::SubmitStopLimit {
                side,
                stop_price,
                limit_price,
                quantity: limit_quantity,
                time_in_force,
            }),
            222..237 => Command::Submit(Event::SubmitTrailingStopMarket {
                side,
                initial_stop_price: stop_price,
                quantity,
                trail_method,
            }),
            237..252 => Command::Submit(Event::SubmitTrailingStopLimit {
                side,
                initial_stop_price: stop_price,
                limit_price,
                quantity: limit_quantity,
                time_in_force,
                trail_method,
            }),
            252 | 253 => Command::ClearOrderHistory,
            254 => Command::ClearTrades,
            255 => Command::ClearEvents,
        }
    }

    /// A price; a passive one is on its own side of the middle.
    fn price(self, [low, high]: [u8; 2], side: Side, is_passive: bool) -> Price {
        if high >= 252 {
            const INVALID: [i64; 6] = [0, -1, -100, i64::MAX, i64::MIN, i64::MIN + 1];
            return Price(INVALID[usize::from(low) % INVALID.len()]);
        }
        let away = |distance: i64| match side {
            Side::Buy => -distance,
            Side::Sell => 1 + distance,
        };
        let (low, high) = (i64::from(low), i64::from(high));
        Price(match (self, is_passive) {
            (Self::Few, true) => 100 + away(low % 4),
            (Self::Few, false) => 97 + low % 8,
            (Self::Tiny, true) => 3 + away(low % 3),
            (Self::Tiny, false) => 1 + low % 6,
            (Self::Wide, true) => (1 << 30) + away((1 << (low % 30)) + high),
            (Self::Wide, false) => (1 << 30) + high - 128,
            (Self::Churn | Self::Stops, true) => 1000 + away(low % 32),
            (Self::Churn | Self::Stops, false) => 970 + low % 62,
            (Self::Ladder, true) => 10_000 + away((low << 4 | high & 15) % 4096),
            (Self::Ladder, false) => 9996 + low % 10,
            (Self::Edge, _) => {
                const LOW: [i64; 4] = [1, 1, 2, 3];
                const HIGH: [i64; 4] = [i64::MAX - 1, i64::MAX - 2, i64::MAX / 2, (1 << 53) + 1];
                let is_high = is_passive == (side == Side::Sell);
                // Now and then two sides at the low end meet, for the side totals to fill up.
                let list = if is_high && high % 4 != 0 { HIGH } else { LOW };
                list[usize::try_from(low % 4).expect("it is small")]
            }
        })
    }

    /// The trigger of a stop: one that is on its own side of the middle waits, and some wait long.
    fn stop_price(self, [low, high]: [u8; 2], side: Side, is_passive: bool) -> Price {
        let price = self.price([low, high], side.opposite(), is_passive);
        match (side, high) {
            (Side::Buy, 200..252) => Price(price.0.checked_mul(2).unwrap_or(price.0)),
            (Side::Sell, 200..252) => Price((price.0 / 2).max(1)),
            _ => price,
        }
    }

    fn quantity(self, [low, high]: [u8; 2], price: Price) -> Quantity {
        let (low, high) = (u64::from(low), u64::from(high));
        // The largest quantity whose notional fits.
        let fits = u64::try_from(i64::MAX / price.0.max(1)).expect("it is positive");
        match (self, high) {
            (_, 252..) => 0,
            (Self::Edge, 0..64) => 1 + low % 3,
            (Self::Edge, 64..160) => fits - low % 2 * (fits / 2),
            (Self::Edge, 160..184) => fits.saturating_sub(low % 3),
            (Self::Edge, 184..192) => fits + 1,
            (Self::Edge, 192..200) => u64::MAX - low % 2,
            (Self::Ladder, 240..) => 2000,
            (_, 246..) => 1000,
            _ => 1 + low % 9,
        }
    }
}

fn target(pick: u8, k: u16) -> Target {
    match pick {
        0..128 => Target::Resting(k),
        128..164 => Target::Pending(k),
        164..210 => Target::Recent(k),
        210..254 => Target::Any(k),
        254.. => Target::Last,
    }
}

fn trail_method(pick: u8, k: u16) -> TrailMethod {
    const OFFSETS: [i64; 12] = [
        1,
        2,
        3,
        4,
        5,
        8,
        1 << 20,
        i64::MAX - 1,
        i64::MAX,
        0,
        -1,
        i64::MIN,
    ];
    const FRACTIONS: [f64; 16] = [
        0.5,
        0.01,
        0.02,
        0.05,
        0.1,
        0.25,
        0.005,
        0.015,
        0.75,
        1e-9,
        1.0 - f64::EPSILON,
        f64::MIN_POSITIVE,
        0.0,
        1.0,
        -0.1,
        f64::NAN,
    ];
    const MULTIPLIERS: [f64; 16] = [
        1.0,
        2.0,
        0.5,
        1.5,
        3.0,
        2.5,
        0.1,
        0.75,
        10.0,
        1e-3,
        f64::MAX,
        5e-324,
        0.0,
        -1.0,
        f64::INFINITY,
        f64::NAN,
    ];
    const PERIODS: [u32; 16] = [
        1,
        2,
        3,
        4,
        5,
        7,
        14,
        20,
        50,
        200,
        1000,
        1023,
        1024,
        0,
        1025,
        u32::MAX,
    ];
    // Three choices in four are of the valid ones at the front.
    let of = |length: usize, valid: usize, k: u8| {
        usize::from(k / 4) % if k % 4 == 0 { length } else { valid }
    };
    let [low, high] = k.to_le_bytes();
    match pick % 3 {
        0 => TrailMethod::Fixed(OFFSETS[of(OFFSETS.len(), 6, low)]),
        1 => TrailMethod::Percentage(FRACTIONS[of(FRACTIONS.len(), 12, low)]),
        _ => TrailMethod::Atr {
            multiplier: MULTIPLIERS[of(MULTIPLIERS.len(), 10, low)],
            period: PERIODS[of(PERIODS.len(), 13, high)],
        },
    }
}

/// Numbers from a seed, the same everywhere: `SplitMix64`, from Steele, Lea and Flood (2014),
/// "Fast splittable pseudorandom number generators".
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`. The bias of the remainder does not matter here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// An index below `bound`.
    pub(crate) fn index(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("an index fits in u64");
        usize::try_from(self.below(bound)).expect("it is below a usize")
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }
}

/// The line of Rust that does it, so that a failing stream can be pasted into a test.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = match self {
            Self::Apply(event) => event,
            Self::ClearOrderHistory => return f.write_str("exchange.clear_order_history();"),
            Self::ClearTrades => return f.write_str("exchange.clear_trades();"),
            Self::ClearEvents => return f.write_str("exchange.clear_events();"),
        };
        match *event {
            Event::SubmitLimit {
                side,
                price,
                quantity,
                time_in_force,
            } => write!(
                f,
                "exchange.try_submit_limit(Side::{side:?}, {price:?}, {quantity}, \
                 TimeInForce::{time_in_force:?});"
            ),
            Event::SubmitMarket { side, quantity } => {
                write!(f, "exchange.try_submit_market(Side::{side:?}, {quantity});")
            }
            Event::Cancel { order_id } => write!(f, "exchange.cancel({order_id:?});"),
            Event::Modify {
                order_id,
                new_price,
                new_quantity,
            } => write!(
                f,
                "exchange.modify({order_id:?}, {new_price:?}, {new_quantity});"
            ),
            Event::Reduce { order_id, quantity } => {
                write!(f, "exchange.try_reduce({order_id:?}, {quantity});")
            }
            Event::SubmitStopMarket {
                side,
                stop_price,
                quantity,
            } => write!(
                f,
                "exchange.try_submit_stop_market(Side::{side:?}, {stop_price:?}, {quantity});"
            ),
            Event::SubmitStopLimit {
                side,
                stop_price,
                limit_price,
                quantity,
                time_in_force,
            } => write!(
                f,
                "exchange.try_submit_stop_limit(Side::{side:?}, {stop_price:?}, {limit_price:?}, \
                 {quantity}, TimeInForce::{time_in_force:?});"
            ),
            Event::SubmitTrailingStopMarket {
                side,
                initial_stop_price,
                quantity,
                trail_method,
            } => write!(
                f,
                "exchange.try_submit_trailing_stop_market(Side::{side:?}, {initial_stop_price:?}, \
                 {quantity}, TrailMethod::{trail_method:?});"
            ),
            Event::SubmitTrailingStopLimit {
                side,
                initial_stop_price,
                limit_price,
                quantity,
                time_in_force,
                trail_method,
            } => write!(
                f,
                "exchange.try_submit_trailing_stop_limit(Side::{side:?}, {initial_stop_price:?}, \
                 {limit_price:?}, {quantity}, TimeInForce::{time_in_force:?}, \
                 TrailMethod::{trail_method:?});"
            ),
        }
    }
}
