//go:build tools

// Package toxiproxy pins the version of the Toxiproxy server that `make setup` builds for the lab.
// The build tag keeps it from ever being compiled; `go mod tidy` reads it all the same.
package toxiproxy

import _ "github.com/Shopify/toxiproxy/v2/cmd/server"
