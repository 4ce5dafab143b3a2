//! Rebalance through two order books: what an order's size costs, and what does not fill at all.
#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use nanobook::{
    CostModel, Exchange, MultiExchange, Portfolio, PortfolioError, Price, Side, Symbol, TimeInForce,
};

const INITIAL_CASH: i64 = 100_000_00; // cents

/// Returns cents as text in dollars.
fn dollars(cents: i64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}

/// Returns books with three levels on each side; GOOG's is the thin one.
fn two_books(aapl: Symbol, goog: Symbol) -> MultiExchange {
    let mut books = MultiExchange::new();
    for step in 1..=3 {
        for (symbol, mid, tick, quantity) in [(aapl, 100_00, 10, 200), (goog, 200_00, 20, 50)] {
            let book = books.get_or_create(symbol);
            book.submit_limit(
                Side::Buy,
                Price(mid - tick * step),
                quantity,
                TimeInForce::GTC,
            );
            book.submit_limit(
                Side::Sell,
                Price(mid + tick * step),
                quantity,
                TimeInForce::GTC,
            );
        }
    }
    books
}

/// Rebalances once in the books and once at the mids, and compares.
fn main() -> Result<(), PortfolioError> {
    let (aapl, goog) = (Symbol::new("AAPL"), Symbol::new("GOOG"));
    let targets = [(aapl, 0.5), (goog, 0.5)];
    let mids = [(aapl, Price(100_00)), (goog, Price(200_00))];

    let mut books = two_books(aapl, goog);
    let mut portfolio = Portfolio::new(INITIAL_CASH, CostModel::new(1, 0, 0));
    print!(
        "{}, half into AAPL at {}, ",
        dollars(INITIAL_CASH),
        dollars(mids[0].1.0)
    );
    println!("half into GOOG at {}", dollars(mids[1].1.0));
    println!();
    println!("symbol  quantity    price   cost");
    let fills = portfolio.rebalance_lob(&targets, &mut books)?;
    for fill in &fills {
        let (price, cost) = (dollars(fill.price.0), dollars(fill.cost));
        println!("{:<6}  {:>8}  {price}  {cost}", fill.symbol, fill.quantity);
    }

    let mut ideal = Portfolio::new(INITIAL_CASH, CostModel::zero());
    ideal.rebalance_simple(&targets, &mids)?;
    println!();
    let (mut slippage, mut market_value) = (0, 0);
    for (symbol, mid) in mids {
        let held = portfolio.position(symbol).expect("some were bought");
        let wanted = ideal.position(symbol).expect("all were bought");
        let above = held.total_cost - held.market_value(mid)?;
        slippage += above;
        market_value += held.market_value(mid)?;
        let (quantity, above) = (held.quantity, dollars(above));
        println!(
            "{symbol}: {quantity} of {}, {above} above the mid",
            wanted.quantity
        );
    }
    // GOOG's book had only 150 shares. Nothing waits there for the other 100.
    assert_eq!(
        portfolio.position(goog).map(|held| held.quantity),
        Some(150)
    );
    assert_eq!(
        ideal.position(goog).map(|wanted| wanted.quantity),
        Some(250)
    );
    assert_eq!(books.exchange(goog).and_then(Exchange::best_ask), None);

    // What the books cost: the price of size, and a basis point of commission.
    let equity = portfolio.total_equity(&mids)?;
    let shortfall = ideal.total_equity(&mids)? - equity;
    print!("equity {} at the mids, ", dollars(equity));
    println!("{} less than without books", dollars(shortfall));
    assert_eq!(shortfall, slippage + portfolio.costs());
    assert_eq!(shortfall, 158_00);

    // Where all money is, to the cent.
    let state = portfolio.snapshot(&mids)?;
    let gained = state.total_realized_pnl + state.unrealized - state.costs;
    assert_eq!(state.cash + market_value, INITIAL_CASH + gained);
    let spent: i64 = fills
        .iter()
        .map(|fill| fill.quantity * fill.price.0 + fill.cost)
        .sum();
    assert_eq!(state.cash, INITIAL_CASH - spent);
    Ok(())
}
