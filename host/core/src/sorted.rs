//! Maps and orders for few things: small as code, where std's are made to be fast with many.
//!
//! Each type that a `BTreeMap` holds makes keel 3 to 8 kB larger, each that is sorted 2 to 5 kB. Here the search and the sort are one for
//! all. An insertion moves what is behind it: a map that gets many entries in no order is collected at once, or is std's.
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::cmp::Ordering;

/// Entries by their keys, each key once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map<K, V>(Vec<(K, V)>);

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map::new()
    }
}

impl<K, V> Map<K, V> {
    /// None.
    pub const fn new() -> Map<K, V> {
        Map(Vec::new())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All, in the order of the keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// All, in the order of the keys.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// The keys in their order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    /// The values in the order of the keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// The values in the order of the keys.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Keeps those for which `which` says so.
    pub fn retain(&mut self, which: impl Fn(&K, &V) -> bool) {
        self.0.retain(|(key, value)| which(key, value));
    }

    /// Takes out the first, if `which` says so.
    pub fn take_first(&mut self, which: impl Fn(&K) -> bool) -> Option<V> {
        let first = self.0.first().is_some_and(|(key, _)| which(key));
        first.then(|| self.0.remove(0).1)
    }

    /// Where the key is, or where it would be.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        search(self.0.len(), &|at| self.0[at].0.borrow().cmp(key))
    }

    /// The key's value.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| &self.0[at].1)
    }

    /// The key's value.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| &mut self.0[at].1)
    }

    /// Whether the key is there.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Takes the key out, with its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| self.0.remove(at).1)
    }
}

impl<K: Ord, V> Map<K, V> {
    /// Puts a value in; the key's old one comes out.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(at) => Some(core::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// The key's value; `make` makes it where there is none.
    pub fn or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        let at = match self.find(&key) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (key, make()));
                at
            }
        };
        &mut self.0[at].1
    }
}

/// Sorted once. Of a key that comes twice the last value counts.
impl<K: Ord, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut all: Vec<(K, V)> = entries.into_iter().collect();
        // Of two the first is kept.
        all.reverse();
        by(&mut all, |a, b| a.0.cmp(&b.0));
        all.dedup_by(|next, kept| next.0 == kept.0);
        Map(all)
    }
}

impl<K, V> IntoIterator for Map<K, V> {
    type Item = (K, V);
    type IntoIter = alloc::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Puts all in their order; what is equal stays in the order it was in.
pub fn sort<T: Ord>(all: &mut [T]) {
    by(all, T::cmp);
}

/// As `sort`, by what `key` says of each.
pub fn by_key<T, K: Ord>(all: &mut [T], key: impl Fn(&T) -> K) {
    by(all, |a, b| key(a).cmp(&key(b)));
}

/// As `sort`, by a comparison.
pub fn by<T>(all: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut order = order(all.len(), &|a, b| compare(&all[a], &all[b]));
    for at in 0..all.len() {
        // What was taken from there is where it was exchanged to.
        let mut from = order[at];
        while from < at {
            from = order[from];
        }
        order[at] = from;
        all.swap(at, from);
    }
}

/// The order of so many things: which is first, second, ...
#[inline(never)]
fn order(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Box<[usize]> {
    let mut order: Vec<usize> = (0..count).collect();
    // The one sort that is std's.
    order.sort_by(|a, b| compare(*a, *b));
    order.into_boxed_slice()
}

/// Binary search among so many things; where it is, or where it would be.
#[inline(never)]
fn search(count: usize, compare: &dyn Fn(usize) -> Ordering) -> Result<usize, usize> {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        match compare(middle) {
            Ordering::Less => low = middle + 1,
            Ordering::Equal => return Ok(middle),
            Ordering::Greater => high = middle,
        }
    }
    Err(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;

    /// Numbers without order, the same ones each time.
    fn numbers(count: usize) -> impl Iterator<Item = u32> {
        (0..count as u32).scan(7u32, |state, _| {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Some(*state >> 24)
        })
    }

    #[test]
    fn a_map_answers_as_std_s_does() {
        let (mut ours, mut theirs) = (Map::new(), BTreeMap::new());
        for (value, key) in numbers(600).enumerate() {
            match value % 3 {
                0 => assert_eq!(ours.remove(&key), theirs.remove(&key)),
                1 => assert_eq!(ours.or_insert_with(key, || value), theirs.entry(key).or_insert(value)),
                _ => assert_eq!(ours.insert(key, value), theirs.insert(key, value)),
            }
            assert_eq!(ours.get(&key), theirs.get(&key));
            assert_eq!(ours.get_mut(&(key / 2)), theirs.get_mut(&(key / 2)));
            assert_eq!(ours.contains_key(&(key + 1)), theirs.contains_key(&(key + 1)));
        }
        assert!(ours.len() > 50 && !ours.is_empty());
        assert!(ours.iter().eq(theirs.iter()) && ours.keys().rev().eq(theirs.keys().rev()));
        ours.retain(|key, _| key % 2 == 0);
        theirs.retain(|key, _| key % 2 == 0);
        assert!(ours.values().eq(theirs.values()) && ours.iter_mut().eq(theirs.iter_mut()));
        let first = *theirs.keys().next().unwrap();
        assert_eq!(ours.take_first(|key| *key < first), None);
        assert_eq!(ours.take_first(|key| *key == first), theirs.remove(&first));
        assert!(ours.into_iter().eq(theirs));
    }

    #[test]
    fn of_a_key_that_comes_twice_the_last_value_counts() {
        let pairs = || numbers(300).zip(0..);
        let (ours, theirs) = (pairs().collect::<Map<u32, i32>>(), pairs().collect::<BTreeMap<u32, i32>>());
        assert!(ours.len() < 300 && ours.into_iter().eq(theirs));
    }

    #[test]
    fn sorts_are_stable() {
        for count in [0, 1, 2, 3, 50, 777] {
            let mut ours: Vec<(u32, usize)> = numbers(count).map(|n| n % 32).zip(0..).collect();
            let mut theirs = ours.clone();
            by_key(&mut ours, |pair| pair.0);
            theirs.sort_by_key(|pair| pair.0);
            assert_eq!(ours, theirs);
            by(&mut ours, |a, b| b.cmp(a));
            theirs.reverse();
            theirs.sort();
            theirs.reverse();
            assert_eq!(ours, theirs);
            sort(&mut ours);
            theirs.sort();
            assert_eq!(ours, theirs);
        }
    }
}
