package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/watertight-go/watertight/crypto/insecurekeys"
	"github.com/watertight-go/watertight/crypto/keystore"
	"github.com/watertight-go/watertight/leaktest"
	"github.com/watertight-go/watertight/tenancy"
)

// sealedAttack returns the attack on sealed values if the database has columns
// of such, and none otherwise. Its keys live for the attack only: what it tries
// is to what a value is bound, not the team's keys, which are not in the
// database.
func sealedAttack(ctx context.Context, url string) ([]leaktest.Attack, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	there, err := keystore.HasSealedColumns(ctx, conn)
	if err != nil || !there {
		return nil, err
	}
	return []leaktest.Attack{{Name: "sealed values", Run: swapSealed}}, nil
}

func swapSealed(ctx context.Context, at leaktest.Site) ([]leaktest.Attempt, error) {
	ring, err := insecurekeys.NewRing()
	if err != nil {
		return nil, err
	}
	return swapWith(ctx, at, ring)
}

func swapWith(ctx context.Context, at leaktest.Site, sealer keystore.Sealer) ([]leaktest.Attempt, error) {
	attacker, err := tenancy.ParseID(at.Attacker)
	if err != nil {
		return nil, err
	}
	victim, err := tenancy.ParseID(at.Victim)
	if err != nil {
		return nil, err
	}
	swaps, err := keystore.AttackStored(ctx, at.Conn, sealer, attacker, victim)
	if err != nil {
		return nil, err
	}
	var out []leaktest.Attempt
	for _, s := range swaps {
		t := leaktest.Attempt{
			Object: s.Column, Attack: "ciphertext of " + s.From, Control: "opens in its own row", Leaked: s.Opened,
			Detail: "a value that was sealed for " + s.From + " does not open",
		}
		if s.Opened {
			t.Detail = "a value that was sealed for " + s.From + " opens where it was put"
		}
		out = append(out, t)
	}
	return out, nil
}
