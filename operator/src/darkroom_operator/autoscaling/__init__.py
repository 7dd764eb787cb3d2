"""What a HorizontalPodAutoscaler needs to scale a pool: its backlog, told to the cluster.

The operator itself can be the cluster's `external.metrics.k8s.io` API. kube-apiserver proxies that
API (an APIService names our Service), and it authorises the user before it does: a request
reaches us only if RBAC lets that user read the metric. What is left for us to see to is that the
caller is kube-apiserver and nobody else. So

- there is only TLS, and a client must present the front-proxy certificate: one that the authority
  in ConfigMap kube-system/extension-apiserver-authentication has signed, with a common name that
  is allowed there. The user that the proxy names in its headers is not looked at again, because
  the same authoriser would be asked the same question;
- nothing is served but GET of one metric, the two documents that kube-apiserver itself asks for
  (discovery, OpenAPI), and /healthz;
- the certificate that we serve is made by the operator, kept in a Secret that its replicas share,
  and told to kube-apiserver as the APIService's caBundle.

Postgres is the source of the metric, so every replica of the operator may serve it, the active one
and those that stand by. While Postgres is away the answer is 503, and the autoscaler keeps the
scale that it has; an answer of 0 would end in scaling down.
"""
