//go:build kms

package main

import (
	"context"

	_ "gocloud.dev/secrets/awskms"
	_ "gocloud.dev/secrets/azurekeyvault"
	_ "gocloud.dev/secrets/gcpkms"
	_ "gocloud.dev/secrets/hashivault"

	"github.com/watertight-go/watertight/crypto"
	"github.com/watertight-go/watertight/crypto/kms"
)

func openKMS(ctx context.Context, keyURL string) (crypto.KEK, error) {
	return kms.Open(ctx, keyURL)
}
