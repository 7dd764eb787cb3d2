{{/* What the operator reads from its environment. */}}
{{- define "darkroom.operatorVariables" -}}
{{- include "darkroom.databaseVariables" . | trim | nindent 0 }}
{{- include "darkroom.storageVariables" . | trim | nindent 0 }}
{{- with include "darkroom.autoscalingVariables" . | trim }}{{ . | nindent 0 }}{{ end }}
- name: DARKROOM_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: DARKROOM_IDENTITY
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: DARKROOM_ALL_NAMESPACES
  value: {{ .Values.operator.allNamespaces | quote }}
- name: DARKROOM_RESYNC_SECONDS
  value: {{ .Values.operator.resyncSeconds | quote }}
- name: DARKROOM_PROCESSOR_IMAGE
  value: {{ include "darkroom.image" (list . .Values.processor.image) }}
- name: DARKROOM_PROCESSOR_PULL_POLICY
  value: {{ .Values.image.pullPolicy }}
- name: DARKROOM_PROCESSOR_PULL_SECRETS
  value: {{ .Values.image.pullSecrets | toJson | quote }}
- name: DARKROOM_PROCESSOR_FIXED_USER
  value: {{ .Values.fixedUser | quote }}
- name: DARKROOM_PROCESSOR_CPU_REQUEST
  value: {{ .Values.processor.cpuRequest | quote }}
- name: DARKROOM_PROCESSOR_MEMORY_REQUEST
  value: {{ .Values.processor.memoryRequest | quote }}
- name: DARKROOM_PROCESSOR_MEMORY_LIMIT
  value: {{ .Values.processor.memoryLimit | quote }}
- name: DARKROOM_PROCESSOR_TEMPORARY_SIZE
  value: {{ .Values.processor.temporarySize | quote }}
- name: DARKROOM_LIMITS__SOURCE_BYTES
  value: {{ .Values.processor.maxSourceBytes | int64 | quote }}
- name: DARKROOM_LIMITS__PIXELS
  value: {{ .Values.processor.maxPixels | int64 | quote }}
- name: DARKROOM_LIMITS__SECONDS
  value: {{ .Values.processor.maxSeconds | quote }}
- name: DARKROOM_ALLOWED_SOURCE_NETWORKS
  value: {{ .Values.processor.allowedSourceNetworks | toJson | quote }}
{{- include "darkroom.observabilityVariables" . | trim | nindent 0 }}
{{- end }}
