//! A venue's book and a driver as bytes, in the frame of every saved state.

use super::venue::VenueBook;
use super::{FeedCounts, FeedDriver};
use crate::error::PersistenceError;
use crate::persist::{self, Frame};
use crate::types::{OrderId, Price, Quantity, Side, Timestamp};

const BOOK: Frame = Frame {
    magic: *b"nanobkVB",
    version: 1,
};

const DRIVER: Frame = Frame {
    magic: *b"nanobkFD",
    version: 1,
};

/// A level: its price, the quantity that belongs to no known order, and its queue.
pub(super) type LevelImage = (Price, Quantity, Vec<(u64, Quantity)>);

#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct BookImage {
    /// The levels of bids and of asks.
    pub(super) sides: [Vec<LevelImage>; 2],
    pub(super) counts: FeedCounts,
    pub(super) timestamp: Timestamp,
}

/// By reference: what an order became, its side and price, and what the feed says is left.
pub(super) type FollowedImage = (u64, OrderId, Side, Price, Quantity);

#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct DriverImage {
    /// In the order of the references.
    pub(super) orders: Vec<FollowedImage>,
    pub(super) seeds: Vec<(Side, Price, OrderId)>,
    pub(super) counts: FeedCounts,
}

impl VenueBook {
    /// Returns the book as bytes, versioned and checksummed.
    ///
    /// ```
    /// use nanobook::{Price, Side, VenueBook};
    /// let mut book = VenueBook::new();
    /// book.set_level(Side::Buy, Price(320_1400), 100)?;
    /// assert_eq!(VenueBook::from_bytes(&book.to_bytes())?, book);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        persist::to_frame(BOOK, &self.to_image())
    }

    /// Returns the book that [`to_bytes`](Self::to_bytes) gave.
    ///
    /// # Errors
    ///
    /// [`PersistenceError::Malformed`] for bytes that are damaged or of another version.
    pub fn from_bytes(data: &[u8]) -> Result<Self, PersistenceError> {
        Self::from_image(persist::from_frame(BOOK, data)?)
            .map_err(|broken| PersistenceError::malformed(format!("broken state: {broken}")))
    }
}

impl FeedDriver {
    /// Returns what the driver knows as bytes, versioned and checksummed; the exchange it drove
    /// is saved by itself.
    pub fn to_bytes(&self) -> Vec<u8> {
        persist::to_frame(DRIVER, &self.to_image())
    }

    /// Returns the driver that [`to_bytes`](Self::to_bytes) gave.
    ///
    /// # Errors
    ///
    /// [`PersistenceError::Malformed`] for bytes that are damaged or of another version.
    pub fn from_bytes(data: &[u8]) -> Result<Self, PersistenceError> {
        Ok(Self::from_image(persist::from_frame(DRIVER, data)?))
    }
}
