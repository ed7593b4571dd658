//! TLS at the edge.

use std::path::{Path, PathBuf};

use super::catalogue::Region;
use super::edge_certificate::EdgeNames;
use super::read::{Item, Place, Section};
use super::url;
use crate::domain::RegionId;

#[derive(Debug, Clone)]
pub struct EdgeTls {
    pub certificates: Vec<CertificateFiles>,
    /// Its own are those of the catalogue and `tls.names`.
    pub names: EdgeNames,
    /// Refuse a ClientHello without a server name.
    pub require_name: bool,
    /// CAs of the clients that the admin API asks for a certificate; absent: it asks for none.
    pub admin_client_ca: Option<PathBuf>,
}

/// A PEM certificate chain and its PEM private key.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The `tls` section as it is written, with the places for what is found out later.
#[derive(Default)]
pub(super) struct TlsSection {
    pub(super) certificates: Vec<(Place, CertificateFiles)>,
    /// Whether any were named, also with faults.
    pub(super) names_certificates: bool,
    pub(super) names: Vec<(Place, String)>,
    /// Refuse a ClientHello without a server name.
    pub(super) require_name: Option<bool>,
    pub(super) admin_client_ca: Option<(Place, PathBuf)>,
}

pub(super) fn read(item: &Item<'_>) -> TlsSection {
    let base = item.document().folder();
    let section = item.section(|s| {
        let items = s.list("certificates");
        TlsSection {
            certificates: certificates(&items, base),
            names_certificates: !items.is_empty(),
            names: names(s),
            require_name: require_name(s),
            admin_client_ca: admin_client_ca(s, base),
        }
    });
    section.unwrap_or_default()
}

fn certificates(items: &[Item<'_>], base: &Path) -> Vec<(Place, CertificateFiles)> {
    let files = items.iter().filter_map(|item| {
        let files = item.section(|s| certificate_files(s, base))??;
        Some((item.place().clone(), files))
    });
    files.collect()
}

fn certificate_files(s: &mut Section<'_>, base: &Path) -> Option<CertificateFiles> {
    let certificate = s.need_path("certificate", base);
    let key = s.need_path("key", base);
    Some(CertificateFiles {
        certificate: certificate?,
        key: key?,
    })
}

fn names(s: &mut Section<'_>) -> Vec<(Place, String)> {
    let items = s.list("names");
    let names = items.iter().filter_map(|item| {
        let name = item.parse("a host name without wildcards", |text| {
            url::name(text).ok_or("is no host name")
        });
        Some((item.place().clone(), name?))
    });
    names.collect()
}

fn require_name(s: &mut Section<'_>) -> Option<bool> {
    let require_name = s.take("require_name")?.flag();
    if require_name == Some(false) {
        let problem = "clients that name no host are let in and get a certificate";
        s.document().warn(&s.place("require_name"), problem);
    }
    require_name
}

fn admin_client_ca(s: &mut Section<'_>, base: &Path) -> Option<(Place, PathBuf)> {
    let path = s.path("admin_client_ca", base)?;
    Some((s.place("admin_client_ca"), path))
}

impl TlsSection {
    /// Those of the region's endpoints and the section's own, each once.
    pub(super) fn all_names(&self, region: &Region) -> Vec<String> {
        let own = self.names.iter().map(|(_, name)| name.as_str());
        let mut names: Vec<String> = region.names().chain(own).map(str::to_owned).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(super) fn finish(self, region: &Region, foreign: Vec<(RegionId, String)>) -> EdgeTls {
        EdgeTls {
            names: EdgeNames {
                own: self.all_names(region),
                foreign,
            },
            certificates: self
                .certificates
                .into_iter()
                .map(|(_, files)| files)
                .collect(),
            require_name: self.require_name.unwrap_or(true),
            admin_client_ca: self.admin_client_ca.map(|(_, path)| path),
        }
    }
}
