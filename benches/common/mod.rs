//! What the benchmarks of the core share: a clock, random numbers and commands.
#![allow(
    dead_code,
    reason = "every benchmark compiles this module and uses its own part of it"
)]

use std::hint::black_box;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput};
use nanobook::{Event, Exchange, Price, Side, TimeInForce};

/// The processor time of this thread where the system has such a clock, else the time that passes;
/// per element in nanoseconds.
pub(crate) struct ThreadTime;

/// Returns the benchmarks' settings: this thread's time.
pub(crate) fn thread_time() -> Criterion<ThreadTime> {
    Criterion::default().with_measurement(ThreadTime)
}

#[cfg(unix)]
mod clock {
    use std::time::Duration;

    pub(super) type Start = Duration;

    pub(super) fn start() -> Start {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(now).expect("a thread's time is positive")
    }

    pub(super) fn end(start: Start) -> Duration {
        self::start().saturating_sub(start)
    }
}

#[cfg(not(unix))]
mod clock {
    use std::time::Duration;

    use criterion::measurement::{Measurement, WallTime};

    pub(super) type Start = <WallTime as Measurement>::Intermediate;

    pub(super) fn start() -> Start {
        WallTime.start()
    }

    pub(super) fn end(start: Start) -> Duration {
        WallTime.end(start)
    }
}

impl Measurement for ThreadTime {
    type Intermediate = clock::Start;
    type Value = std::time::Duration;

    fn start(&self) -> Self::Intermediate {
        clock::start()
    }

    fn end(&self, start: Self::Intermediate) -> Self::Value {
        clock::end(start)
    }

    fn add(&self, one: &Self::Value, other: &Self::Value) -> Self::Value {
        *one + *other
    }

    fn zero(&self) -> Self::Value {
        Self::Value::ZERO
    }

    fn to_f64(&self, value: &Self::Value) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self
    }
}

impl ValueFormatter for ThreadTime {
    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_values(typical, values)
    }

    fn scale_throughputs(
        &self,
        typical: f64,
        throughput: &Throughput,
        values: &mut [f64],
    ) -> &'static str {
        let Throughput::Elements(count) = *throughput else {
            let formatter = WallTime.formatter();
            return formatter.scale_throughputs(typical, throughput, values);
        };
        #[expect(clippy::cast_precision_loss, reason = "a ratio is the answer")]
        for value in values {
            *value /= count as f64;
        }
        "ns each"
    }

    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_for_machines(values)
    }
}

/// A small generator (xorshift64): the same stream in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("it is below a length")
    }

    pub(crate) fn side(&mut self) -> Side {
        if self.next() & 1 == 0 {
            Side::Buy
        } else {
            Side::Sell
        }
    }

    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for place in (1..list.len()).rev() {
            list.swap(place, self.index(place + 1));
        }
    }
}

/// Returns the price so far away from the middle, which is 2^30.
pub(crate) fn price_at(side: Side, distance: u64) -> Price {
    const MID: i64 = 1 << 30;
    let distance = i64::try_from(distance).expect("distances are small");
    match side {
        Side::Buy => Price(MID - 1 - distance),
        Side::Sell => Price(MID + 1 + distance),
    }
}

pub(crate) fn add(side: Side, price: Price, quantity: u64) -> Event {
    Event::SubmitLimit {
        side,
        price,
        quantity,
        time_in_force: TimeInForce::GTC,
    }
}

/// Runs the commands and returns the exchange, so that dropping it is not measured.
pub(crate) fn run(mut exchange: Exchange, events: &[Event]) -> Exchange {
    for event in events {
        let outcome = exchange.apply(black_box(event));
        // By reference: a copy of what was written a moment ago takes as long as the command.
        let _ = black_box(&outcome);
    }
    exchange
}
