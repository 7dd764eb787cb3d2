{{/* A Job that applies one resource, and the rights that it needs:
(list $ "component" "plural" "name" "the resource as JSON"). Helm looks up every kind before it
creates anything, so that a release cannot hold an object of a kind that it defines. The Job has a
name for each template: it runs again when what it applies has changed, and leaves alone what was
changed by hand until then. */}}
{{- define "darkroom.apply" -}}
{{- $root := index . 0 }}{{ $component := index . 1 }}
{{- $name := printf "%s-%s" (include "darkroom.name" $root) $component }}
{{- $pod := include "darkroom.applyPod" (list $root $component $name (index . 4)) -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $name }}-{{ sha256sum $pod | trunc 8 }}
  labels:
    {{- include "darkroom.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ $component }}
spec:
  backoffLimit: 10
  template:
    {{- $pod | nindent 4 }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  labels:
    {{- include "darkroom.labels" $root | nindent 4 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $name }}
  labels:
    {{- include "darkroom.labels" $root | nindent 4 }}
rules:
  - apiGroups: [darkroom.dev]
    resources: [{{ index . 2 }}]
    resourceNames: [{{ index . 3 }}]
    verbs: [create, patch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $name }}
  labels:
    {{- include "darkroom.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: {{ $name }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}

{{- define "darkroom.applyPod" -}}
{{- $root := index . 0 -}}
metadata:
  labels:
    {{- include "darkroom.selector" (list $root (index . 1)) | nindent 4 }}
spec:
  restartPolicy: OnFailure
  serviceAccountName: {{ index . 2 }}
  enableServiceLinks: false
  {{- include "darkroom.placement" $root | trim | nindent 2 }}
  securityContext:
    {{- include "darkroom.podSecurity" $root | nindent 4 }}
  containers:
    - name: apply
      image: {{ include "darkroom.image" (list $root $root.Values.operator.image) }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      command: [python, -m, darkroom_operator.apply]
      env:
        - name: DARKROOM_MANIFESTS
          value: {{ printf "[%s]" (index . 3) | quote }}
      securityContext:
        {{- include "darkroom.containerSecurity" $root | nindent 8 }}
      resources:
        requests: {cpu: 10m, memory: 64Mi}
        limits: {memory: 256Mi}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 16Mi}
{{- end }}
