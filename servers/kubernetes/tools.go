//go:build tools

// Package kubernetes pins the version of the API server that `make setup-kubernetes` builds for tests against a cluster.
// The build tag keeps it from ever being compiled; `go mod tidy` reads it all the same.
package kubernetes

import _ "k8s.io/kubernetes/cmd/kube-apiserver"
