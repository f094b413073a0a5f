{{- define "glia-operator.name" -}}
{{- .Values.fullnameOverride | default .Chart.Name -}}
{{- end -}}

{{- define "glia-operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- /* Labels of every object but the pods. managed-by is Helm's here: what the operator itself owns says glia-operator. */ -}}
{{- define "glia-operator.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: glia
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "glia-operator.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The user that the API server sees when the operator calls. */ -}}
{{- define "glia-operator.user" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "glia-operator.name" . }}
{{- end -}}

{{- /* Pod Security Standard "restricted": these two blocks are in every pod and every container of the chart. */ -}}
{{- define "glia-operator.podSecurity" -}}
runAsNonRoot: true
{{- with .Values.podSecurityContext }}
{{- range $key := list "runAsUser" "runAsGroup" "fsGroup" }}
{{- with get $.Values.podSecurityContext $key }}
{{ $key }}: {{ int64 . }}
{{- end }}
{{- end }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "glia-operator.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- /* The ClusterRole that people who approve are bound to. */ -}}
{{- define "glia-operator.approver" -}}
{{- $name := include "glia-operator.name" . -}}
{{- if eq $name .Chart.Name }}glia-approver{{ else }}{{ $name }}-approver{{ end }}
{{- end -}}
