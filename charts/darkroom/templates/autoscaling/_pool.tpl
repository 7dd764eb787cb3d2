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

{{- define "darkroom.poolPod" -}}
metadata:
  labels:
    {{- include "darkroom.selector" (list . "pool") | nindent 4 }}
spec:
  restartPolicy: OnFailure
  serviceAccountName: {{ include "darkroom.name" . }}-pool
  enableServiceLinks: false
  securityContext:
    {{- include "darkroom.podSecurity" . | nindent 4 }}
  containers:
    - name: apply
      image: {{ include "darkroom.image" (list . .Values.operator.image) }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [python, -m, darkroom_operator.apply]
      env:
        - name: DARKROOM_MANIFESTS
          value: {{ printf "[%s]" (include "darkroom.defaultPool" .) | quote }}
      securityContext:
        {{- include "darkroom.containerSecurity" . | nindent 8 }}
      resources:
        requests: {cpu: 10m, memory: 64Mi}
        limits: {memory: 256Mi}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 16Mi}
{{- end }}
