use super::*;

/// RFC 5246 section 6.2.3.3 and RFC 8446 have other suites and groups; none of them is offered.
#[test]
fn every_suite_is_aead_with_fresh_keys() {
    let provider = default_provider();
    for suite in &provider.cipher_suites {
        let name = format!("{:?}", suite.suite());
        let aead = name.contains("_GCM_") || name.contains("_POLY1305_");
        let fresh = name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_");
        assert!(aead && fresh, "{name}");
    }
    assert_eq!(provider.cipher_suites.len(), 9);
    assert_eq!(provider.kx_groups[0].name(), HYBRID);
}
