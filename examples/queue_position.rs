//! At one price, who came first trades first: what moves an order forward, what loses its place.
#![expect(clippy::print_stdout, reason = "an example prints what it found")]

use nanobook::{Exchange, OrderId, OrderStatus, Price, Quantity, Side, TimeInForce};

/// Prints how much stands before an order, and returns it.
fn show(exchange: &Exchange, order_id: OrderId, what: &str) -> Quantity {
    let position = exchange.queue_position(order_id).expect("it rests");
    println!(
        "{what:<34} {:>6} {:>6}",
        position.orders_ahead, position.quantity_ahead
    );
    position.quantity_ahead
}

/// Follows one order to the front of its queue, and then to the end.
fn main() {
    let mut exchange = Exchange::new();
    let price = Price(100_00);
    exchange.submit_limit(Side::Buy, price, 300, TimeInForce::GTC);
    let second = exchange
        .submit_limit(Side::Buy, price, 200, TimeInForce::GTC)
        .order_id;
    let mine = exchange
        .submit_limit(Side::Buy, price, 50, TimeInForce::GTC)
        .order_id;
    exchange.submit_limit(Side::Buy, price, 400, TimeInForce::GTC);

    println!("my bid for 50 shares at $100.00    orders shares ahead");
    assert_eq!(show(&exchange, mine, "two came before, one after"), 500);

    // Trades, cancels and reduces of those ahead move an order forward.
    exchange.submit_market(Side::Sell, 120);
    assert_eq!(show(&exchange, mine, "120 were sold"), 380);
    exchange.cancel(second);
    assert_eq!(show(&exchange, mine, "the second cancelled its 200"), 180);

    // A better price does not stand in this queue, but it trades first.
    let better = exchange.submit_limit(Side::Buy, Price(100_01), 70, TimeInForce::GTC);
    assert_eq!(show(&exchange, mine, "somebody bids $100.01"), 180);
    exchange.submit_market(Side::Sell, 70);
    let filled = exchange
        .get_order(better.order_id)
        .expect("finished orders are kept");
    assert_eq!(filled.status, OrderStatus::Filled);

    // A smaller order keeps its place; a replaced one has a new id and goes to the end.
    exchange.reduce(mine, 10);
    assert_eq!(show(&exchange, mine, "I reduce mine by 10"), 180);
    let replaced = exchange
        .modify(mine, price, 60)
        .new_order_id
        .expect("it rested");
    let ahead = show(&exchange, replaced, "I modify it to 60");
    assert_eq!(ahead, 180 + 400);
    assert_eq!(exchange.queue_position(mine), None);

    // It fills when all that is ahead, and it, have traded: one share less is not enough.
    exchange.submit_market(Side::Sell, ahead + 59);
    assert_eq!(
        show(&exchange, replaced, &format!("{} were sold", ahead + 59)),
        0
    );
    let order = exchange.get_order(replaced).expect("it rests");
    assert_eq!(
        (order.status, order.remaining_quantity),
        (OrderStatus::PartiallyFilled, 1)
    );
    exchange.submit_market(Side::Sell, 1);
    let order = exchange
        .get_order(replaced)
        .expect("finished orders are kept");
    println!("one more was sold: {}", order.status);
    assert_eq!(order.status, OrderStatus::Filled);
}
