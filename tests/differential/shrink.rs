//! Makes a failing stream small.

use std::cell::Cell;
use std::panic;
use std::sync::Once;

use crate::common::Stream;
use crate::common::generator::RECORD;
use crate::{Failure, run_quietly};

/// How many streams are tried at most, and how many commands are run for them: a stream that only
/// fails late would otherwise keep its test from ending for hours.
const ATTEMPTS: u32 = 20_000;
const COMMANDS: usize = 500_000;

/// Shrinks a failing stream: drops everything after the failure, then chunks of records while it
/// still fails (Zeller and Hildebrandt (2002), "Simplifying and isolating failure-inducing
/// input"), then lowers bytes.
pub(crate) fn shrink(stream: Stream, failure: Failure) -> (Stream, Failure) {
    let shrink = Shrink {
        stream,
        failure,
        attempts_left: ATTEMPTS,
        commands_left: COMMANDS,
    };
    // The failures on the way would each print their panic.
    quietly(|| shrink.run())
}

/// Runs `work` with nothing printed about the panics of this thread.
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> T {
    thread_local! {
        static QUIET: Cell<bool> = const { Cell::new(false) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                print(panic);
            }
        }));
    });
    QUIET.set(true);
    let done = work();
    QUIET.set(false);
    done
}

struct Shrink {
    stream: Stream,
    failure: Failure,
    attempts_left: u32,
    commands_left: usize,
}

impl Shrink {
    fn run(mut self) -> (Stream, Failure) {
        let reached = self.failure.actions.len();
        self.stream.records.truncate(reached);
        while self.drop_records() | self.lower_bytes() {}
        (self.stream, self.failure)
    }

    /// Takes a simpler stream if it fails as well.
    fn take(&mut self, simpler: Stream) -> bool {
        if self.attempts_left == 0 || self.commands_left == 0 {
            return false;
        }
        self.attempts_left -= 1;
        let outcome = run_quietly(&simpler);
        let ran = match &outcome {
            Ok(_) => simpler.records.len(),
            Err(failure) => failure.actions.len(),
        };
        self.commands_left = self.commands_left.saturating_sub(ran);
        let Err(failure) = outcome else {
            return false;
        };
        self.stream = simpler;
        self.stream.records.truncate(failure.actions.len());
        self.failure = failure;
        true
    }

    fn drop_records(&mut self) -> bool {
        let mut any = false;
        let mut size = self.stream.records.len().div_ceil(2);
        while size > 0 {
            let mut start = 0;
            while start < self.stream.records.len() {
                let mut simpler = self.stream.clone();
                let end = simpler.records.len().min(start + size);
                simpler.records.drain(start..end);
                if self.take(simpler) {
                    any = true;
                } else {
                    start += size;
                }
            }
            size /= 2;
        }
        any
    }

    fn lower_bytes(&mut self) -> bool {
        let mut any = false;
        let mut record = 0;
        while record < self.stream.records.len() {
            for byte in 0..RECORD {
                // A shorter stream may have been taken.
                let Some(value) = self.stream.records.get(record).map(|bytes| bytes[byte]) else {
                    return any;
                };
                for lower in [0, value / 2, value.saturating_sub(1)] {
                    let mut simpler = self.stream.clone();
                    simpler.records[record][byte] = lower;
                    if lower < value && self.take(simpler) {
                        any = true;
                        break;
                    }
                }
            }
            record += 1;
        }
        any
    }
}
