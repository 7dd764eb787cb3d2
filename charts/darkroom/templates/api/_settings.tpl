{{/* Environment variables of `api.settings`: (dict "prefix" "DARKROOM_" "values" map) */}}
{{- define "darkroom.settingVariables" -}}
{{- range $name, $value := .values }}
{{- $variable := printf "%s%s" $.prefix (regexReplaceAll "([A-Z])" $name "_${1}" | upper) }}
{{- if kindIs "map" $value }}
{{- include "darkroom.settingVariables" (dict "prefix" (printf "%s__" $variable) "values" $value) }}
{{- else if not (kindIs "invalid" $value) }}
- name: {{ $variable }}
{{- if kindIs "slice" $value }}
  value: {{ toJson $value | quote }}
{{- else if and (kindIs "float64" $value) (eq $value (floor $value)) }}
  value: {{ int64 $value | quote }}
{{- else }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Environment variables of `api.secretSettings`, from Secrets. */}}
{{- define "darkroom.secretSettingVariables" -}}
{{- range $path, $from := .Values.api.secretSettings }}
- name: DARKROOM_{{ regexReplaceAll "([A-Z])" $path "_${1}" | upper | replace "." "__" }}
  valueFrom:
    secretKeyRef: {name: {{ $from.secret }}, key: {{ $from.key }}}
{{- end }}
{{- end }}
