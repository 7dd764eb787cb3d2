{{- define "darkroom.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "darkroom.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* One environment variable from the release's Secret: (list $ "NAME" "key") */}}
{{- define "darkroom.secretVariable" -}}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ include "darkroom.secretName" (index . 0) }}
      key: {{ index . 2 }}
{{- end }}

{{- define "darkroom.databaseVariables" -}}
{{- if .Values.database.builtin.enabled }}
{{ include "darkroom.secretVariable" (list . "POSTGRES_PASSWORD" "postgres-password") }}
- name: DARKROOM_DATABASE_URL
  value: postgresql://darkroom:$(POSTGRES_PASSWORD)@{{ include "darkroom.name" . }}-postgres:5432/darkroom
{{- else }}
- name: DARKROOM_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ required "database.external.existingSecret names the Secret with your PostgreSQL's URL (or set database.builtin.enabled)" .Values.database.external.existingSecret }}
      key: {{ .Values.database.external.key }}
{{- end }}
{{- end }}

{{- define "darkroom.storageVariables" -}}
{{ include "darkroom.secretVariable" (list . "DARKROOM_STORAGE__SIGNING_KEY" "signing-key") }}
- name: DARKROOM_STORAGE__BACKEND
  value: {{ .Values.storage.backend }}
- name: DARKROOM_STORAGE__URL
  value: http://{{ include "darkroom.name" . }}-api.{{ .Release.Namespace }}.svc:{{ .Values.api.service.port }}
{{- if eq .Values.storage.backend "s3" }}
- name: DARKROOM_STORAGE__BUCKET
  value: {{ required "storage.s3.bucket names the bucket" .Values.storage.s3.bucket }}
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

{{/* Credentials of the bucket, as environment variables. */}}
{{- define "darkroom.storageCredentials" -}}
{{- if and (eq .Values.storage.backend "s3") .Values.storage.s3.existingSecret }}
envFrom:
  - secretRef:
      name: {{ .Values.storage.s3.existingSecret }}
{{- end }}
{{- end }}
