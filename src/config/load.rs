//! All files read together, and the rules between them.

use std::path::Path;
use std::sync::Arc;

use super::catalogue::{self, Catalogue, CatalogueFiles, Region};
use super::faults::{Fault, Faults, Warning};
use super::gateway::{self, Gateway};
use super::read::{Document, Place};
use super::registry::RegistryStore;
use super::{Config, rules};
use crate::domain::RegionId;

/// The files of a configuration, and what could be read from them.
pub(super) struct Files {
    pub(super) document: Document,
    pub(super) gateway: Gateway,
    pub(super) catalogue: CatalogueFiles,
}

/// Reads and checks `gateway.yaml` and its catalogue.
///
/// # Errors
/// All faults of all files; a YAML syntax fault alone.
pub fn load(path: &Path) -> Result<(Config, Vec<Warning>), Faults> {
    Files::open(path)?.finish()
}

/// Reads the catalogue alone.
///
/// # Errors
/// All faults of its files.
pub fn load_catalogue(folder: &Path) -> Result<Catalogue, Faults> {
    let of_folder = |problem: String| Fault {
        file: folder.display().to_string(),
        path: String::new(),
        line: None,
        problem,
        expected: "a folder with a YAML file for each region".to_owned(),
    };
    let opened = catalogue::open(folder);
    let files = opened.map_err(|error| of_folder(format!("cannot be read: {error}")))?;
    // Nobody listens here: `localhost` may be a demo's.
    catalogue::check_across(&files.files, true);
    let (catalogue, mut faults) = catalogue_of(files);
    if catalogue.regions.is_empty() && faults.faults.is_empty() {
        let nothing = of_folder("has no *.yaml file in it".to_owned());
        faults.faults.push(nothing);
    }
    if faults.faults.is_empty() {
        Ok(catalogue)
    } else {
        Err(faults)
    }
}

fn catalogue_of(files: CatalogueFiles) -> (Catalogue, Faults) {
    let mut faults = Faults {
        faults: files.faults,
        warnings: Vec::new(),
    };
    let mut regions = Vec::new();
    for file in files.files {
        let (more, further) = file.document.finish();
        faults.faults.extend(more);
        faults.warnings.extend(further);
        regions.extend(file.region);
    }
    regions.sort_by(|a, b| a.id.cmp(&b.id));
    let digest = files.digest.unwrap_or_default();
    (Catalogue { regions, digest }, faults)
}

impl Files {
    /// # Errors
    /// When there is no telling what the file says.
    pub(super) fn open(path: &Path) -> Result<Self, Faults> {
        let document = Document::open(path).map_err(Faults::from)?;
        let gateway = gateway::read(&document);
        let catalogue = open_catalogue(&document, &gateway);
        let files = Self {
            document,
            gateway,
            catalogue,
        };
        rules::check(&files);
        Ok(files)
    }

    /// This gateway's region, when the catalogue has it.
    pub(super) fn region(&self) -> Option<&Region> {
        let id = self.gateway.region.as_ref()?;
        self.regions().find(|region| region.id == *id)
    }

    pub(super) fn regions(&self) -> impl Iterator<Item = &Region> {
        self.catalogue
            .files
            .iter()
            .filter_map(|file| file.region.as_ref())
    }

    /// # Errors
    /// All faults found so far.
    pub(super) fn finish(self) -> Result<(Config, Vec<Warning>), Faults> {
        let foreign = self.foreign_names();
        let Self {
            document,
            gateway,
            catalogue,
        } = self;
        let (mut faults, mut warnings) = document.finish();
        let (catalogue, further) = catalogue_of(catalogue);
        faults.extend(further.faults);
        warnings.extend(further.warnings);
        let config = assemble(gateway, catalogue, foreign);
        match config.filter(|_| faults.is_empty()) {
            Some(config) => Ok((config, warnings)),
            None => Err(Faults { faults, warnings }),
        }
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self {
            faults: vec![fault],
            warnings: Vec::new(),
        }
    }
}

fn open_catalogue(document: &Document, gateway: &Gateway) -> CatalogueFiles {
    let Some(section) = &gateway.catalogue else {
        return CatalogueFiles::default();
    };
    catalogue::open(&section.path).unwrap_or_else(|error| {
        let place = Place::of(&["catalogue", "path"]);
        let problem = format!("{} cannot be read: {error}", section.path.display());
        document.fault(&place, problem, "a folder with a YAML file for each region");
        CatalogueFiles::default()
    })
}

/// `None` only when a part is missing, which is a fault of some document.
fn assemble(
    gateway: Gateway,
    catalogue: Catalogue,
    foreign: Vec<(RegionId, String)>,
) -> Option<Config> {
    let region = catalogue.region(gateway.region.as_ref()?)?.clone();
    let mut zones: Vec<_> = gateway
        .zones
        .zones
        .into_iter()
        .map(|(_, zone)| zone)
        .collect();
    zones.sort_by_key(|zone| region.zones.iter().position(|id| *id == zone.id));
    Some(Config {
        tls: gateway.tls.finish(&region, foreign),
        region: region.id,
        catalogue: Arc::new(catalogue),
        data_dir: gateway.data_dir?,
        allow_plaintext: gateway.allow_plaintext,
        listen: gateway.listen?,
        zones,
        registry: gateway.registry?,
        keys: gateway.keys?,
        tokens: gateway.tokens,
        hint: gateway.hint,
        limits: gateway.limits,
        audit_retention: gateway.audit_retention,
        probe: gateway.probe.map(|section| section.probe),
        tracing: gateway.tracing.map(|section| section.tracing),
        log: gateway.log,
    })
}

impl Gateway {
    pub(super) fn has_embedded_registry(&self) -> bool {
        let store = self.registry.as_ref().map(|registry| &registry.store);
        matches!(store, Some(RegistryStore::Embedded { .. }))
    }
}
