//! The codes of refusals (SPEC 6.5), as they stand in answers, metrics and the audit log.

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    TlsName,
    HostMismatch,
    AppLivesElsewhere,
    AppNotServedHere,
    AppUnknown,
    AppMissing,
    BadRequest,
    NotAForwardProxy,
    AppMismatch,
    TokenMissing,
    TokenInvalid,
    TokenExpired,
    TokenPrivilege,
    GrantRefused,
    AppSuspended,
    AppRetired,
    TooLarge,
    HeadersTooLarge,
    RateLimited,
    TooSlow,
    ChannelFull,
    CrossRegionReference,
    EgressDenied,
    UpstreamProtocol,
    HomeUnavailable,
    UpstreamTimeout,
    RegistryUnavailable,
    RegistryUntrusted,
    Draining,
}

impl Code {
    pub const ALL: [Self; 29] = [
        Self::TlsName,
        Self::HostMismatch,
        Self::AppLivesElsewhere,
        Self::AppNotServedHere,
        Self::AppUnknown,
        Self::AppMissing,
        Self::BadRequest,
        Self::NotAForwardProxy,
        Self::AppMismatch,
        Self::TokenMissing,
        Self::TokenInvalid,
        Self::TokenExpired,
        Self::TokenPrivilege,
        Self::GrantRefused,
        Self::AppSuspended,
        Self::AppRetired,
        Self::TooLarge,
        Self::HeadersTooLarge,
        Self::RateLimited,
        Self::TooSlow,
        Self::ChannelFull,
        Self::CrossRegionReference,
        Self::EgressDenied,
        Self::UpstreamProtocol,
        Self::HomeUnavailable,
        Self::UpstreamTimeout,
        Self::RegistryUnavailable,
        Self::RegistryUntrusted,
        Self::Draining,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TlsName => "tls_name",
            Self::HostMismatch => "host_mismatch",
            Self::AppLivesElsewhere => "app_lives_elsewhere",
            Self::AppNotServedHere => "app_not_served_here",
            Self::AppUnknown => "app_unknown",
            Self::AppMissing => "app_missing",
            Self::BadRequest => "bad_request",
            Self::NotAForwardProxy => "not_a_forward_proxy",
            Self::AppMismatch => "app_mismatch",
            Self::TokenMissing => "token_missing",
            Self::TokenInvalid => "token_invalid",
            Self::TokenExpired => "token_expired",
            Self::TokenPrivilege => "token_privilege",
            Self::GrantRefused => "grant_refused",
            Self::AppSuspended => "app_suspended",
            Self::AppRetired => "app_retired",
            Self::TooLarge => "too_large",
            Self::HeadersTooLarge => "headers_too_large",
            Self::RateLimited => "rate_limited",
            Self::TooSlow => "too_slow",
            Self::ChannelFull => "channel_full",
            Self::CrossRegionReference => "cross_region_reference",
            Self::EgressDenied => "egress_denied",
            Self::UpstreamProtocol => "upstream_protocol",
            Self::HomeUnavailable => "home_unavailable",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::RegistryUnavailable => "registry_unavailable",
            Self::RegistryUntrusted => "registry_untrusted",
            Self::Draining => "draining",
        }
    }

    /// The code that is spelt so.
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }

    /// The position in [`Code::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether the refusal guards residency and so stands in the audit log (promise P10).
    pub const fn is_residency(self) -> bool {
        matches!(
            self,
            Self::AppLivesElsewhere
                | Self::AppNotServedHere
                | Self::AppMismatch
                | Self::TlsName
                | Self::HostMismatch
                | Self::CrossRegionReference
                | Self::EgressDenied
                | Self::RegistryUntrusted
        )
    }
}
