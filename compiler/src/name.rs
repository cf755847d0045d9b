//! Names as text: how close two are, and what the generator would make of them.

/// Up to three of `known` that a person may have meant by `name`, the closest first.
#[must_use]
pub fn suggest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    // Bound: a third of the letters may be wrong, so short names get few suggestions.
    let limit = (name.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .filter(|&k| k != name)
        .filter_map(|k| Some((closeness(name, k, limit)?, k)))
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().map(|(_, k)| k).take(3).collect()
}

fn closeness(name: &str, known: &str, limit: usize) -> Option<usize> {
    if snake(name) == snake(known) {
        return Some(0);
    }
    let distance = distance(name, known);
    if distance <= limit {
        return Some(distance);
    }
    // A word of a longer name is a likely abbreviation, but a worse guess than any misspelling.
    let (short, long) = (snake(name), snake(known));
    let contained = short.len() >= 4 && long.split('_').any(|word| word == short);
    contained.then_some(limit + 1)
}

/// How many letters must be inserted, removed, replaced or swapped with their neighbour.
#[must_use]
pub fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let mut best = (above[j] + usize::from(x != y)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

/// `OrderID`, `orderId` and `order_id` as `order_id`: what the generator makes of a name in a place
/// that wants small letters. Two names that agree here collide in generated code.
#[must_use]
pub fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 4);
    for (i, &c) in chars.iter().enumerate() {
        let after_small = i > 0 && !chars[i - 1].is_uppercase() && chars[i - 1] != '_';
        let before_small = chars.get(i + 1).is_some_and(|n| n.is_lowercase());
        let starts_word = c.is_uppercase() && i > 0 && (after_small || before_small);
        if starts_word && !out.ends_with('_') {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// Whether no Rust identifier, raw or not, can carry this name.
#[must_use]
pub fn unspeakable(name: &str) -> bool {
    matches!(name, "self" | "super" | "crate" | "Self" | "_")
}

/// Names in a list for a sentence: `` `a`, `b` or `c` ``.
#[must_use]
pub fn any_of(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [most @ .., last] => {
            let most: Vec<String> = most.iter().map(|n| format!("`{n}`")).collect();
            format!("{} or `{last}`", most.join(", "))
        }
    }
}

/// Names in a row, the last after `and`.
#[must_use]
pub fn and_of(names: &[&str]) -> String {
    any_of(names).replace(" or ", " and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_letters_are_one_mistake() {
        assert_eq!(distance("oredr", "order"), 1);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn suggestions_are_close_and_at_most_three() {
        let known = ["order", "orders", "older", "border", "payment"];
        assert_eq!(suggest("ordr", known), ["order"]);
        assert_eq!(suggest("ordder", known).len(), 3);
        assert!(suggest("xyz", known).is_empty());
    }

    #[test]
    fn another_case_is_the_first_suggestion() {
        assert_eq!(suggest("orderId", ["order_id", "orderIt"]), ["order_id", "orderIt"]);
    }

    #[test]
    fn names_that_collide_after_conversion_agree() {
        assert_eq!(snake("OrderID"), "order_id");
        assert_eq!(snake("orderId"), "order_id");
        assert_eq!(snake("HTTPMail"), snake("HttpMail"));
        assert_ne!(snake("order1"), snake("order_1"));
    }
}
