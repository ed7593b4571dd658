//! What the demo tells a newcomer, in a screenful.

use std::fmt::Write;

use super::document::Document;

/// The text of the tour. Its commands can be pasted into another terminal.
pub fn text(document: &Document, guarded: bool) -> String {
    let mut out = String::new();
    let ca = document.ca.display();
    let _ = writeln!(out, "Four regions are running on this machine:\n");
    for (id, region) in &document.regions {
        let zones = region.zones.join(", ");
        let _ = writeln!(out, "  {id:<10} {}   zones {zones}", region.https);
    }
    if !guarded {
        let _ = writeln!(
            out,
            "\nThis machine does not answer on all of 127/8: the egress guard can't be shown."
        );
    }
    let Some(sample) = document.apps.iter().find(|a| a.region == "frankfurt") else {
        return out;
    };
    let (Some(home), Some(away)) = (document.region("frankfurt"), document.region("singapore"))
    else {
        return out;
    };
    let path = format!("{}/{}/users/{}", sample.org, sample.app, sample.user);
    let _ = writeln!(
        out,
        "\nThe App {key} lives in Frankfurt, for ever. In another terminal:\n\n\
         \x20 export CA={ca}\n\
         \x20 export TOKEN={token}\n\n\
         1. A call at home works:\n\
         \x20 curl --cacert $CA -H \"Authorization: Bearer $TOKEN\" {home}/{path}\n\n\
         2. The same call in Singapore is refused, with the way home:\n\
         \x20 curl --cacert $CA -H \"Authorization: Bearer $TOKEN\" {away}/{path}\n\n\
         3. The App cannot be moved, whoever asks:\n\
         \x20 curl --cacert $CA -X POST -H \"Authorization: Bearer $(cat {data}/owner.key)\" {admin}/v1/apps/{id}/move\n\n\
         4. Everything refused is counted:\n\
         \x20 curl -s {ops}/metrics | grep -E 'refusals|cross_region|violations' | grep -v ' 0$'\n\n\
         5. The real chat SDKs (npm install agora-chat) log in; docs/sdk-guide.md has a page for two browser tabs:\n\
         \x20 new WebIM.connection({{appKey: \"{key}\", isHttpDNS: false, url: \"{websocket}\", apiUrl: \"{home}\"}})\n\
         \x20   .open({{user: \"{user}\", accessToken: TOKEN}})\n\n\
         Press Ctrl-C to end.",
        key = sample.app_key,
        token = sample.user_token,
        home = home.https,
        websocket = home.websocket,
        user = sample.user,
        away = away.https,
        data = home.data.display(),
        admin = home.admin,
        id = sample.app_id,
        ops = away.ops,
    );
    out
}
