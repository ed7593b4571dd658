{{/* One kind of Pod for both kinds of workload. */}}
{{- define "domicile.podTemplate" -}}
metadata:
  labels:
    {{- include "domicile.labels" . | nindent 4 }}
    {{- include "domicile.podLabels" . | nindent 4 }}
  annotations:
    {{- if .Values.rollOnConfigChange }}
    checksum/config: {{ include (print $.Template.BasePath "/configmap.yaml") . | sha256sum }}
    {{- end }}
    domicile/rollout: {{ .Values.rollout | quote }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "domicile.name" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "domicile.terminationGrace" . }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- with include "domicile.pullSecrets" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- include "domicile.placement" . | nindent 2 }}
  {{- include "domicile.podSecurity" . | nindent 2 }}
  initContainers:
    {{- include "domicile.installSecrets" . | nindent 4 }}
  containers:
    {{- include "domicile.container" . | nindent 4 }}
  volumes:
    {{- include "domicile.volumes" . | nindent 4 }}
{{- end -}}

{{- define "domicile.podLabels" -}}
app.kubernetes.io/name: domicile
app.kubernetes.io/component: gateway
{{- with .Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "domicile.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "domicile.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .Values.runAsUser }}
  runAsGroup: {{ .Values.runAsUser }}
  fsGroup: {{ .Values.runAsUser }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "domicile.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{/* The region is required; other wishes can only narrow it. */}}
{{- define "domicile.placement" -}}
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions:
            - key: topology.kubernetes.io/region
              operator: In
              values: [{{ .Values.nodeRegion | quote }}]
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $.Values.topologySpread.whenUnsatisfiable }}
    labelSelector:
      matchLabels: {{- include "domicile.selector" $ | nindent 8 }}
  {{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
The gateway takes keys only from files that nobody else may read. The files of a Secret belong to root, and fsGroup
makes them readable to the group: the gateway's own user makes copies of its own, in memory.
*/}}
{{- define "domicile.installSecrets" -}}
- name: install-secrets
  image: {{ include "domicile.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args:
    - install-secrets
    - --to=/domicile/keys
    - /domicile/secrets/seal
    - /domicile/secrets/pin
    {{- if .Values.registry.etcd.password.secret }}
    - /domicile/secrets/etcd-password
    {{- end }}
  {{- include "domicile.containerSecurity" . | nindent 2 }}
  resources:
    requests: {cpu: 10m, memory: 32Mi}
    limits: {memory: 64Mi}
  volumeMounts:
    - {name: secrets, mountPath: /domicile/secrets, readOnly: true}
    - {name: keys, mountPath: /domicile/keys}
{{- end -}}

{{- define "domicile.container" -}}
- name: gateway
  image: {{ include "domicile.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args:
    - serve
    - --config=/domicile/config/gateway.yaml
    {{- if .Values.requireAnchor }}
    - --require-anchor
    {{- end }}
    {{- with .Values.cores }}
    - --cores={{ . }}
    {{- end }}
  ports:
    - {name: https, containerPort: 8443}
    {{- if .Values.services.msync.enabled }}
    - {name: msync, containerPort: 6717}
    {{- end }}
    {{- if .Values.services.admin.enabled }}
    - {name: admin, containerPort: 9443}
    {{- end }}
    - {name: ops, containerPort: 9090}
  # Going, but ready: who balances load stops sending first (README.md, "A rolling update").
  lifecycle:
    preStop: {sleep: {seconds: {{ .Values.preStopSeconds }}}}
  startupProbe:
    httpGet: {path: /healthz, port: ops}
    periodSeconds: 2
    failureThreshold: 60
  readinessProbe:
    httpGet: {path: /readyz, port: ops}
    periodSeconds: 2
    timeoutSeconds: 2
    failureThreshold: 2
  livenessProbe:
    httpGet: {path: /healthz, port: ops}
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  {{- include "domicile.containerSecurity" . | nindent 2 }}
  {{- with .Values.resources }}
  resources: {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    - {name: config, mountPath: /domicile/config, readOnly: true}
    - {name: regions, mountPath: /domicile/regions, readOnly: true}
    - {name: tls, mountPath: /domicile/tls, readOnly: true}
    - {name: zones, mountPath: /domicile/zones, readOnly: true}
    - {name: keys, mountPath: /domicile/keys, readOnly: true}
    - {name: data, mountPath: /domicile/data}
{{- end -}}
