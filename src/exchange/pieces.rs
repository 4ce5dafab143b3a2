//! A list that only grows, in pieces of one size: growing moves nothing that is there.
//!
//! A vector that grows copies itself each time it doubles and pays for the first touch of its new
//! memory again; on a cold machine that costs more than the event that is logged
//! (`benches/README.md`, R1 cold).

/// How many items a piece has. A list that is shorter is one vector, which grows as it needs.
const PIECE: usize = 1 << 15;

#[derive(Clone, Debug)]
pub(super) struct Pieces<T> {
    /// All pieces but the last. The first may be longer than [`PIECE`], the others are as long.
    full: Vec<Vec<T>>,
    last: Vec<T>,
    /// How long the last piece becomes.
    limit: usize,
}

impl<T> Pieces<T> {
    pub(super) const fn new() -> Self {
        Self {
            full: Vec::new(),
            last: Vec::new(),
            limit: PIECE,
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "an item is written once, in its place"
    )]
    #[inline(always)]
    pub(super) fn push(&mut self, item: T) {
        // The only branch, which the vector would have too.
        if self.last.len() == self.last.capacity() {
            self.make_room();
        }
        self.last.push(item);
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self) {
        let len = self.last.len();
        if len < self.limit {
            let room = (2 * len).clamp(4, self.limit) - len;
            self.last.reserve_exact(room);
        } else {
            let full = std::mem::replace(&mut self.last, Vec::with_capacity(PIECE));
            self.full.push(full);
            self.limit = PIECE;
        }
    }

    pub(super) fn len(&self) -> usize {
        let first = self.full.first().map_or(0, Vec::len);
        first + self.full.len().saturating_sub(1) * PIECE + self.last.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<&T> {
        let Some(first) = self.full.first() else {
            return self.last.get(index);
        };
        let Some(index) = index.checked_sub(first.len()) else {
            return first.get(index);
        };
        self.piece(1 + index / PIECE)?.get(index % PIECE)
    }

    /// Returns the items from a place on that stand in one piece, as many as there are.
    fn piece(&self, place: usize) -> Option<&[T]> {
        match self.full.get(place) {
            Some(piece) => Some(piece),
            None => (place == self.full.len()).then_some(&self.last),
        }
    }

    pub(super) fn iter(&self) -> Iter<'_, T> {
        Iter {
            pieces: self,
            next: 0,
            items: [].iter(),
            left: self.len(),
        }
    }
}

impl<T: Clone> Pieces<T> {
    /// Makes room for so many items in an empty list, and touches it.
    pub(super) fn reserve(&mut self, items: usize, filler: T) {
        debug_assert!(self.len() == 0, "only the first piece may be long");
        self.last.resize(items, filler);
        self.last.clear();
        self.limit = items.max(PIECE);
    }
}

impl<T: PartialEq> PartialEq for Pieces<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<T> From<Vec<T>> for Pieces<T> {
    fn from(items: Vec<T>) -> Self {
        Self {
            full: Vec::new(),
            limit: items.len().max(PIECE),
            last: items,
        }
    }
}

/// As one list, which it is to everybody else.
#[cfg(feature = "persistence")]
impl<T: serde::Serialize> serde::Serialize for Pieces<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(feature = "persistence")]
impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for Pieces<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Into::into)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Iter<'a, T> {
    pieces: &'a Pieces<T>,
    /// The piece after the one that `items` are of.
    next: usize,
    items: std::slice::Iter<'a, T>,
    left: usize,
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        loop {
            if let Some(item) = self.items.next() {
                self.left -= 1;
                return Some(item);
            }
            self.items = self.pieces.piece(self.next)?.iter();
            self.next += 1;
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists of as many items as fill pieces, less one and more, grown, reserved and taken over.
    #[test]
    fn pieces_are_one_list() {
        for count in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7] {
            let expected: Vec<usize> = (0..count).collect();
            for room in [0, 1, PIECE, PIECE + 5, 2 * PIECE + 1] {
                let mut pieces = Pieces::new();
                pieces.reserve(room, 0);
                let taken = room.min(count);
                let mut taken_over = Pieces::from(expected[..taken].to_vec());
                for item in &expected {
                    pieces.push(*item);
                }
                for item in &expected[taken..] {
                    taken_over.push(*item);
                }
                for pieces in [&pieces, &taken_over, &pieces.clone()] {
                    assert_eq!(pieces.len(), count);
                    assert!(pieces.iter().eq(&expected));
                    let mut items = pieces.iter();
                    for (index, item) in expected.iter().enumerate() {
                        assert_eq!(items.len(), count - index);
                        assert_eq!((items.next(), pieces.get(index)), (Some(item), Some(item)));
                    }
                    assert_eq!((items.next(), pieces.get(count)), (None, None));
                    assert_eq!((items.len(), pieces.get(usize::MAX)), (0, None));
                }
                assert!(pieces == taken_over);
                pieces.push(0);
                assert!(pieces != taken_over);
            }
        }
    }

    #[test]
    fn growing_moves_nothing() {
        let mut pieces = Pieces::new();
        for item in 0..=PIECE {
            pieces.push(item);
        }
        let first = std::ptr::from_ref(pieces.get(0).unwrap());
        for item in 0..10 * PIECE {
            pieces.push(item);
        }
        assert_eq!(std::ptr::from_ref(pieces.get(0).unwrap()), first);
    }
}
