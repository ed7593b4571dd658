{{/* Room is left for the longest suffix: names of Services have at most 63 characters. */}}
{{- define "domicile.name" -}}
{{- if contains "domicile" .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-domicile" (.Release.Name | trunc 41 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "domicile.selector" -}}
app.kubernetes.io/name: domicile
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: gateway
{{- end -}}

{{/* Of everything but what the selector finds: a probe's Pod is no gateway. */}}
{{- define "domicile.labels" -}}
app.kubernetes.io/part-of: domicile
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") | quote }}
domicile-region: {{ .Values.region | quote }}
{{- end -}}

{{- define "domicile.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* A duration with its unit (docs/configuration.md) in whole seconds, rounded up. */}}
{{- define "domicile.seconds" -}}
{{- $number := regexFind "^[0-9]+" . | int64 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- if eq $unit "ms" -}}
{{- div (add $number 999) 1000 -}}
{{- else -}}
{{- mul $number (get (dict "s" 1 "m" 60 "h" 3600 "d" 86400) $unit) -}}
{{- end -}}
{{- end -}}

{{/* Kubernetes counts from the beginning of preStop. 15 s are to close what is left, sync the audit log and exit. */}}
{{- define "domicile.terminationGrace" -}}
{{- $grace := include "domicile.seconds" .Values.limits.drain_grace | int64 -}}
{{- $drain := include "domicile.seconds" .Values.limits.drain | int64 -}}
{{- add .Values.preStopSeconds $grace $drain 15 -}}
{{- end -}}
