//! Why an entry of the registry is not believed.

/// Each way in which the store can contradict itself (`registry_untrusted`, SPEC 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Distrust {
    #[error("two regions have a pin of one App")]
    TwoPins,
    #[error("one pin of a pair stands without the other")]
    LonePin,
    #[error("the two pins of an App differ")]
    UnequalPins,
    #[error("a pin cannot be read")]
    UnreadablePin,
    #[error("a pin stands where it does not belong")]
    MisplacedPin,
    #[error("a pin is signed by a key that the catalogue does not have for its time")]
    UnknownPinKey,
    #[error("a pin's signature does not verify")]
    BadSignature,
    #[error("the AppKey in a pin does not open")]
    SealedKey,
    #[error("a pin of this region has no record")]
    NoRecord,
    #[error("a record stands without pins")]
    NoPins,
    #[error("a record does not open")]
    SealedRecord,
    #[error("a record is of another App than its pins")]
    OtherPair,
    #[error("an account does not open")]
    SealedAccount,
    #[error("the store was rolled back")]
    RolledBack,
}

impl Distrust {
    pub const ALL: [Self; 14] = [
        Self::TwoPins,
        Self::LonePin,
        Self::UnequalPins,
        Self::UnreadablePin,
        Self::MisplacedPin,
        Self::UnknownPinKey,
        Self::BadSignature,
        Self::SealedKey,
        Self::NoRecord,
        Self::NoPins,
        Self::SealedRecord,
        Self::OtherPair,
        Self::SealedAccount,
        Self::RolledBack,
    ];

    /// The name in logs, metrics and the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TwoPins => "two_pins",
            Self::LonePin => "lone_pin",
            Self::UnequalPins => "unequal_pins",
            Self::UnreadablePin => "unreadable_pin",
            Self::MisplacedPin => "misplaced_pin",
            Self::UnknownPinKey => "unknown_pin_key",
            Self::BadSignature => "bad_signature",
            Self::SealedKey => "sealed_key",
            Self::NoRecord => "no_record",
            Self::NoPins => "no_pins",
            Self::SealedRecord => "sealed_record",
            Self::OtherPair => "other_pair",
            Self::SealedAccount => "sealed_account",
            Self::RolledBack => "rolled_back",
        }
    }
}
