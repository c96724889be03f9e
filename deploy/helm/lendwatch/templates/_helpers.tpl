{{- define "lendwatch.selector" -}}
app.kubernetes.io/name: lendwatch
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "lendwatch.learner" -}}
app.kubernetes.io/name: lendwatch-learner
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "lendwatch.labels" -}}
{{ include "lendwatch.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "lendwatch.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "lendwatch.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What a worker's pod and the learner's have in common: of `args`, `user` (a name and its secret),
`resources` and the pods' `labels`. */}}
{{- define "lendwatch.pod" -}}
serviceAccountName: {{ .root.Release.Name }}
automountServiceAccountToken: false
terminationGracePeriodSeconds: 20  # it commits and ends within 10 s
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- .labels | nindent 8 }}
initContainers:
  # The compiler takes code only from where it could write some, and the root is read-only.
  - name: kernel
    image: {{ include "lendwatch.image" .root }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    command: [sh, -c, "cp -a /opt/lendwatch/kernel/* /kernel/"]
    securityContext: {{- include "lendwatch.confined" .root | nindent 6 }}
    resources:
      requests: {cpu: 100m, memory: 64Mi}
      limits: {memory: 64Mi}
    volumeMounts:
      - {name: kernel, mountPath: /kernel}
containers:
  - name: lendwatch
    image: {{ include "lendwatch.image" .root }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    args: {{ concat .args (list "--metrics" (printf "0.0.0.0:%v" .root.Values.metrics.port)) | toJson }}
    env:
      - name: LENDWATCH_INSTANCE_ID
        valueFrom: {fieldRef: {fieldPath: metadata.name}}
      - {name: LENDWATCH_BOOTSTRAP, value: {{ .root.Values.kafka.bootstrap | quote }}}
      - {name: LENDWATCH_APP_ID, value: {{ .root.Values.kafka.appId | quote }}}
      - {name: LENDWATCH_TOPIC_PREFIX, value: {{ .root.Values.kafka.topicPrefix | quote }}}
      - {name: LENDWATCH_SESSION_TIMEOUT_MS, value: {{ .root.Values.kafka.sessionTimeoutMs | quote }}}
      - {name: LENDWATCH_SASL_USERNAME, value: {{ .user.username | quote }}}
      - {name: LENDWATCH_SASL_PASSWORD_FILE, value: /run/secrets/kafka/password}
      - {name: LENDWATCH_SSL_CA_FILE, value: /run/secrets/kafka-ca/ca.crt}
      - {name: NUMBA_CACHE_DIR, value: /kernel}
      {{- if .root.Values.policy }}
      - {name: LENDWATCH_POLICY, value: /etc/lendwatch/policy.toml}
      {{- end }}
    ports:
      - {name: metrics, containerPort: {{ .root.Values.metrics.port }}}
    startupProbe:
      httpGet: {path: /healthz, port: metrics}
      periodSeconds: 5
      failureThreshold: 60
    livenessProbe:
      httpGet: {path: /livez, port: metrics}
      periodSeconds: 30
      timeoutSeconds: 5
      failureThreshold: 3
    readinessProbe:
      httpGet: {path: /readyz, port: metrics}
      periodSeconds: 5
      timeoutSeconds: 5
    resources: {{- toYaml .resources | nindent 6 }}
    securityContext: {{- include "lendwatch.confined" .root | nindent 6 }}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
      - {name: kernel, mountPath: /kernel}
      - {name: kafka, mountPath: /run/secrets/kafka, readOnly: true}
      - {name: kafka-ca, mountPath: /run/secrets/kafka-ca, readOnly: true}
      {{- if .root.Values.policy }}
      - {name: policy, mountPath: /etc/lendwatch, readOnly: true}
      {{- end }}
volumes:
  - {name: tmp, emptyDir: {sizeLimit: {{ .root.Values.tmpSize }}}}
  - {name: kernel, emptyDir: {sizeLimit: {{ .root.Values.tmpSize }}}}
  - name: kafka
    secret:
      secretName: {{ .user.passwordSecret.name }}
      items: [{key: {{ .user.passwordSecret.key }}, path: password}]
  - name: kafka-ca
    secret:
      secretName: {{ .root.Values.kafka.caSecret.name }}
      items: [{key: {{ .root.Values.kafka.caSecret.key }}, path: ca.crt}]
  {{- if .root.Values.policy }}
  - name: policy
    configMap: {name: {{ .root.Release.Name }}-policy}
  {{- end }}
{{- end }}
