package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/watertight-go/watertight/query/platform"
	"github.com/watertight-go/watertight/tenancy/crosstenant"
)

// Recorder records cross-tenant transactions in the platform's log. It has
// connections of its own and commits the record before the work begins: work
// that is rolled back has read other tenants' rows all the same.
//
//	recorder, err := audit.OpenRecorder(ctx, systemURL, crosstenant.Config{Key: key})
//	sys, err := crosstenant.Open(ctx, systemURL, crosstenant.Config{Key: key, Record: recorder})
type Recorder struct{ db *crosstenant.DB }

var _ crosstenant.Recorder = (*Recorder)(nil)

// OpenRecorder connects as a member of watertight_system. The config's own
// Record is not used.
func OpenRecorder(ctx context.Context, url string, cfg crosstenant.Config) (*Recorder, error) {
	cfg.Record = silent{} // its transactions are the records
	cfg.MaxConns = 2
	db, err := crosstenant.Open(ctx, url, cfg)
	if err != nil {
		return nil, err
	}
	return &Recorder{db}, nil
}

// Close ends the connections.
func (r *Recorder) Close() { r.db.Close() }

// Record implements [crosstenant.Recorder]. Its error keeps the work from
// beginning: nobody crosses tenants unseen.
func (r *Recorder) Record(ctx context.Context, _ *crosstenant.Conn, e crosstenant.Event) error {
	if r == nil || r.db == nil {
		return errors.New("record a cross-tenant transaction: the recorder is not open (use OpenRecorder)")
	}
	// Not the transaction's own context, which refuses another transaction.
	own, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	err := r.db.Run(own, e.Actor, e.Reason, func(ctx context.Context, c *crosstenant.Conn) error {
		return platform.New(c).CrosstenantEntered(ctx)
	})
	if err != nil {
		return fmt.Errorf("record a cross-tenant transaction: %w", err)
	}
	return nil
}

type silent struct{}

func (silent) Record(context.Context, *crosstenant.Conn, crosstenant.Event) error { return nil }
