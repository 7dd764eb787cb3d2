{{/* How the API and the operator log, and where their traces go. */}}
{{- define "darkroom.observabilityVariables" -}}
- name: DARKROOM_LOG__LEVEL
  value: {{ .Values.logging.level }}
- name: DARKROOM_LOG__FORMAT
  value: {{ .Values.logging.format }}
- name: DARKROOM_LOG__LEVELS
  value: {{ .Values.logging.levels | toJson | quote }}
{{- with .Values.tracing }}
{{- if .enabled }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .endpoint | quote }}
- name: OTEL_TRACES_SAMPLER
  value: parentbased_traceidratio
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .sampleRatio | quote }}
{{- if .headersSecret.name }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ .headersSecret.name }}
      key: {{ .headersSecret.key }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The operator's way to the collector; the API may ask anybody. */}}
{{- define "darkroom.collectorRule" -}}
{{- if .Values.tracing.enabled }}
{{- $url := urlParse .Values.tracing.endpoint }}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) }}
- ports:
    - {port: {{ default (ternary "443" "80" (eq $url.scheme "https")) $port }}, protocol: TCP}
{{- end }}
{{- end }}
