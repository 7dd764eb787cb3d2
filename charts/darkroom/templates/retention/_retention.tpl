{{- define "darkroom.retentionName" -}}
{{ include "darkroom.name" . }}-retention
{{- end }}

{{/* The schedule of the retention sweep, as JSON. */}}
{{- define "darkroom.retentionSchedule" -}}
{{- $cleanup := dict }}
{{- with .Values.retention.outputsAfterSeconds }}{{ $_ := set $cleanup "outputsAfterSeconds" (int64 .) }}{{ end }}
{{- with .Values.retention.historyAfterSeconds }}{{ $_ := set $cleanup "historyAfterSeconds" (int64 .) }}{{ end }}
{{- $spec := dict "schedule" .Values.retention.schedule "timeZone" .Values.retention.timeZone "cleanup" $cleanup }}
{{- $labels := dict "app.kubernetes.io/name" "darkroom" "app.kubernetes.io/instance" .Release.Name }}
{{- $metadata := dict "name" (include "darkroom.retentionName" .) "namespace" .Release.Namespace "labels" $labels }}
{{- dict "apiVersion" "darkroom.dev/v1alpha1" "kind" "ProcessingSchedule" "metadata" $metadata "spec" $spec | toJson }}
{{- end }}
