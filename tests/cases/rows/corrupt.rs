//! Wrong expectations, made of a right one.

/// The text of a row, with its expectation corrupted in each of several ways.
pub fn every_way(text: &str) -> Vec<String> {
    let (before, expectation) = text.split_once("\nexpect:\n").expect("a row has an expectation");
    let lines: Vec<&str> = expectation.lines().collect();
    let with = |lines: Vec<String>| format!("{before}\nexpect:\n{}\n", lines.join("\n"));
    let replaced = |index: usize, new: Option<String>| {
        let mut all: Vec<Option<String>> = lines.iter().map(|line| Some((*line).to_owned())).collect();
        all[index] = new;
        with(all.into_iter().flatten().collect())
    };
    let mut corrupted = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        corrupted.push(replaced(index, None));
        let (key, value) = line.split_once(": ").expect("a key and a value");
        corrupted.extend(
            other_values(value).into_iter().map(|value| replaced(index, Some(format!("{key}: {value}")))),
        );
        corrupted.push(replaced(index, Some(format!("{key}x: {value}"))));
    }
    corrupted.extend(swapped(&lines).map(with));
    let more = lines.iter().map(|line| (*line).to_owned()).chain(["  more: none".to_owned()]);
    corrupted.push(with(more.collect()));
    corrupted
}

/// Values that are like this one and are not.
fn other_values(value: &str) -> Vec<String> {
    let mut others = vec![format!("{value}x")];
    let parts: Vec<&str> = value.split(", ").collect();
    if let [_, rest @ ..] = parts.as_slice()
        && !rest.is_empty()
    {
        others.push(rest.join(", "));
        others.push(parts.iter().rev().copied().collect::<Vec<_>>().join(", "));
    }
    others.push(if value == "none" { "off".to_owned() } else { "none".to_owned() });
    if let Some(digit) = value.find(|c: char| c.is_ascii_digit()) {
        let other = if &value[digit..=digit] == "1" { "2" } else { "1" };
        others.push(format!("{}{other}{}", &value[..digit], &value[digit + 1..]));
    }
    others.retain(|other| other != value);
    others
}

/// The first two values, each in the place of the other.
fn swapped(lines: &[&str]) -> Option<Vec<String>> {
    let [first, second, rest @ ..] = lines else { return None };
    let ((one, first), (other, second)) = (first.split_once(": ")?, second.split_once(": ")?);
    let swapped = [format!("{one}: {second}"), format!("{other}: {first}")];
    (first != second).then(|| swapped.into_iter().chain(rest.iter().map(|line| (*line).to_owned())).collect())
}
