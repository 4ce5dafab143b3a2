//! Wealth that is multiplied by `1 + r` each period, and its peak.

/// 2^512 and its inverse, by which products are scaled without rounding.
pub(super) const SCALE: f64 = f64::from_bits((1023 + 512) << 52);
pub(super) const SCALE_INVERSE: f64 = f64::from_bits((1023 - 512) << 52);

/// Wealth, which starts at 1 and stops at 0, and its peak so far.
///
/// The product of many returns need not fit in a float, though its growth rate and drawdowns do.
///
/// What is seldom goes through copies, not references: the loop over the returns keeps its wealth in
/// registers.
#[derive(Clone, Copy)]
pub(super) struct Wealth {
    /// Wealth is `scaled x 2^(512 x exponent)`; `scaled` is 0 or from 2^-512 to 2^512.
    pub(super) scaled: f64,
    exponent: i32,
    /// The highest wealth so far, at least 1, scaled like the wealth was then.
    pub(super) peak: f64,
    /// How many times wealth was scaled up since its peak; if ever, it is below 2^-512 of the scale
    /// of the peak.
    below: u32,
    /// At or above this wealth is at a peak, or has to be scaled down again.
    ceiling: f64,
}

impl Wealth {
    pub(super) const START: Self = Self {
        scaled: 1.0,
        exponent: 0,
        peak: 1.0,
        below: 0,
        ceiling: 1.0,
    };

    /// Earns a finite return, and tells whether wealth is at its peak.
    #[inline]
    pub(super) fn earn(&mut self, r: f64) -> bool {
        let factor = 1.0 + r;
        let next = self.scaled * factor;
        if next >= self.ceiling {
            if self.below == 0 && next <= SCALE {
                (self.scaled, self.peak, self.ceiling) = (next, next, next);
                return true;
            }
            *self = self.risen(factor);
            return self.below == 0 && self.scaled >= self.peak;
        }
        self.scaled = next;
        if next < SCALE_INVERSE {
            *self = self.sunk();
        }
        false
    }

    /// Earns a finite return where nobody asks for the peak, which is not kept.
    #[inline]
    pub(super) fn compound(&mut self, r: f64) {
        let next = self.scaled * (1.0 + r);
        if (SCALE_INVERSE..=SCALE).contains(&next) {
            self.scaled = next;
        } else {
            self.earn(r);
        }
    }

    #[cold]
    fn risen(mut self, factor: f64) -> Self {
        if (self.scaled * factor).is_infinite() {
            // Wealth is above 1 then, so that nothing of it is lost.
            self.lift();
        }
        self.scaled *= factor;
        while self.below > 0 && self.scaled >= 1.0 {
            self.lift();
        }
        // What was infinite is above the peak: it was lifted to 2^512 or more.
        if self.below == 0 && self.scaled >= self.peak {
            while self.scaled > SCALE {
                self.lift();
            }
            self.peak = self.scaled;
        }
        self.ceiling = if self.below > 0 { 1.0 } else { self.peak };
        self
    }

    fn lift(&mut self) {
        self.scaled *= SCALE_INVERSE;
        self.exponent += 1;
        self.below = self.below.saturating_sub(1);
    }

    #[cold]
    fn sunk(mut self) -> Self {
        if self.scaled <= 0.0 {
            self.scaled = 0.0;
        } else {
            self.scaled *= SCALE;
            self.exponent -= 1;
            self.below += 1;
            self.ceiling = 1.0;
        }
        self
    }

    /// Returns the fall from the peak as a fraction of it.
    #[inline]
    pub(super) fn drawdown(&self) -> f64 {
        if self.below > 0 {
            1.0
        } else {
            (self.peak - self.scaled) / self.peak
        }
    }

    /// Returns whether wealth is 0, where it stays.
    pub(super) fn is_lost(&self) -> bool {
        self.scaled == 0.0
    }

    /// Returns what two moments since the same peak compare by: the smaller, the poorer.
    pub(super) fn height(&self) -> (i32, f64) {
        if self.is_lost() {
            (i32::MIN, 0.0)
        } else {
            (self.exponent, self.scaled)
        }
    }

    /// Returns wealth as a float: 0 or infinity where it does not fit.
    pub(super) fn value(&self) -> f64 {
        let factor = if self.exponent < 0 {
            SCALE_INVERSE
        } else {
            SCALE
        };
        // Three factors reach infinity or zero from anywhere.
        (0..self.exponent.unsigned_abs().min(6)).fold(self.scaled, |wealth, _| wealth * factor)
    }

    /// Returns wealth to the power of `periods_per_year / n`, less 1: the growth of a year.
    pub(super) fn annual_growth(&self, power: f64) -> f64 {
        let growth = if self.exponent == 0 {
            self.scaled.powf(power)
        } else {
            // One exponent: two factors could be infinity and zero.
            ((self.scaled.log2() + 512.0 * f64::from(self.exponent)) * power).exp2()
        };
        growth - 1.0
    }
}
