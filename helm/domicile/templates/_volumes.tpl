{{- define "domicile.volumes" -}}
- name: config
  configMap: {name: {{ include "domicile.name" . }}-config}
- name: regions
  configMap: {name: {{ include "domicile.name" . }}-regions}
- name: secrets
  projected:
    defaultMode: 0400
    sources:
      {{- include "domicile.secretFile" (dict "from" .Values.keys.seal "path" "seal") | nindent 6 }}
      {{- include "domicile.secretFile" (dict "from" .Values.keys.pin "path" "pin") | nindent 6 }}
      {{- with .Values.registry.etcd.password }}{{ if .secret }}
      {{- include "domicile.secretFile" (dict "from" . "path" "etcd-password") | nindent 6 }}
      {{- end }}{{ end }}
- name: keys
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
- name: tls
  projected:
    defaultMode: 0440
    sources:
      {{- range .Values.tls.certificateSecrets }}
      {{- include "domicile.pairFiles" (dict "secret" . "folder" .) | nindent 6 }}
      {{- end }}
      {{- with .Values.tls.adminClientCa }}{{ if .secret }}
      {{- include "domicile.secretFile" (dict "from" . "path" ".admin/ca.crt") | nindent 6 }}
      {{- end }}{{ end }}
      {{- with .Values.registry.etcd.ca }}{{ if .secret }}
      {{- include "domicile.secretFile" (dict "from" . "path" ".etcd/ca.crt") | nindent 6 }}
      {{- end }}{{ end }}
      {{- with (.Values.tracing.otlp | default dict).ca }}{{ if .secret }}
      {{- include "domicile.secretFile" (dict "from" . "path" ".collector/ca.crt") | nindent 6 }}
      {{- end }}{{ end }}
- name: zones
  projected:
    defaultMode: 0440
    sources: {{- include "domicile.zoneSources" . | trim | default "[]" | nindent 6 }}
{{- if not .Values.persistence.enabled }}
- name: data
  emptyDir: {sizeLimit: {{ .Values.persistence.emptyDirSize | quote }}}
{{- end }}
{{- end -}}

{{/* Empty when no zone has certificates of its own. */}}
{{- define "domicile.zoneSources" -}}
{{- range $id, $zone := .Values.zones }}
{{- with $zone.tls }}
{{- with .ca }}
{{- include "domicile.secretFile" (dict "from" . "path" (printf "%s/ca.crt" $id)) | nindent 0 }}
{{- end }}
{{- with .clientSecret }}
{{- include "domicile.pairFiles" (dict "secret" . "folder" $id) | nindent 0 }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "domicile.secretFile" -}}
- secret:
    name: {{ .from.secret | quote }}
    items: [{key: {{ .from.key | quote }}, path: {{ .path | quote }}}]
{{- end -}}

{{- define "domicile.pairFiles" -}}
- secret:
    name: {{ .secret | quote }}
    items:
      - {key: tls.crt, path: {{ printf "%s/tls.crt" .folder | quote }}}
      - {key: tls.key, path: {{ printf "%s/tls.key" .folder | quote }}}
{{- end -}}
