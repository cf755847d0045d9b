//! Sets of numbers that mostly follow each other.

/// Numbers in order, kept as ranges with both ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this number is in it.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        let behind = self.0.partition_point(|(first, _)| *first <= number);
        let before = behind.checked_sub(1).and_then(|at| self.0.get(at));
        before.is_some_and(|(_, last)| number <= *last)
    }

    /// Adds a number.
    pub fn insert(&mut self, number: u64) {
        if self.contains(number) {
            return;
        }
        let at = self.0.partition_point(|(first, _)| *first < number);
        self.0.insert(at, (number, number));
        self.join(at);
        if let Some(before) = at.checked_sub(1) {
            self.join(before);
        }
    }

    /// Makes one range of the one at this place and the next one, where they touch.
    fn join(&mut self, at: usize) {
        let Some([(_, last), (next, behind)]) = self.0.get_mut(at..at + 2) else { return };
        if last.checked_add(1) == Some(*next) {
            *last = *behind;
            self.0.remove(at + 1);
        }
    }

    /// The number at this place.
    #[must_use]
    pub fn nth(&self, index: usize) -> Option<u64> {
        let mut before = index as u64;
        for (first, last) in &self.0 {
            let count = last - first + 1;
            if before < count {
                return Some(first + before);
            }
            before -= count;
        }
        None
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flat_map(|(first, last)| *first..=*last)
    }
}

#[cfg(test)]
mod tests {
    use super::Ranges;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_are_in_it_once_and_in_order_however_they_came() {
        let mut seed: u64 = 1;
        for _ in 0..200 {
            let (mut ranges, mut all) = (Ranges::default(), BTreeSet::new());
            for _ in 0..30 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let number = (seed >> 40) % 40;
                ranges.insert(number);
                all.insert(number);
            }
            let wanted: Vec<u64> = all.iter().copied().collect();
            assert_eq!(ranges.iter().collect::<Vec<_>>(), wanted);
            assert!((0..40).all(|number| ranges.contains(number) == all.contains(&number)));
            assert_eq!(ranges.nth(wanted.len() - 1), wanted.last().copied());
            assert_eq!(ranges.nth(wanted.len()), None);
        }
    }

    #[test]
    fn numbers_that_follow_each_other_take_no_room() {
        let mut ranges = Ranges::default();
        [3, 1, 2, 7, u64::MAX].into_iter().for_each(|number| ranges.insert(number));
        let written = serde_json::to_string(&ranges).expect("JSON");
        assert_eq!(written, format!("[[1,3],[7,7],[{0},{0}]]", u64::MAX));
    }
}
