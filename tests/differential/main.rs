//! The exchange against a naive reference, command by command.
//!
//! After every command of every random stream: the same answer, the same book with its queues,
//! the same trades, events, orders and stops, and invariants that hold.
//!
//! - `NANOBOOK_SEED=7 cargo test --test differential` runs the one stream of that seed. A failure
//!   prints its seed, and the shortest program found that still fails.
//! - `NANOBOOK_STREAM=file cargo test --test differential` does the same with the stream that the
//!   bytes of a file are, such as an input that a fuzzer kept.
//! - `NANOBOOK_COMMANDS=100000000 cargo test --release --test differential` compares more;
//!   `NANOBOOK_FIRST_SEED` starts elsewhere.

#[path = "../common/mod.rs"]
mod common;
mod run;
mod shrink;
mod tally;

use std::any::Any;
use std::fmt::Write as _;
use std::panic::{self, AssertUnwindSafe};

use common::{Action, Profile, Random, Stream, Through, drive};
use run::Run;
use shrink::{quietly, shrink};
use tally::Tally;

const COMMANDS: u64 = 1_000_000;

#[test]
fn the_exchange_does_what_the_reference_does() {
    if let Some(seed) = variable("NANOBOOK_SEED") {
        let tally = check_seed(seed);
        println!("seed {seed}: {tally}");
        return;
    }
    if let Ok(path) = std::env::var("NANOBOOK_STREAM") {
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let tally = check(
            Stream::from_bytes(&bytes),
            &format!("NANOBOOK_STREAM={path}"),
        );
        println!("{path}: {tally}");
        return;
    }
    let wanted = variable("NANOBOOK_COMMANDS").unwrap_or(COMMANDS);
    let first_seed = variable("NANOBOOK_FIRST_SEED").unwrap_or(0);
    let mut tally = Tally::default();
    let mut streams = 0;
    while tally.commands < wanted {
        tally.add(&check_seed(first_seed + streams));
        streams += 1;
    }
    println!("{streams} streams from seed {first_seed}: {tally}");
    // A generator that stops reaching a rule would make the comparison worthless there.
    if wanted >= COMMANDS {
        let missed = tally.missed();
        assert!(missed.is_empty(), "no stream reached: {missed:?}");
    }
}

fn check_seed(seed: u64) -> Tally {
    check(Stream::from_seed(seed), &format!("NANOBOOK_SEED={seed}"))
}

/// Runs a stream, and shrinks it where it fails; `source` is the setting that gives it again.
fn check(stream: Stream, source: &str) -> Tally {
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
        "the stream of {source} fails at its command {}: {}\n\
         \n\
         Shrunk to {} commands ({:?}, event log {}): {}\n\
         {program}\n\
         Again: {source} cargo test --test differential\n",
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
