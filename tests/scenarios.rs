//! Runs the scenarios in `tests/scenarios/*.txt`: what a trader does, and what the exchange must
//! answer. `tests/scenarios/README.md` describes their language.
//!
//! `NANOBOOK_REWRITE=1 cargo test --test scenarios` writes what the exchange answers into the
//! files. What is expected comes from the rules, so read what changed before you keep it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use language::{Block, Scenario};

#[path = "scenarios/language.rs"]
mod language;
#[path = "scenarios/session.rs"]
mod session;

#[test]
fn scenarios_hold() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let rewrite = std::env::var_os("NANOBOOK_REWRITE").is_some_and(|value| value == "1");
    let mut names = BTreeMap::new();
    let mut failures = String::new();
    let mut files = 0;
    for path in text_files(&directory) {
        let file = path
            .strip_prefix(env!("CARGO_MANIFEST_DIR"))
            .unwrap()
            .display()
            .to_string();
        let text = fs::read_to_string(&path).unwrap();
        let scenarios = language::parse_file(&text).unwrap_or_else(|e| panic!("{file}: {e}"));
        let answers: Vec<Vec<Vec<String>>> = scenarios.iter().map(session::run).collect();
        for (scenario, answers) in scenarios.iter().zip(&answers) {
            if let Some(other) = names.insert(scenario.name.clone(), file.clone()) {
                panic!("{file} and {other} have a scenario {}", scenario.name);
            }
            for (block, answer) in scenario.blocks.iter().zip(answers) {
                let broken = answer.iter().any(|line| line.starts_with(session::BROKEN));
                if broken || (!rewrite && *answer != block.expected) {
                    failures += &report(&file, &scenario.name, block, answer);
                }
            }
        }
        let rewritten = rewritten(&text, &scenarios, &answers);
        if rewrite && failures.is_empty() && rewritten != text {
            fs::write(&path, rewritten).unwrap();
            say(&format!("rewritten: {file}"));
        }
        files += 1;
    }
    assert!(files > 0, "no scenario in {}", directory.display());
    assert!(failures.is_empty(), "\n{failures}");
    say(&format!("{} scenarios in {files} files hold", names.len()));
}

/// Prints past the capture of the test harness, so that every run shows it.
fn say(line: &str) {
    let written = std::io::stderr().write_all(format!("{line}\n").as_bytes());
    written.expect("standard error can be written");
}

fn text_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("the directory can be read");
    let entries = entries.map(|entry| entry.expect("its entries can be read"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    paths
}

/// Writes where a block fails, its commands, and the lines expected (-) and got (+).
fn report(file: &str, name: &str, block: &Block, answer: &[String]) -> String {
    let mut text = format!("{file}:{}: {name}\n", block.line);
    for line in &block.source {
        text.extend(["    ", line, "\n"]);
    }
    text += "    ----\n";
    let expected = &block.expected;
    let head = expected
        .iter()
        .zip(answer)
        .take_while(|(a, b)| a == b)
        .count();
    let rest = expected[head..]
        .iter()
        .rev()
        .zip(answer[head..].iter().rev());
    let tail = rest.take_while(|(a, b)| a == b).count();
    let lines = expected[..head].iter().map(|line| (" ", line));
    let lines = lines.chain(
        expected[head..expected.len() - tail]
            .iter()
            .map(|line| ("-", line)),
    );
    let lines = lines.chain(
        answer[head..answer.len() - tail]
            .iter()
            .map(|line| ("+", line)),
    );
    let lines = lines.chain(
        expected[expected.len() - tail..]
            .iter()
            .map(|line| (" ", line)),
    );
    for (mark, line) in lines {
        text.extend(["  ", mark, " ", line, "\n"]);
    }
    text.push('\n');
    text
}

/// Returns the file with every expectation replaced by the answer.
fn rewritten(text: &str, scenarios: &[Scenario], answers: &[Vec<Vec<String>>]) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut out: Vec<&str> = Vec::new();
    let mut at = 0;
    for (scenario, answers) in scenarios.iter().zip(answers) {
        for (block, answer) in scenario.blocks.iter().zip(answers) {
            out.extend(&lines[at..block.expected_at]);
            out.extend(answer.iter().map(String::as_str));
            at = block.expected_at + block.expected.len();
        }
    }
    out.extend(&lines[at..]);
    out.join("\n") + "\n"
}

/// The runner itself: a scenario that is wrong must not pass.
mod runner {
    use super::*;

    const RIGHT: &str = "\
# fok_leaves_book_untouched: it fills whole or not at all
# and this is a comment
sell gtc 5 @ 101
buy fok 1_000_008 @ 101   # so is this
----
id=1 resting 5
id=2 cancelled 1_000_008 (fok: 5 of 1_000_008 available)
asks: 101 x 5

order 2
----
id=2 buy fok 1_000_008 @ 101 t=2 cancelled: cancelled 1_000_008
";

    fn answers(text: &str) -> (Vec<Scenario>, Vec<Vec<Vec<String>>>) {
        let scenarios = language::parse_file(text).expect("scenarios");
        let answers = scenarios.iter().map(session::run).collect();
        (scenarios, answers)
    }

    #[test]
    fn a_right_expectation_passes() {
        let (scenarios, answers) = answers(RIGHT);
        let expected: Vec<&Vec<String>> = scenarios[0]
            .blocks
            .iter()
            .map(|block| &block.expected)
            .collect();
        assert_eq!(answers[0].iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_wrong_expectation_is_reported_with_its_place() {
        let wrong = RIGHT.replace("asks: 101 x 5\n", "asks: 101 x 4\nbids: 100 x 1\n");
        let (scenarios, answers) = answers(&wrong);
        let block = &scenarios[0].blocks[0];
        assert_ne!(answers[0][0], block.expected);
        assert_eq!(
            report("limit.txt", &scenarios[0].name, block, &answers[0][0]),
            "\
limit.txt:3: fok_leaves_book_untouched
    sell gtc 5 @ 101
    buy fok 1_000_008 @ 101   # so is this
    ----
    id=1 resting 5
    id=2 cancelled 1_000_008 (fok: 5 of 1_000_008 available)
  - asks: 101 x 4
  - bids: 100 x 1
  + asks: 101 x 5

"
        );
    }

    #[test]
    fn rewriting_touches_expectations_only() {
        let wrong = RIGHT
            .replace("asks: 101 x 5\n", "")
            .replace("id=1 resting 5", "what?\nwhat?\nwhat?");
        for text in [RIGHT, &wrong] {
            let (scenarios, answers) = answers(text);
            assert_eq!(rewritten(text, &scenarios, &answers), RIGHT);
        }
    }

    #[test]
    fn a_file_that_is_no_scenario_is_refused() {
        for (text, complaint) in [
            ("", "no scenario"),
            ("# a_name: rule\n", "a_name has no block"),
            (
                "# a_name: rule\n# b_name: rule\nbook\n----\n",
                "line 2: the scenario above has no block",
            ),
            ("book\n----\n", "no `# name: rule` line above"),
            ("# a_name: rule\n----\n", "line 2: no command above ----"),
            (
                "# a_name: rule\nbook\n",
                "line 2: the last block has no ----",
            ),
            (
                "# a_name: rule\nbook\n# b_name: rule\n",
                "line 3: the block above has no ----",
            ),
            (
                "# a_name: rule\nbuy 5\n----\n",
                "line 2: not a command: buy 5",
            ),
        ] {
            assert_eq!(
                language::parse_file(text).unwrap_err(),
                complaint,
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_is_half_a_command_is_none() {
        for line in [
            "",
            "buy",
            "buy gtc 5",
            "buy gtc 5 @",
            "buy gtc -5 @ 100",
            "buy gtc 5 at 100",
            "buy day 5 @ 100",
            "buy market 5 @ 100",
            "buy market 5 stop",
            "buy market 5 stop 100 trail",
            "buy market 5 stop 100 trail fixed",
            "buy market 5 stop 100 trail fixed 1.5",
            "buy market 5 stop 100 trail atr 2",
            "buy market 5 stop 100 trail atr 2 over -1",
            "buy market 5 stop 100 fixed 3",
            "modify 1 to 5",
            "modify 1 5 @ 100",
            "reduce 1",
            "cancel",
            "cancel one",
            "clear",
            "depth",
            "repeat 3: buy",
            "repeat 3 buy market 5",
            ": cancel 1",
        ] {
            assert_eq!(language::parse_command(line), None, "{line}");
        }
    }

    #[test]
    fn events_are_written_as_the_lines_that_ask_for_them() {
        for line in [
            "buy gtc 5 @ 100",
            "sell ioc 5 @ -100",
            "buy fok 1_000_000 @ MAX",
            "sell market 5",
            "cancel 7",
            "modify 7 to 5 @ 100",
            "reduce 7 by 2",
            "buy market 5 stop 110",
            "sell gtc 5 @ 89 stop 90",
            "sell market 5 stop 90 trail fixed 3",
            "sell market 5 stop 90 trail percentage 0.05",
            "buy ioc 5 @ 115 stop 110 trail atr 2.5 over 14",
        ] {
            let command = language::parse_command(line).unwrap();
            let language::Action::Submit(event) = command.action else {
                panic!("{line} is no event");
            };
            assert_eq!(language::describe(&event), line);
        }
    }
}
