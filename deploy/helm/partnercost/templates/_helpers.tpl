{{/* The names and labels of everything. */}}
{{- define "partnercost.name" -}}
{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "partnercost.secret" -}}
{{ .Values.secret.name | default (include "partnercost.name" .) }}
{{- end }}

{{- define "partnercost.claim" -}}
{{ .Values.state.existingClaim | default (include "partnercost.name" .) }}
{{- end }}

{{/* What selects the pods: it never changes in the life of a release. */}}
{{- define "partnercost.selector" -}}
app.kubernetes.io/name: {{ include "partnercost.name" . }}
app.kubernetes.io/component: {{ eq .Values.mode "daemon" | ternary "daemon" "one-shot" }}
{{- end }}

{{- define "partnercost.labels" -}}
app.kubernetes.io/name: {{ include "partnercost.name" . }}
app.kubernetes.io/part-of: partnercost
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "partnercost.image" -}}
image: {{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- with .Values.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- end }}

{{/* What every container has. */}}
{{- define "partnercost.container" -}}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- define "partnercost.mounts" -}}
- name: configuration
  mountPath: /etc/collector
  readOnly: true
- name: secrets
  mountPath: /run/secrets/collector
  readOnly: true
{{- end }}

{{- define "partnercost.state" -}}
{{- if .Values.state.enabled -}}
- name: state
  mountPath: /var/lib/collector
{{- end }}
{{- end }}

{{/* What every pod has. */}}
{{- define "partnercost.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
# A run that is told to end stores what it has fetched, within 30 s.
terminationGracePeriodSeconds: 40
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: configuration
    configMap:
      name: {{ include "partnercost.name" . }}
  - name: secrets
    secret:
      secretName: {{ include "partnercost.secret" . }}
      defaultMode: 0440
      # The others are not for the daemon.
      items:
        {{- range .Values.secret.keys }}
        - key: {{ . }}
          path: {{ . }}
        {{- end }}
  {{- if .Values.state.enabled }}
  - name: state
    persistentVolumeClaim:
      claimName: {{ include "partnercost.claim" . }}
  {{- end }}
{{- end }}
