//! User ids that look like personal data. They are allowed; whoever issues tokens is told.

/// The longest user id, in characters.
pub const LONGEST: usize = 255;

/// # Errors
/// What is wrong with it.
pub fn read(text: &str) -> Result<String, &'static str> {
    let length = text.chars().count();
    if !(1..=LONGEST).contains(&length) || text.chars().any(char::is_control) {
        return Err("must be a text of 1 to 255 characters, none of them a control character");
    }
    Ok(text.to_owned())
}

/// What is worth a warning. Random ids get none.
pub fn warnings(user_id: &str) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    if is_email(user_id) {
        warnings.push("the user id looks like an e-mail address: use a random id");
    }
    if is_phone_number(user_id) {
        warnings.push("the user id looks like a phone number: use a random id");
    }
    if is_name(user_id) {
        warnings.push("the user id looks like a real name: use a random id");
    }
    warnings
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let dotted = domain.split_once('.');
    !local.is_empty() && dotted.is_some_and(|(name, rest)| !name.is_empty() && !rest.is_empty())
}

/// 7 to 15 digits (ITU-T E.164) with a plus or separators, or 10 to 15 digits alone.
fn is_phone_number(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let others = text.chars().filter(|c| !c.is_ascii_digit());
    let marks = others.clone().count();
    let only_marks = others
        .into_iter()
        .all(|c| matches!(c, '+' | '-' | ' ' | '(' | ')' | '.' | '/'));
    let shortest = if marks == 0 { 10 } else { 7 };
    only_marks && (shortest..=15).contains(&digits)
}

fn is_name(text: &str) -> bool {
    is_han_name(text)
        || is_worded_name(text, [' ', '.'], false)
        || is_worded_name(text, ['_', '-'], true)
}

/// 2 to 4 Han characters.
fn is_han_name(text: &str) -> bool {
    let han = |c| ('\u{4e00}'..='\u{9fff}').contains(&c);
    (2..=4).contains(&text.chars().count()) && text.chars().all(han)
}

/// 2 to 4 words of letters between separators, capitalized where that is demanded.
fn is_worded_name(text: &str, separators: [char; 2], capitalized: bool) -> bool {
    let words: Vec<_> = text.split(separators).collect();
    let is_word = |word: &&str| {
        let capital = word.chars().next().is_some_and(char::is_uppercase);
        word.chars().count() > 1
            && word.chars().all(char::is_alphabetic)
            && (capital || !capitalized)
    };
    (2..=4).contains(&words.len()) && words.iter().all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_is_recognised() {
        for (user_id, what) in [
            ("alice@example.com", "e-mail"),
            ("+49 151 1234567", "phone"),
            ("13800138000", "phone"),
            ("(555) 123-4567", "phone"),
            ("Zhang San", "name"),
            ("john.smith", "name"),
            ("John_Smith", "name"),
            ("张三", "name"),
            ("José García", "name"),
        ] {
            let warnings = warnings(user_id);
            assert!(warnings.iter().any(|w| w.contains(what)), "{user_id}");
        }
    }

    #[test]
    fn other_ids_are_left_alone() {
        for user_id in [
            "alice",
            "u_0199c5a0",
            "user-17",
            "8f14e45fceea167a5a36dedd4bea2543",
            "test_user",
            "0199c5a0-0000-7000-8000-000000000000",
            "123456",
            "@alice",
        ] {
            assert!(warnings(user_id).is_empty(), "{user_id}");
        }
    }
}
