{{- define "darkroom.name" -}}
{{- if contains "darkroom" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-darkroom{{ end }}
{{- end }}

{{- define "darkroom.labels" -}}
app.kubernetes.io/name: darkroom
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Selector labels of one component: (list $ "api") */}}
{{- define "darkroom.selector" -}}
app.kubernetes.io/name: darkroom
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Image of one component: (list $ .Values.api.image) */}}
{{- define "darkroom.image" -}}
{{- $root := index . 0 }}{{ $image := index . 1 -}}
{{- with $root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{ $image.repository }}
{{- with $image.digest }}@{{ . }}{{ else }}:{{ default $root.Chart.AppVersion $image.tag }}{{ end }}
{{- end }}

{{- define "darkroom.secretName" -}}
{{- default (printf "%s-secrets" (include "darkroom.name" .)) .Values.secrets.existingSecret }}
{{- end }}
