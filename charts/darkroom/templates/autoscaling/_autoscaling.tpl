{{/* "true" where the operator is to be the cluster's API of external metrics. */}}
{{- define "darkroom.externalMetrics" -}}
{{- if and .Values.autoscaling.enabled (eq .Values.autoscaling.metrics "embedded") }}true{{ end }}
{{- end }}

{{- define "darkroom.externalMetricsName" -}}
{{ include "darkroom.name" . }}-external-metrics
{{- end }}

{{/* What the operator's container needs for it. */}}
{{- define "darkroom.autoscalingVariables" -}}
{{- if include "darkroom.externalMetrics" . }}
- name: DARKROOM_AUTOSCALING__EMBEDDED
  value: "true"
- name: DARKROOM_AUTOSCALING__SERVICE
  value: {{ include "darkroom.externalMetricsName" . }}
- name: DARKROOM_AUTOSCALING__SECRET
  value: {{ include "darkroom.externalMetricsName" . }}-tls
{{- end }}
{{- end }}

{{- define "darkroom.autoscalingPort" -}}
{{- if include "darkroom.externalMetrics" . }}
- {name: ext-metrics, containerPort: 6443}
{{- end }}
{{- end }}
