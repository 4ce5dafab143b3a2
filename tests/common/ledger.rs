//! A portfolio written from its rules and never from the crate's.
//!
//! What does not fit in 64 bits is an error without a reason, and leaves half of it done: keep a
//! copy.

use std::collections::BTreeMap;

/// The rules of the portfolio, written from their description with 128-bit numbers and decimal
/// digits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) initial_cash: i128,
    pub(crate) cash: i128,
    pub(crate) costs: i128,
    pub(crate) bps: i128,
    pub(crate) fee_min: i128,
    /// Quantity, total cost, realized PnL.
    pub(crate) positions: BTreeMap<String, [i128; 3]>,
    pub(crate) last: BTreeMap<String, i128>,
}

/// Fails where a number does not fit in 64 bits.
fn fits(number: i128) -> Result<i128, ()> {
    i64::try_from(number).map(i128::from).map_err(|_| ())
}

/// Multiplies the exact decimal digits of a float, as one does on paper.
fn exact_money(equity: i128, weight: f64) -> Result<i128, ()> {
    const DECIMALS: usize = 130;
    let text = format!("{:.DECIMALS$}", weight.abs());
    let digits: Vec<i128> = text
        .bytes()
        .filter(u8::is_ascii_digit)
        .map(|b| i128::from(b - b'0'))
        .collect();
    let mut product = Vec::new();
    let mut carry = 0;
    for digit in digits.iter().rev() {
        carry += digit * equity;
        product.push(carry % 10);
        carry /= 10;
    }
    while carry > 0 {
        product.push(carry % 10);
        carry /= 10;
    }
    let half_up = i128::from(product[DECIMALS - 1] >= 5);
    if product.len() - DECIMALS > 30 {
        return Err(());
    }
    let whole = product[DECIMALS..]
        .iter()
        .rev()
        .fold(0, |whole, digit| whole * 10 + digit);
    fits((whole + half_up) * if weight < 0.0 { -1 } else { 1 })
}

impl Ledger {
    pub(crate) fn equity(&self, prices: &BTreeMap<String, i128>) -> Result<i128, ()> {
        let mut equity = self.cash;
        for (name, [quantity, ..]) in &self.positions {
            let price = prices.get(name).or(self.last.get(name));
            let value = quantity * price.expect("what was traded has had a price");
            equity = equity.checked_add(value).ok_or(())?;
        }
        fits(equity)
    }

    /// Books one fill and checks the identity.
    fn fill(&mut self, name: &str, quantity: i128, price: i128) -> Result<(), ()> {
        let [held, total_cost, realized] = self.positions.entry(name.to_owned()).or_insert([0; 3]);
        let notional = fits(quantity * price)?;
        let closed = if held.signum() * quantity.signum() < 0 {
            quantity.abs().min(held.abs()) * held.signum()
        } else {
            0
        };
        if closed != 0 {
            let share = *total_cost * closed / *held;
            *realized = fits(*realized + closed * price - share)?;
            *total_cost -= share;
            *held -= closed;
        }
        let opened = quantity + closed;
        *total_cost = fits(*total_cost + opened * price)?;
        *held = fits(*held + opened)?;
        let cost = fits((notional.abs() * self.bps / 10_000).max(self.fee_min))?;
        self.cash = fits(self.cash - notional - cost)?;
        self.costs = fits(self.costs + cost)?;

        // cash + market value = initial cash + realized + unrealized - costs, at any price: the
        // market value is on both sides, on the right as unrealized + total cost.
        let mut explained = self.initial_cash - self.costs;
        for [_, total_cost, realized] in self.positions.values() {
            explained += realized - total_cost;
        }
        assert_eq!(self.cash, explained);
        Ok(())
    }

    pub(crate) fn rebalance(
        &mut self,
        targets: &BTreeMap<String, f64>,
        prices: &BTreeMap<String, i128>,
    ) -> Result<Vec<(String, i128)>, ()> {
        for (name, weight) in targets {
            if *weight != 0.0 && !prices.contains_key(name) && !self.last.contains_key(name) {
                return Err(());
            }
        }
        let equity = self.equity(prices)?;
        let mut orders = Vec::new();
        if equity > 0 {
            for (name, price) in prices {
                let target = match targets.get(name) {
                    Some(weight) => exact_money(equity, *weight)? / price,
                    None => 0,
                };
                let held = self.positions.get(name).map_or(0, |position| position[0]);
                orders.push((name.clone(), fits(target - held)?));
            }
        }
        let mut fills = Vec::new();
        for sign in [-1, 1] {
            for (name, quantity) in &orders {
                if quantity.signum() == sign {
                    self.fill(name, *quantity, prices[name])?;
                    fills.push((name.clone(), *quantity));
                }
            }
        }
        self.last
            .extend(prices.iter().map(|(name, price)| (name.clone(), *price)));
        Ok(fills)
    }
}
