//! What a simple data centre makes of a request target. Written apart from the gateway's parsers,
//! and as plainly as possible: the two are compared.

/// The decoded segments of a path, or nothing if a data centre could be of two minds about it.
pub fn segments(path: &str) -> Option<Vec<String>> {
    let pieces = path.strip_prefix('/')?.split('/');
    let segments: Vec<String> = pieces.map(segment).collect::<Option<_>>()?;
    (segments.len() <= 32).then_some(segments)
}

fn segment(raw: &str) -> Option<String> {
    if raw.bytes().any(|byte| byte >= 0x80) {
        return None;
    }
    let text = percent_decoded(raw.as_bytes())?;
    let dots = matches!(text.as_str(), "" | "." | "..");
    let odd = text.contains(['/', '\\', ';']) || text.chars().any(char::is_control);
    (!dots && !odd).then_some(text)
}

/// Undoes percent-encoding once, from the back to the front of the encoded pieces.
pub fn percent_decoded(raw: &[u8]) -> Option<String> {
    let mut pieces = raw.split(|byte| *byte == b'%');
    let mut bytes = pieces.next()?.to_vec();
    for piece in pieces {
        let digits = piece.get(..2)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let digits = str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(&piece[2..]);
    }
    String::from_utf8(bytes).ok()
}

/// Every byte but letters and digits as `%XX`, which every reader undoes in the same way.
pub fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Every value of a query parameter; nothing if a name, or one of these values, does not decode.
pub fn values(query: &str, name: &str) -> Option<Vec<String>> {
    let form = |text: &str| percent_decoded(text.replace('+', " ").as_bytes());
    let mut values = Vec::new();
    for pair in query.split('&') {
        let mut halves = pair.splitn(2, '=');
        if form(halves.next().unwrap_or(""))? == name {
            values.push(form(halves.next().unwrap_or(""))?);
        }
    }
    Some(values)
}

/// The AppKey that a path's segments begin with, `org#app`.
pub fn app_key(segments: &[String]) -> Option<String> {
    let own = match segments {
        [api, sdk, v1, own @ ..] if api == "api" && sdk == "sdk" && v1 == "v1" => own,
        own => own,
    };
    let [org, app, ..] = own else { return None };
    let reserved = ["api", "easemob", "management", "websocket", "v1", "healthz"];
    let free = !reserved.contains(&org.to_ascii_lowercase().as_str());
    (is_half(org) && is_half(app) && free).then(|| format!("{org}#{app}"))
}

fn is_half(half: &str) -> bool {
    let tail = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (1..=64).contains(&half.len())
        && half.starts_with(|c: char| c.is_ascii_alphanumeric())
        && half.chars().all(tail)
}
