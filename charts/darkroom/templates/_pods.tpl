{{- define "darkroom.podSecurity" -}}
runAsNonRoot: true
{{- if .Values.fixedUser }}
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "darkroom.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The defaults of a security context with a component's own over them:
(list $ "darkroom.podSecurity" .Values.api.podSecurityContext) */}}
{{- define "darkroom.security" -}}
{{- toYaml (mergeOverwrite (include (index . 1) (index . 0) | fromYaml) (deepCopy (index . 2))) }}
{{- end }}

{{/* Where the pods of the release run, and what they are pulled with. Processors have their pool's. */}}
{{- define "darkroom.placement" -}}
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
{{- end }}

{{/* The same of a Deployment, with what is its own: (list $ "api" .Values.api) */}}
{{- define "darkroom.componentPlacement" -}}
{{- $root := index . 0 }}{{ $name := index . 1 }}{{ $values := index . 2 -}}
{{- include "darkroom.placement" $root }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if kindIs "slice" $values.topologySpreadConstraints }}
{{- with $values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- else }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "darkroom.selector" (list $root $name) | nindent 8 }}
{{- end }}
{{- with default (ternary (include "darkroom.priorityClass" $root) "" $root.Values.priorityClass.create) $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "darkroom.priorityClass" -}}
{{ .Release.Namespace }}-{{ include "darkroom.name" . }}
{{- end }}

{{/* Labels of a Deployment's pods: (list $ "api" .Values.api) */}}
{{- define "darkroom.podLabels" -}}
{{- $root := index . 0 }}{{ $name := index . 1 }}{{ $values := index . 2 -}}
{{- $own := include "darkroom.labels" $root | fromYaml }}
{{- $_ := set $own "app.kubernetes.io/component" $name }}
{{- toYaml (mergeOverwrite (deepCopy $values.podLabels) $own) }}
{{- end }}

{{/* A list and what is added to it, in which an entry that is added replaces one of the same key:
(list "the list as YAML" added "name") */}}
{{- define "darkroom.merged" -}}
{{- $added := index . 1 }}{{ $key := index . 2 -}}
{{- $keys := list }}{{ $kept := list }}
{{- range $added }}{{ $keys = append $keys (get . $key) }}{{ end }}
{{- range (index . 0 | fromYamlArray) }}{{ if not (has (get . $key) $keys) }}{{ $kept = append $kept . }}{{ end }}{{ end }}
{{- with concat $kept $added }}{{ toYaml . }}{{ end }}
{{- end }}

{{/* One environment variable from the release's Secret: (list $ "NAME" "key") */}}
{{- define "darkroom.secretVariable" -}}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ include "darkroom.secretName" (index . 0) }}
      key: {{ get (index . 0).Values.secrets.keys (index . 2) }}
{{- end }}

{{- define "darkroom.databaseVariables" -}}
{{- if .Values.database.builtin.enabled }}
{{ include "darkroom.secretVariable" (list . "POSTGRES_PASSWORD" "postgresPassword") }}
- name: DARKROOM_DATABASE_URL
  value: postgresql://darkroom:$(POSTGRES_PASSWORD)@{{ include "darkroom.name" . }}-postgres:5432/darkroom
{{- else }}
- name: DARKROOM_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.external.existingSecret }}
      key: {{ .Values.database.external.key }}
{{- end }}
{{- end }}

{{- define "darkroom.storageVariables" -}}
{{ include "darkroom.secretVariable" (list . "DARKROOM_STORAGE__SIGNING_KEY" "signingKey") }}
- name: DARKROOM_STORAGE__BACKEND
  value: {{ .Values.storage.backend }}
- name: DARKROOM_STORAGE__URL
  value: http://{{ include "darkroom.name" . }}-api.{{ .Release.Namespace }}.svc:{{ .Values.api.service.port }}
{{- if eq .Values.storage.backend "s3" }}
- name: DARKROOM_STORAGE__BUCKET
  value: {{ .Values.storage.s3.bucket }}
- name: DARKROOM_STORAGE__REGION
  value: {{ .Values.storage.s3.region }}
- name: DARKROOM_STORAGE__PATH_STYLE
  value: {{ .Values.storage.s3.pathStyle | quote }}
{{- with .Values.storage.s3.endpoint }}
- name: DARKROOM_STORAGE__ENDPOINT
  value: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where a container gets variables from: the bucket's credentials, and what is asked for beside:
(list $ .Values.api.extraEnvFrom) */}}
{{- define "darkroom.envFrom" -}}
{{- $root := index . 0 }}{{ $from := index . 1 }}
{{- if and (eq $root.Values.storage.backend "s3") $root.Values.storage.s3.existingSecret }}
{{- $from = prepend $from (dict "secretRef" (dict "name" $root.Values.storage.s3.existingSecret)) }}
{{- end }}
{{- with $from }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
