{{/* The ProcessorPool "default", as JSON. Without replicas where an autoscaler sets them. */}}
{{- define "darkroom.defaultPool" -}}
{{- $spec := dict }}
{{- if not .Values.autoscaling.enabled }}{{ $_ := set $spec "replicas" (int .Values.pool.replicas) }}{{ end }}
{{- with .Values.pool.weights }}{{ $_ := set $spec "weights" . }}{{ end }}
{{- with .Values.pool.template }}{{ $_ := set $spec "template" . }}{{ end }}
{{- $labels := dict "app.kubernetes.io/name" "darkroom" "app.kubernetes.io/instance" .Release.Name }}
{{- $metadata := dict "name" "default" "namespace" .Release.Namespace "labels" $labels }}
{{- dict "apiVersion" "darkroom.dev/v1alpha1" "kind" "ProcessorPool" "metadata" $metadata "spec" $spec | toJson }}
{{- end }}
