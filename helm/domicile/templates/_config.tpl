{{/*
gateway.yaml and the catalogue, as values and never as text: whatever is in a string stays in that string.

Paths start from the folder of gateway.yaml, those under registry from data_dir (docs/configuration.md). The Pod has
  /domicile/config/gateway.yaml    /domicile/regions/*.yaml    /domicile/data/
  /domicile/tls/SECRET/            /domicile/zones/ZONE/       /domicile/keys/
*/}}
{{- define "domicile.gateway" -}}
{{- $v := .Values -}}
{{- $any := ternary "[::]" "0.0.0.0" $v.ipv6 -}}
{{- $listen := dict "https" (print $any ":8443") "ops" (print $any ":9090") "trusted_proxies" $v.trusted_proxies -}}
{{- if $v.services.msync.enabled }}{{ $_ := set $listen "msync" (print $any ":6717") }}{{ end -}}
{{- if $v.services.admin.enabled }}{{ $_ := set $listen "admin" (print $any ":9443") }}{{ end -}}
{{- $catalogue := dict "path" "../regions" -}}
{{- with $v.catalogue.digest }}{{ $_ := set $catalogue "digest" . }}{{ end -}}
{{- $config := dict
      "region" $v.region
      "catalogue" $catalogue
      "data_dir" "../data"
      "listen" $listen
      "tls" (include "domicile.edgeTls" . | fromJson)
      "zones" (include "domicile.zones" . | fromJson)
      "registry" (include "domicile.registry" . | fromJson)
      "keys" (dict "seal" (dict "file" "../keys/seal") "pin" (dict "file" "../keys/pin"))
      "tokens" $v.tokens
      "refusals" $v.refusals
      "limits" $v.limits
      "audit" $v.audit
      "log" $v.log -}}
{{- if $v.tracing }}{{ $_ := set $config "tracing" (include "domicile.tracing" . | fromJson) }}{{ end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "domicile.edgeTls" -}}
{{- $certificates := list -}}
{{- range .Values.tls.certificateSecrets -}}
{{- $certificates = append $certificates (dict
      "certificate" (printf "../tls/%s/tls.crt" .)
      "key" (printf "../tls/%s/tls.key" .)) -}}
{{- end -}}
{{- $tls := dict "certificates" $certificates "names" .Values.tls.names "require_name" .Values.tls.require_name -}}
{{- if .Values.tls.adminClientCa.secret }}{{ $_ := set $tls "admin_client_ca" "../tls/.admin/ca.crt" }}{{ end -}}
{{- toJson $tls -}}
{{- end -}}

{{- define "domicile.zones" -}}
{{- $zones := dict -}}
{{- range $id, $zone := .Values.zones -}}
{{- $given := $zone.tls | default dict -}}
{{- $tls := dict -}}
{{- if $given.ca }}{{ $_ := set $tls "ca" (printf "../zones/%s/ca.crt" $id) }}{{ end -}}
{{- if $given.clientSecret -}}
{{- $_ := set $tls "certificate" (printf "../zones/%s/tls.crt" $id) -}}
{{- $_ := set $tls "key" (printf "../zones/%s/tls.key" $id) -}}
{{- end -}}
{{- with $given.pins }}{{ $_ := set $tls "pins" . }}{{ end -}}
{{- $rendered := dict "egress" $zone.egress "upstreams" $zone.upstreams -}}
{{- with $zone.channels }}{{ $_ := set $rendered "channels" . }}{{ end -}}
{{- if $tls }}{{ $_ := set $rendered "tls" $tls }}{{ end -}}
{{- $_ := set $zones $id $rendered -}}
{{- end -}}
{{- toJson $zones -}}
{{- end -}}

{{- define "domicile.tracing" -}}
{{- $given := .Values.tracing.otlp -}}
{{- $otlp := dict "endpoint" $given.endpoint "egress" $given.egress -}}
{{- if ($given.ca | default dict).secret }}{{ $_ := set $otlp "tls" (dict "ca" "../tls/.collector/ca.crt") }}{{ end -}}
{{- toJson (set (deepCopy .Values.tracing) "otlp" $otlp) -}}
{{- end -}}

{{- define "domicile.registry" -}}
{{- $given := .Values.registry.etcd -}}
{{- $etcd := dict "endpoints" $given.endpoints "prefix" $given.prefix -}}
{{- if $given.username -}}
{{- $_ := set $etcd "username" $given.username -}}
{{- $_ := set $etcd "password" (dict "file" "../keys/etcd-password") -}}
{{- end -}}
{{- if $given.ca.secret }}{{ $_ := set $etcd "tls" (dict "ca" "../tls/.etcd/ca.crt") }}{{ end -}}
{{- toJson (dict "etcd" $etcd "anchor" "registry.anchor" "cache" .Values.registry.cache) -}}
{{- end -}}

{{/* Only what no schema can say. */}}
{{- define "domicile.check" -}}
{{- $v := .Values -}}
{{- if not (hasKey $v.catalogue.regions $v.region) -}}
{{- fail (printf "region: %s is not in catalogue.regions" $v.region) -}}
{{- end -}}
{{- $zones := get (get $v.catalogue.regions $v.region) "zones" | sortAlpha -}}
{{- if ne (toJson $zones) (toJson (keys $v.zones | sortAlpha)) -}}
{{- fail (printf "zones: must be exactly those of %s in the catalogue: %s" $v.region (join ", " $zones)) -}}
{{- end -}}
{{- if ne (empty $v.registry.etcd.username) (empty $v.registry.etcd.password.secret) -}}
{{- fail "registry.etcd: username and password.secret go together" -}}
{{- end -}}
{{- if and $v.networkPolicy.enabled (not $v.registry.etcd.egress) (not $v.registry.etcd.peers) -}}
{{- fail "registry.etcd: egress or peers must say where it is, or the NetworkPolicy shuts it out" -}}
{{- end -}}
{{- if and $v.requireAnchor (not $v.persistence.enabled) -}}
{{- fail "requireAnchor: without persistence.enabled there never is an anchor at the start" -}}
{{- end -}}
{{- if gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas) -}}
{{- fail "autoscaling: minReplicas is more than maxReplicas" -}}
{{- end -}}
{{- range $v.probe.apps -}}
{{- if not (hasKey $v.catalogue.regions .region) -}}
{{- fail (printf "probe.apps: region %s of %s is not in catalogue.regions" .region .app_key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
