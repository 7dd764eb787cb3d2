{{/* What the API reads from its environment. */}}
{{- define "darkroom.apiVariables" -}}
{{- include "darkroom.databaseVariables" . | trim | nindent 0 }}
{{- include "darkroom.storageVariables" . | trim | nindent 0 }}
{{- include "darkroom.secretVariable" (list . "DARKROOM_JWT_KEY" "jwt") | nindent 0 }}
{{- include "darkroom.secretVariable" (list . "DARKROOM_ADMIN_EMAIL" "adminEmail") | nindent 0 }}
{{- include "darkroom.secretVariable" (list . "DARKROOM_ADMIN_PASSWORD" "adminPassword") | nindent 0 }}
- name: DARKROOM_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: DARKROOM_REGISTRATION_OPEN
  value: {{ .Values.api.registrationOpen | quote }}
- name: DARKROOM_ACCESS_TOKEN_SECONDS
  value: {{ .Values.api.accessTokenSeconds | quote }}
- name: DARKROOM_TRUSTED_PROXIES
  value: {{ .Values.api.trustedProxies | quote }}
- name: DARKROOM_MAX_UPLOAD_BYTES
  value: {{ .Values.api.maxUploadBytes | int64 | quote }}
- name: DARKROOM_ALLOWED_SOURCE_NETWORKS
  value: {{ .Values.processor.allowedSourceNetworks | toJson | quote }}
- name: DARKROOM_ADMISSION_WINDOW
  value: {{ .Values.api.admissionWindow | int64 | quote }}
{{- if .Values.retention.enabled }}
{{- with .Values.retention.outputsAfterSeconds }}
- name: DARKROOM_RETENTION__OUTPUTS_SECONDS
  value: {{ int64 . | quote }}
{{- end }}
{{- with .Values.retention.historyAfterSeconds }}
- name: DARKROOM_RETENTION__HISTORY_SECONDS
  value: {{ int64 . | quote }}
{{- end }}
{{- end }}
{{- include "darkroom.observabilityVariables" . | trim | nindent 0 }}
{{- with include "darkroom.settingVariables" (dict "prefix" "DARKROOM_" "values" .Values.api.settings) | trim }}
{{- . | nindent 0 }}
{{- end }}
{{- with include "darkroom.secretSettingVariables" . | trim }}
{{- . | nindent 0 }}
{{- end }}
{{- end }}

{{- define "darkroom.apiVolumeMounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if eq .Values.storage.backend "local" }}
- {name: objects, mountPath: /var/lib/darkroom}
{{- end }}
{{- end }}

{{- define "darkroom.apiVolumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 2Gi}
{{- if eq .Values.storage.backend "local" }}
- name: objects
  persistentVolumeClaim:
    claimName: {{ include "darkroom.name" . }}-objects
{{- end }}
{{- end }}
