{{/* The ProcessingRecipes of .Values.recipes, as JSON with commas between them. */}}
{{- define "darkroom.recipes" -}}
{{- $root := . }}{{ $manifests := list }}
{{- $labels := dict "app.kubernetes.io/name" "darkroom" "app.kubernetes.io/instance" .Release.Name }}
{{- range $name, $spec := .Values.recipes }}
{{- if $spec }}
{{- $metadata := dict "name" $name "namespace" $root.Release.Namespace "labels" $labels }}
{{- $manifest := dict "apiVersion" "darkroom.dev/v1alpha1" "kind" "ProcessingRecipe" "metadata" $metadata "spec" $spec }}
{{- $manifests = append $manifests ($manifest | toJson) }}
{{- end }}
{{- end }}
{{- join "," $manifests }}
{{- end }}

{{- define "darkroom.recipeNames" -}}
{{- $names := list }}
{{- range $name, $spec := .Values.recipes }}{{ if $spec }}{{ $names = append $names $name }}{{ end }}{{ end }}
{{- join ", " $names }}
{{- end }}
