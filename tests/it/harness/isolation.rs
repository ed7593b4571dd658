//! The invariant that every test ends with: no data centre saw a byte of an App of another zone.

use super::centre::{Centre, Seen};
use super::im::Im;
use super::{TestApp, World};

impl World {
    /// What a data centre saw that it should not have.
    pub(super) fn trespasses(&self) -> Vec<String> {
        let mut found = Vec::new();
        for centre in self.all_centres() {
            let recording = centre.recording();
            for seen in &recording.requests {
                found.extend(self.trespass(centre, seen));
            }
            let zone = &centre.zone;
            for stray in &recording.stray {
                let text = String::from_utf8_lossy(stray);
                found.push(format!("{zone} got bytes that are no request: {text:?}"));
            }
            for failure in centre.failures() {
                found.push(format!(
                    "{zone} got a request that is not plain: {failure:?}"
                ));
            }
        }
        found.extend(self.ims().flat_map(|im| self.session_trespasses(im)));
        found
    }

    /// Sessions of Apps that aren't pinned to the zone, and frames that name another App.
    fn session_trespasses(&self, im: &Im) -> Vec<String> {
        let apps = self.apps.lock().unwrap();
        let mut found = Vec::new();
        for session in im.sessions() {
            let first = &session.messages()[0];
            let guid = first.guid.clone().unwrap_or_default();
            let key = guid.app_key.unwrap_or_default();
            let app = apps.iter().find(|app| app.app_key() == key);
            if app.is_none_or(|app| app.zone != im.zone) {
                found.push(format!("{} got a session of {key}", im.zone));
            }
            for frame in &session.frames {
                let seen = msync::inspect_up(frame, &key);
                if seen.is_err() || seen.is_ok_and(|up| up.foreign) {
                    found.push(format!(
                        "{} got a frame of another App's: {frame:?}",
                        im.zone
                    ));
                }
            }
        }
        found
    }

    fn trespass(&self, centre: &Centre, seen: &Seen) -> Option<String> {
        let zone = centre.zone.as_str();
        let apps = self.apps.lock().unwrap();
        let by_id = apps
            .iter()
            .find(|app| seen.header("domicile-app-id") == Some(&app.app_id));
        let by_path = apps.iter().find(|app| is_path_of(app, seen.target()));
        let (Some(by_id), Some(by_path)) = (by_id, by_path) else {
            return Some(format!(
                "{zone} got a request of nobody's: {:?}",
                seen.head.line
            ));
        };
        if by_id.app_id != by_path.app_id {
            return Some(format!(
                "{zone} was told {} of {:?}",
                by_id.app_id, seen.head.line
            ));
        }
        if by_id.zone != zone || seen.header("domicile-zone") != Some(zone) {
            return Some(format!(
                "{zone} got {:?}, pinned to {}",
                seen.head.line, by_id.zone
            ));
        }
        None
    }
}

fn is_path_of(app: &TestApp, target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let mut segments: Vec<String> = path.split('/').skip(1).map(decoded).collect();
    if segments.starts_with(&["api".to_owned(), "sdk".to_owned(), "v1".to_owned()]) {
        segments.drain(..3);
    }
    segments.starts_with(&[app.org.clone(), app.app.clone()])
}

fn decoded(segment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap_or(0), rest.next().unwrap_or(0)];
            let digits = std::str::from_utf8(&digits).unwrap_or("");
            bytes.push(u8::from_str_radix(digits, 16).unwrap_or(b'?'));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
