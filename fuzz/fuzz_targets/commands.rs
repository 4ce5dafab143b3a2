//! Command streams on the exchange and on the naive reference, compared after every command as
//! `tests/differential` does; then the state is saved, restored and replayed.
//!
//! `NANOBOOK_STREAM=FILE cargo test --test differential` shrinks a failure to the fewest commands.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../tests/differential/run.rs"]
mod run;
#[path = "../../tests/differential/tally.rs"]
#[allow(
    dead_code,
    reason = "what random streams must reach is a question of the tests"
)]
mod tally;

use libfuzzer_sys::fuzz_target;
use nanobook::Exchange;

use common::Stream;
use run::Run;

/// The reference takes time with the square of what it is given.
const COMMANDS_MAX: usize = 400;

fuzz_target!(|data: &[u8]| {
    let mut stream = Stream::from_bytes(data);
    stream.records.truncate(COMMANDS_MAX);
    let mut run = Run::new(&stream);
    if let Err(reason) = run.all(&stream) {
        for action in &run.actions {
            eprintln!("    {action}");
        }
        panic!("the last of these commands: {reason}");
    }

    let live = run.exchange;
    let bytes = live.to_bytes();
    let restored = Exchange::from_bytes(&bytes).expect("what was just saved is whole");
    assert!(
        restored == live,
        "a restored exchange is the one that was saved"
    );
    assert_eq!(restored.state_digest(), live.state_digest());
    assert!(
        restored.to_bytes() == bytes,
        "equal states have equal bytes"
    );
    if live.events().is_complete() {
        let replayed = Exchange::replay(live.events()).expect("only accepted commands are logged");
        assert_eq!(replayed.state_digest(), live.state_digest());
        assert_eq!(replayed.full_book(), live.full_book());
    }
});
