//! W3C Trace Context: which trace a request belongs to, as a caller says and as the data centre hears.

use super::record::RequestId;

/// A caller's `traceparent` (W3C Trace Context section 3.2), checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// 32 lower-case hexadecimal digits, not all 0.
    pub(super) trace: [u8; 32],
    /// 16 of them, not all 0.
    pub(super) span: [u8; 16],
    /// Whether the caller records its own part.
    pub(super) sampled: bool,
}

impl Parent {
    /// Reads a header value of version 00, or what versions to come have in common with it; anything
    /// else is no parent.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let head: &[u8; LENGTH] = value.get(..LENGTH)?.try_into().ok()?;
        let (version, flags) = (byte(&head[..2])?, byte(&head[53..])?);
        let dashes = [2, 35, 52].iter().all(|at| head[*at] == b'-');
        let ends = match version {
            0 => value.len() == LENGTH,
            0xff => false,
            _ => matches!(value.get(LENGTH), None | Some(b'-')),
        };
        let (trace, span) = (&head[3..35], &head[36..52]);
        (dashes && ends && is_id(trace) && is_id(span)).then_some(())?;
        Some(Self {
            trace: trace.try_into().ok()?,
            span: span.try_into().ok()?,
            sampled: flags & SAMPLED != 0,
        })
    }
}

/// Whether a `tracestate` may go on with the parent beside it: short, and nothing but what a header
/// carries as text (section 3.3.1). Whose entries they are is not looked at.
pub fn is_trace_state(value: &[u8]) -> bool {
    let fits = |b: &u8| matches!(b, b'\t' | b' '..=b'~');
    value.len() <= LONGEST_STATE && value.iter().all(fits)
}

/// Of version 00.
const LENGTH: usize = 55;
const SAMPLED: u8 = 1;
/// What everybody who passes one on must be able to (section 3.3.1.5).
const LONGEST_STATE: usize = 512;

fn is_id(digits: &[u8]) -> bool {
    digits.iter().all(|b| digit(*b).is_some()) && digits.iter().any(|b| *b != b'0')
}

fn byte(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else {
        return None;
    };
    Some(digit(*high)? << 4 | digit(*low)?)
}

/// Capital letters are not allowed.
const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// What the data centre is told of a request's trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    pub(super) trace: [u8; 32],
    /// The span that the data centre's own is to be a child of.
    pub(super) span: [u8; 16],
    pub(super) sampled: bool,
    /// It is the caller's trace, and so is its `tracestate`.
    pub continues: bool,
}

impl TraceContext {
    /// A trace that begins with this request and has its id.
    pub fn of(id: RequestId) -> Self {
        Self {
            trace: *id.digits(),
            span: RequestId::span(),
            sampled: true,
            continues: false,
        }
    }

    pub const fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// The header value.
    pub fn traceparent(&self) -> [u8; LENGTH] {
        let mut text = [b'0'; LENGTH];
        for at in [2, 35, 52] {
            text[at] = b'-';
        }
        text[3..35].copy_from_slice(&self.trace);
        text[36..52].copy_from_slice(&self.span);
        text[54] += u8::from(self.sampled);
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn parents_are_read_as_the_recommendation_says() {
        let parent = Parent::parse(GOOD.as_bytes()).unwrap();
        assert_eq!(&parent.trace, b"0af7651916cd43dd8448eb211c80319c");
        assert_eq!(&parent.span, b"b7ad6b7169203331");
        assert!(parent.sampled);
        for (text, sampled) in [
            (
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
                false,
            ),
            (
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-fe",
                false,
            ),
            (
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03",
                true,
            ),
            (
                "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                true,
            ),
            (
                "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what",
                true,
            ),
        ] {
            assert_eq!(
                Parent::parse(text.as_bytes()).unwrap().sampled,
                sampled,
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_no_parent() {
        for text in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
            "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what",
            " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        ] {
            assert_eq!(Parent::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_context_reads_back() {
        let id = RequestId::fresh();
        let context = TraceContext::of(id);
        let parent = Parent::parse(&context.traceparent()).unwrap();
        assert_eq!(parent.trace, *id.digits());
        assert_eq!((parent.span, parent.sampled), (context.span, true));
        let unsampled = TraceContext {
            sampled: false,
            ..context
        };
        assert!(!Parent::parse(&unsampled.traceparent()).unwrap().sampled);
    }

    #[test]
    fn a_state_is_short_and_plain() {
        assert!(is_trace_state(b"congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"));
        assert!(is_trace_state(&[b'a'; 512]));
        assert!(!is_trace_state(&[b'a'; 513]));
        assert!(!is_trace_state("a=é".as_bytes()));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_what_is_read_is_valid(value in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Parent::parse(&value);
        }

        #[test]
        fn one_wrong_byte_is_noticed_or_harmless(at in 0usize..LENGTH, byte in any::<u8>()) {
            let mut value = GOOD.as_bytes().to_vec();
            value[at] = byte;
            if let Some(parent) = Parent::parse(&value) {
                prop_assert!(is_id(&parent.trace) && is_id(&parent.span));
                prop_assert_eq!(&value[3..35], &parent.trace);
            }
        }
    }
}
