//! Which series an expression of PromQL asks for. Prometheus itself says whether it is well-formed.

use std::collections::BTreeSet;

/// A metric with the labels and values that it is chosen by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector {
    pub metric: String,
    pub matchers: Vec<(String, String)>,
}

/// The selectors of an expression, or of a line of an exposition.
pub fn selectors(expression: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '"') {
        rest = &rest[start..];
        if rest.starts_with('"') {
            let (_, after) = quoted(rest);
            rest = after;
            continue;
        }
        let (name, after) = word(rest);
        rest = after;
        let is_ours = ["domicile_", "process_"]
            .iter()
            .any(|p| name.starts_with(p))
            || name == "up";
        if is_ours {
            let (matchers, after) = matchers(rest);
            rest = after;
            found.push(Selector {
                metric: name.to_owned(),
                matchers,
            });
        }
    }
    found
}

/// The labels that an expression groups or joins by.
pub fn labels(expression: &str) -> BTreeSet<String> {
    let clauses = ["by (", "on ("]
        .into_iter()
        .flat_map(|clause| expression.split(clause).skip(1));
    let lists = clauses.map(|rest| rest.split(')').next().unwrap());
    let labels = lists.flat_map(|list| list.split(',').map(|label| label.trim().to_owned()));
    labels.collect()
}

fn matchers(text: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    let Some(mut rest) = text.strip_prefix('{') else {
        return (found, text);
    };
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return (found, after);
        }
        let (label, after) = word(rest);
        let (value, after) = quoted(after.trim_start_matches(['=', '~', '!']));
        found.push((label.to_owned(), value.to_owned()));
        rest = after;
    }
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    text.split_at(end.unwrap_or(text.len()))
}

fn quoted(text: &str) -> (&str, &str) {
    let inner = text
        .strip_prefix('"')
        .unwrap_or_else(|| panic!("no text: {text}"));
    inner.split_once('"').unwrap()
}

#[test]
fn selectors_and_labels_are_found() {
    let expression = r#"sum by (a, b) (rate(domicile_x_total{c=~"d|e", f!="domicile_g"}[5m])) and on (h) up > 0"#;
    let x = Selector {
        metric: "domicile_x_total".to_owned(),
        matchers: vec![
            ("c".into(), "d|e".into()),
            ("f".into(), "domicile_g".into()),
        ],
    };
    let up = Selector {
        metric: "up".to_owned(),
        matchers: Vec::new(),
    };
    assert_eq!(selectors(expression), [x, up]);
    let found: Vec<_> = labels(expression).into_iter().collect();
    assert_eq!(found, ["a", "b", "h"]);
}
